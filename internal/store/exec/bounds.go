package exec

import (
	"math"
	"sort"

	"github.com/firnlog/firn/query"
)

// bounds is a range of exact decimal numbers, translated once into a range of
// each kind of column, so that the loops over columns compare machine words.
type bounds struct {
	low, high       query.Number
	hasLow, hasHigh bool // otherwise without end on that side
	above, below    bool // low, high themselves are outside
}

// numberBounds is the range of numbers that an operator accepts; ok is false
// where it accepts none because an operand is no number.
func numberBounds(op query.Operator, values []query.Value) (b bounds, ok bool) {
	if len(values) == 0 || values[0].Kind != query.Numeric {
		return bounds{}, false
	}
	n := values[0].Num
	switch op {
	case query.Eq:
		return bounds{low: n, high: n, hasLow: true, hasHigh: true}, true
	case query.Gt, query.Gte:
		return bounds{low: n, hasLow: true, above: op == query.Gt}, true
	case query.Lt, query.Lte:
		return bounds{high: n, hasHigh: true, below: op == query.Lt}, true
	case query.Between:
		if len(values) != 2 || values[1].Kind != query.Numeric {
			return bounds{}, false
		}
		return bounds{low: n, high: values[1].Num, hasLow: true, hasHigh: true}, true
	}
	return bounds{}, false
}

// holds reports whether n lies in b.
func (b *bounds) holds(n query.Number) bool {
	if b.hasLow {
		if c := n.Compare(b.low); c < 0 || c == 0 && b.above {
			return false
		}
	}
	if b.hasHigh {
		if c := n.Compare(b.high); c > 0 || c == 0 && b.below {
			return false
		}
	}
	return true
}

// ints is the range of int64 that lies in b; ok is false where it is empty.
func (b *bounds) ints() (s span, ok bool) {
	s = span{math.MinInt64, math.MaxInt64}
	if b.hasLow {
		if s.lo, ok = firstInt(b.low, b.above); !ok {
			return span{}, false
		}
	}
	if b.hasHigh {
		beyond, some := firstInt(b.high, !b.below)
		if some {
			if beyond == math.MinInt64 {
				return span{}, false
			}
			s.hi = beyond - 1
		}
	}
	return s, s.lo <= s.hi
}

// firstInt is the lowest int64 that is n or above, or, with strictly, above n.
func firstInt(n query.Number, strictly bool) (first int64, ok bool) {
	passes := func(i int64) bool {
		c := n.CompareInt(i)
		return c < 0 || c == 0 && !strictly
	}
	if !passes(math.MaxInt64) {
		return 0, false
	}
	if passes(math.MinInt64) {
		return math.MinInt64, true
	}
	// Two halves, because sort.Search counts in int.
	if !passes(-1) {
		return int64(sort.Search(math.MaxInt64, func(i int) bool { return passes(int64(i)) })), true
	}
	return math.MinInt64 + int64(sort.Search(math.MaxInt64, func(i int) bool { return passes(math.MinInt64 + int64(i)) })), true
}

// doubles is the range of float64 whose shortest decimal texts lie in b.
func (b *bounds) doubles() (s doubleSpan, ok bool) {
	s = doubleSpan{-math.MaxFloat64, math.MaxFloat64}
	if b.hasLow {
		if s.lo, ok = firstDouble(b.low, b.above); !ok {
			return doubleSpan{}, false
		}
	}
	if b.hasHigh {
		if beyond, some := firstDouble(b.high, !b.below); some {
			s.hi = math.Nextafter(beyond, math.Inf(-1))
		}
	}
	return s, s.lo <= s.hi
}

// firstDouble is the lowest float64 whose shortest decimal text is n or above,
// or, with strictly, above n. Shortest texts rise with their floats and round
// back to them, so only the float nearest to n needs a closer look.
func firstDouble(n query.Number, strictly bool) (first float64, ok bool) {
	near := n.Float()
	switch {
	case math.IsInf(near, -1):
		return -math.MaxFloat64, true
	case math.IsInf(near, 1):
		return 0, false
	}
	c := n.CompareFloat(near)
	if c < 0 || c == 0 && !strictly {
		return near, true
	}
	next := math.Nextafter(near, math.Inf(1))
	return next, !math.IsInf(next, 1)
}
