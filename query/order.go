package query

import (
	"cmp"
	"strings"
)

// CompareValues orders two values as orderBy does, ascending: numbers, then
// strings and instants, then booleans (false first), then the rest, which is
// all equal.
func CompareValues(a, b Value) int {
	if c := cmp.Compare(sortClass(a), sortClass(b)); c != 0 {
		return c
	}
	if order, ok := a.order(b); ok {
		return order
	}
	if a.Kind == Boolean && a.Bool != b.Bool {
		if b.Bool {
			return -1
		}
		return 1
	}
	return 0
}

func sortClass(v Value) int {
	switch v.Kind {
	case Numeric:
		return 1
	case String, Instant:
		return 2
	case Boolean:
		return 3
	}
	return 4
}

// found is a value, or none.
type found struct {
	Value
	ok bool
}

// compareFound orders what may be missing: missing comes last in either
// direction.
func compareFound(a, b found, desc bool) int {
	switch {
	case a.ok && b.ok && desc:
		return CompareValues(b.Value, a.Value)
	case a.ok && b.ok:
		return CompareValues(a.Value, b.Value)
	case a.ok:
		return -1
	case b.ok:
		return 1
	}
	return 0
}

// compareGroupValues orders values of one group key ascending, null last. Unlike
// orderBy it tells the rest apart, by canonical text.
func compareGroupValues(a, b Value) int {
	if c := compareFound(found{a, a.Kind != Null}, found{b, b.Kind != Null}, false); c != 0 {
		return c
	}
	if sortClass(a) == 4 {
		return strings.Compare(string(a.Raw), string(b.Raw))
	}
	return 0
}
