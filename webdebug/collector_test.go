package webdebug_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/webdebug"
)

func TestRequestBecomesScheme(t *testing.T) {
	a := newApp(t, webdebug.Options{App: "shop & co", Key: "firn_x", Instance: "dev"})
	header, scheme := a.run(get("/articles?page=2"), func(w http.ResponseWriter, r *http.Request) {
		ctx, span := webdebug.Start(r.Context(), webdebug.Listener{Name: "OnArticles", Group: "app"})
		webdebug.Add(ctx, webdebug.AccessCheck{Access: webdebug.Grant, Control: "articles", Object: "user:1", Action: "read"}).
			Importance(webdebug.Notice).Tag("acl", "acl:articles")
		span.DefinedIn(onArticles).End(nil)
		webdebug.Add(r.Context(), webdebug.Email{Subject: "Hi", Body: "<b>Hi</b>", From: "a@x", To: []string{"b@x"}, ReplyTo: "c@x"}).Success(true)
		webdebug.Add(r.Context(), webdebug.Custom{Type: "cache_query", Data: map[string]any{"key": "a", "hit": true}})
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	})
	if got, want := outline(scheme.Events), "request event[access_check] email cache_query response"; got != want {
		t.Errorf("events: %s; want %s", got, want)
	}
	if scheme.Version != webdebug.Version {
		t.Errorf("version %d", scheme.Version)
	}
	if got, want := header.Get("X-Http-Debug-Api"), a.receiver.URL+"/_profile/?instance=dev&id="; got != want {
		t.Errorf("X-Http-Debug-Api: %s; want %s", got, want)
	}
	post := a.receiver.posts[0]
	if got, want := post.URL.String(), "/debug/schemes?app=shop+%26+co&instance=dev"; got != want {
		t.Errorf("posted to %s; want %s", got, want)
	}
	if got := post.Header.Get("Authorization"); got != "Bearer firn_x" {
		t.Errorf("Authorization: %q", got)
	}
	for typ, want := range map[string]string{
		"event":        `{"name":"OnArticles","group":"app"}`,
		"access_check": `{"access":"GRANT","control":"articles","object":"user:1","action":"read"}`,
		"email":        `{"subject":"Hi","body":"<b>Hi</b>","from":"a@x","to":["b@x"],"reply_to":"c@x"}`,
		"cache_query":  `{"hit":true,"key":"a"}`,
		"response":     `{"status":418,"bytes":15}`,
		"request": `{"method":"GET","uri":"/articles?page=2","headers":[{"key":"Host","value":"example.com"}],` +
			`"query":[{"key":"page","value":"2"}]}`,
	} {
		if diff := cmp.Diff(want, string(find(t, scheme.Events, typ).Payload)); diff != "" {
			t.Errorf("payload of %s (-want +got):\n%s", typ, diff)
		}
	}
	checkEnvelope(t, scheme)
}

func onArticles() {}

// checkEnvelope looks at what is around the payloads in TestRequestBecomesScheme.
func checkEnvelope(t *testing.T, scheme webdebug.Scheme) {
	t.Helper()
	check := find(t, scheme.Events, "access_check")
	if check.Importance != webdebug.Notice || !cmp.Equal(check.Tags, []string{"acl", "acl:articles"}) {
		t.Errorf("access check: importance %d, tags %q", check.Importance, check.Tags)
	}
	if check.CalledFrom == nil || check.CalledFrom.File != "/webdebug/collector_test.go" || check.CalledFrom.Line == 0 {
		t.Errorf("called from %+v", check.CalledFrom)
	}
	if check.Duration != nil || check.Success != nil {
		t.Errorf("an event that was only added has duration %v, success %v", check.Duration, check.Success)
	}
	listener := find(t, scheme.Events, "event")
	if listener.DefinedIn == nil || listener.DefinedIn.File != "/webdebug/collector_test.go" {
		t.Errorf("defined in %+v", listener.DefinedIn)
	}
	if listener.Duration == nil || listener.Success == nil || !*listener.Success {
		t.Errorf("an ended span has duration %v, success %v", listener.Duration, listener.Success)
	}
	if r := find(t, scheme.Events, "response"); r.Duration == nil || r.Success == nil || !*r.Success || r.Time.IsZero() {
		t.Errorf("response: %+v", r)
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name, outline, message string
		success                bool
		h                      http.HandlerFunc
	}{
		{"a span's error", "request query[log] response", "no such table", true, func(_ http.ResponseWriter, r *http.Request) {
			_, s := webdebug.Start(r.Context(), webdebug.Query{Target: "mysql", Query: "SELECT"})
			s.End(errors.New("no such table"))
			s.End(nil)
		}},
		{"500", "request response", "", false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }},
		{"404", "request response", "", true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }},
		{"panic", "request log response", "panic: oh no", false, func(http.ResponseWriter, *http.Request) { panic("oh no") }},
		{"abort", "request response", "", false, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, scheme := newApp(t, webdebug.Options{}).run(get("/"), c.h)
			if got := outline(scheme.Events); got != c.outline {
				t.Errorf("events: %s; want %s", got, c.outline)
			}
			if got := *find(t, scheme.Events, "response").Success; got != c.success {
				t.Errorf("success %t", got)
			}
			if c.message == "" {
				return
			}
			log := find(t, scheme.Events, "log")
			if want := `{"message":"` + c.message + `"}`; string(log.Payload) != want || log.Importance < webdebug.Error {
				t.Errorf("log: %s of importance %d; want %s", log.Payload, log.Importance, want)
			}
		})
	}
}

