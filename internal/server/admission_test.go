package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestAppendsBeyondWhatIsStoredSoon: where as many bodies wait to be stored as
// may, an append is refused at once and nothing of it is stored; all else goes on;
// when they are stored, it is taken.
func TestAppendsBeyondWhatIsStoredSoon(t *testing.T) {
	r := start(t, Options{BodyMemory: 8 << 20})
	r.appendN("busy", "s", 1)
	const path = "/v1/instances/busy/events"
	waiting, err := r.appends.enter(r.appends.waiting.total)
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.end()
	for _, kind := range []string{jsonMedia, ndjsonMedia} {
		answer := r.must(503, "POST", path, `{"event_type":"a"}`, "Content-Type", kind)
		if p := answer.problem(t); p.Type != problemURN+codeOverloaded || answer.header.Get("Retry-After") == "" {
			t.Errorf("%s: %s, Retry-After %q", kind, answer, answer.header.Get("Retry-After"))
		}
	}
	if got := r.count("busy"); got != 1 {
		t.Errorf("%d events are stored, want 1", got)
	}
	waiting.end()
	r.must(201, "POST", path, `{"event_type":"a"}`)
	r.must(200, "POST", path, `{"event_type":"a"}`, "Content-Type", ndjsonMedia)
	if got := r.count("busy"); got != 3 {
		t.Errorf("%d events are stored, want 3", got)
	}
	if !r.appends.waiting.free.TryAcquire(r.appends.waiting.total) {
		t.Error("what was stored is waiting still")
	}
}

// TestOneLargeAppendGoesAlone: a body larger than all that may wait is taken
// where nothing else waits.
func TestOneLargeAppendGoesAlone(t *testing.T) {
	r := start(t, Options{BodyMemory: 64 << 10 * 4})
	r.appendN("large", "s", 1000)
	if got := r.count("large"); got != 1000 {
		t.Errorf("%d events are stored, want 1000", got)
	}
}

// busy is a connection to a server where so much waits to be stored that every
// append to the instance busy is refused. next reads the next answer on it: its
// status, and whether the server closes the connection behind it.
func busy(t *testing.T) (conn net.Conn, next func() (status int, closes bool)) {
	t.Helper()
	r := start(t, Options{BodyMemory: 8 << 20})
	r.appendN("busy", "s", 1)
	waiting, err := r.appends.enter(r.appends.waiting.total)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(waiting.end)
	conn, err = new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	answers := bufio.NewReader(conn)
	return conn, func() (int, bool) {
		t.Helper()
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Close
	}
}

// TestRefusedConnectionIsKept: a client whose append is refused sends the next on
// the same connection, whatever the size of the body that nobody wanted; one that
// asks first does not send its body at all.
func TestRefusedConnectionIsKept(t *testing.T) {
	conn, next := busy(t)
	send := func(header, body string) (int, bool) {
		t.Helper()
		length := max(len(body), 100)
		if _, err := fmt.Fprintf(conn, "POST /v1/instances/busy/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", header, length, body); err != nil {
			t.Fatal(err)
		}
		return next()
	}
	for _, size := range []int{100, smallBuffer - 1, smallBuffer, smallBuffer + 1, 200 << 10} {
		if status, closes := send("", strings.Repeat(" ", size)); status != 503 || closes {
			t.Errorf("a body of %d bytes: status %d, connection closed %v; want 503 and kept", size, status, closes)
		}
	}
	if status, closes := send("Expect: 100-continue\r\n", ""); status != 503 || !closes {
		t.Errorf("who asks before sending: status %d, connection closed %v; want 503 and closed", status, closes)
	}
}

// TestReceiptsHaveTheirLength: the answer to an append says how long it is where it
// is one piece, and is whole where it is not.
func TestReceiptsHaveTheirLength(t *testing.T) {
	r := start(t, Options{})
	for _, events := range []int{1, 100, 5000} {
		body := "[" + strings.TrimSuffix(strings.Repeat(`{"event_type":"a"},`, events), ",") + "]"
		answer := r.must(201, "POST", "/v1/instances/long/events?auto_create=true", body)
		if length := answer.header.Get("Content-Length"); (length != "") != (len(answer.body) < flushAt) {
			t.Errorf("%d events, %d bytes: Content-Length %q", events, len(answer.body), length)
		}
		var got struct {
			Events []struct {
				ID string `json:"id"`
			} `json:"events"`
		}
		if answer.decode(t, &got); len(got.Events) != events || got.Events[events-1].ID == "" {
			t.Errorf("%d receipts of %d events", len(got.Events), events)
		}
	}
}

// TestNothingBehindARefusedBodyIsLost sends what follows a refused body together
// with it, and the body in two parts: the one is thrown away, to the byte, and what
// follows is a request.
func TestNothingBehindARefusedBodyIsLost(t *testing.T) {
	conn, next := busy(t)
	status := func() int {
		t.Helper()
		got, _ := next()
		return got
	}
	const health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for _, size := range []int{1, 3000, 4096, 5000, smallBuffer, smallBuffer + 5000, 200 << 10} {
		for _, first := range []int{0, 1, size / 2, size} {
			body := strings.Repeat("x", size)
			header := fmt.Sprintf("POST /v1/instances/busy/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", size)
			for _, part := range []string{header + body[:first], body[first:] + health + health} {
				if _, err := io.WriteString(conn, part); err != nil {
					t.Fatal(err)
				}
			}
			if got := [3]int{status(), status(), status()}; got != [3]int{503, 200, 200} {
				t.Fatalf("a body of %d bytes, %d of them with its header, and two requests behind it: %d", size, first, got)
			}
		}
	}
}
