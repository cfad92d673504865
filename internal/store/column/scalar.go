package column

import (
	"math"
	"strconv"
)

// The forms in which a scalar may leave its JSON text for a typed column: those
// from which appendInt, appendDouble and appendQuoted make the same text again.

// parseInt reads the canonical decimal of an int64.
func parseInt(t []byte) (int64, bool) {
	digits := t
	if len(t) > 0 && t[0] == '-' {
		digits = t[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(t) > 1 {
		return 0, false
	}
	if len(digits) == 19 {
		n, err := strconv.ParseInt(string(t), 10, 64)
		return n, err == nil
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(t) {
		n = -n
	}
	return n, true
}

// plainNumber reads the number at i, where it is one of at most 18 digits, or
// one of at most 15 with a point, that parseInt or parseDouble takes; kind 0
// where it is not, or ends otherwise than a member of an object does.
func plainNumber(t []byte, i int) (kind Kind, bits uint64, end int) {
	negative := at(t, i) == '-'
	if negative {
		i++
	}
	var n int64
	point, j := 0, i
	for ; j < len(t); j++ {
		if c := t[j]; c >= '0' && c <= '9' {
			n = n*10 + int64(c-'0')
		} else if c == '.' && point == 0 && j > i {
			point = j
		} else {
			break
		}
	}
	if c := at(t, j); c != ',' && c != '}' || j == i {
		return 0, 0, 0
	}
	zero := t[i] == '0'
	if point == 0 {
		if j-i > 18 || zero && (negative || j > i+1) {
			return 0, 0, 0
		}
		if negative {
			n = -n
		}
		return Int, uint64(n), j
	}
	if j-i > 16 || point == j-1 || t[j-1] == '0' || zero && point > i+1 {
		return 0, 0, 0
	}
	d := float64(n) / powers[j-1-point]
	if negative {
		d = -d
	}
	return Double, math.Float64bits(d), j
}

// powers of ten that a float64 holds exactly.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// parseDouble reads a number with a fraction that is the shortest decimal,
// without exponent, of a float64. Numbers without a fraction are no doubles:
// an integer stays one.
func parseDouble(t []byte) (float64, bool) {
	if d, ok := parseShortDouble(t); ok {
		return d, true
	}
	point := false
	for _, c := range t {
		if c != '-' && c != '.' && (c < '0' || c > '9') {
			return 0, false
		}
		point = point || c == '.'
	}
	if !point || len(t) > 400 {
		return 0, false
	}
	d, err := strconv.ParseFloat(string(t), 64)
	if err != nil || math.IsInf(d, 0) {
		return 0, false
	}
	var buf [512]byte
	return d, string(appendDouble(buf[:0], d)) == string(t)
}

// parseShortDouble reads what has at most 15 significant digits, which a
// float64 always gives back, and does not end in the digit 0.
func parseShortDouble(t []byte) (float64, bool) {
	i, negative := 0, false
	if len(t) > 0 && t[0] == '-' {
		i, negative = 1, true
	}
	if len(t)-i < 3 || len(t)-i > 16 || t[len(t)-1] == '0' || t[i] == '0' && t[i+1] != '.' {
		return 0, false
	}
	var mantissa int64
	point := -1
	for j := i; j < len(t); j++ {
		switch c := t[j]; {
		case c == '.' && point < 0 && j > i:
			point = j
		case c >= '0' && c <= '9':
			mantissa = mantissa*10 + int64(c-'0')
		default:
			return 0, false
		}
	}
	if point < 0 || point == len(t)-1 {
		return 0, false
	}
	d := float64(mantissa) / powers[len(t)-1-point]
	if negative {
		d = -d
	}
	return d, true
}

func appendDouble(dst []byte, d float64) []byte { return strconv.AppendFloat(dst, d, 'f', -1, 64) }

// short escapes of control characters; the others are spelled \u00xx.
var escapes = [256]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as a JSON string in the one canonical spelling: only
// quote, backslash and control characters below U+0020 are escaped, with the
// short escape where there is one.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		if e := escapes[c]; e != 0 {
			dst = append(dst, '\\', e)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		from = i + 1
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// unquoteCanonical appends what the string body (without its quotes) means, if
// it is the canonical spelling and holds no U+0000, which not every reader of
// Parquet strings takes.
func unquoteCanonical(dst, body []byte) ([]byte, bool) {
	for i := 0; i < len(body); i++ {
		c := body[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		i++
		switch e := at(body, i); e {
		case '"', '\\':
			dst = append(dst, e)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			c, ok := controlEscape(body[i+1:])
			if !ok {
				return dst, false
			}
			dst = append(dst, c)
			i += 4
		default:
			return dst, false
		}
	}
	return dst, true
}

// controlEscape reads the four digits of \u00xx where that is the canonical
// spelling of a control character other than U+0000.
func controlEscape(t []byte) (byte, bool) {
	if len(t) < 4 || t[0] != '0' || t[1] != '0' || t[2] != '0' && t[2] != '1' {
		return 0, false
	}
	for low := range byte(16) {
		if hexDigits[low] == t[3] {
			c := (t[2]-'0')<<4 | low
			return c, c != 0 && escapes[c] == 0
		}
	}
	return 0, false
}
