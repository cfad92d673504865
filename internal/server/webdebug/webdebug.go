// Package webdebug is the door for web applications that tell what happened in
// a request by the web debug protocol, and for the clients that show it
// (docs/web-debug.md). A scheme goes in as one batch of events and comes out as
// it was.
package webdebug

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server/door"
)

// Instance is where schemes go that name no other instance.
const Instance = "debug"

// Options configures the door. The zero value is the default.
type Options struct {
	// Disabled refuses every scheme, in and out, with 403.
	Disabled bool
	// Redact are the keys, in any case, whose values are not stored where they
	// appear in headers, query, body and session. Default: DefaultRedact. Values
	// of cookies are never stored.
	Redact []string
	// ProjectRoot is the directory below which the files of the application are
	// that locations name. Empty: none is shown.
	ProjectRoot string
	// Limits bounds events and batches; give what the log was opened with.
	Limits event.Limits
}

// DefaultRedact are the keys of secrets where Options names no others.
func DefaultRedact() []string {
	return []string{
		"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key",
		"password", "passwd", "secret", "token", "api_key",
	}
}

type profiler struct {
	log      *firn.Log
	disabled bool
	redact   redactor
	root     string
	limits   event.Limits
}

// New makes the door before a log.
func New(log *firn.Log, opts Options) *door.Door {
	if opts.Redact == nil {
		opts.Redact = DefaultRedact()
	}
	p := &profiler{log: log, disabled: opts.Disabled, redact: newRedactor(opts.Redact), root: opts.ProjectRoot, limits: opts.Limits.WithDefaults()}
	return &door.Door{Paths: []string{"/debug/", "/_profile/"}, Routes: p.routes(), Fail: fail}
}

func (p *profiler) routes() []door.Route {
	instance := door.Param{Name: "instance", About: "Another instance than debug."}
	answers := []door.Answer{{Status: 200, About: "The scheme as it came, but for what is redacted.", Schema: "DebugScheme"},
		{Status: 404, About: "No scheme of that id."}}
	return []door.Route{
		{Method: "POST", Path: "/debug/schemes", Name: "storeDebugScheme", Permission: "events:append", Instance: instanceOf,
			About:  "Web debug: stores what happened in one request, all of it or nothing.",
			Params: []door.Param{{Name: "app", About: "The application, which is the stream; default if not given."}, instance},
			Body:   true, Schema: "DebugScheme",
			Answers: []door.Answer{
				{Status: 201, About: "Stored.", Schema: "DebugStored"},
				{Status: 200, About: "The same scheme was stored before.", Schema: "DebugStored"},
				{Status: 404, About: "No such instance."},
				{Status: 409, About: "Another scheme has that id."},
				{Status: 422, About: "A payload is not what the catalog says of its type, and the instance's validation is enforce."}},
			Serve: p.store},
		{Method: "GET", Path: "/debug/schemes/{id}", Name: "getDebugScheme", Permission: "events:read", Instance: instanceOf,
			About: "Web debug: a scheme by its id.", Params: []door.Param{instance}, Answers: answers,
			Serve: func(w http.ResponseWriter, r *door.Request) error { return p.serve(w, r, r.PathValue("id")) }},
		p.sourceRoute(),
		{Method: "GET", Path: "/_profile/{$}", Name: "getDebugProfile", Permission: "events:read", Instance: instanceOf,
			About:  "Web debug: a scheme by its id, under the address that X-Http-Debug-Api has by convention.",
			Params: []door.Param{{Name: "id", About: "The scheme's id."}, instance}, Answers: answers,
			Serve: func(w http.ResponseWriter, r *door.Request) error { return p.serve(w, r, r.URL.Query().Get("id")) }},
	}
}

// instanceOf is the instance that a request is about.
func instanceOf(r *http.Request) string {
	if id := r.PathValue("instance"); id != "" {
		return id // what the server has looked up for the caller
	}
	if name := r.URL.Query().Get("instance"); name != "" {
		return name
	}
	return Instance
}

var errDisabled = &door.Fault{Status: http.StatusForbidden, Message: "profiling is not allowed here (webdebug.enabled is false)"}

