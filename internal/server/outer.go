package server

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/firnlog/firn/internal/auth"
)

// requestID is the id that an answer, and what is logged of its request, bear.
func requestID(w http.ResponseWriter) string { return w.Header().Get(requestIDHeader) }

// outer is what holds for every request, known path or not: an id, the checks
// of Host and Origin, and an answer even where a handler panics.
func (s *Server) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !saneID(id) {
			id = rand.Text()
		}
		w.Header().Set(requestIDHeader, id)
		sent := newRecorder(w)
		if r.ContentLength != 0 {
			// Who reads the body renews it; a body that nobody wants must end too.
			_ = sent.control.SetReadDeadline(time.Now().Add(s.opts.timing.body)) // a reader of a test has none
		}
		defer s.recover(sent, r)
		if p := s.guard(r); p != nil {
			s.refuse(sent, r, p)
			return
		}
		if s.share(sent, r) {
			return
		}
		next.ServeHTTP(sent, r)
	})
}

// recover turns a panic into a 500, told once in the server's log. An answer
// that has begun is cut off, so that nobody takes it for whole.
func (s *Server) recover(w *recorder, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause != http.ErrAbortHandler { //nolint:errorlint // the documented sentinel panic value
		s.logger.Error("a handler panicked", "request_id", requestID(w), "method", r.Method, "path", r.URL.Path,
			"panic", cause, "stack", string(debug.Stack()))
		if w.status == 0 {
			p, _ := problemOf(errPanicked)
			s.refuse(w, r, p)
			return
		}
	}
	panic(http.ErrAbortHandler)
}

var errPanicked = errors.New("handler panicked")

// saneID takes an id of the caller that can stand in a log line: 1–64 letters,
// digits, '-', '_', '.', ':'.
func saneID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	// control sets deadlines of the connection.
	control http.ResponseController
	status  int
}

func newRecorder(w http.ResponseWriter) *recorder {
	return &recorder{ResponseWriter: w, control: *http.NewResponseController(w)}
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// request is a request that has passed the checks of its route.
type request struct {
	*http.Request
	route  *route
	params params
	caller auth.Caller
	// control sets deadlines of the connection.
	control *http.ResponseController
}

// dispatch runs a route: its parameters are checked, its error becomes a
// problem, its figures are counted.
func (s *Server) dispatch(found *route, w http.ResponseWriter, hr *http.Request) {
	start := time.Now()
	sent, ok := w.(*recorder)
	if !ok {
		sent = newRecorder(w)
	}
	r := &request{Request: hr, route: found, control: &sent.control}
	if !found.stream {
		// A backstop; what writes much renews it. Streams renew it from the start.
		_ = r.control.SetWriteDeadline(start.Add(10 * s.opts.timing.write)) // a writer of a test has none
	}
	defer func() {
		took := time.Since(start)
		s.metrics.observe(found, hr.Method, sent.status, took)
		if s.logger.Enabled(hr.Context(), slog.LevelDebug) { // never the query string
			s.logger.Debug("request", "request_id", requestID(sent), "method", hr.Method, "route", found.path, "status", sent.status, "took", took)
		}
	}()
	err := s.answer(sent, r)
	_ = r.control.SetWriteDeadline(time.Now().Add(s.opts.timing.write)) // for what net/http flushes now
	if err == nil {
		return
	}
	s.fail(sent, r, err)
}

func (s *Server) answer(w http.ResponseWriter, r *request) error {
	done, err := s.admit(r)
	defer done()
	if err != nil {
		return err
	}
	if r.route.door != nil {
		return r.route.serve(s, w, r) // as lenient with what it is given as its system is
	}
	if !r.route.page {
		if r.params, err = parseParams(r.URL.RawQuery, r.route.params); err != nil {
			return err
		}
	}
	if len(r.route.body) == 0 && (r.ContentLength > 0 || len(r.TransferEncoding) > 0) {
		return malformed("body", "%s %s takes no body", r.Method, r.route.path)
	}
	return r.route.serve(s, w, r)
}

// fail answers with the problem of err, or cuts an answer off that has begun.
func (s *Server) fail(w *recorder, r *request, err error) {
	if errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	p, known := problemOf(err)
	gone := r.Context().Err() != nil
	if !known && !gone {
		s.logger.Error("a request failed", "request_id", requestID(w), "method", r.Method,
			"route", r.route.path, "error", err)
	}
	if w.status != 0 {
		panic(http.ErrAbortHandler) // the connection is closed; metrics have the status that was sent
	}
	s.refuse(w, r.Request, p)
}
