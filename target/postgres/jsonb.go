package postgres

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"math"
	"strconv"
)

// changes counts what JSONB would refuse and is kept in another form.
type changes struct {
	nuls    int64 // NUL characters that became the six characters \u0000
	numbers int64 // numbers beyond PostgreSQL's range that became strings
}

func (c *changes) add(more changes) { c.nuls += more.nuls; c.numbers += more.numbers }

// The range of PostgreSQL's numeric: digits before and behind the point.
const (
	mostWhole    = 131_072
	mostFraction = 16_383
)

var escapedNUL = []byte(`\u0000`)

// errSameKeys says that two keys of an object became one.
var errSameKeys = errors.New(`a key of its payload holds a NUL, and with the six characters \u0000 in its place it equals another key of the same object, of which JSONB would drop one`)

// appendJSONB appends compact JSON in the form that JSONB takes. Almost all of it
// is taken as it is.
func appendJSONB(to []byte, text []byte) (_ []byte, c changes, err error) {
	start := len(to)
	if !bytes.Contains(text, escapedNUL) && !hasFarNumber(text) {
		return append(to, text...), c, nil
	}
	for i := 0; i < len(text); {
		switch b := text[i]; {
		case b == '"':
			end := i + stringLength(text[i:])
			to = appendString(to, text[i:end], &c)
			i = end
		case b == '-' || '0' <= b && b <= '9':
			end := i + numberLength(text[i:])
			to = appendNumber(to, text[i:end], &c)
			i = end
		default:
			to = append(to, b)
			i++
		}
	}
	if c.nuls > 0 && !jsontext.Value(to[start:]).IsValid() {
		return to[:start], changes{}, errSameKeys
	}
	return to, c, nil
}

// appendString appends a string with its quotes, each \u0000 in it as \\u0000.
func appendString(to, text []byte, c *changes) []byte {
	for i := 0; i < len(text); {
		switch {
		case text[i] != '\\' || i+1 == len(text):
			to = append(to, text[i])
			i++
		case bytes.HasPrefix(text[i:], escapedNUL):
			c.nuls++
			to = append(append(to, '\\'), escapedNUL...)
			i += len(escapedNUL)
		default: // an escape of two characters, or the front of a longer one
			to = append(to, text[i], text[i+1])
			i += 2
		}
	}
	return to
}

func appendNumber(to, text []byte, c *changes) []byte {
	if !farNumber(text) {
		return append(to, text...)
	}
	c.numbers++
	to = append(to, '"')
	to = append(to, text...)
	return append(to, '"')
}

// hasFarNumber reports whether a number beyond the range may be in a text: no
// number of fewer characters is, if it has no exponent.
func hasFarNumber(text []byte) bool {
	for i := 0; i < len(text); {
		switch b := text[i]; {
		case b == '"':
			i += stringLength(text[i:])
		case b == '-' || '0' <= b && b <= '9':
			n := numberLength(text[i:])
			if farNumber(text[i : i+n]) {
				return true
			}
			i += n
		default:
			i++
		}
	}
	return false
}

// farNumber reports whether a JSON number is beyond the range of numeric.
func farNumber(text []byte) bool {
	digits, exponent := text, 0
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		digits = text[:i]
		n, err := strconv.Atoi(string(text[i+1:]))
		if err != nil {
			return true
		}
		exponent = min(max(n, math.MinInt32), math.MaxInt32)
	}
	if len(digits)+max(exponent, -exponent) <= mostFraction {
		return false
	}
	digits = bytes.TrimPrefix(digits, []byte("-"))
	whole, fraction, _ := bytes.Cut(digits, []byte("."))
	if len(bytes.Trim(whole, "0")) == 0 && len(bytes.Trim(fraction, "0")) == 0 {
		return exponent > mostWhole || len(fraction)-exponent > mostFraction
	}
	return len(whole)+exponent > mostWhole || len(fraction)-exponent > mostFraction
}

// stringLength is the length of the string at the front of a valid JSON text.
func stringLength(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func numberLength(text []byte) int {
	for i, b := range text {
		switch {
		case '0' <= b && b <= '9', b == '-', b == '+', b == '.', b == 'e', b == 'E':
		default:
			return i
		}
	}
	return len(text)
}
