package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"encoding/json/jsontext"

	"github.com/firnlog/firn/event"
)

func TestIdempotency(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprintf("sealed=%t", sealed), func(t *testing.T) {
			l := open(t, t.TempDir(), quiet(t))
			create(t, l, "app")
			at := time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
			given := event.Draft{ID: "given", StreamID: "s", EventType: "t", Timestamp: at, Actor: new("a"), Payload: jsontext.Value(`{"b":1e3,"a":2}`)}
			clocked := event.Draft{ID: "clocked", EventType: "t"}
			first := appendTo(t, l, "app", given, clocked, event.Draft{EventType: "made"})
			if sealed {
				seal(t, l)
			}
			change := func(d event.Draft, fn func(*event.Draft)) event.Draft { fn(&d); return d }
			for _, c := range []struct {
				name     string
				event    event.Draft
				same     int // index in first
				conflict bool
			}{
				{"as it was", given, 0, false},
				{"defaults spelled out", change(given, func(d *event.Draft) { d.Severity, d.Metadata = event.Info, jsontext.Value("{}") }), 0, false},
				{"timestamp left out", change(given, func(d *event.Draft) { d.Timestamp = time.Time{} }), 0, false},
				{"equal to the microsecond", change(given, func(d *event.Draft) { d.Timestamp = at.Add(999) }), 0, false},
				{"another timestamp", change(given, func(d *event.Draft) { d.Timestamp = at.Add(time.Microsecond) }), 0, true},
				{"another order of keys", change(given, func(d *event.Draft) { d.Payload = jsontext.Value(`{"a":2,"b":1e3}`) }), 0, true},
				{"another spelling of a number", change(given, func(d *event.Draft) { d.Payload = jsontext.Value(`{"b":1000,"a":2}`) }), 0, true},
				{"another stream", change(given, func(d *event.Draft) { d.StreamID = "other" }), 0, true},
				{"another severity", change(given, func(d *event.Draft) { d.Severity = event.Debug }), 0, true},
				{"no actor", change(given, func(d *event.Draft) { d.Actor = nil }), 0, true},
				{"empty subject", change(given, func(d *event.Draft) { d.Subject = new("") }), 0, true},
				{"clocked by the log", clocked, 1, false},
				{"clocked by the log, now with a time", change(clocked, func(d *event.Draft) { d.Timestamp = at }), 1, false},
				{"default stream spelled out", change(clocked, func(d *event.Draft) { d.StreamID = "default" }), 1, false},
				{"a made id sent back", event.Draft{ID: first[2].ID, EventType: "made"}, 2, false},
				{"a made id with other content", event.Draft{ID: first[2].ID, EventType: "else"}, 2, true},
			} {
				got, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: []event.Draft{c.event}})
				var conflict *IDConflictError
				if c.conflict {
					if !errors.As(err, &conflict) || conflict.ID != c.event.ID {
						t.Errorf("%s: %+v, %v; want a conflict", c.name, got, err)
					}
					continue
				}
				want := first[c.same]
				want.Duplicate = true
				if err != nil || got[0] != want {
					t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, want)
				}
			}
			if got := all(t, l, "app"); len(got) != 3 {
				t.Errorf("there are %d events", len(got))
			}
		})
	}
}

func TestIDTwiceInABatch(t *testing.T) {
	l := open(t, t.TempDir(), quiet(t))
	create(t, l, "app")
	one, other := event.Draft{ID: "x", EventType: "t"}, event.Draft{ID: "x", EventType: "else"}
	r := appendTo(t, l, "app", one, sample(1), one)
	if r[0].Duplicate || !r[2].Duplicate || r[2].Position != r[0].Position || r[1].Position != 2 {
		t.Errorf("same content twice: %+v", r)
	}
	var conflict *IDConflictError
	_, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: []event.Draft{{ID: "y", EventType: "t"}, {ID: "y", EventType: "u"}}})
	if !errors.As(err, &conflict) || conflict.Index != 1 {
		t.Errorf("other content twice: %v", err)
	}
	if _, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: []event.Draft{sample(1), other}}); !errors.As(err, &conflict) || conflict.Index != 1 {
		t.Errorf("conflict at index 1: %v", err)
	}
	if got := all(t, l, "app"); len(got) != 2 {
		t.Errorf("there are %d events, want 2", len(got))
	}
}