// TestPanicGoesOn: the application's own recovery sees what it would have seen.
func TestPanicGoesOn(t *testing.T) {
	a := newApp(t, webdebug.Options{})
	want := errors.New("mine")
	defer func() {
		if got := recover(); got != any(want) {
			t.Errorf("recovered %v; want %v", got, want)
		}
		s := a.scheme(onlyID(a.receiver, a.debug))
		if from := find(t, s.Events, "log").CalledFrom; from == nil || from.File != "/webdebug/collector_test.go" {
			t.Errorf("the panic came from %+v", from)
		}
	}()
	a.debug.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(want) })).ServeHTTP(httptest.NewRecorder(), get("/"))
}

// onlyID closes the collector and returns the id of the one scheme that came.
func onlyID(r *receiver, c *webdebug.Collector) string {
	_ = c.Close(context.Background())
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.schemes {
		return id
	}
	return ""
}

func TestGoexit(t *testing.T) {
	a := newApp(t, webdebug.Options{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.debug.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			runtime.Goexit()
		})).ServeHTTP(httptest.NewRecorder(), get("/"))
	}()
	<-done
	if got := outline(a.scheme(onlyID(a.receiver, a.debug)).Events); got != "request response" {
		t.Errorf("events: %s", got)
	}
}

func TestOnly(t *testing.T) {
	a := newApp(t, webdebug.Options{Only: func(r *http.Request) bool { return r.URL.Path == "/yes" }, API: "/_profile/?id="})
	served := 0
	h := a.debug.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		served++
		if webdebug.Collecting(r.Context()) != (r.URL.Path == "/yes") {
			t.Errorf("collecting %s", r.URL.Path)
		}
	}))
	for path, api := range map[string]string{"/yes": "/_profile/?id=", "/no": ""} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, get(path))
		if got := w.Header().Get("X-Http-Debug-Api"); got != api {
			t.Errorf("%s: X-Http-Debug-Api is %q", path, got)
		}
	}
	_ = a.debug.Close(t.Context())
	if served != 2 || a.debug.Stats().Sent != 1 {
		t.Errorf("served %d, stats %+v", served, a.debug.Stats())
	}
}

// TestHandlerTwice: a request that passes two collecting handlers is one scheme.
func TestHandlerTwice(t *testing.T) {
	a := newApp(t, webdebug.Options{})
	inner := a.debug.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		webdebug.Add(r.Context(), webdebug.Custom{Type: "inner"})
	}))
	_, scheme := a.run(get("/"), inner.ServeHTTP)
	if got := outline(scheme.Events); got != "request inner response" || a.debug.Stats().Sent != 1 {
		t.Errorf("events: %s, stats %+v", got, a.debug.Stats())
	}
}

func TestBadServer(t *testing.T) {
	for _, server := range []string{"localhost:7070", "ftp://x", "http://", "http://user:s3cret@", "\x00"} {
		var told error
		c := webdebug.New(webdebug.Options{Server: server, OnError: func(err error) { told = err }})
		h := http.NotFoundHandler()
		if told == nil || c.Stats().LastError != told.Error() || strings.Contains(told.Error(), "s3cret") {
			t.Errorf("%q: told %v", server, told)
		}
		if w := httptest.NewRecorder(); true {
			c.Handler(h).ServeHTTP(w, get("/"))
			if w.Header().Get("X-Http-Debug-Id") != "" {
				t.Errorf("%q: collects", server)
			}
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestMemory(t *testing.T) {
	_, scheme := newApp(t, webdebug.Options{Memory: true}).run(get("/"), func(http.ResponseWriter, *http.Request) {})
	if got := string(find(t, scheme.Events, "response").Payload); !strings.Contains(got, `"memory_peak":`) || strings.Contains(got, `"memory_peak":0`) {
		t.Errorf("response: %s", got)
	}
}

func TestSession(t *testing.T) {
	_, scheme := newApp(t, webdebug.Options{}).run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
		webdebug.SetSession(r.Context(), webdebug.Param{Key: "userid", Value: "21114"}, webdebug.Param{Key: "Token", Value: "x"})
	})
	want := `"session":[{"key":"userid","value":"21114"},{"key":"Token","value":"[redacted]"}]}`
	if got := string(find(t, scheme.Events, "request").Payload); !strings.HasSuffix(got, want) {
		t.Errorf("request: %s; want …%s", got, want)
	}
}

// TestOverHTTP runs a whole server, whose writers flush and copy files.
func TestOverHTTP(t *testing.T) {
	a := newApp(t, webdebug.Options{})
	server := httptest.NewServer(a.debug.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		_, _ = io.Copy(w, strings.NewReader("first "))
		w.(http.Flusher).Flush()
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, r.PostForm.Get("name"))
	})))
	defer server.Close()
	response, err := server.Client().PostForm(server.URL, url.Values{"name": {"Ada"}, "password": {"x"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if text, _ := io.ReadAll(response.Body); string(text) != "first Ada" {
		t.Errorf("answer %q", text)
	}
	server.Close()
	s := a.scheme(response.Header.Get("X-Http-Debug-Id"))
	if got := string(find(t, s.Events, "request").Payload); !strings.Contains(got, `"body":[{"key":"name","value":"Ada"},{"key":"password","value":"[redacted]"}]`) {
		t.Errorf("request: %s", got)
	}
	if got := string(find(t, s.Events, "response").Payload); got != `{"status":200,"bytes":9}` {
		t.Errorf("response: %s", got)
	}
}
