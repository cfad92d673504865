package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	firn "github.com/firnlog/firn"
)

func TestListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	log, err := firn.Open(t.TempDir(), firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for address, want := range map[string]error{
		"0.0.0.0:0":            ErrNotLoopback,
		":0":                   ErrNotLoopback,
		"[::]:0":               ErrNotLoopback,
		"192.0.2.1:0":          ErrNotLoopback,
		taken.Addr().String():  syscall.EADDRINUSE,
		"127.0.0.1:0":          nil,
		"localhost:0":          nil,
		"[::ffff:127.0.0.1]:0": nil,
	} {
		s := New(log, Options{Listen: []string{address}})
		err := s.Listen(t.Context())
		if !errors.Is(err, want) || (want != nil && err == nil) {
			t.Errorf("listen on %s: %v, want %v", address, err, want)
		}
		for _, l := range s.listeners {
			if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
				t.Errorf("%s opened %s", address, ip)
			}
			_ = l.Close()
		}
	}
	// One bad address opens none.
	s := New(log, Options{Listen: []string{"127.0.0.1:0", "0.0.0.0:0"}})
	if err := s.Run(t.Context()); !errors.Is(err, ErrNotLoopback) || len(s.Addrs()) != 0 {
		t.Errorf("Run: %v, listening on %v", err, s.Addrs())
	}
	bad := Options{Listen: []string{"nowhere"}, AllowedOrigins: []string{"app.example"}, AllowedHosts: []string{"*"}}.Validate()
	for _, problem := range []string{"nowhere", "app.example", `"*"`} {
		if bad == nil || !strings.Contains(bad.Error(), problem) {
			t.Errorf("Validate does not tell %s: %v", problem, bad)
		}
	}
}

func TestBothLoopbackFamilies(t *testing.T) {
	r := start(t, Options{Listen: []string{"localhost:0"}})
	addrs := r.Addrs()
	for _, address := range addrs {
		response, err := r.http.Get("http://" + address.String() + "/healthz") //nolint:noctx // a test
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if address.Port() != addrs[0].Port() {
			t.Errorf("the families have ports of their own: %v", addrs)
		}
	}
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil { // this machine has IPv6
		_ = l.Close()
		if len(addrs) != 2 {
			t.Errorf("listening on %v only", addrs)
		}
	}
}

// TestStop asks a server with tails, a streamed append and a request under way
// to stop.
func TestStop(t *testing.T) {
	r := start(t, Options{timing: timing{chunk: time.Millisecond}})
	r.appendN("live", "s", 7)
	f := r.follow("/v1/instances/live/tail?after=7")
	f.must()
	s := r.stream("/v1/instances/live/events")
	s.send(`{"event_type":"a"}` + "\n")
	if line, ok := s.next(); !ok || line.Last != 8 {
		t.Fatalf("%+v", line)
	}
	if m := f.must(); m.id != "8" {
		t.Fatalf("%+v", m)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	if m := f.must(); m.kind != "bye" || m.id != "8" || m.data != `{"position":8}` || m.retry == "" {
		t.Errorf("a subscriber is told %+v", m)
	}
	if line, ok := s.next(); !ok || line.Error == nil || line.Error.Status != 503 || line.NotStored != 2 {
		t.Errorf("a streamed append is told %+v", line)
	}
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the server does not stop")
	}
	if _, err := r.try("GET", "/healthz", ""); err == nil {
		t.Error("a stopped server answers")
	}
}

// TestStopDoesNotWaitForEver has a client whose body never comes.
func TestStopDoesNotWaitForEver(t *testing.T) {
	r := start(t, Options{timing: timing{drain: 20 * time.Millisecond}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q %v", line, err)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

// TestReadiness asks the handler of a server that has begun to stop.
func TestReadiness(t *testing.T) {
	r := start(t, Options{})
	r.must(200, "GET", "/readyz", "")
	r.drain()
	answer := r.must(503, "GET", "/readyz", "")
	if p := answer.problem(t); len(p.Errors) != 1 || p.Errors[0].Field != "server" {
		t.Errorf("%s does not say what is wrong", answer)
	}
	r.must(200, "GET", "/healthz", "")
}

// TestPanicIsAnswered serves a route that panics, before and after its answer
// has begun.
func TestPanicIsAnswered(t *testing.T) {
	r := start(t, Options{})
	var told strings.Builder
	s := New(r.log, Options{Logger: newLogger(&told)})
	mux := s.mux([]route{
		{method: "GET", path: "/early", permission: open, serve: func(*Server, http.ResponseWriter, *request) error { panic("secret") }},
		{method: "GET", path: "/late", permission: open, serve: func(_ *Server, w http.ResponseWriter, _ *request) error {
			fmt.Fprint(w, "begun")
			panic("secret")
		}},
	})
	server := &http.Server{Handler: s.outer(mux), ReadHeaderTimeout: time.Minute}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	r.url = "http://" + l.Addr().String()
	r.http.Transport.(*http.Transport).DisableKeepAlives = true // or the client asks again by itself
	answer := r.must(500, "GET", "/early", "")
	answer.problem(t)
	if strings.Contains(string(answer.body), "secret") {
		t.Errorf("the answer tells internals: %s", answer)
	}
	if answer, err := r.try("GET", "/late", ""); err == nil {
		t.Errorf("a broken answer looks whole: %s", answer)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	<-ended
	if n := strings.Count(told.String(), "a handler panicked"); n != 2 {
		t.Errorf("two panics are told %d times: %s", n, told.String())
	}
}
