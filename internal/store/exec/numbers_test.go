package exec

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/querytest"
)

// TestBoundsTranslateExactly: the machine ranges that stand for a comparison
// with any decimal accept just the integers and floats that compare so.
func TestBoundsTranslateExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		constant := query.ValueOf([]byte(querytest.Number(t)))
		op := rapid.SampledFrom([]query.Operator{query.Eq, query.Gt, query.Gte, query.Lt, query.Lte}).Draw(t, "operator")
		b, ok := numberBounds(op, []query.Value{constant})
		if !ok {
			t.Fatal("no bounds")
		}
		compare := query.Is(query.Field{Root: query.Payload, Path: []query.Step{{Key: "x"}}}, op, constant)
		near := constant.Num.Float()
		ints := []int64{rapid.Int64().Draw(t, "int"), math.MinInt64, math.MinInt64 + 1, math.MaxInt64, math.MaxInt64 - 1, -1, 0, 1}
		if math.Abs(near) < 1<<62 {
			ints = append(ints, int64(near)-1, int64(near), int64(near)+1)
		}
		s, some := b.ints()
		for _, i := range ints {
			want := compare.MatchValue(query.IntValue(i), true)
			if got := some && s.lo <= i && i <= s.hi; got != want {
				t.Errorf("%d %s %s: %v, want %v", i, op, constant.Raw, got, want)
			}
		}
		doubles := []float64{rapid.Float64().Draw(t, "double"), -math.MaxFloat64, math.MaxFloat64, 0, math.SmallestNonzeroFloat64}
		if !math.IsInf(near, 0) {
			doubles = append(doubles, near, math.Nextafter(near, math.Inf(1)), math.Nextafter(near, math.Inf(-1)))
		}
		d, some := b.doubles()
		for _, f := range doubles {
			if math.IsInf(f, 0) {
				continue
			}
			want := compare.MatchValue(query.Value{Kind: query.Numeric, Num: query.FloatNumber(f)}, true)
			if got := some && d.lo <= f && f <= d.hi; got != want {
				t.Errorf("%g %s %s: %v, want %v", f, op, constant.Raw, got, want)
			}
		}
	})
}

// TestSketchKeepsItsPromise: exact to exactValues, within 1 % of rank beyond, in
// whatever order the values come and however the work is divided.
func TestSketchKeepsItsPromise(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	shapes := map[string]func(i, n int) int64{
		"rising":  func(i, _ int) int64 { return int64(i) },
		"falling": func(i, n int) int64 { return int64(n - i) },
		"random":  func(_, n int) int64 { return r.Int64N(int64(n)) },
		"few":     func(_, _ int) int64 { return r.Int64N(5) },
		"saw":     func(i, _ int) int64 { return int64(i % 1000) },
	}
	for name, at := range shapes {
		for _, n := range []int{1, 99, 101, exactValues, exactValues + 1, 250_000} {
			var (
				parts  [3]*quantiles
				values = make([]int64, n)
			)
			for i := range parts {
				parts[i] = newQuantileSet()
			}
			for i := range values {
				values[i] = at(i, n)
				parts[i*len(parts)/n].ints.add(values[i])
			}
			whole := parts[0]
			for i := range parts[1:] {
				if _, err := mergeQuantiles(&whole, &parts[i+1]); err != nil {
					t.Fatal(err)
				}
			}
			slices.Sort(values)
			for _, percent := range []int{50, 90, 95, 99} {
				got, _ := whole.ranked().percentile(percent).Int()
				checkRank(t, name, values, percent, got)
			}
		}
	}
}

// checkRank fails where a percentile's rank is not right, or within 1 %.
func checkRank(t *testing.T, name string, sorted []int64, percent int, got int64) {
	t.Helper()
	n := len(sorted)
	rank := (percent*n + 99) / 100
	if n <= exactValues {
		if got != sorted[rank-1] {
			t.Errorf("%s, p%d of %d: %d, want %d exactly", name, percent, n, got, sorted[rank-1])
		}
		return
	}
	low, _ := slices.BinarySearchFunc(sorted, got, cmp.Compare[int64])
	high, _ := slices.BinarySearchFunc(sorted, got+1, cmp.Compare[int64])
	if off := max(low+1-rank, rank-high, 0); off > n/100 {
		t.Errorf("%s, p%d of %d: %d is %d ranks off", name, percent, n, got, off)
	}
}

// TestMixedNumbersHaveOneOrder: percentiles over integers, floats and other
// decimals.
func TestMixedNumbersHaveOneOrder(t *testing.T) {
	t.Parallel()
	q := newQuantileSet()
	q.ints.add(9007199254740993)
	q.doubles.add(0.5)
	n, err := query.ParseNumber("9007199254740992.5")
	if err != nil {
		t.Fatal(err)
	}
	q.others.add(n)
	if got := q.ranked().percentile(50).String(); got != "9007199254740992.5" {
		t.Errorf("p50 = %s", got)
	}
	if got := q.ranked().percentile(99).String(); got != "9007199254740993" {
		t.Errorf("p99 = %s", got)
	}
}