// store takes a scheme in.
func (p *profiler) store(w http.ResponseWriter, r *door.Request) error {
	if p.disabled {
		return errDisabled
	}
	if err := checkParams(r.Request, "app", "instance"); err != nil {
		return err
	}
	body, release, err := r.Receive(int64(p.limits.BatchBytes))
	if err != nil {
		return err
	}
	defer release()
	in := &reader{redact: p.redact, app: r.URL.Query().Get("app"), limits: p.limits}
	if err := in.read(body); err != nil {
		return err
	}
	instance := instanceOf(r.Request)
	receipts, err := p.log.Append(r.Context(), firn.AppendRequest{Instance: instance, Events: in.drafts, AutoCreate: instance == Instance, Warn: in.warnOf})
	if err != nil {
		return in.explain(err, instance)
	}
	status := http.StatusOK
	if slices.ContainsFunc(receipts, func(one firn.Receipt) bool { return !one.Duplicate }) {
		status = http.StatusCreated
	}
	return send(w, status, answer{in.schemeID, stored(receipts), in.warnings})
}

// checkParams refuses parameters that are misspelled, or given twice: they say
// where a scheme goes.
func checkParams(r *http.Request, known ...string) error {
	for name, values := range r.URL.Query() {
		switch {
		case !slices.Contains(known, name):
			return door.Bad("there is no parameter " + shown(name) + " here; known: " + strings.Join(known, ", "))
		case len(values) > 1:
			return door.Bad("the parameter " + name + " is given more than once")
		}
	}
	return nil
}

// answer is what the sender of a scheme is told.
type answer struct {
	SchemeID string    `json:"scheme_id"`
	Events   []receipt `json:"events"` // the event scheme first, then the others in their order
	Warnings []warning `json:"warnings,omitempty"`
}

type receipt struct {
	ID             string `json:"id"`
	StreamID       string `json:"stream_id"`
	SequenceNumber int64  `json:"sequence_number"`
	Position       int64  `json:"position"`
	Timestamp      string `json:"timestamp"`
	Duplicate      bool   `json:"duplicate,omitzero"`
}

// warning is about something that is stored otherwise than it came, or had
// better come otherwise.
type warning struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func stored(receipts []firn.Receipt) []receipt {
	out := make([]receipt, len(receipts))
	for i, r := range receipts {
		out[i] = receipt{r.ID, r.StreamID, r.SequenceNumber, r.Position, event.FormatTime(r.Timestamp), r.Duplicate}
	}
	return out
}

// explain puts an error of the log in words about the scheme.
func (in *reader) explain(err error, instance string) error {
	var bad *event.InvalidError
	var conflict *firn.IDConflictError
	var refused *firn.PayloadError
	switch {
	case errors.As(err, &refused):
		f := refused.Faults[0]
		text := in.places[f.Index] + "." + f.Path + ": " + f.Message
		if more := len(refused.Faults) - 1; more > 0 {
			text += fmt.Sprintf(" (and %d more)", more)
		}
		return &door.Fault{Status: http.StatusUnprocessableEntity, Code: "invalid_payload", Message: text}
	case errors.As(err, &bad) && bad.Index >= 0 && bad.Index < len(in.places):
		f := door.Bad(in.places[bad.Index] + "." + bad.Path + ": " + bad.Message)
		if bad.Code == event.CodeEventTooLarge {
			f.Status = http.StatusRequestEntityTooLarge
		}
		return f
	case errors.As(err, &conflict):
		return &door.Fault{Status: http.StatusConflict, Code: "id_conflict", Message: "another scheme has the id " + shown(in.schemeID)}
	case errors.Is(err, firn.ErrNotFound):
		return &door.Fault{Status: http.StatusNotFound, Code: "not_found", Message: "there is no instance " + shown(instance)}
	}
	return err
}

// fail answers with a fault. The protocol has statuses only.
func fail(w http.ResponseWriter, _ *http.Request, f *door.Fault) {
	text := f.Message
	if f.Permission != "" {
		text = "the permission " + f.Permission + " is missing"
	}
	_ = send(w, f.Status, struct { // a text can always be written
		Error string `json:"error"`
	}{strings.ToValidUTF8(text, "\ufffd")})
}

func send(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sendText(w, status, text)
	return nil
}

func sendText(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client is gone: nobody to tell
}

// shown is a text of the caller in a message.
func shown(text string) string {
	const most = 80
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return string(event.AppendQuoted(nil, text))
}
