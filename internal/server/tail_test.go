package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// message is one message of a tail, or a comment.
type message struct {
	kind, id, data, comment, retry string
}

// following is a tail of a test.
type following struct {
	t     *testing.T
	lines *bufio.Reader
	stop  func()
}

// follow opens a tail; headers are name, value, name, value….
func (r *running) follow(path string, headers ...string) *following {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	request, err := http.NewRequestWithContext(ctx, "GET", r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := r.http.Do(request) //nolint:bodyclose // stop closes it
	if err != nil {
		r.t.Fatal(err)
	}
	f := &following{t: r.t, lines: bufio.NewReader(response.Body), stop: func() {
		cancel()
		_ = response.Body.Close()
	}}
	r.t.Cleanup(f.stop)
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != sseMedia {
		text, _ := io.ReadAll(response.Body)
		r.t.Fatalf("GET %s: %d %s", path, response.StatusCode, text)
	}
	return f
}

// next reads the next message.
func (f *following) next() (m message, err error) {
	for {
		line, err := f.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n":
			return m, nil
		case name == "":
			m.comment = value
		case name == "id":
			m.id = value
		case name == "event":
			m.kind = value
		case name == "data":
			m.data += value
		case name == "retry":
			m.retry = value
		default:
			return m, fmt.Errorf("line %q", line)
		}
	}
}

func (f *following) must() message {
	f.t.Helper()
	m, err := f.next()
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

func TestTailFromNowAndAfter(t *testing.T) {
	r := start(t, Options{})
	r.appendN("live", "s", 3)
	now := r.follow("/v1/instances/live/tail")
	if m := now.must(); m.id != "3" || m.data != "" {
		t.Fatalf("a tail from now begins with %+v", m)
	}
	old := r.follow("/v1/instances/live/tail?after=1&type=test.made")
	if m := old.must(); m.id != "1" {
		t.Fatalf("a tail after 1 begins with %+v", m)
	}
	for want := 2; want <= 3; want++ {
		if m := old.must(); m.id != strconv.Itoa(want) || !strings.Contains(m.data, fmt.Sprintf(`"position":%d,`, want)) {
			t.Fatalf("%+v, want position %d", m, want)
		}
	}
	r.appendN("live", "s", 1)
	for _, f := range []*following{now, old} {
		if m := f.must(); m.id != "4" || !strings.HasPrefix(m.data, `{"id":"`) {
			t.Fatalf("%+v, want position 4", m)
		}
	}
	last := r.follow("/v1/instances/live/tail?after=1", "Last-Event-ID", "3")
	if m := last.must(); m.id != "3" {
		t.Fatalf("Last-Event-ID does not go before after: %+v", m)
	}
}

// TestTailFiltersAndMarks has a filter that matches little: the position goes
// on without events, so that a resumed tail need not read all again.
func TestTailFiltersAndMarks(t *testing.T) {
	r := start(t, Options{timing: timing{heartbeat: 5 * time.Millisecond}})
	r.appendN("live", "s", 1)
	f := r.follow("/v1/instances/live/tail?type=rare&after=0")
	r.appendN("live", "s", 50)
	eventually(t, "the position is told though nothing matches", func() bool { m := f.must(); return m.data == "" && m.id == "51" })
	r.must(201, "POST", "/v1/instances/live/events", `{"event_type":"rare","payload":{"text":"a\r\nb"}}`)
	eventually(t, "the event that matches comes", func() bool {
		m := f.must()
		return m.id == "52" && strings.Contains(m.data, `a\r\nb`)
	})
	if m := f.must(); m.comment == "" || m.data != "" {
		t.Errorf("a silent tail says %+v, want a comment", m)
	}
}

// TestTailResumesExactly drops the connection at random points while events
// arrive, and resumes by Last-Event-ID: every event comes once and in order.
func TestTailResumesExactly(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const total = 6000
	r := start(t, Options{timing: timing{heartbeat: time.Millisecond}})
	r.must(201, "POST", "/v1/instances", `{"name":"live"}`)
	done := make(chan error, 1)
	go func() {
		for sent := 0; sent < total; sent += 20 {
			lines := strings.Repeat(`{"event_type":"a"}`+"\n", 20)
			if answer, err := r.try("POST", "/v1/instances/live/events", lines, "Content-Type", ndjsonMedia); err != nil || answer.status != 200 {
				done <- fmt.Errorf("%w %s", err, answer)
				return
			}
		}
		done <- nil
	}()
	last, connections := 0, 0
	for last < total {
		connections++
		f := r.follow("/v1/instances/live/tail?after=0", "Last-Event-ID", strconv.Itoa(last))
		for range 1 + random.IntN(300) {
			m := f.must()
			if m.id != "" {
				position, err := strconv.Atoi(m.id)
				if err != nil || (m.data != "" && position != last+1) || (m.data == "" && position != last) {
					t.Fatalf("connection %d: %+v after position %d", connections, m, last)
				}
				last = position
			}
			if last == total {
				break
			}
		}
		f.stop()
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Logf("%d connections", connections)
}

func TestTailEndsWithItsInstance(t *testing.T) {
	r := start(t, Options{})
	r.appendN("gone", "s", 1)
	f := r.follow("/v1/instances/gone/tail")
	f.must()
	r.must(204, "DELETE", "/v1/instances/gone", "")
	if m, err := f.next(); err == nil {
		t.Errorf("after the instance is gone: %+v", m)
	}
}

func TestTailTellsGaps(t *testing.T) {
	r := start(t, Options{})
	r.appendN("live", "s", 5)
	r.appendN("live", "kept", 1)
	r.must(200, "DELETE", "/v1/instances/live/events?stream=s", "")
	f := r.follow("/v1/instances/live/tail?after=2")
	f.must() // the mark
	if m := f.must(); m.kind != "gap" || m.id != "5" || m.data != `{"first":3,"last":5}` {
		t.Errorf("a gap is told by %+v", m)
	}
	if m := f.must(); m.id != "6" || m.kind != "" {
		t.Errorf("behind the gap comes %+v", m)
	}
}

// TestSlowTailIsLetGo has a subscriber who never reads.
func TestSlowTailIsLetGo(t *testing.T) {
	r := start(t, Options{timing: timing{write: 500 * time.Millisecond}})
	r.must(201, "POST", "/v1/instances", `{"name":"live"}`)
	f := r.follow("/v1/instances/live/tail?after=0")
	f.must()
	size := 64 << 20 // more than all buffers between
	eventually(t, "the subscription is gone", func() bool {
		text := strings.Repeat("x", min(size, 1<<20))
		size -= len(text)
		// Not through the server, whose patience with answers is as short.
		if _, err := r.log.Append(t.Context(), firn.AppendRequest{Instance: "live", Events: []event.Draft{{EventType: "a", Payload: fmt.Appendf(nil, `{"x":%q}`, text)}}}); err != nil {
			t.Fatal(err)
		}
		return r.log.Stats().Subscriptions == 0
	})
}
