package server

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/catalog"
)

// net/http lingers for half a second on a connection that it cuts off.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// running is a server of a test, on a port of its own before a log of its own.
type running struct {
	*Server
	t    *testing.T
	log  *firn.Log
	url  string
	http *http.Client
	// stop asks the server to stop and waits; its error is what Run returned.
	stop func() error
}

// start runs a server until the test ends.
func start(t *testing.T, opts Options) *running {
	t.Helper()
	types, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	opts.Catalog = types
	log, err := firn.Open(t.TempDir(), firn.Options{Limits: opts.Limits, Now: opts.Now, Catalog: types})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return serve(t, log, opts)
}

// serve runs a server before a log until the test ends.
func serve(t *testing.T, log *firn.Log, opts Options) *running {
	t.Helper()
	if opts.Listen == nil {
		opts.Listen = []string{"127.0.0.1:0"}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	s := New(log, opts)
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	r := &running{Server: s, t: t, log: log, url: s.URL(), http: &http.Client{Transport: &http.Transport{DisableCompression: true}}}
	var result error
	stopped := false
	r.stop = func() error {
		if !stopped {
			stopped = true
			cancel()
			result = <-ended
		}
		return result
	}
	t.Cleanup(func() {
		r.http.CloseIdleConnections()
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		_ = log.Close() // closing twice is harmless
	})
	return r
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.status, r.body) }

// decode reads the body as JSON.
func (r reply) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("the answer %s is not what was expected: %v", r, err)
	}
}

// problem reads the body as problem details and checks that it is whole.
func (r reply) problem(t *testing.T) problem {
	t.Helper()
	if kind := r.header.Get("Content-Type"); kind != problemMedia {
		t.Fatalf("%s: media type %q, want %s", r, kind, problemMedia)
	}
	var p problem
	r.decode(t, &p)
	if p.Status != r.status || p.Title == "" || !strings.HasPrefix(p.Type, problemURN) {
		t.Errorf("problem %s is not whole", r)
	}
	if p.RequestID == "" || p.RequestID != r.header.Get("X-Request-Id") {
		t.Errorf("problem %s: request_id is not X-Request-Id %q", r, r.header.Get("X-Request-Id"))
	}
	return p
}

// ask sends a request. Headers are given as name, value, name, value…; a body
// without a Content-Type among them is application/json.
func (r *running) ask(method, path, body string, headers ...string) reply {
	r.t.Helper()
	answer, err := r.try(method, path, body, headers...)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

func (r *running) try(method, path, body string, headers ...string) (reply, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*time.Minute)
	defer cancel()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.url+path, content)
	if err != nil {
		return reply{}, err
	}
	if body != "" {
		request.Header.Set("Content-Type", jsonMedia)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
			continue
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := r.http.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, text}, err
}

// must fails the test unless the answer has the status.
func (r *running) must(status int, method, path, body string, headers ...string) reply {
	r.t.Helper()
	answer := r.ask(method, path, body, headers...)
	if answer.status != status {
		r.t.Fatalf("%s %s: %s, want %d", method, path, answer, status)
	}
	return answer
}

// appendN appends n small events to a stream of an instance.
func (r *running) appendN(instance, stream string, n int) {
	r.t.Helper()
	var body bytes.Buffer
	body.WriteByte('[')
	for i := range n {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"event_type":"test.made","stream_id":%q,"payload":{"i":%d}}`, stream, i)
	}
	body.WriteByte(']')
	r.must(201, "POST", "/v1/instances/"+instance+"/events?auto_create=true", body.String())
}

// eventually asks until ok holds, without a pause of its own between: ok blocks
// or does work.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within two minutes", what)
		}
	}
}
