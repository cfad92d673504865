package exec

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query/querytest"
)

// TestAt asks for random positions, of which some are not there, in random
// blocks whose positions may lie far apart.
func TestAt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := querytest.Events(t, 120)
		apart := rapid.SampledFrom([]int64{1, 3, 1 << 30}).Draw(t, "apart")
		for i := range events {
			events[i].Position *= apart
		}
		s := randomSnapshot(t, events)
		all := map[int64]event.Event{}
		candidates := []int64{1, 1 << 40}
		for _, e := range events {
			all[e.Position] = e
			candidates = append(candidates, e.Position, e.Position+1)
		}
		positions := rapid.SliceOf(rapid.SampledFrom(candidates)).Draw(t, "positions")
		slices.Sort(positions)
		positions = slices.Compact(positions)
		var want, got []event.Event
		for _, p := range positions {
			if e, ok := all[p]; ok {
				want = append(want, e)
			}
		}
		err := At(t.Context(), positions, s, nil, func(some []event.Event) error {
			got = append(got, some...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("at %v (-want +got):\n%s", positions, diff)
		}
	})
}
