package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"encoding/json/jsontext"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/firnlog/firn/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// quiet are options for tests that seal by hand; what is reported fails them.
func quiet(t testing.TB) Options {
	return Options{Quiet: true, Report: func(r Report) { t.Errorf("report: %s: %s", r.Severity, r.Message) }}
}

func open(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLog(t, l) })
	return l
}

func closeLog(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func create(t testing.TB, l *Log, name string) Instance {
	t.Helper()
	in, err := l.CreateInstance(context.Background(), Instance{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func appendTo(t testing.TB, l *Log, instance string, events ...event.Draft) []Receipt {
	t.Helper()
	r, err := l.Append(context.Background(), AppendRequest{Instance: instance, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// all are the events of an instance, in order.
func all(t testing.TB, l *Log, instance string) []event.Event {
	t.Helper()
	var out []event.Event
	err := l.Scan(context.Background(), instance, nil, 0, func(events []event.Event) error {
		for _, e := range events {
			e.Payload, e.Metadata = e.Payload.Clone(), e.Metadata.Clone()
			out = append(out, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sample(i int) event.Draft {
	return event.Draft{
		StreamID: fmt.Sprintf("s%d", i%3), EventType: "test.event", Severity: event.Severity(1 + i%8),
		Payload: jsontext.Value(fmt.Sprintf(`{"n":%d,"text":"value %d"}`, i, i)),
	}
}

func samples(n int) []event.Draft {
	out := make([]event.Draft, n)
	for i := range out {
		out[i] = sample(i)
	}
	return out
}

func TestAppendIsVisibleAndSurvivesReopen(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet(t))
	create(t, l, "app")
	receipts := appendTo(t, l, "app", samples(10)...)
	before := all(t, l, "app")
	if len(before) != 10 || len(receipts) != 10 {
		t.Fatalf("%d events and %d receipts, want 10", len(before), len(receipts))
	}
	for i, e := range before {
		r := receipts[i]
		if e.Position != int64(i+1) || e.SequenceNumber != int64(i/3+1) || e.ID != r.ID || e.SequenceNumber != r.SequenceNumber || !e.Timestamp.Equal(r.Timestamp) {
			t.Errorf("event %d is %+v, its receipt %+v", i, e, r)
		}
	}
	got, err := l.Get(context.Background(), "app", receipts[4].ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before[4], got); d != "" {
		t.Errorf("Get (-scanned +got):\n%s", d)
	}
	closeLog(t, l)
	l = open(t, dir, quiet(t))
	if d := cmp.Diff(before, all(t, l, "app")); d != "" {
		t.Errorf("after reopening (-before +after):\n%s", d)
	}
	next := appendTo(t, l, "app", sample(10))
	if next[0].Position != 11 || next[0].SequenceNumber != 4 {
		t.Errorf("the next event is at %+v", next[0])
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, quiet(t))
	if _, err := Open(dir, quiet(t)); !errors.Is(err, ErrLocked) {
		t.Errorf("opening twice: %v, want ErrLocked", err)
	}
}

func seal(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestSealChangesNothingThatIsSeen(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet(t))
	create(t, l, "app")
	events := samples(500)
	for i := range events {
		if i%2 == 0 {
			events[i].ID = fmt.Sprintf("id-%d", i)
		}
	}
	receipts := appendTo(t, l, "app", events...)
	before := all(t, l, "app")
	check := func(what string) {
		t.Helper()
		if d := cmp.Diff(before, all(t, l, "app")); d != "" {
			t.Fatalf("%s (-before +after):\n%s", what, d)
		}
		for i := 0; i < len(receipts); i += 97 {
			got, err := l.Get(context.Background(), "app", receipts[i].ID)
			if err != nil {
				t.Fatalf("%s: Get %d: %v", what, i, err)
			}
			if d := cmp.Diff(before[i], got); d != "" {
				t.Errorf("%s: Get (-want +got):\n%s", what, d)
			}
		}
		again := appendTo(t, l, "app", events[0], events[2])
		if !again[0].Duplicate || !again[1].Duplicate || again[1].Position != 3 {
			t.Errorf("%s: a retry is stored again: %+v", what, again)
		}
		made := events[1]
		made.ID = receipts[1].ID
		if again := appendTo(t, l, "app", made); !again[0].Duplicate || again[0].Position != 2 {
			t.Errorf("%s: a made id is not recognised: %+v", what, again)
		}
		streams, err := l.Streams(context.Background(), "app", "", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]Stream{{"s0", 167, 167}, {"s1", 167, 167}, {"s2", 166, 166}}, streams); d != "" {
			t.Errorf("%s: streams (-want +got):\n%s", what, d)
		}
	}
	check("in the head")
	seal(t, l)
	if s := l.Stats(); s.HeadEvents != 0 || s.HeadBytes != 0 || s.Segments != 2 {
		t.Errorf("after sealing: %+v", s)
	}
	check("sealed")
	closeLog(t, l)
	l = open(t, dir, quiet(t))
	check("sealed and opened again")
	next := appendTo(t, l, "app", sample(500))
	if next[0].Position != 501 || next[0].SequenceNumber != 167 {
		t.Errorf("the next event is at %+v", next[0])
	}
}
