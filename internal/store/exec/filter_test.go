package exec

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/querytest"
)

// TestMatchesAgreesWithTheRowEvaluator compares, on random events in random
// blocks, the rows that a random condition selects with those that query.Match
// says.
func TestMatchesAgreesWithTheRowEvaluator(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := querytest.Events(t, 150)
		s := randomSnapshot(t, events)
		where := querytest.Condition(t)
		var want, got []int64
		for i := range events {
			if query.Match(where, &events[i]) {
				want = append(want, events[i].Position)
			}
		}
		for i := range s.Blocks {
			got = append(got, matchingPositions(t, where, s, &s.Blocks[i])...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: positions (-evaluator +engine):\n%s", where, diff)
		}
		n, err := Count(context.Background(), where, s)
		if err != nil || n != int64(len(want)) {
			t.Fatalf("%s: counted %d, %v; want %d", where, n, err, len(want))
		}
	})
}

// matchingPositions are the positions of the matches of a block, in order.
func matchingPositions(t *rapid.T, where query.Condition, s Snapshot, ref *BlockRef) []int64 {
	found, err := Matches(context.Background(), where, s, ref)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	b, release, err := ref.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	positions, err := b.Envelope(query.Position)
	if err != nil {
		t.Fatal(err)
	}
	rows := []int32{}
	for row := range found.All() {
		rows = append(rows, int32(row))
	}
	sortByPosition(rows, positions.Ints)
	out := make([]int64, len(rows))
	for i, row := range rows {
		out[i] = positions.Ints[row]
	}
	return out
}

// randomSnapshot cuts events into random blocks.
func randomSnapshot(t *rapid.T, events []event.Event) Snapshot {
	l := layout{
		rows:     rapid.SampledFrom([]int{0, 1, 7, 40, 64, 65}).Draw(t, "rows"),
		order:    rapid.SampledFrom([]column.Order{column.ByPosition, column.ByStream}).Draw(t, "order"),
		plain:    rapid.Bool().Draw(t, "plain"),
		vague:    rapid.SampledFrom([]float64{0, 0, 0.3, 1}).Draw(t, "vague"),
		seed:     rapid.Uint64().Draw(t, "seed"),
		shredded: rapid.Bool().Draw(t, "shredded"),
	}
	if l.sealed = rapid.IntRange(0, 9).Draw(t, "sealed") == 0 && len(events) > 0; l.sealed {
		l.rows = max(l.rows, 40) // to write a segment takes a while
		l.cached = rapid.Bool().Draw(t, "cached")
	}
	if !l.sealed && rapid.Bool().Draw(t, "made ids") {
		l.stored = func(id string) bool { return len(id)%2 == 0 }
	}
	return snapshotOf(events, l)
}

// TestFoldedSearchOverRows: one search over the bytes of all rows finds what a
// search in each row finds.
func TestFoldedSearchOverRows(t *testing.T) {
	t.Parallel()
	letters := rapid.SampledFrom([]rune("aAbBkKsS. \u212a"))
	rapid.Check(t, func(t *rapid.T) {
		v := &column.Vector{Kind: column.String, Offsets: []uint32{0}}
		v.Len = rapid.IntRange(1, 200).Draw(t, "rows")
		all := make(column.Bitmap, words(v.Len))
		allRows(all, v.Len)
		v.Valid = all.Clone()
		for row := range v.Len {
			switch rapid.IntRange(0, 5).Draw(t, "row") {
			case 0:
				v.Valid.Clear(row)
			case 1:
			default:
				v.Bytes = append(v.Bytes, string(rapid.SliceOfN(letters, 0, 6).Draw(t, "value"))...)
			}
			v.Offsets = append(v.Offsets, uint32(len(v.Bytes)))
		}
		text := query.NewFolded(string(rapid.SliceOfN(letters, 1, 3).Draw(t, "text")))
		got := make(column.Bitmap, words(v.Len))
		if !selectPlainFolded(got, all, v, text) {
			return
		}
		for row := range v.Len {
			if want := v.IsValid(row) && text.In(v.Text(row)); got.Get(row) != want {
				t.Fatalf("row %d, %q: %v, want %v", row, v.Text(row), got.Get(row), want)
			}
		}
	})
}
