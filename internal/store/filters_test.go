package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/firnlog/firn/internal/store/idrun"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// TestFiltersInMemoryAreTheSmallest lets runs of any size come and go, and be looked
// into: the filters in memory never take more than they may, and none is larger than
// one that is not.
func TestFiltersInMemoryAreTheSmallest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	f := &filters{limit: 1000}
	sizes := map[*runFile]int64{}
	var runs []*runFile
	for step := range 2000 {
		if len(runs) == 20 || len(runs) > 0 && rnd.IntN(3) == 0 {
			gone := rnd.IntN(len(runs))
			f.forget(runs[gone])
			runs = slices.Delete(runs, gone, gone+1)
		} else {
			r := &runFile{}
			sizes[r] = 1 + rnd.Int64N(400)
			runs = append(runs, r)
		}
		for _, r := range runs {
			if f.admit(r, sizes[r]) {
				f.put(r, &idrun.Run{})
			}
		}
		taken, largest, smallest := int64(0), int64(0), f.limit
		for _, r := range runs {
			if r.loaded.Load() != nil {
				taken += sizes[r]
				largest = max(largest, sizes[r])
			} else {
				smallest = min(smallest, sizes[r])
			}
		}
		if taken != f.bytes || taken > f.limit {
			t.Fatalf("step %d: filters in memory have %d bytes, counted are %d, allowed %d", step, taken, f.bytes, f.limit)
		}
		if largest > smallest {
			t.Fatalf("step %d: a filter of %d bytes is in memory, one of %d is not", step, largest, smallest)
		}
	}
}

// TestLookupsWhileFiltersComeAndGo looks ids up in many goroutines, with room for
// one filter, while runs are sealed and merged.
func TestLookupsWhileFiltersComeAndGo(t *testing.T) {
	l := open(t, "/data", Options{FS: vfstest.New(), Quiet: true, FilterMemory: 70})
	create(t, l, "app")
	n := 0
	for range 10 {
		appendTo(t, l, "app", withIDs(&n, 20)...)
		var lookups sync.WaitGroup
		for k := range 4 {
			lookups.Go(func() {
				from := k * n / 4 / 20 * 20
				events := withIDs(&from, 20)
				for i, r := range appendTo(t, l, "app", with(events)...) {
					if !r.Duplicate || r.Position != int64(from-20+2*i+1) {
						t.Errorf("%q again: %+v", events[2*i].ID, r)
					}
				}
			})
		}
		check(t, l.Seal(t.Context()))
		check(t, l.round(t.Context()))
		lookups.Wait()
	}
	if l.filters.bytes > l.filters.limit {
		t.Errorf("filters in memory have %d bytes, allowed are %d", l.filters.bytes, l.filters.limit)
	}
}

// TestSealingGoesOnDuringAMerge has a merge of ids meet a head that is due, and the
// end.
func TestSealingGoesOnDuringAMerge(t *testing.T) {
	l := open(t, "/data", Options{FS: vfstest.New(), Quiet: true, SealRows: 10})
	create(t, l, "app")
	in := instancesOf(t, l, "app")[0]
	in.maintenance.Lock()
	defer in.maintenance.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	appendTo(t, l, "app", samples(10)...)
	many := func(yield func(idrun.Pair, error) bool) {
		for i := int64(1); yield(idrun.Pair{Position: i}, nil); i++ {
		}
	}
	n := 0
	for p, err := range l.withSealing(ctx, in, many) {
		if n++; p.Position != int64(n) {
			t.Fatalf("pair %d has position %d", n, p.Position)
		}
		if err != nil {
			if !errors.Is(err, context.Canceled) || n != 3*mergeLook {
				t.Errorf("pair %d: %v", n, err)
			}
			break
		}
		switch n {
		case mergeLook - 1:
			if rows := in.current().headRows(); rows != 10 {
				t.Errorf("the head has %d rows before", rows)
			}
		case mergeLook:
			if rows := in.current().headRows(); rows != 0 {
				t.Errorf("the head has %d rows, and 10 were due", rows)
			}
		case 2 * mergeLook:
			cancel()
		}
	}
}
