package server

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/firnlog/firn/event"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstdPacked(t *testing.T, text string, opts ...zstd.EOption) string {
	t.Helper()
	w, err := zstd.NewWriter(nil, append(opts, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return string(w.EncodeAll([]byte(text), nil))
}

func TestCompressedBodies(t *testing.T) {
	r := start(t, Options{})
	const events = "/v1/instances/packed/events?auto_create=true"
	text := `[{"event_type":"a","payload":{"text":"` + strings.Repeat("x", 100_000) + `"}},{"event_type":"b"}]`
	lines := strings.Repeat(`{"event_type":"a"}`+"\n", 1000)
	for _, kind := range []struct {
		encoding string
		pack     func(string) string
	}{
		{"gzip", func(s string) string { return gzipped(t, s) }},
		{"zstd", func(s string) string { return zstdPacked(t, s) }},
		{"identity", func(s string) string { return s }},
	} {
		t.Run(kind.encoding, func(t *testing.T) {
			whole := kind.pack(text)
			r.must(201, "POST", events, whole, "Content-Encoding", kind.encoding)
			answer := r.must(200, "POST", events, kind.pack(lines), "Content-Encoding", kind.encoding, "Content-Type", ndjsonMedia)
			if !strings.Contains(string(answer.body), `{"count":1000,`) {
				t.Errorf("NDJSON: %s", answer)
			}
			// Cut off and broken bodies store nothing.
			cut := r.must(400, "POST", events, whole[:len(whole)/2], "Content-Encoding", kind.encoding)
			cut.problem(t)
		})
	}
	r.must(400, "POST", events, "no gzip", "Content-Encoding", "gzip").problem(t)
	r.must(400, "POST", events, "no zstd", "Content-Encoding", "zstd").problem(t)
	r.must(415, "POST", events, text, "Content-Encoding", "gzip, zstd").problem(t)
	if got, want := r.log.Stats().AppendedEvents, int64(3*2+3*1000); got < want || got > want+10 {
		t.Errorf("%d events are stored, want %d and the log's own", got, want)
	}
}

// TestBombs sends little that inflates to much, at the limit and beyond.
func TestBombs(t *testing.T) {
	r := start(t, Options{Limits: event.Limits{BatchBytes: 1 << 20, EventBytes: 1 << 20}})
	const events = "/v1/instances/bombs/events?auto_create=true"
	exact := func(size int) string {
		const frame = `{"event_type":"a","payload":{"x":""}}`
		return `{"event_type":"a","payload":{"x":"` + strings.Repeat("x", size-len(frame)) + `"}}`
	}
	spaces := strings.Repeat(" ", 64<<20)
	for _, x := range []struct {
		name, encoding, body string
		status               int
	}{
		{"gzip at the limit", "gzip", gzipped(t, exact(1<<20)), 201},
		{"gzip over the limit", "gzip", gzipped(t, exact(1<<20+1)), 413},
		{"gzip bomb", "gzip", gzipped(t, spaces), 413},
		{"zstd at the limit", "zstd", zstdPacked(t, exact(1<<20)), 201},
		{"zstd over the limit", "zstd", zstdPacked(t, exact(1<<20+1)), 413},
		{"zstd bomb", "zstd", zstdPacked(t, spaces), 413},
		{"zstd window", "zstd", zstdWideWindow(t), 413},
		{"plain over the limit", "identity", exact(1<<20 + 1), 413},
	} {
		t.Run(x.name, func(t *testing.T) {
			if answer := r.ask("POST", events, x.body, "Content-Encoding", x.encoding); answer.status != x.status {
				t.Errorf("%d bytes are answered by %.300s, want %d", len(x.body), answer, x.status)
			}
		})
	}
	t.Run("NDJSON line", func(t *testing.T) {
		answer := r.must(413, "POST", events, gzipped(t, spaces), "Content-Encoding", "gzip", "Content-Type", ndjsonMedia)
		answer.problem(t)
	})
}

// zstdWideWindow is a frame that asks for a window of 64 MiB.
func zstdWideWindow(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(64<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := w.Write([]byte(strings.Repeat(" ", 8<<20))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestBodyMemory lets bodies wait half sent until the budget is used up: those of
// appends count twice.
func TestBodyMemory(t *testing.T) {
	r := start(t, Options{BodyMemory: 2 << 20})
	const size = 600 << 10
	body, feed := io.Pipe()
	// The server asks for the body once it has taken memory for it.
	asked := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(asked) }})
	request, err := http.NewRequestWithContext(ctx, "POST", r.url+"/v1/instances/full/events?auto_create=true", body)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = size
	request.Header.Set("Content-Type", jsonMedia)
	request.Header.Set("Expect", "100-continue")
	r.http.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	first := make(chan reply, 1)
	go func() {
		response, err := r.http.Do(request)
		if err != nil {
			first <- reply{body: []byte(err.Error())}
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		first <- reply{response.StatusCode, response.Header, text}
	}()
	text := `{"event_type":"a"` + strings.Repeat(" ", size-len(`{"event_type":"a"}`)) + "}"
	<-asked
	if _, err := io.WriteString(feed, text[:size/2]); err != nil {
		t.Fatal(err)
	}
	refused := r.must(503, "POST", "/v1/instances/full/events?auto_create=true", text)
	refused.problem(t)
	if refused.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if _, err := io.WriteString(feed, text[size/2:]); err != nil {
		t.Fatal(err)
	}
	if err := feed.Close(); err != nil {
		t.Fatal(err)
	}
	if answer := <-first; answer.status != 201 {
		t.Errorf("the first body: %s", answer)
	}
	r.must(201, "POST", "/v1/instances/full/events", text)
}

// TestStalledBodies shows that who stops sending is let go.
func TestStalledBodies(t *testing.T) {
	r := start(t, Options{timing: timing{header: 50 * time.Millisecond, body: 50 * time.Millisecond}})
	for name, sent := range map[string]string{
		"in the header":        "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nX",
		"in the body":          "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		"in an unwanted body":  "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
		"in a body of a GET":   "GET /v1/instances HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
		"in a chunk":           "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{",
		"in a body of a wrong": "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, sent); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn) // until the server closes
			if err != nil {
				t.Fatalf("the server did not let go: %v (it answered %q)", err, answer)
			}
		})
	}
}

