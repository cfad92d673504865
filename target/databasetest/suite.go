package databasetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// Place is a database that SQL targets write to.
type Place struct {
	// Target makes a target of a name, not yet open; now is its clock.
	Target func(t testing.TB, name string, now func() time.Time) target.Checkpointer
	// Numbers returns the n of each row's payload, in the order of insertion.
	Numbers func(t testing.TB) []int
	// Refuse makes the database refuse the row of an n, with the word "rule" in its
	// error; of 0, every row.
	Refuse func(t testing.TB, n int)
}

// Run tests what SQL targets promise beyond what every target does: each event is
// there exactly once. place returns a new database each time.
func Run(t *testing.T, place func(t *testing.T) Place) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Place)
	}{
		{"batches that come again", comeAgain},
		{"two processes", twoProcesses},
		{"cursors stay apart", cursorsApart},
		{"an earlier life of the log", earlierLife},
		{"a row that is refused", refusedRow},
		{"a database that refuses all", refusesAll},
		{"dead letters again", deadLetters},
		{"old rows", oldRows},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, place(t)) })
	}
}

// Open makes and opens a target, and closes it when the test ends.
func (p Place) Open(t testing.TB, name string) target.Checkpointer {
	t.Helper()
	return p.openAt(t, name, time.Now)
}

func (p Place) openAt(t testing.TB, name string, now func() time.Time) target.Checkpointer {
	t.Helper()
	to := p.Target(t, name, now)
	t.Cleanup(func() { _ = to.Close() })
	if err := to.Open(t.Context()); err != nil {
		t.Fatalf("Open: %v", err)
	}
	return to
}

// Write writes a batch of Numbered's events, which must go in.
func Write(t testing.TB, to target.Target, b target.Batch) {
	t.Helper()
	if written, err := to.Write(t.Context(), b); err != nil || written != len(b.Events) {
		t.Fatalf("Write: %d of %d, %v", written, len(b.Events), err)
	}
}

// Want compares the rows with the numbers from 1 to n, but for the holes.
func (p Place) Want(t testing.TB, n int, holes ...int) {
	t.Helper()
	without := map[int]bool{}
	for _, h := range holes {
		without[h] = true
	}
	var want []int
	for i := 1; i <= n; i++ {
		if !without[i] {
			want = append(want, i)
		}
	}
	if diff := cmp.Diff(want, p.Numbers(t), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("rows (-want +got):\n%.2000s", diff)
	}
}

func wantCursor(t testing.TB, of target.Checkpointer, want target.Cursor) {
	t.Helper()
	got, ok, err := of.Checkpoint(t.Context(), Log.ID, Batch(Numbered(1, 1)).Instance.ID)
	if err != nil || !ok || got != want {
		t.Errorf("Checkpoint = %+v, %v, %v; want %+v", got, ok, err, want)
	}
}

// comeAgain writes batches again, as after a death between a commit and the word
// of it, and behind a cursor that was moved.
func comeAgain(t *testing.T, p Place) {
	to := p.Open(t, "one")
	events := Numbered(1, 200)
	Write(t, to, Batch(events[:120]))
	Write(t, to, Batch(events[:120]))
	Write(t, to, Batch(events[100:150]))
	again := p.Open(t, "one")
	wantCursor(t, again, target.Cursor{Epoch: 1, Position: 150})
	Write(t, again, Batch(events[149:]))
	wantCursor(t, to, target.Cursor{Epoch: 1, Position: 200})
	p.Want(t, 200)

	if err := to.SetCheckpoint(t.Context(), Log, Batch(events).Instance.ID, 190); err != nil {
		t.Fatal(err)
	}
	Write(t, to, Batch(events[180:]))
	if n := len(p.Numbers(t)); n != 210 {
		t.Errorf("after the cursor was put back to 190 there are %d rows, want 210", n)
	}
}

// twoProcesses deliver the same log at once: they take turns.
func twoProcesses(t *testing.T, p Place) {
	const events, size = 600, 30
	var ends sync.WaitGroup
	for range 2 {
		to := p.Open(t, "one")
		ends.Go(func() {
			for from := 1; from <= events; {
				b := Batch(Numbered(from, size))
				written, err := to.Write(t.Context(), b)
				if err != nil {
					t.Logf("Write: %v", err)
					if err := to.Open(t.Context()); err != nil {
						t.Errorf("Open: %v", err)
						return
					}
				}
				from += written
			}
		})
	}
	ends.Wait()
	p.Want(t, events)
}

// cursorsApart: of another log, another instance, another target.
func cursorsApart(t *testing.T, p Place) {
	to, second := p.Open(t, "one"), p.Open(t, "two")
	Write(t, to, Batch(Numbered(1, 5)))
	b := Batch(Numbered(1, 5))
	b.Log.ID = "0191f3a0-0000-7000-8000-000000000002"
	Write(t, to, b)
	b = Batch(Numbered(1, 5))
	b.Instance.ID = "0191f3a0-0000-7000-8000-00000000000b"
	Write(t, to, b)
	Write(t, second, Batch(Numbered(1, 5)))
	if n := len(p.Numbers(t)); n != 20 {
		t.Errorf("%d rows, want 20", n)
	}
}

