package exec

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// TestBinsAddExactly: floats that are summed by their exponents make the same
// tallies as floats one by one.
func TestBinsAddExactly(t *testing.T) {
	t.Parallel()
	value := rapid.OneOf(
		rapid.Map(rapid.Int64Range(-1<<40, 1<<40), func(i int64) float64 { return float64(i) / 1000 }),
		rapid.Map(rapid.Int64Range(-300, 300), func(i int64) float64 { return float64(i) }),
		rapid.Map(rapid.Float64(), func(f float64) float64 { return math.Max(-math.MaxFloat64, math.Min(f, math.MaxFloat64)) }),
		rapid.SampledFrom([]float64{0, 1 << 22, 1 << 23, 1<<24 - 0.5, -1 << 52, 1<<53 + 2, 0x1p-40, 0x1p-41, 0x1.fffffffffffffp23, -0.1}),
	)
	rapid.Check(t, func(t *rapid.T) {
		v := &column.Vector{Kind: column.Double, Doubles: rapid.SliceOfN(value, 1, 200).Draw(t, "values")}
		v.Len = len(v.Doubles)
		en := &entries{n: v.Len, count: rapid.SampledFrom([]int{1, 3, binnedGroups + 1}).Draw(t, "groups")}
		if en.count > 1 {
			for range v.Len {
				en.groups = append(en.groups, rapid.Uint32Range(0, uint32(en.count-1)).Draw(t, "group"))
			}
		}
		if rapid.Bool().Draw(t, "nulls") {
			v.Valid = column.NewBitmap(v.Len)
			for i := range v.Len {
				if rapid.Bool().Draw(t, "valid") {
					v.Valid.Set(i)
				}
			}
		}
		if rapid.Bool().Draw(t, "some rows") {
			en.rows = rapid.SliceOfN(rapid.Int32Range(0, int32(v.Len-1)), v.Len, v.Len).Draw(t, "rows")
		}
		got, want := make([]query.Tally, en.count), make([]query.Tally, en.count)
		(&tallyFold{got}).doubles(en, v)
		en.eachValue(v, func(row int, g uint32) { addDouble(&want[g], v.Doubles[row]) })
		for g := range want {
			if a, b := string(got[g].AppendSum(nil)), string(want[g].AppendSum(nil)); a != b || got[g].Count() != want[g].Count() {
				t.Fatalf("group %d: sum %s of %d, want %s of %d", g, a, got[g].Count(), b, want[g].Count())
			}
			if a, b := string(got[g].AppendAvg(nil)), string(want[g].AppendAvg(nil)); a != b {
				t.Fatalf("group %d: mean %s, want %s", g, a, b)
			}
		}
	})
}

// TestFullBin: a bin holds as many of the largest mantissas as a block has rows.
func TestFullBin(t *testing.T) {
	t.Parallel()
	v := &column.Vector{Kind: column.Double, Len: column.MaxRows, Doubles: make([]float64, column.MaxRows)}
	largest := math.Nextafter(2, 1)
	for i := range v.Doubles {
		v.Doubles[i] = largest
	}
	var want query.Tally
	got := make([]query.Tally, 1)
	(&tallyFold{got}).doubles(&entries{n: v.Len, count: 1}, v)
	for range v.Len {
		want.AddFloat(largest)
	}
	if a, b := string(got[0].AppendSum(nil)), string(want.AppendSum(nil)); a != b {
		t.Fatalf("sum %s, want %s", a, b)
	}
}
