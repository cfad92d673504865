package exec

import (
	"cmp"
	"math"
	"strings"

	"github.com/firnlog/firn/query"
)

// rank is the type of a value where values of several types are put in order.
type rank uint8

const (
	rankNumber rank = iota + 1
	rankString
	rankBool
	rankRest // null, arrays, objects: one like the other
	rankMissing
)

// sortKey is a value of a field in the form that ordering needs.
type sortKey struct {
	rank rank
	num  number
	text string
}

// number is an exact decimal number. Integers and floats of columns stay
// machine words; a float stands for its shortest decimal text.
type number struct {
	form  numberForm
	bits  uint64
	exact *query.Number // formExact
}

type numberForm uint8

const (
	formInt numberForm = iota
	formDouble
	formExact
)

func intNumber(i int64) number      { return number{form: formInt, bits: uint64(i)} }
func doubleNumber(f float64) number { return number{form: formDouble, bits: math.Float64bits(f)} }

// exactNumber holds n, as an integer where it is a small one.
func exactNumber(n query.Number) number { return number{form: formExact, exact: &n} }

// Number is n in the form of package query.
func (n number) Number() query.Number {
	switch n.form {
	case formInt:
		return query.IntNumber(int64(n.bits))
	case formDouble:
		return query.FloatNumber(math.Float64frombits(n.bits))
	}
	return *n.exact
}

// compare returns -1, 0 or +1 as n is below, equal to or above m.
func (n number) compare(m number) int {
	switch {
	case n.form == formInt && m.form == formInt:
		return cmp.Compare(int64(n.bits), int64(m.bits))
	case n.form == formDouble && m.form == formDouble:
		return cmp.Compare(math.Float64frombits(n.bits), math.Float64frombits(m.bits))
	}
	return n.Number().Compare(m.Number())
}

// compareKeys orders two values, missing ones last in either direction.
func compareKeys(a, b *sortKey, desc bool) int {
	if a.rank != b.rank {
		c := cmp.Compare(a.rank, b.rank)
		if desc && a.rank != rankMissing && b.rank != rankMissing {
			return -c
		}
		return c
	}
	c := 0
	switch a.rank {
	case rankNumber, rankBool:
		c = a.num.compare(b.num)
	case rankString:
		c = strings.Compare(a.text, b.text)
	}
	if desc {
		return -c
	}
	return c
}

// keyOf is the sort key of a JSON value, ok false standing for a missing one.
func keyOf(v query.Value, ok bool) sortKey {
	if !ok {
		return sortKey{rank: rankMissing}
	}
	switch v.Kind {
	case query.Numeric:
		return sortKey{rank: rankNumber, num: exactNumber(v.Num)}
	case query.Instant:
		return sortKey{rank: rankNumber, num: intNumber(v.Micros)}
	case query.String:
		return sortKey{rank: rankString, text: v.Text}
	case query.Boolean:
		return boolKey(v.Bool)
	}
	return sortKey{rank: rankRest}
}

func boolKey(b bool) sortKey {
	k := sortKey{rank: rankBool}
	if b {
		k.num = intNumber(1)
	}
	return k
}
