package segment

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/column/columntest"
	"github.com/firnlog/firn/query"
)

func TestMergeKeepsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := columntest.Rows(t, 20)
		var segments []*Segment
		for from := 0; from < len(rows); {
			to := from + rapid.IntRange(1, len(rows)-from).Draw(t, "rows of a segment")
			data, _ := write(t, rows[from:to])
			segments = append(segments, open(t, data, nil))
			from = to
		}
		modulus := rapid.Int64Range(1, 4).Draw(t, "drop positions divisible by")
		var want []column.Row
		for _, r := range rows {
			if modulus == 1 || r.Position%modulus != 0 {
				want = append(want, r)
			}
		}
		var out bytes.Buffer
		info, err := Merge(context.Background(), &out, segments, dropMultiples(modulus))
		if len(want) == 0 {
			if !errors.Is(err, ErrEmpty) {
				t.Fatalf("merging to nothing: %v, want ErrEmpty", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if info.Rows != len(want) || info.FirstPosition != want[0].Position || info.LastPosition != want[len(want)-1].Position {
			t.Fatalf("info %+v of %d rows from %d to %d", info, len(want), want[0].Position, want[len(want)-1].Position)
		}
		s := open(t, out.Bytes(), nil)
		if err := columntest.Check(s.Groups()[0].Block(), withIDs(byStream(want))); err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}

// dropMultiples keeps the positions that are no multiple of n; 1 keeps all.
func dropMultiples(n int64) func(column.Block) (column.Bitmap, error) {
	if n == 1 {
		return nil
	}
	return func(b column.Block) (column.Bitmap, error) {
		v, err := b.Envelope(query.Position)
		if err != nil {
			return nil, err
		}
		keep := column.NewBitmap(b.Rows())
		for row, position := range v.Ints {
			if position%n != 0 {
				keep.Set(row)
			}
		}
		return keep, nil
	}
}

func TestMergeRefusesOverlap(t *testing.T) {
	t.Parallel()
	data, _ := write(t, columntest.NewSampler(1).Rows(3))
	s := open(t, data, nil)
	if _, err := Merge(context.Background(), new(bytes.Buffer), []*Segment{s, s}, nil); err == nil {
		t.Fatal("a segment was merged with itself")
	}
}

// The second row group of a file keeps to the columns that the first has
// chosen, whatever it holds.
func TestSecondRowGroupHoldsWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := columntest.Rows(t, 16)
		half := rapid.IntRange(0, len(rows)).Draw(t, "rows of the first group")
		var out bytes.Buffer
		f := newFileWriter(&out, testInstance, true)
		for i := range rows {
			if i == half && i > 0 {
				if err := f.endGroup(); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.append(&rows[i]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.close(); err != nil {
			t.Fatal(err)
		}
		s := open(t, out.Bytes(), nil)
		groups := s.Groups()
		if half > 0 && half < len(rows) {
			if err := columntest.Check(groups[1].Block(), withIDs(byStream(rows[half:]))); err != nil {
				t.Fatal(err)
			}
			rows = rows[:half]
		}
		if err := columntest.Check(groups[0].Block(), withIDs(byStream(rows))); err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}
