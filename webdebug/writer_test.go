package webdebug_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"runtime"
	"strings"
	"testing"

	"github.com/firnlog/firn/webdebug"
)

// here is the directory of this package as the compiler saw it.
func here() string {
	_, file, _, _ := runtime.Caller(0)
	return path.Dir(file)
}

type (
	plainWriter  struct{ http.ResponseWriter }
	flushOnly    struct{ plainWriter }
	hijackOnly   struct{ plainWriter }
	flushAndTake struct {
		flushOnly
		hijackOnly
	}
)

func (flushOnly) Flush()                                        {}
func (hijackOnly) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }
func (w flushAndTake) Header() http.Header                      { return w.flushOnly.Header() }
func (w flushAndTake) Write(p []byte) (int, error)              { return w.flushOnly.Write(p) }
func (w flushAndTake) WriteHeader(status int)                   { w.flushOnly.WriteHeader(status) }
func unwrap(w http.ResponseWriter) http.ResponseWriter          { return w.(unwrapper).Unwrap() }

type unwrapper interface{ Unwrap() http.ResponseWriter }

// TestWriterKeepsAbilities: an application that asks a ResponseWriter what it
// can finds what it would have found.
func TestWriterKeepsAbilities(t *testing.T) {
	plain := plainWriter{httptest.NewRecorder()}
	for name, c := range map[string]struct {
		w             http.ResponseWriter
		flush, hijack bool
		payload       string
	}{
		"plain":  {w: plain, payload: `{"status":200,"bytes":0}`},
		"flush":  {w: flushOnly{plain}, flush: true, payload: `{"status":200,"bytes":0}`},
		"hijack": {w: hijackOnly{plain}, hijack: true, payload: `{"hijacked":true,"bytes":0}`},
		"both":   {w: flushAndTake{flushOnly{plain}, hijackOnly{plain}}, flush: true, hijack: true, payload: `{"status":200,"hijacked":true,"bytes":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, webdebug.Options{})
			a.debug.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if unwrap(w) != c.w {
					t.Errorf("Unwrap is %T", unwrap(w))
				}
				f, flushes := w.(http.Flusher)
				h, hijacks := w.(http.Hijacker)
				if flushes != c.flush || hijacks != c.hijack {
					t.Errorf("flushes %t, hijacks %t", flushes, hijacks)
				}
				if flushes {
					f.Flush()
					if err := http.NewResponseController(w).Flush(); err != nil {
						t.Error(err)
					}
				}
				if hijacks {
					if _, _, err := h.Hijack(); err != nil {
						t.Error(err)
					}
				}
			})).ServeHTTP(c.w, get("/"))
			s := a.scheme(onlyID(a.receiver, a.debug))
			if got := string(find(t, s.Events, "response").Payload); got != c.payload {
				t.Errorf("response: %s; want %s", got, c.payload)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		want string
	}{
		"none":     {func(http.ResponseWriter, *http.Request) {}, `{"status":200,"bytes":0}`},
		"written":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("abc")) }, `{"status":200,"bytes":3}`},
		"a string": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "abc") }, `{"status":200,"bytes":3}`},
		"copied": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader("abc"))
		}, `{"status":200,"bytes":3}`},
		"twice":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) }, `{"status":201,"bytes":0}`},
		"informational": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(204) }, `{"status":204,"bytes":0}`},
		"a panic":       {func(http.ResponseWriter, *http.Request) { panic(1) }, `{"bytes":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			_, scheme := newApp(t, webdebug.Options{}).run(get("/"), c.h)
			if got := string(find(t, scheme.Events, "response").Payload); got != c.want {
				t.Errorf("response: %s; want %s", got, c.want)
			}
		})
	}
}

// TestHijack takes a real connection over. A server does not wait for the
// handler of such a connection when it closes, so the test does.
func TestHijack(t *testing.T) {
	a := newApp(t, webdebug.Options{})
	handler := a.debug.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
		_ = conn.Close()
	}))
	returned := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if text, _ := io.ReadAll(response.Body); string(text) != "hi" {
		t.Errorf("answer %q", text)
	}
	<-returned
	s := a.scheme(onlyID(a.receiver, a.debug))
	if got := string(find(t, s.Events, "response").Payload); got != `{"hijacked":true,"bytes":0}` {
		t.Errorf("response: %s", got)
	}
}
