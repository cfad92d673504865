package webdebug_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firnlog/firn/webdebug"
)

func TestNestingIsBounded(t *testing.T) {
	_, scheme := newApp(t, webdebug.Options{}).run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		for i := range 100 {
			var s webdebug.Span
			ctx, s = webdebug.Start(ctx, webdebug.Template{Name: fmt.Sprint(i)}) //nolint:fatcontext // that is the test
			defer s.End(nil)
		}
	})
	level, events := 0, scheme.Events[1:2]
	for ; len(events) > 0; events = events[0].Nested {
		if level++; level == webdebug.MaxNesting && len(events) != 100-webdebug.MaxNesting+1 {
			t.Errorf("%d events at the last level", len(events))
		}
	}
	if level != webdebug.MaxNesting {
		t.Errorf("%d levels", level)
	}
	if _, err := scheme.MarshalJSON(); err != nil {
		t.Error(err)
	}
}

func TestEventsAreBounded(t *testing.T) {
	a := newApp(t, webdebug.Options{MaxEvents: 10})
	_, scheme := a.run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
		for range 50 {
			ctx, s := webdebug.Start(r.Context(), webdebug.Custom{Type: "x"})
			webdebug.Add(ctx, webdebug.Custom{Type: "y"}).Tag("t")
			s.Tag("t").Importance(webdebug.Alert).Success(true).Took(1).DefinedIn(get).End(errors.New("no"))
		}
	})
	if got := len(scheme.Events[1 : len(scheme.Events)-2]); got >= 10 {
		t.Errorf("%d events beside the request, the report, and the response", got)
	}
	report := scheme.Events[len(scheme.Events)-2]
	if report.Type != "log" || !strings.Contains(string(report.Payload), "more events were not recorded") || report.Importance != webdebug.Warning {
		t.Errorf("report: %+v", report)
	}
	if a.debug.Stats().DroppedEvents < 80 {
		t.Errorf("stats %+v", a.debug.Stats())
	}
}

func TestTextsAreBounded(t *testing.T) {
	_, scheme := newApp(t, webdebug.Options{TextBytes: 10}).run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
		webdebug.Add(r.Context(), webdebug.Log{Message: "0123456€89", Context: "short"})
		webdebug.Add(r.Context(), webdebug.Custom{Type: "large", Data: strings.Repeat("x", 100)})
	})
	if got, want := string(find(t, scheme.Events, "log").Payload), `{"message":"0123456€… [2 bytes cut]","context":"short"}`; got != want {
		t.Errorf("log: %s; want %s", got, want)
	}
	if got := string(find(t, scheme.Events, "large").Payload); !strings.Contains(got, `"error":`) || !strings.Contains(got, `"excerpt":`) {
		t.Errorf("large: %s", got)
	}
}

// TestRequestIsBounded: what all events of a request hold together is bounded
// as well, so that its scheme stays one that a server takes.
func TestRequestIsBounded(t *testing.T) {
	a := newApp(t, webdebug.Options{TextBytes: 1 << 20})
	_, scheme := a.run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
		for range 10 {
			webdebug.Add(r.Context(), webdebug.Log{Message: strings.Repeat("x", 1<<20)})
			webdebug.Add(r.Context(), webdebug.Custom{Data: map[string]string{"x": strings.Repeat("x", 1<<19)}})
		}
	})
	if text, _ := scheme.MarshalJSON(); len(text) > 5<<20 {
		t.Errorf("%d bytes", len(text))
	}
	if a.debug.Stats().DroppedEvents == 0 {
		t.Error("nothing was dropped")
	}
}

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("oh no") }

// reentrant records an event while it is written itself.
type reentrant struct{ context.Context }

func (r reentrant) MarshalJSON() ([]byte, error) {
	webdebug.Add(r.Context, webdebug.Custom{Type: "inner"})
	return []byte(`{}`), nil
}

func TestHostileData(t *testing.T) {
	deep := strings.Repeat("[", 1000) + strings.Repeat("]", 1000)
	for name, c := range map[string]struct {
		data func(context.Context) any
		want string // the payload's start
	}{
		"no object":      {func(context.Context) any { return 12 }, `{"value":12}`},
		"nothing":        {func(context.Context) any { return nil }, `{"value":null}`},
		"a channel":      {func(context.Context) any { return make(chan int) }, `{"error":`},
		"a panic":        {func(context.Context) any { return panicking{} }, `{"error":"writing webdebug_test.panicking as JSON panics: oh no"}`},
		"no UTF-8":       {func(context.Context) any { return map[string]string{"a": "\xff"} }, "{\"a\":\"\ufffd\"}"},
		"too deep":       {func(context.Context) any { return raw(deep) }, `{"error":`},
		"a huge number":  {func(context.Context) any { return raw("1e9999") }, `{"error":`},
		"calling itself": {func(ctx context.Context) any { return reentrant{ctx} }, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			_, scheme := newApp(t, webdebug.Options{}).run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
				webdebug.Add(r.Context(), webdebug.Custom{Data: c.data(r.Context())})
			})
			if got := string(find(t, scheme.Events, "custom").Payload); !strings.HasPrefix(got, c.want) {
				t.Errorf("payload %s; want %s", got, c.want)
			}
		})
	}
}

type raw string

