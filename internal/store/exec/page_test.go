package exec

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/querytest"
)

// TestPagesMakeTheWholeListing: pages of any size, put together, are the whole
// listing, though events arrive and blocks change between them. In append order
// the events that arrived belong to it, otherwise only those of the first page's
// snapshot.
func TestPagesMakeTheWholeListing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := querytest.Events(t, 120)
		orderBy := rapid.SampledFrom([]string{
			``,
			`,"orderBy":{"field":"position","direction":"desc"}`,
			`,"orderBy":{"field":"position","direction":"asc"}`,
			`,"orderBy":{"field":"timestamp","direction":"desc"}`,
			`,"orderBy":[{"field":"recorded_at","direction":"asc"},{"field":"payload.n","direction":"desc"}]`,
			`,"orderBy":{"field":"payload.s","direction":"desc"}`,
			`,"orderBy":{"field":"sequence_number","direction":"desc"}`,
			`,"orderBy":[{"field":"sequence_number","direction":"asc"},{"field":"actor","direction":"asc"}]`,
			`,"orderBy":[{"field":"severity","direction":"asc"},{"field":"actor","direction":"asc"}]`,
		}).Draw(t, "orderBy")
		from := rapid.SampledFrom([]string{`{"from":{"instance":"i"}`, `{"from":{"instance":"i","stream":"default"}`}).Draw(t, "from")
		text := from + orderBy
		if rapid.Bool().Draw(t, "where?") {
			text += `,"where":[{"field":"payload.n","operator":"exists"}]`
		}
		known := rapid.IntRange(min(len(events), 1), len(events)).Draw(t, "known at first")
		end := known
		var got []int64
		for cursor := ""; ; {
			page := querytest.MustParse(t, text+"}")
			page.Limit = rapid.IntRange(1, 30).Draw(t, "limit")
			page.NoTotal = rapid.Bool().Draw(t, "no total")
			page.Cursor = cursor
			r, err := Run(context.Background(), page, randomSnapshot(t, events[:end]), nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Events) > page.Limit {
				t.Fatalf("a page of %d events, at most %d were asked for", len(r.Events), page.Limit)
			}
			got = append(got, positions(r.Events)...)
			if cursor = r.NextCursor; cursor == "" {
				break
			}
			end = rapid.IntRange(end, len(events)).Draw(t, "known now")
		}
		if orderBy != "" {
			end = known // arrivals do not join
		}
		whole := querytest.MustParse(t, text+"}")
		whole.Limit = query.MaxLimit
		want, err := query.Evaluate(whole, events[:end])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(positions(want.Events), got); diff != "" {
			t.Fatalf("%s: positions (-listing +pages):\n%s", text, diff)
		}
	})
}

func positions(events []event.Event) []int64 {
	var out []int64
	for i := range events {
		out = append(out, events[i].Position)
	}
	return out
}

// TestScanIsTheListing: Scan delivers every match above a position, once, in
// order, whole.
func TestScanIsTheListing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := querytest.Events(t, 120)
		s := randomSnapshot(t, events)
		where := querytest.Condition(t)
		after := rapid.Int64Range(0, int64(len(events))+1).Draw(t, "after")
		var want, got []event.Event
		for i := range events {
			if events[i].Position > after && query.Match(where, &events[i]) {
				want = append(want, events[i])
			}
		}
		m := NewMemory(1 << 30)
		err := Scan(context.Background(), where, s, after, m, func(some []event.Event) error {
			got = append(got, some...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: events (-evaluator +scan):\n%s", where, diff)
		}
		if m.Used() != 0 {
			t.Fatalf("%d bytes of the budget are not given back", m.Used())
		}
	})
}
