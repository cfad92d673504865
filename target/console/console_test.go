package console

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

func made(t *testing.T, format string, out io.Writer) target.Target {
	t.Helper()
	to, err := Kind().New(&Settings{Format: format}, target.Environment{Name: "console", Stdout: out})
	if err != nil {
		t.Fatal(err)
	}
	if err := to.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return to
}

func batch(n int) target.Batch {
	b := target.Batch{Instance: target.Instance{ID: "i", Name: "shop"}}
	for i := range n {
		b.Events = append(b.Events, event.Event{
			ID: "e", InstanceID: "i", StreamID: "s", SequenceNumber: int64(i + 1), Position: int64(i + 1), EventType: "order.paid",
			Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Severity: event.Warning,
			Payload: []byte(`{"x":"` + strings.Repeat("x", i%100) + `"}`), Metadata: []byte("{}"),
		})
	}
	return b
}

func TestText(t *testing.T) {
	var out bytes.Buffer
	b := batch(1)
	actor := "a\x1b]0;owned\x07\u202e\nb"
	b.Events[0].Actor, b.Events[0].EventType, b.Instance.Name = &actor, "x\x9by", "in\nstance"
	n, err := made(t, "text", &out).Write(t.Context(), b)
	if n != 1 || err != nil {
		t.Fatalf("Write: %d, %v", n, err)
	}
	const want = `2026-01-02T03:04:05.000Z  warning    in\nstance    s#1           x\ufffdy  actor=a\u001b]0;owned\u0007\u202e\nb  {"x":""}` + "\n"
	if got := strings.ReplaceAll(out.String(), "\ufffd", `\ufffd`); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestColour: severity alone is coloured, and only where a terminal is.
func TestColour(t *testing.T) {
	b := batch(1)
	if line := string(appendText(true)(nil, "shop", &b.Events[0])); !strings.Contains(line, "  \x1b[33mwarning  \x1b[0m  shop ") {
		t.Errorf("in colour: %q", line)
	}
	var out bytes.Buffer
	if _, err := made(t, "text", &out).Write(t.Context(), b); err != nil || strings.Contains(out.String(), "\x1b") {
		t.Errorf("to a pipe: %q, %v", out.String(), err)
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	b := batch(2)
	b.Events[0].Payload = []byte(`{"n":1e3,"s":"` + "\u202e" + `\u0000"}`)
	if n, err := made(t, "json", &out).Write(t.Context(), b); n != 2 || err != nil {
		t.Fatalf("Write: %d, %v", n, err)
	}
	want := string(b.Events[0].AppendJSON(nil)) + "\n" + string(b.Events[1].AppendJSON(nil)) + "\n"
	if out.String() != want {
		t.Errorf("got  %s\nwant %s", out.String(), want)
	}
	seen := appendJSON(true)(nil, "", &b.Events[0])
	var e event.Event
	if err := json.Unmarshal(seen, &e); err != nil || strings.Contains(string(seen), "\u202e") {
		t.Errorf("on a terminal: %s, %v", seen, err)
	}
}

func TestFormat(t *testing.T) {
	_, err := Kind().New(&Settings{Format: "xml"}, target.Environment{})
	if err == nil || !strings.Contains(err.Error(), `format: "xml" is none; text or json`) {
		t.Errorf("format xml: %v", err)
	}
}

// stingy is a pipe that takes so many bytes at a time, and fails every second
// time.
type stingy struct {
	bytes.Buffer
	room  int
	calls int
}

func (s *stingy) Write(b []byte) (int, error) {
	if s.calls++; s.calls%2 == 0 {
		return 0, errors.New("would block")
	}
	n, _ := s.Buffer.Write(b[:min(s.room, len(b))])
	if n < len(b) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// TestPartialWrites: whatever a pipe takes, each line is there whole and once.
func TestPartialWrites(t *testing.T) {
	for _, room := range []int{1, 7, 100, 1000, 70_000, 1 << 20} {
		out := &stingy{room: room}
		to := made(t, "text", out)
		b := batch(40)
		if room > 1000 {
			b = batch(1000)
		}
		var want bytes.Buffer
		if _, err := made(t, "text", &want).Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for tries := 0; len(b.Events) > 0; tries++ {
			n, err := to.Write(t.Context(), b)
			if n < len(b.Events) == (err == nil) || tries > 100_000 {
				t.Fatalf("room %d: %d of %d written, %v", room, n, len(b.Events), err)
			}
			b.Events = b.Events[n:]
		}
		if out.String() != want.String() {
			t.Errorf("room %d: %d bytes, want %d", room, out.Len(), want.Len())
		}
	}
}

// TestStopsWhenTold: a batch that is long in the making ends between two pieces.
func TestStopsWhenTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	n, err := made(t, "text", &out).Write(ctx, batch(5000))
	if err == nil || n == 0 || n == 5000 || bytes.Count(out.Bytes(), []byte("\n")) != n {
		t.Errorf("%d lines, %d written, %v", bytes.Count(out.Bytes(), []byte("\n")), n, err)
	}
}
