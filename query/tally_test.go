package query

import (
	"math"
	"math/big"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// exactly adds literals with rationals, as Tally promises to.
func exactly(literals []string) (sum *big.Rat, integers bool) {
	sum, integers = new(big.Rat), true
	for _, text := range literals {
		n, _ := ParseNumber(text)
		value, _ := new(big.Rat).SetString(text)
		if !n.IsInteger() {
			integers = false
			f := max(min(n.Float(), math.MaxFloat64), -math.MaxFloat64)
			value.SetFloat64(f)
		}
		sum.Add(sum, value)
	}
	return sum, integers
}

func TestTallyIsExactInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		odd := rapid.SampledFrom([]string{"9223372036854775807", "-9223372036854775808", "18446744073709551616", "-0", "1e300", "-1e300", "5e-324", "1e308", "1e400", "0.1", "-0.1", "1e-400"})
		texts := rapid.SliceOfN(rapid.OneOf(odd, rapid.Custom(func(t *rapid.T) string { return literals(t, "n") })), 1, 30).Draw(t, "numbers")
		var all, left, right Tally
		for i, text := range texts {
			n := mustNumber(t, text)
			all.Add(n)
			if i%2 == 0 {
				left.Add(n)
			} else {
				right.Add(n)
			}
		}
		right.Merge(&left)
		sum, integers := exactly(texts)
		want := sum.Num().String()
		if !integers {
			f, _ := sum.Float64()
			want = FloatNumber(f).String()
		}
		if got := string(all.AppendSum(nil)); got != want {
			t.Fatalf("sum of %v: got %s, want %s", texts, got, want)
		}
		if got := string(right.AppendSum(nil)); got != want {
			t.Fatalf("sum of %v in two parts: got %s, want %s", texts, got, want)
		}
		mean, _ := sum.Quo(sum, new(big.Rat).SetInt64(int64(len(texts)))).Float64()
		if got := string(right.AppendAvg(nil)); got != FloatNumber(mean).String() {
			t.Fatalf("mean of %v: got %s, want %v", texts, got, mean)
		}
	})
}

func TestTallyCarries(t *testing.T) {
	var tally Tally
	want := new(big.Rat)
	for i := range 1000 {
		f := math.Ldexp(float64(1<<53-1), i%1900-1000) * float64(1-2*(i%3%2))
		tally.AddFloat(f)
		want.Add(want, new(big.Rat).SetFloat64(f))
		if i%7 == 0 {
			tally.carry()
		}
	}
	f, _ := want.Float64()
	if got := string(tally.AppendSum(nil)); got != FloatNumber(f).String() {
		t.Errorf("got %s, want %v", got, f)
	}
}

func TestTallyOfNothing(t *testing.T) {
	var tally Tally
	if sum, avg := string(tally.AppendSum(nil)), string(tally.AppendAvg(nil)); sum != "null" || avg != "null" {
		t.Errorf("got %s and %s", sum, avg)
	}
}

func BenchmarkTallyAddFloat(b *testing.B) {
	var tally Tally
	for i := 0; b.Loop(); i++ {
		tally.AddFloat(float64(i) * 0.37)
	}
}

func BenchmarkTallyAddInt(b *testing.B) {
	var tally Tally
	for i := 0; b.Loop(); i++ {
		tally.AddInt(int64(i) << 32)
	}
}

// Sums that were made before are worth as much as their numbers one by one.
func TestTallyTakesSums(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var one, sums Tally
		n := rapid.IntRange(1, 20).Draw(t, "n")
		for range n {
			negative := rapid.Bool().Draw(t, "negative")
			mantissas := rapid.SliceOfN(rapid.Uint64Range(1, 1<<53-1), 1, 40).Draw(t, "mantissas")
			exponent := rapid.IntRange(-1074, 971).Draw(t, "exponent")
			if rapid.Bool().Draw(t, "near") {
				exponent = rapid.IntRange(-60, 10).Draw(t, "near exponent")
			}
			whole := rapid.Bool().Draw(t, "whole")
			var hi, lo, carry uint64
			for _, m := range mantissas {
				lo, carry = bits.Add64(lo, m, 0)
				hi += carry
				f := math.Ldexp(float64(m), exponent)
				i := int64(m)
				if negative {
					f, i = -f, -i
				}
				if whole {
					one.AddInt(i)
				} else {
					one.AddFloat(f)
				}
			}
			if whole {
				sums.AddInts(int64(len(mantissas)), negative, hi, lo)
			} else {
				sums.AddFloats(int64(len(mantissas)), negative, hi, lo, exponent)
			}
		}
		if a, b := string(one.AppendSum(nil)), string(sums.AppendSum(nil)); a != b {
			t.Fatalf("sum %s, want %s", b, a)
		}
		if a, b := string(one.AppendAvg(nil)), string(sums.AppendAvg(nil)); a != b {
			t.Fatalf("mean %s, want %s", b, a)
		}
	})
}
