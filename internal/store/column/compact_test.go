package column_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/internal/store/column"
)

// compactable draws a vector that may have a compact form, and the codes it came
// with.
func compactable(t *rapid.T) (*column.Vector, *column.Coded) {
	n := rapid.SampledFrom([]int{1, 63, 64, 300}).Draw(t, "rows")
	// A few values, over and over: thousands of draws would tell nothing more.
	distinct := rapid.SampledFrom([]int{1, 3, 256, 257, 1 << 16, 1<<16 + 1}).Draw(t, "distinct")
	code := func(row int) int { return row * 7919 % distinct }
	v := &column.Vector{Len: n}
	if rapid.Bool().Draw(t, "nulls") {
		v.Valid = column.NewBitmap(n)
		for row := range n {
			if row%3 != 0 {
				v.Valid.Set(row)
			}
		}
	}
	switch v.Kind = rapid.SampledFrom([]column.Kind{column.Int, column.Double}).Draw(t, "kind"); v.Kind {
	case column.Int:
		least := rapid.Int64().Draw(t, "least")
		step := rapid.SampledFrom([]int64{0, 1, 255, 1 << 8, 1 << 16, 1 << 24, 1 << 40, 1 << 62}).Draw(t, "step")
		for row := range n {
			v.Ints = append(v.Ints, least+int64(code(row))*step) // may wrap around
		}
	default:
		for row := range n {
			v.Doubles = append(v.Doubles, float64(code(row))/8)
		}
	}
	if distinct > 1<<16 || rapid.Bool().Draw(t, "plain") {
		return v, nil
	}
	return v, codesOf(v)
}

// codesOf makes a dictionary of a vector of numbers.
func codesOf(v *column.Vector) *column.Coded {
	c := &column.Coded{Codes16: make([]uint16, v.Len)}
	if v.Kind == column.Int {
		c.Ints = dictionaryOf(v.Ints, c.Codes16)
	} else {
		c.Doubles = dictionaryOf(v.Doubles, c.Codes16)
	}
	return c
}

func dictionaryOf[T comparable](values []T, codes []uint16) (dict []T) {
	known := map[T]uint16{}
	for row, value := range values {
		code, ok := known[value]
		if !ok {
			code = uint16(len(dict))
			known[value] = code
			dict = append(dict, value)
		}
		codes[row] = code
	}
	return dict
}

// valuesOf are the values of a vector, nil where a row has none.
func valuesOf(v *column.Vector) []any {
	out := make([]any, v.Len)
	for row := range out {
		switch {
		case !v.IsValid(row):
		case v.Kind == column.Int:
			out[row] = v.Ints[row]
		case v.Kind == column.Double:
			out[row] = v.Doubles[row]
		default:
			out[row] = v.Text(row)
		}
	}
	return out
}

// TestCompactGivesTheVectorBack: of a compact column the same vector is made, and
// the same rows are picked.
func TestCompactGivesTheVectorBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v, coded := compactable(t)
		c := column.NewCompact(v, coded)
		if c == nil {
			return
		}
		var room column.Room
		defer room.Free()
		want, got := valuesOf(v), c.Vector(&room)
		if diff := cmp.Diff(want, valuesOf(got)); diff != "" {
			t.Fatalf("vector (-made of +made again):\n%s", diff)
		}
		if c.Size() >= v.Size() && v.Len > 300 {
			t.Fatalf("%d bytes, the vector has %d", c.Size(), v.Size())
		}
		if made := 8*len(got.Ints) + 8*len(got.Doubles); c.VectorSize() < int64(made) {
			t.Fatalf("%d bytes are said of a vector of %d", c.VectorSize(), made)
		}
		rows := rapid.SliceOf(rapid.Int32Range(0, int32(v.Len-1))).Draw(t, "picked")
		var some []any
		for _, row := range rows {
			some = append(some, want[row])
		}
		if diff := cmp.Diff(some, valuesOf(c.Pick(rows))[:len(rows):len(rows)]); len(rows) > 0 && diff != "" {
			t.Fatalf("picked (-want +got):\n%s", diff)
		}
	})
}

// TestWideNumbersStay: what a compact form would not make smaller has none.
func TestWideNumbersStay(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]*column.Vector{
		"integers": {Kind: column.Int, Len: 2, Ints: []int64{0, 1 << 32}},
		"doubles":  {Kind: column.Double, Len: 1, Doubles: []float64{0.5}},
		"texts":    {Kind: column.String, Len: 1, Codes: []uint32{0}, Dict: []string{"x"}},
		"booleans": {Kind: column.Bool, Len: 1, Bools: column.Bitmap{1}},
	} {
		if column.NewCompact(v, nil) != nil {
			t.Errorf("%s have a compact form", name)
		}
	}
}

// TestRoomsAreUsedAgain: a vector of many rows, made in a room that others have
// used before, is as any other.
func TestRoomsAreUsedAgain(t *testing.T) {
	t.Parallel()
	const rows = column.MaxRows
	ints := &column.Vector{Kind: column.Int, Len: rows, Ints: make([]int64, rows)}
	doubles := &column.Vector{Kind: column.Double, Len: rows, Doubles: make([]float64, rows)}
	for row := range rows {
		ints.Ints[row], doubles.Doubles[row] = int64(row)-7, float64(row%(1<<16))/4
	}
	coded := codesOf(doubles)
	for range 3 {
		var room column.Room
		if diff := cmp.Diff(ints.Ints, column.NewCompact(ints, nil).Vector(&room).Ints); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(doubles.Doubles, column.NewCompact(doubles, coded).Vector(&room).Doubles); diff != "" {
			t.Fatal(diff)
		}
		room.Free()
	}
}

// TestExtent: the least and the greatest integer of some rows.
func TestExtent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := &column.Vector{Kind: column.Int, Ints: rapid.SliceOfN(rapid.Int64(), 0, 200).Draw(t, "ints")}
		v.Len = len(v.Ints)
		draw := func(name string) column.Bitmap {
			if rapid.Bool().Draw(t, name) {
				return nil
			}
			b := column.NewBitmap(v.Len)
			for row := range v.Len {
				if rapid.IntRange(0, 9).Draw(t, "row") > 0 {
					b.Set(row)
				}
			}
			return b
		}
		rows := draw("rows")
		v.Valid = draw("valid")
		var some []int64
		for row, i := range v.Ints {
			if v.IsValid(row) && (rows == nil || rows.Get(row)) {
				some = append(some, i)
			}
		}
		least, most := v.Extent(rows)
		if len(some) == 0 {
			if least <= most {
				t.Fatalf("%d to %d of nothing", least, most)
			}
			return
		}
		if least != slices.Min(some) || most != slices.Max(some) {
			t.Fatalf("%d to %d, want %d to %d", least, most, slices.Min(some), slices.Max(some))
		}
	})
}