func earlierLife(t *testing.T, p Place) {
	to := p.Open(t, "one")
	b := Batch(Numbered(1, 3))
	b.Log.Epoch = 2
	Write(t, to, b)
	written, err := to.Write(t.Context(), Batch(Numbered(4, 3)))
	if _, stop := errors.AsType[*target.StopError](err); !stop || written != 0 {
		t.Errorf("Write of epoch 1 behind epoch 2 = %d, %v; want a StopError", written, err)
	}
	p.Want(t, 3)
}

// refusedRow: a rule that one event breaks costs that event and no other.
func refusedRow(t *testing.T, p Place) {
	to := p.Open(t, "one")
	p.Refuse(t, 77)
	p.Refuse(t, 150)
	wantRefused := func(events []event.Event, want int) {
		t.Helper()
		written, err := to.Write(t.Context(), Batch(events))
		if _, refused := errors.AsType[*target.RefusedError](err); !refused || written != want {
			t.Fatalf("Write = %d, %v; want %d and a RefusedError", written, err, want)
		}
	}
	events := Numbered(1, 200)
	wantRefused(events, 76)
	wantCursor(t, to, target.Cursor{Epoch: 1, Position: 76})
	wantRefused(events[76:], 0) // other rows of the batch prove it
	wantRefused(events[76:77], 0)
	wantRefused(events[77:], 72)
	Write(t, to, Batch(events[150:]))
	wantCursor(t, to, target.Cursor{Epoch: 1, Position: 200})
	p.Want(t, 200, 77, 150)
}

func refusesAll(t *testing.T, p Place) {
	to := p.Open(t, "one")
	p.Refuse(t, 0)
	for _, n := range []int{1, 40} {
		written, err := to.Write(t.Context(), Batch(Numbered(1, n)))
		if _, pause := errors.AsType[*target.PauseError](err); !pause || written != 0 {
			t.Errorf("Write of %d = %d, %v; want a PauseError", n, written, err)
		}
	}
	p.Want(t, 0)
}

// deadLetters come again when the cursor is far beyond them, and again when
// nobody heard that they were taken.
func deadLetters(t *testing.T, p Place) {
	to := p.Open(t, "one")
	Write(t, to, Batch(Numbered(1, 10)))
	if err := to.SetCheckpoint(t.Context(), Log, Batch(Numbered(1, 1)).Instance.ID, 100); err != nil {
		t.Fatal(err)
	}
	letters := Batch([]event.Event{Numbered(11, 1)[0], Numbered(12, 1)[0], Numbered(14, 1)[0]})
	letters.Redelivery, letters.Through = true, 100
	some := letters
	some.Events = letters.Events[:2]
	Write(t, to, some)
	Write(t, to, some)
	Write(t, p.Open(t, "one"), letters)
	wantCursor(t, to, target.Cursor{Epoch: 1, Position: 100})
	p.Want(t, 14, 13)

	p.Refuse(t, 16)
	more := letters
	more.Events = append(append([]event.Event(nil), letters.Events[1:]...), Numbered(15, 3)...)
	written, err := to.Write(t.Context(), more)
	if _, refused := errors.AsType[*target.RefusedError](err); !refused || written != 3 {
		t.Fatalf("redelivery with a row that is refused = %d, %v; want 3 and a RefusedError", written, err)
	}
	more.Events = more.Events[4:]
	Write(t, to, more)
	p.Want(t, 17, 13, 16)
}

func oldRows(t *testing.T, p Place) {
	now := Noon
	to := p.openAt(t, "one", func() time.Time { return now })
	events := Numbered(1, 12_000)
	for i := range events {
		at := now.AddDate(0, 0, -10)
		if i%3 == 0 {
			at = now.AddDate(0, 0, -5)
		}
		events[i].Timestamp, events[i].RecordedAt = at, at
	}
	for len(events) > 0 {
		Write(t, to, Batch(events[:1000]))
		events = events[1000:]
	}
	wantCleaned := func(days int, want int64) {
		t.Helper()
		var all int64
		for more := true; more; {
			var n int64
			var err error
			if n, more, err = to.(target.Cleaner).Clean(t.Context(), days); err != nil {
				t.Fatal(err)
			}
			all += n
		}
		if all != want {
			t.Errorf("Clean(%d) on %s deleted %d rows, want %d", days, now.Format(time.DateOnly), all, want)
		}
	}
	wantCleaned(10, 0) // exactly ten days are not more
	wantCleaned(7, 8000)
	wantCleaned(7, 0)
	now = now.AddDate(0, 0, 3)
	wantCleaned(7, 4000)
	fresh := Numbered(12_001, 10)
	Write(t, to, Batch(fresh))
	wantCleaned(7, 0)
	if n := len(p.Numbers(t)); n != 10 {
		t.Errorf("%d rows are left, want 10", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := to.(target.Cleaner).Clean(ctx, 1); err == nil {
		t.Error("Clean with a cancelled context succeeded")
	}
}