func TestIDIsLookedUpBeforeExpectedSequence(t *testing.T) {
	l := open(t, t.TempDir(), quiet(t))
	create(t, l, "app")
	r := AppendRequest{Instance: "app", Events: []event.Draft{{ID: "x", EventType: "t"}}, ExpectedSequence: new(int64(0))}
	if _, err := l.Append(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	again, err := l.Append(context.Background(), r)
	if err != nil || !again[0].Duplicate {
		t.Errorf("a retry of a success: %+v, %v", again, err)
	}
	r.Events[0].ID = "y"
	var want *SequenceError
	if _, err := l.Append(context.Background(), r); !errors.As(err, &want) || want.Actual != 1 || want.Stream != "default" {
		t.Errorf("another event at 0: %v", err)
	}
}

func TestAutoCreate(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet(t))
	r := AppendRequest{Instance: "new", Events: samples(2)}
	if _, err := l.Append(context.Background(), r); !errors.Is(err, ErrNotFound) {
		t.Errorf("a missing instance: %v", err)
	}
	r.AutoCreate = true
	for range 2 {
		if _, err := l.Append(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	r.Instance = "0199aaaa-0000-7000-8000-000000000000"
	if _, err := l.Append(context.Background(), r); !errors.Is(err, ErrNotFound) {
		t.Errorf("auto-create of an id: %v", err)
	}
	closeLog(t, l)
	l = open(t, dir, quiet(t))
	if got := len(all(t, l, "new")); got != 4 {
		t.Errorf("%d events, want 4", got)
	}
	if system := all(t, l, SystemInstance); len(system) != 1 || system[0].EventType != typeInstanceCreated {
		t.Errorf("system has %+v", system)
	}
}

func TestSystemIsForTheLogItself(t *testing.T) {
	l := open(t, t.TempDir(), quiet(t))
	var bad *event.InvalidError
	_, err := l.Append(context.Background(), AppendRequest{Instance: SystemInstance, Events: []event.Draft{{EventType: "app.thing"}, {EventType: "api_key.created"}}})
	if !errors.As(err, &bad) || bad.Index != 1 {
		t.Errorf("a client's api_key.created: %v", err)
	}
	appendTo(t, l, SystemInstance, event.Draft{EventType: "app.thing"})
	if _, err := l.Record(context.Background(), event.Draft{EventType: "server.started"}); err != nil {
		t.Error(err)
	}
}

// TestWriters has 32 goroutines append to 8 streams, some giving up, while heads
// are sealed: numbers are gapless, in order, and everyone's receipts are right.
func TestWriters(t *testing.T) {
	l := open(t, t.TempDir(), Options{SealRows: 200, SealAge: time.Millisecond})
	create(t, l, "app")
	const writers, batches = 32, 30
	var wg sync.WaitGroup
	acked := make([][]Receipt, writers)
	for w := range writers {
		wg.Go(func() {
			for i := range batches {
				ctx, cancel := context.WithCancel(context.Background())
				if (w+i)%4 == 0 {
					cancel() // unknown whether it is stored
				}
				events := []event.Draft{{StreamID: fmt.Sprintf("s%d", (w+i)%8), EventType: "t", ID: fmt.Sprintf("%d-%d", w, i)}, {StreamID: fmt.Sprintf("s%d", i%8), EventType: "t"}}
				r, err := l.Append(ctx, AppendRequest{Instance: "app", Events: events})
				if err == nil {
					acked[w] = append(acked[w], r...)
				} else if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	got := all(t, l, "app")
	at := map[int64]event.Event{}
	seqs := map[string]int64{}
	for i, e := range got {
		seqs[e.StreamID]++
		if e.Position != int64(i+1) || e.SequenceNumber != seqs[e.StreamID] {
			t.Fatalf("event %d is at position %d with number %d of %q, want %d", i, e.Position, e.SequenceNumber, e.StreamID, seqs[e.StreamID])
		}
		if i > 0 && e.RecordedAt.Before(got[i-1].RecordedAt) {
			t.Errorf("recorded_at goes back at position %d", e.Position)
		}
		at[e.Position] = e
	}
	for _, r := range slices.Concat(acked...) {
		if e := at[r.Position]; e.ID != r.ID || e.SequenceNumber != r.SequenceNumber {
			t.Errorf("receipt %+v, stored %+v", r, e)
		}
	}
}

// TestRivals has goroutines append the same id, and others race for a number.
func TestRivals(t *testing.T) {
	l := open(t, t.TempDir(), Options{SealRows: 3, SealAge: time.Millisecond})
	create(t, l, "app")
	for round := range 20 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		stored, won := 0, 0
		for range 16 {
			wg.Go(func() {
				r, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: []event.Draft{{ID: fmt.Sprint("id", round), EventType: "t"}}})
				if err != nil {
					t.Error(err)
					return
				}
				_, err = l.Append(context.Background(), AppendRequest{Instance: "app", Events: []event.Draft{{StreamID: "race", EventType: "t"}}, ExpectedSequence: new(int64(round))})
				var lost *SequenceError
				if err != nil && !errors.As(err, &lost) {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if !r[0].Duplicate {
					stored++
				}
				if err == nil {
					won++
				}
			})
		}
		wg.Wait()
		if stored != 1 || won != 1 {
			t.Fatalf("round %d: id stored %d times, number given %d times", round, stored, won)
		}
	}
}

func TestOverload(t *testing.T) {
	l := open(t, t.TempDir(), Options{Quiet: true, HeadMemory: 2000, AppendWait: time.Millisecond})
	create(t, l, "app")
	var err error
	for range 100 {
		if _, err = l.Append(context.Background(), AppendRequest{Instance: "app", Events: samples(5)}); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrOverloaded) {
		t.Errorf("with nobody sealing: %v", err)
	}
	seal(t, l)
	appendTo(t, l, "app", sample(0))
}
