package exec

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 3*radixFrom).Draw(t, "n")
		mask := rapid.SampledFrom([]int64{-1, 0xff, 0xffff00, 0}).Draw(t, "mask")
		seed := rapid.Int64().Draw(t, "seed")
		ints, floats := make([]int64, n), make([]float64, n)
		for i := range n {
			seed = seed*6364136223846793005 + 1442695040888963407
			ints[i] = (seed ^ seed>>29) & mask
			floats[i] = math.Float64frombits(uint64(ints[i]))
			if math.IsNaN(floats[i]) {
				floats[i] = float64(ints[i])
			}
		}
		wantInts, wantFloats := slices.Clone(ints), slices.Clone(floats)
		slices.Sort(wantInts)
		slices.Sort(wantFloats)
		sortInts(ints)
		sortFloats(floats)
		if !slices.Equal(ints, wantInts) {
			t.Fatalf("sortInts: %v, want %v", ints, wantInts)
		}
		if !slices.Equal(floats, wantFloats) { // 0 equals -0
			t.Fatalf("sortFloats: %v, want %v", floats, wantFloats)
		}
	})
}