func (r raw) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// TestConcurrentUse has goroutines of one request record at once, some of them
// beyond its end.
func TestConcurrentUse(t *testing.T) {
	a := newApp(t, webdebug.Options{})
	var group sync.WaitGroup
	late := make(chan struct{})
	_, scheme := a.run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
		ctx, span := webdebug.Start(r.Context(), webdebug.Template{Name: "page"})
		var here sync.WaitGroup
		for range 8 {
			here.Go(func() {
				for range 50 {
					_, s := webdebug.Start(ctx, webdebug.Query{Target: "redis", Query: "GET a"})
					s.Tag("a").End(nil)
					span.Importance(webdebug.Notice)
				}
			})
			group.Go(func() {
				<-late
				_, s := webdebug.Start(ctx, webdebug.Query{Target: "redis", Query: "too late"})
				s.Tag("late").End(nil)
				span.Tag("late").End(nil)
				webdebug.SetSession(ctx, webdebug.Param{})
			})
		}
		here.Wait()
	})
	before := a.debug.Stats().DroppedEvents
	close(late)
	group.Wait()
	if got := len(find(t, scheme.Events, "template").Nested); got != 400 {
		t.Errorf("%d queries", got)
	}
	if got := a.debug.Stats().DroppedEvents - before; got != 8 {
		t.Errorf("%d late events were counted", got)
	}
	for i, q := range scheme.Events[1].Nested[1:] {
		if q.Time.Before(scheme.Events[1].Nested[i].Time) {
			t.Fatal("not sorted by time")
		}
	}
}

// TestContextOutlivesTheRequest: drivers and goroutines keep contexts longer
// than requests last.
func TestContextOutlivesTheRequest(t *testing.T) {
	var kept context.Context
	var span context.Context
	newApp(t, webdebug.Options{}).run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
		kept = r.Context() //nolint:fatcontext // that is the test
		span, _ = webdebug.Start(kept, webdebug.Template{Name: "page"})
	})
	for _, ctx := range []context.Context{kept, span} {
		derived, cancel := context.WithCancel(ctx)
		cancel()
		<-derived.Done()
		if ctx.Err() != nil || ctx.Value("none") != nil {
			t.Errorf("%v", ctx.Err())
		}
		if _, ok := ctx.Deadline(); ok || ctx.Done() != nil && ctx.Err() == nil && !webdebug.Collecting(ctx) {
			t.Error("the context has changed")
		}
	}
}

func TestTook(t *testing.T) {
	_, scheme := newApp(t, webdebug.Options{}).run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
		webdebug.Add(r.Context(), webdebug.Query{Target: "mysql", Query: "SELECT 1"}).Took(1500 * time.Microsecond).Success(false)
		webdebug.Add(r.Context(), webdebug.Query{Target: "mysql", Query: "SELECT 2"}).Took(-1)
	})
	q := find(t, scheme.Events, "query")
	if *q.Duration != 2*time.Millisecond || *q.Success {
		t.Errorf("query: %v, %t", *q.Duration, *q.Success)
	}
}

// TestOffCostsNothing: where nothing is collected, nothing is allocated.
func TestOffCostsNothing(t *testing.T) {
	var none *webdebug.Collector
	w, r, to := &blank{http.Header{}}, get("/"), []string{"a"}
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx, s := webdebug.Start(r.Context(), webdebug.Listener{Name: "a"})
		webdebug.Add(ctx, webdebug.Email{To: to}).Tag("a", "b:c").Importance(webdebug.Error)
		webdebug.Add(ctx, webdebug.Custom{Type: "x"}).Success(true).Took(1)
		webdebug.SetSession(ctx, webdebug.Param{Key: "a"})
		s.End(nil)
	})
	never := newApp(t, webdebug.Options{Only: func(*http.Request) bool { return false }}).debug
	for name, c := range map[string]*webdebug.Collector{"nil": none, "off": webdebug.New(webdebug.Options{}), "this request": never} {
		handler := c.Handler(h)
		if n := testing.AllocsPerRun(100, func() { handler.ServeHTTP(w, r) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if err := none.Close(t.Context()); err != nil || none.Stats() != (webdebug.Stats{}) {
		t.Error("a nil collector does something")
	}
}

func TestMiddlewareIsNested(t *testing.T) {
	mw := webdebug.WrapMiddleware("auth", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			webdebug.Add(r.Context(), webdebug.AccessCheck{Access: webdebug.Denied})
			next.ServeHTTP(w, r)
		})
	})
	h := mw(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		webdebug.Add(r.Context(), webdebug.Log{Message: "inside"})
	}))
	_, scheme := newApp(t, webdebug.Options{}).run(get("/"), h.ServeHTTP)
	if got := outline(scheme.Events); got != "request middleware[access_check log] response" {
		t.Errorf("events: %s", got)
	}
	m := find(t, scheme.Events, "middleware")
	if string(m.Payload) != `{"name":"auth"}` || m.DefinedIn == nil || m.Duration == nil {
		t.Errorf("middleware: %+v", m)
	}
	h.ServeHTTP(httptest.NewRecorder(), get("/")) // not collected: it only serves
}

func TestRoot(t *testing.T) {
	_, scheme := newApp(t, webdebug.Options{Root: "/nowhere"}).run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
		webdebug.Add(r.Context(), webdebug.Log{}).DefinedIn(nil)
	})
	if l := find(t, scheme.Events, "log"); l.CalledFrom != nil || l.DefinedIn != nil {
		t.Errorf("outside the root: %+v", l.CalledFrom)
	}
	_, scheme = newApp(t, webdebug.Options{Root: here() + "/"}).run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
		webdebug.Add(r.Context(), webdebug.Log{}).DefinedIn(onArticles)
	})
	l := find(t, scheme.Events, "log")
	if l.CalledFrom == nil || l.CalledFrom.File != "/span_test.go" || l.DefinedIn == nil || l.DefinedIn.File != "/collector_test.go" {
		t.Errorf("in the root: %+v, %+v", l.CalledFrom, l.DefinedIn)
	}
}
