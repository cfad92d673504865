package column

import (
	"bytes"
	"encoding/binary"
	"encoding/json/jsontext"
	"math/bits"

	"github.com/firnlog/firn/query"
)

// The functions of this file read compact JSON that has been validated, and
// skeletons (see shape.go), which are compact JSON with placeholder bytes for
// values. On anything else they report failure; they never panic.

// at is the byte at i, 0 beyond the end.
func at[T string | []byte](t T, i int) byte {
	if i < len(t) {
		return t[i]
	}
	return 0
}

// stringEnd returns the index after the string that starts at t[i] == '"', and
// whether it has an escape; -1 if it does not end.
func stringEnd[T string | []byte](t T, i int) (end int, escaped bool) {
	for i++; i < len(t); i++ {
		switch t[i] {
		case '"':
			return i + 1, escaped
		case '\\':
			escaped = true
			i++
		}
	}
	return -1, escaped
}

// quoteEnd is stringEnd, eight bytes at a time.
func quoteEnd(t []byte, i int) (end int, escaped bool) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	j := i + 1
	for j+8 <= len(t) {
		word := binary.LittleEndian.Uint64(t[j:])
		quote, slash := word^ones*'"', word^ones*'\\'
		// The lowest byte that is zero in one of them has its top bit set here.
		found := ((quote-ones)&^quote | (slash-ones)&^slash) & tops
		if found == 0 {
			j += 8
			continue
		}
		if j += bits.TrailingZeros64(found) / 8; t[j] == '"' {
			return j + 1, escaped
		}
		escaped = true
		j += 2
	}
	end, more := stringEnd(t, j-1)
	return end, escaped || more
}

// valueEnd returns the index after the value that starts at i, -1 if there is
// none.
func valueEnd[T string | []byte](t T, i int) int {
	depth := 0
	for i < len(t) {
		switch c := t[i]; {
		case c == '"':
			if i, _ = stringEnd(t, i); i < 0 {
				return -1
			}
		case c == '{' || c == '[':
			depth++
			i++
			continue // its end is not here yet
		case c == '}' || c == ']':
			depth--
			i++
		case c == ',' || c == ':':
			i++
			continue
		case c < ' ':
			i++
		default:
			i = atomEnd(t, i)
		}
		if depth <= 0 {
			return i
		}
	}
	return -1
}

// atomEnd returns the index after the number or word that starts at i.
func atomEnd[T string | []byte](t T, i int) int {
	for i < len(t) && t[i] != ',' && t[i] != '}' && t[i] != ']' && t[i] >= ' ' {
		i++
	}
	return i
}

// keyOf decodes an object key, given with its quotes.
func keyOf(raw string, escaped bool) (string, bool) {
	if !escaped {
		return raw[1 : len(raw)-1], true
	}
	b, err := jsontext.AppendUnquote(nil, raw)
	return string(b), err == nil
}

// lookup finds the value at path in compact JSON or in a skeleton. It stops at
// a placeholder, with the steps that are left.
func lookup[T string | []byte](t T, path []query.Step) (from, to int, left []query.Step, ok bool) {
	i := 0
	for n, step := range path {
		switch c := at(t, i); {
		case c == '{' && !step.IsIndex && !step.Each:
			i = findKey(t, i, step.Key)
		case c == '[' && step.IsIndex:
			i = findIndex(t, i, step.Index)
		case c != 0 && c < ' ':
			return i, i + 1, path[n:], true
		default:
			return 0, 0, nil, false
		}
		if i < 0 {
			return 0, 0, nil, false
		}
	}
	end := valueEnd(t, i)
	return i, end, nil, end > 0
}

// findKey returns where the value of a key of the object at t[i] starts, -1 if
// it has no such key.
func findKey[T string | []byte](t T, i int, key string) int {
	for i++; at(t, i) == '"'; i++ {
		end, escaped := stringEnd(t, i)
		if end < 0 || at(t, end) != ':' {
			return -1
		}
		found := false
		if escaped {
			k, ok := keyOf(string(t[i:end]), true)
			found = ok && k == key
		} else {
			found = string(t[i+1:end-1]) == key
		}
		if found {
			return end + 1
		}
		if i = valueEnd(t, end+1); i < 0 || at(t, i) != ',' {
			return -1
		}
	}
	return -1
}

// findIndex returns where element n of the array at t[i] starts, -1 if it has
// not that many.
func findIndex[T string | []byte](t T, i, n int) int {
	if n < 0 || at(t, i+1) == ']' {
		return -1
	}
	for i++; n > 0; n-- {
		if i = valueEnd(t, i); i < 0 || at(t, i) != ',' {
			return -1
		}
		i++
	}
	return i
}

// hasString reports whether compact JSON may hold a string value.
func hasString(text []byte) bool { return bytes.IndexByte(text, '"') >= 0 }