func TestHeaderLimit(t *testing.T) {
	r := start(t, Options{})
	answer, err := r.try("GET", "/healthz", "", "X-Large", strings.Repeat("x", maxHeaderBytes+8192))
	if err == nil && answer.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a huge header is answered by %s", answer)
	}
	r.must(200, "GET", "/healthz", "", "X-Large", strings.Repeat("x", maxHeaderBytes/2))
}

func TestLeaseNeverTakesMoreThanThereIs(t *testing.T) {
	b := newBudget(100)
	one, two := lease{from: b}, lease{from: b}
	if !one.grow(60) || two.grow(50) || !two.grow(40) || one.grow(61) {
		t.Error("the budget was not kept")
	}
	one.end()
	one.end()
	if !two.grow(100) {
		t.Error("what was given back cannot be taken")
	}
	two.end()
	if err := one.wait(t.Context(), 100); err != nil {
		t.Error(err)
	}
	one.end()
}

// deadlines is an answer that keeps the last deadline for reading.
type deadlines struct {
	http.ResponseWriter
	read time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.read = at
	return nil
}

// TestWholeBodyHasNoDeadline ends a body before and after its last byte has come.
// net/http reads on behind it for the next request; a deadline that passes
// there would end the contexts of all requests that follow on the connection.
func TestWholeBodyHasNoDeadline(t *testing.T) {
	s := start(t, Options{}).Server
	for _, early := range []bool{false, true} {
		w := &deadlines{ResponseWriter: httptest.NewRecorder(), read: time.Now()}
		hr := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader("body"))
		b, err := s.openBody(&request{Request: hr, control: http.NewResponseController(w)})
		if err != nil {
			t.Fatal(err)
		}
		if early {
			b.end()
			if w.read.IsZero() {
				t.Error("a body that nobody wants has no deadline")
			}
		}
		if text, err := io.ReadAll(b); err != nil || string(text) != "body" {
			t.Fatalf("%q, %v", text, err)
		}
		if !early {
			b.end()
		}
		if !w.read.IsZero() {
			t.Errorf("ended early %v: behind the body the deadline is %v", early, w.read)
		}
		b.Close()
	}
}

// TestLinesOfAClientThatSeemsGone streams appends whose contexts have ended: what
// is not stored must not look like an answer to a body without events.
func TestLinesOfAClientThatSeemsGone(t *testing.T) {
	s := start(t, Options{}).Server
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		w, cut := httptest.NewRecorder(), false
		func() {
			defer func() { cut = recover() == http.ErrAbortHandler }() //nolint:errorlint // a panic value
			hr := httptest.NewRequestWithContext(ctx, "POST", s.URL()+"/v1/instances/gone/events?auto_create=true", strings.NewReader(`{"event_type":"a"}`))
			hr.Header.Set("Content-Type", ndjsonMedia)
			s.Handler().ServeHTTP(w, hr)
		}()
		if !cut && w.Code < 400 {
			t.Fatalf("answered %d %q", w.Code, w.Body)
		}
	}
}
