package store

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
)

// TestOneIDOfManyIsStoredOnce has 50 goroutines append the same id at once, again
// and again, while events are sealed: one of them stores it, the others are told
// where.
func TestOneIDOfManyIsStoredOnce(t *testing.T) {
	l := open(t, t.TempDir(), quiet(t))
	create(t, l, "app")
	const rivals, ids = 50, 20
	for n := range ids {
		var group sync.WaitGroup
		told := make([]Receipt, rivals)
		for i := range rivals {
			group.Go(func() {
				d := event.Draft{ID: fmt.Sprint("id-", n), StreamID: "s", EventType: "one"}
				r, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: []event.Draft{d}})
				if err != nil {
					t.Error(err)
					return
				}
				told[i] = r[0]
			})
		}
		group.Go(func() {
			if err := l.Seal(context.Background()); err != nil {
				t.Error(err)
			}
		})
		group.Wait()
		stored := 0
		for _, r := range told {
			if !r.Duplicate {
				stored++
			}
			if r.SequenceNumber != int64(n+1) || r.Position != int64(n+1) {
				t.Errorf("id %d: %+v", n, r)
			}
		}
		if stored != 1 {
			t.Errorf("id %d was stored %d times", n, stored)
		}
	}
	if got := len(all(t, l, "app")); got != ids {
		t.Errorf("%d events are there, want %d", got, ids)
	}
}

// TestClockJumpsDoNotReorder has the clock go ten years back and ahead between
// appends: numbers and positions rise, and recorded_at never falls.
func TestClockJumpsDoNotReorder(t *testing.T) {
	c := newClock()
	dir, o := t.TempDir(), quiet(t)
	o.Now = c.Now
	l := open(t, dir, o)
	create(t, l, "app")
	const years = 10 * 365 * 24 * time.Hour
	var before Receipt
	for n := range 40 {
		c.advance([]time.Duration{-years, years, time.Second, years, -years}[n%5])
		r := appendTo(t, l, "app", event.Draft{StreamID: "s", EventType: "clock"})[0]
		if r.Position != int64(n+1) || r.SequenceNumber != int64(n+1) || r.RecordedAt.Before(before.RecordedAt) {
			t.Errorf("%+v follows %+v", r, before)
		}
		before = r
		if n%9 == 4 {
			seal(t, l)
		}
		if n%13 == 7 {
			closeLog(t, l)
			l = open(t, dir, o)
		}
	}
	for i, e := range all(t, l, "app") {
		if e.Position != int64(i+1) || e.SequenceNumber != int64(i+1) {
			t.Errorf("event %d is at position %d, number %d", i, e.Position, e.SequenceNumber)
		}
	}
}
