package exec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firnlog/firn/internal/store/column"
)

// TestPercentilesOfFewValues: numbers that have a dictionary are counted, so that
// percentiles of more than exactValues of them are exact, whether their column was
// kept or not.
func TestPercentilesOfFewValues(t *testing.T) {
	t.Parallel()
	const rows, distinct = exactValues + 20_000, 1000
	events := thousand(rows)
	for i := range events {
		events[i].Payload = fmt.Appendf(nil, `{"n":%d.5,"whole":%d}`, i*7%distinct, i*7%distinct)
	}
	s := snapshotOf(events, layout{rows: rows/2 + 1, sealed: true, cached: true})
	q := parse(t, `"reduce":[{"as":"a","type":"p50","field":"payload.n"},{"as":"b","type":"p99","field":"payload.n"},{"as":"c","type":"p95","field":"payload.whole"}]`)
	for _, when := range []string{"first", "again"} {
		r, err := Run(context.Background(), q, s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(r.Aggregation), `{"values":{"a":499.5,"b":989.5,"c":949}}`; got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
}

// TestCountedValuesOverflow: more than exactValues different values of
// dictionaries go to the sketch, which keeps within 1 % of rank.
func TestCountedValuesOverflow(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	q := newQuantileSet()
	var all []float64
	for range 6 {
		c := &codeCounts{of: &column.Coded{}}
		for range 30_000 {
			v, n := float64(random.IntN(1<<30))/4, random.IntN(12)
			c.of.Doubles, c.counts = append(c.of.Doubles, v), append(c.counts, uint32(n))
			for range n {
				all = append(all, v)
			}
		}
		q.take(c)
	}
	slices.Sort(all)
	r := q.ranked()
	if r.total != int64(len(all)) {
		t.Fatalf("%d values, want %d", r.total, len(all))
	}
	for _, percent := range []int{1, 50, 90, 99} {
		got := r.percentile(percent).Float()
		at, _ := slices.BinarySearch(all, got)
		if off := at - len(all)*percent/100; off < -len(all)/100 || off > len(all)/100 {
			t.Errorf("p%d is %g, %d places of %d off", percent, got, off, len(all))
		}
	}
}
