// Package door says what a front door of the server is: the routes of one
// documented system with that system's own answers and errors. A door speaks to
// firn.Log; the server mounts it and does for it what it does for every route:
// who may come in, bodies within their limits, deadlines, figures, panics.
package door

import (
	"context"
	"net/http"
)

// Door is one system's way in.
type Door struct {
	// Paths are the beginnings of paths, such as /admin/, that are the door's.
	// What is refused below them is answered by Fail, unknown paths too.
	Paths  []string
	Routes []Route
	// Fail answers with a fault in the shape of the door's system. Headers that
	// are the same for all (Retry-After, Allow) are set already.
	Fail func(w http.ResponseWriter, r *http.Request, f *Fault)
	// Shutdown ends what outlives its request, such as a WebSocket: it waits for
	// what has begun, until ctx ends. Nil: there is nothing such.
	Shutdown func(ctx context.Context)
}

// Route is one method of one path.
type Route struct {
	Method string
	Path   string // a pattern of net/http
	Name   string // operationId of the OpenAPI document
	About  string // one sentence for people
	// Permission is what a caller must hold (docs/access.md), for the instance that
	// Instance names; Any asks for a caller alone.
	Permission string
	// Instance names the instance that a request is about, by id or name. Nil:
	// the route is about none.
	Instance func(r *http.Request) string
	Params   []Param
	Body     bool   // the route takes an application/json body
	AnyMedia bool   // the body is JSON whatever its media type says
	Schema   string // of the body, among the schemas of the document
	Answers  []Answer
	// Key finds the API key of callers who cannot send the header Authorization,
	// "" where they bring none. Nil: there is no other place for it.
	Key func(r *http.Request) string
	// Stream says that the answer may take for ever.
	Stream bool
	// Serve answers. Its error, a *Fault or one of package firn, goes to Fail;
	// nothing may have been written then.
	Serve func(w http.ResponseWriter, r *Request) error
}

// Any is the permission of routes that any caller may use.
const Any = "any"

// Param is a query parameter as the OpenAPI document has it. A door reads its
// parameters itself, as leniently as its system does.
type Param struct {
	Name, About string
	Integer     bool
}

// Answer is one answer that a route can give: an application/json body, unless
// Empty.
type Answer struct {
	Status int
	About  string
	Schema string
	Empty  bool
}

// Request is a request that was let in.
type Request struct {
	*http.Request
	// Receive reads the whole body, at most max inflated bytes. Nothing of it
	// may be used after release, which must be called unless there is an error.
	Receive func(max int64) (body []byte, release func(), err error)
}

// Fault is what a request is refused with. Message is safe to show.
type Fault struct {
	Status  int
	Code    string // of the server's problems: malformed, not_found, …; "" = by status
	Message string
	// Permission is the one that is missing, where that is the fault.
	Permission string
}

func (f *Fault) Error() string { return f.Message }

// Bad is a request that is malformed.
func Bad(message string) *Fault { return &Fault{Status: http.StatusBadRequest, Message: message} }
