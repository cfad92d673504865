package exec

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/querytest"
)

// TestPairsAreNumberedOnce: pairs that lie close together or far apart, of more
// and more parents and values, have numbers as they come.
func TestPairsAreNumberedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var (
			table pairTable
			owed  = meter{account: &account{}}
			known = map[pair]uint32{}
		)
		for range rapid.IntRange(1, 6).Draw(t, "blocks") {
			parents := rapid.Uint32Range(0, rapid.SampledFrom([]uint32{0, 9, 1000, 1 << 20}).Draw(t, "parents"))
			values := rapid.Uint32Range(0, rapid.SampledFrom([]uint32{0, 9, 1000, 1 << 20}).Draw(t, "values"))
			got := rapid.SliceOfN(values, 0, 400).Draw(t, "values")
			of := rapid.SliceOfN(parents, len(got), len(got)).Draw(t, "of")
			want := make([]uint32, len(got))
			most := 1
			for i := range got {
				p := pair{of[i], got[i]}
				most = max(most, int(p.value)+1)
				if _, ok := known[p]; !ok {
					known[p] = uint32(len(known))
				}
				want[i] = known[p]
			}
			if err := table.number(got, of, max(most, 1<<table.shift), &owed); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) || len(table.pairs) != len(known) {
				t.Fatalf("%d pairs are known, want %d:\n%s", len(table.pairs), len(known), cmp.Diff(want, got))
			}
		}
	})
}

// TestBucketsOfBlocksWithinOne: a block whose first and last event are in the same
// bucket may have others in between where the clocks were put back.
func TestBucketsOfBlocksWithinOne(t *testing.T) {
	t.Parallel()
	// The clocks of St. John's went back from 00:01 to 23:01 on 2005-10-30.
	back := time.Date(2005, 10, 30, 2, 31, 0, 0, time.UTC)
	events := thousand(6)
	for i, after := range []time.Duration{-30 * time.Second, time.Minute, 2 * time.Hour, 3 * time.Hour, 49 * time.Hour, 50 * time.Hour} {
		events[i].Timestamp = back.Add(after)
	}
	for _, bucket := range []string{"1m", "1h", "1d", "1w"} {
		for _, zone := range []string{"America/St_Johns", "UTC"} {
			q := parse(t, fmt.Sprintf(`"timezone":%q,"reduce":{"type":"count"},"groupBy":["timestamp:%s","event_type","created_at:1d"]`, zone, bucket))
			want, err := query.Evaluate(q, events)
			if err != nil {
				t.Fatal(err)
			}
			for rows := range 5 {
				s := snapshotOf(events, layout{rows: rows, shredded: true})
				got, err := Run(context.Background(), q, s, nil)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want.Aggregation), string(got.Aggregation)); diff != "" {
					t.Errorf("%s in %s, blocks of %d (-evaluator +engine):\n%s", bucket, zone, rows, diff)
				}
			}
		}
	}
}

// TestGroupsOfManyKeys compares the groups of thousands of events, more than a
// block keeps without renumbering them, with the evaluator's.
func TestGroupsOfManyKeys(t *testing.T) {
	t.Parallel()
	events := thousand(6000)
	for i := range events {
		actor := fmt.Sprint("a", i*7%300)
		events[i].Actor = &actor
		if i%11 == 0 {
			events[i].Actor = nil
		}
		events[i].Payload = fmt.Appendf(nil, `{"n":%d,"group":%d,"tags":[%d,"x"],"half":%g}`, i, i%100, i%3, float64(i%50)/2)
		events[i].RecordedAt = querytest.Now.Add(time.Duration(i) * time.Second)
	}
	for _, text := range []string{
		`"reduce":{"type":"count"},"groupBy":["actor","payload.group","payload.half"],"limit":200`,
		`"reduce":{"type":"sum","field":"payload.half"},"groupBy":["actor","payload.tags[]","payload.group"],"limit":200`,
		`"where":[{"field":"payload.n","operator":"gt","value":1500}],"reduce":{"type":"count"},"groupBy":["payload.n","actor"],"orderBy":{"field":"actor"},"limit":200`,
		`"reduce":[{"as":"n","type":"count","field":"payload.half"},{"as":"m","type":"max","field":"payload.n"}],"groupBy":["payload.tags[]","payload.half"],"orderBy":[{"field":"n","direction":"desc"},{"field":"m"}],"limit":200`,
	} {
		q := parse(t, text)
		want, err := query.Evaluate(q, events)
		if err != nil {
			t.Fatal(err)
		}
		for name, l := range map[string]layout{"head": {rows: 1700, shredded: true}, "sealed": {rows: 2500, sealed: true}, "plain": {rows: 900, plain: true}} {
			got, err := Run(context.Background(), q, snapshotOf(events, l), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want.Aggregation), string(got.Aggregation)); diff != "" {
				t.Errorf("%s, %s (-evaluator +engine):\n%s", text, name, diff)
			}
		}
	}
}
