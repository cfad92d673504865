package webdebug_test

import (
	"context"
	"encoding/json/v2"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/firnlog/firn/webdebug"
)

// net/http lingers for half a second on a connection that it cuts off.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// receiver stands in for Firn's door: it keeps what is posted.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	posts   []*http.Request
	schemes map[string]webdebug.Scheme
	raw     []string
	answer  func(n int, w http.ResponseWriter) // n = 0, 1, …: posts so far
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{schemes: map[string]webdebug.Scheme{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	text, err := io.ReadAll(req.Body)
	var s webdebug.Scheme
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.posts)
	r.posts = append(r.posts, req)
	if r.answer != nil {
		r.answer(n, w)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.schemes[s.ID] = s
	r.raw = append(r.raw, string(text))
	w.WriteHeader(http.StatusCreated)
}

// app is an application under test with its collector.
type app struct {
	*testing.T
	receiver *receiver
	debug    *webdebug.Collector
}

func newApp(t *testing.T, o webdebug.Options) *app {
	a := &app{T: t, receiver: newReceiver(t)}
	o.Server = a.receiver.URL
	a.debug = webdebug.New(o)
	t.Cleanup(func() { _ = a.debug.Close(context.Background()) })
	return a
}

// run serves one request with a handler, closes the collector, and returns the
// answer's header and the scheme that arrived.
func (a *app) run(r *http.Request, h http.HandlerFunc) (http.Header, webdebug.Scheme) {
	a.Helper()
	w := httptest.NewRecorder()
	func() {
		defer func() { _ = recover() }()
		a.debug.Handler(h).ServeHTTP(w, r)
	}()
	return w.Header(), a.scheme(w.Header().Get("X-Http-Debug-Id"))
}

// scheme closes the collector and returns the scheme of an id.
func (a *app) scheme(id string) webdebug.Scheme {
	a.Helper()
	if err := a.debug.Close(a.Context()); err != nil {
		a.Fatal(err)
	}
	a.receiver.mu.Lock()
	defer a.receiver.mu.Unlock()
	s, ok := a.receiver.schemes[id]
	if !ok {
		a.Fatalf("no scheme %q arrived; stats: %+v", id, a.debug.Stats())
	}
	return s
}

// outline is a scheme's types, nested in brackets.
func outline(events []webdebug.Event) string {
	var b strings.Builder
	for i, e := range events {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e.Type)
		if len(e.Nested) > 0 {
			b.WriteString("[" + outline(e.Nested) + "]")
		}
	}
	return b.String()
}

func get(target string) *http.Request { return httptest.NewRequest("GET", target, nil) }

// find is the first event of a type, however deep.
func find(t *testing.T, events []webdebug.Event, typ string) webdebug.Event {
	t.Helper()
	if e, ok := search(events, typ); ok {
		return e
	}
	t.Fatalf("no event %q in %s", typ, outline(events))
	return webdebug.Event{}
}

func search(events []webdebug.Event, typ string) (webdebug.Event, bool) {
	for _, e := range events {
		if e.Type == typ {
			return e, true
		}
		if found, ok := search(e.Nested, typ); ok {
			return found, true
		}
	}
	return webdebug.Event{}, false
}
