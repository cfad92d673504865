package server

import (
	"net/http"
	"net/url"
	"sort"
	"strings"

	"github.com/firnlog/firn/internal/server/door"
)

// A route is one method of one path: what the mux serves, what the gate asks
// for and what /openapi.json says. Everything about it is in its row.
type route struct {
	method string
	path   string // a pattern of net/http: /v1/instances/{instance}
	name   string // operationId of the OpenAPI document
	about  string // one sentence for people
	// permission is what the caller must hold for the instance in the path. A
	// route without one does not start.
	permission permission
	// instance names the instance that a request is about, by id or name; nil =
	// that of the path, if there is one in it.
	instance func(*http.Request) string
	// key finds the key of callers who cannot send the header Authorization, ""
	// where they bring none; nil = it is nowhere else.
	key        func(*http.Request) string
	params     []param // query parameters; any other is refused by name
	headers    []param // request headers of its own
	body       []media // media types of the body; none = no body
	anyMedia   bool    // the body is read as if it were of them, whatever it says
	bodySchema string
	answers    []answer
	// stream says that the answer may take for ever: no deadline but the one
	// of each write, and no HEAD.
	stream bool
	// door is whose route it is, nil for the native API: the door reads the
	// parameters and answers with the faults.
	door *door.Door
	// page says that the answer is a page of the viewer: its parameters are the
	// page's own, and the server reads none.
	page  bool
	serve func(s *Server, w http.ResponseWriter, r *request) error
}

// media is a media type.
type media = string

// The media types of bodies and answers.
const (
	jsonMedia    media = "application/json"
	ndjsonMedia  media = "application/x-ndjson"
	sseMedia     media = "text/event-stream"
	csvMedia     media = "text/csv"
	parquetMedia media = "application/vnd.apache.parquet"
	textMedia    media = "text/plain"
)

// answer is one answer that a route can give.
type answer struct {
	status int
	about  string
	media  []media // none = no body; problems are application/problem+json
	schema string  // name among the schemas of the document
}

// routes is every route of the native API.
func routes() []route {
	var all []route
	for _, family := range [][]route{
		instanceRoutes(), streamRoutes(), appendRoutes(), importRoutes(), eventRoutes(), purgeRoutes(),
		tailRoutes(), exportRoutes(), queryRoutes(), healthRoutes(), metricsRoutes(), openAPIRoutes(),
		catalogRoutes(), keyRoutes(), targetRoutes(), sessionRoutes(), viewerRoutes(), viewRoutes(), mailRoutes(),
	} {
		all = append(all, family...)
	}
	return all
}

// mux serves the routes: one handler a path, so that a wrong method and an
// unknown path are answered as problems too.
func (s *Server) mux(all []route) http.Handler {
	byPath := map[string]map[string]*route{}
	for i := range all {
		r := &all[i]
		if byPath[r.path] == nil {
			byPath[r.path] = map[string]*route{}
		}
		byPath[r.path][r.method] = r
		if r.method == http.MethodGet && !r.stream {
			byPath[r.path][http.MethodHead] = r
		}
	}
	mux := http.NewServeMux()
	for path, methods := range byPath {
		allow := allowed(methods)
		names := wildcards(path)
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			r = unveilSlashes(r, names)
			if found := methods[r.Method]; found != nil {
				s.dispatch(found, w, r) //nolint:contextcheck // r bears it
				return
			}
			p := newProblem(http.StatusMethodNotAllowed, codeMethod, "The method is not allowed here",
				r.Method+" is not allowed here; allowed: "+allow)
			p.allow = allow
			s.refuse(w, r, p)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, notFoundPath())
	})
	return s.cleanPathsOnly(mux)
}

func notFoundPath() *problem {
	return newProblem(http.StatusNotFound, codeNotFound, "There is nothing here",
		"this path is none of the API; /openapi.json lists them all")
}

// cleanPathsOnly answers a path with empty or dot segments itself: the mux
// would redirect, and a redirected POST is a GET for many clients.
func (s *Server) cleanPathsOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if !isClean(strings.TrimSuffix(path, "/")) { // which some doors' paths end in
			s.refuse(w, r, notFoundPath())
			return
		}
		next.ServeHTTP(w, veilSlashes(r, path))
	})
}

// isClean reports whether no segment of a path is empty, "." or "..".
func isClean(path string) bool {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") && !strings.HasPrefix(path, ".") && !strings.HasSuffix(path, "/") {
		return true // as nearly all are
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if segment == "." || segment == ".." || (segment == "" && path != "") {
			return false
		}
	}
	return true
}

// veiled stands for a segment that is an encoded slash and nothing more, which
// the mux takes for the end of the path. No name has it: it is not UTF-8.
const veiled, veiledEscaped = "\xff/", "%FF%2F"

// veilSlashes lets the mux see a name that is "/".
func veilSlashes(r *http.Request, path string) *http.Request {
	if !strings.Contains(path, "/%2") {
		return r
	}
	segments := strings.Split(path, "/")
	veil := false
	for i, segment := range segments {
		if strings.EqualFold(segment, "%2f") {
			segments[i], veil = veiledEscaped, true
		}
	}
	if !veil {
		return r
	}
	at := *r.URL
	at.RawPath = strings.Join(segments, "/")
	at.Path, _ = url.PathUnescape(at.RawPath) // it was well formed before
	seen := *r
	seen.URL = &at
	return &seen
}

// unveilSlashes undoes veilSlashes behind the mux, in a request of its own.
func unveilSlashes(r *http.Request, names []string) *http.Request {
	if !strings.Contains(r.URL.Path, veiled) {
		return r
	}
	r.URL.Path = strings.ReplaceAll(r.URL.Path, veiled, "/")
	r.URL.RawPath = strings.ReplaceAll(r.URL.RawPath, veiledEscaped, "%2F")
	for _, name := range names {
		if r.PathValue(name) == veiled {
			r.SetPathValue(name, "/")
		}
	}
	return r
}

// wildcards are the names in a pattern.
func wildcards(pattern string) []string {
	var names []string
	for segment := range strings.SplitSeq(pattern, "/") {
		if name, is := strings.CutPrefix(segment, "{"); is && name != "$}" {
			names = append(names, strings.TrimSuffix(strings.TrimSuffix(name, "}"), "..."))
		}
	}
	return names
}

func allowed(methods map[string]*route) string {
	names := make([]string, 0, len(methods))
	for name := range methods {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}
