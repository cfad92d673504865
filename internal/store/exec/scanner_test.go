package exec

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/querytest"
)

// TestScannerScans: in steps of any size, with or without room to read ahead,
// over snapshots that grow, a scanner gives what Match says, in order.
func TestScannerScans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := querytest.Events(t, 60)
		where := querytest.Query(t).Where
		if len(events) == 0 {
			return
		}
		l := layout{rows: rapid.IntRange(1, 30).Draw(t, "rows"), shredded: true}
		if l.sealed = rapid.IntRange(0, 9).Draw(t, "sealed") == 0; l.sealed {
			l.rows = max(l.rows, 20) // to write a segment takes a while
		}
		whole := snapshotOf(events, l)
		kept := NewMemory(rapid.SampledFrom([]int64{1, aheadBytes, 1 << 30}).Draw(t, "kept"))
		s := NewScanner(where, nil, kept)
		snap := whole.until(0)
		after := int64(0)
		var got []event.Event
		for after < whole.LastPosition {
			if after == snap.LastPosition || rapid.Bool().Draw(t, "grows") {
				n := min(len(snap.Blocks)+rapid.IntRange(1, 5).Draw(t, "blocks"), len(whole.Blocks))
				snap = whole
				snap.Blocks = whole.Blocks[:n]
				snap.LastPosition = whole.Blocks[n-1].LastPosition
			}
			most := rapid.IntRange(1, 20).Draw(t, "most")
			some, position, err := s.Next(context.Background(), func() Snapshot { return snap }, after, snap.LastPosition, most)
			if err != nil || len(some) > most || position < after || position == after && after < snap.LastPosition {
				t.Fatalf("after %d: %d events up to %d, %v", after, len(some), position, err)
			}
			got, after = append(got, some...), position
			if rapid.IntRange(0, 9).Draw(t, "reset") == 0 {
				s.Reset()
			}
		}
		var want []event.Event
		for i := range events {
			if where == nil || query.Match(where, &events[i]) {
				want = append(want, events[i])
			}
		}
		if d := cmp.Diff(positionsOf(want), positionsOf(got)); d != "" {
			t.Fatal(d)
		}
		if s.Reset(); kept.Used() != 0 {
			t.Fatalf("%d bytes are not given back", kept.Used())
		}
	})
}

func positionsOf(events []event.Event) []int64 {
	out := make([]int64, len(events))
	for i := range events {
		out[i] = events[i].Position
	}
	return out
}

func TestScannerWithoutMemory(t *testing.T) {
	t.Parallel()
	snap := snapshotOf(thousand(100), layout{sealed: true})
	kept := NewMemory(1 << 20)
	s := NewScanner(nil, NewMemory(100), kept)
	_, position, err := s.Next(context.Background(), func() Snapshot { return snap }, 0, 100, 10)
	if !errors.Is(err, ErrMemory) || position != 0 || kept.Used() != 0 {
		t.Fatalf("position %d, %v, %d bytes held; want 0, ErrMemory and 0", position, err, kept.Used())
	}
}

// TestScannerLetsGo wants what a scanner gave held by nobody but its caller: a
// thousand tails wait with their scanners, and an event may have megabytes.
func TestScannerLetsGo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := querytest.Events(t, 30)
		if len(events) == 0 {
			return
		}
		snap := snapshotOf(events, layout{rows: 10, shredded: true})
		s := NewScanner(nil, nil, NewMemory(1<<30))
		for after := int64(0); after < snap.LastPosition; {
			before := s.ahead
			_, position, err := s.Next(context.Background(), func() Snapshot { return snap }, after, snap.LastPosition, 1)
			if err != nil {
				t.Fatal(err)
			}
			after = position
			if len(before) > 1 && before[0].EventType != "" {
				t.Fatal("what is ahead holds what was given")
			}
			if len(s.ahead) == 0 && s.ahead != nil {
				t.Fatal("what was given last is held")
			}
		}
	})
}
