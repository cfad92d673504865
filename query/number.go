package query

import (
	"cmp"
	"errors"
	"math"
	"strconv"
	"strings"
)

// Number is an exact decimal number. It is compared by its digits and its
// exponent and never expanded, so 1e1000000 costs no more than 1. Two numbers
// are equal when their values are, however they were spelled: 1e3 is 1000, -0
// is 0, and 2^53+1 is not 2^53. The zero value is 0.
type Number struct {
	// The value is ±0.LT × 10^exp, where L are the 19 digits of lead (10^18 ≤
	// lead < 10^19; 0 only for zero) and T those of tail, which holds none that
	// are not needed.
	lead uint64
	tail string
	exp  int32
	neg  bool
	// fraction says that the literal had a fraction or an exponent.
	fraction bool
	// near is the nearest float64; ±Inf beyond its range.
	near float64
}

const leadDigits = 19

var pow10 = func() (p [leadDigits + 1]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// maxExponent bounds the exponents that are told apart; events and queries hold
// no literals near it.
const maxExponent = 1 << 24

var errNumber = errors.New("not a JSON number")

// ParseNumber reads a JSON number literal. The only error is that text is none.
// Integers and short decimals cost no allocation.
func ParseNumber[T ~string | ~[]byte](text T) (Number, error) {
	var n Number
	i := 0
	if i < len(text) && text[i] == '-' {
		n.neg = true
		i++
	}
	whole, wholeEnd := i, endOfDigits(text, i)
	if wholeEnd == whole || (text[whole] == '0' && wholeEnd > whole+1) {
		return Number{}, errNumber
	}
	i = wholeEnd
	fracStart, fracEnd := i, i
	if i < len(text) && text[i] == '.' {
		fracStart, fracEnd = i+1, endOfDigits(text, i+1)
		if fracEnd == fracStart {
			return Number{}, errNumber
		}
		n.fraction = true
		i = fracEnd
	}
	exponent := 0
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		var ok bool
		if exponent, i, ok = parseExponent(text, i+1); !ok {
			return Number{}, errNumber
		}
		n.fraction = true
	}
	if i != len(text) {
		return Number{}, errNumber
	}
	setDigits(&n, text[whole:wholeEnd], text[fracStart:fracEnd], exponent)
	if whole, ok := n.Int(); ok {
		n.near = float64(whole)
	} else {
		n.near, _ = strconv.ParseFloat(string(text), 64) // its only error is ±Inf
	}
	return n, nil
}

// endOfDigits returns the index after the digits that begin at i.
func endOfDigits[T ~string | ~[]byte](text T, i int) int {
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	return i
}

// parseExponent reads what follows the e of a literal.
func parseExponent[T ~string | ~[]byte](text T, i int) (exponent, end int, ok bool) {
	negative := false
	if i < len(text) && (text[i] == '+' || text[i] == '-') {
		negative = text[i] == '-'
		i++
	}
	end = endOfDigits(text, i)
	if end == i {
		return 0, i, false
	}
	for ; i < end; i++ {
		exponent = min(exponent*10+int(text[i]-'0'), maxExponent)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, end, true
}

// setDigits sets n's value from the digits before and after the point.
func setDigits[T ~string | ~[]byte](n *Number, whole, fraction T, exponent int) {
	start := 0 // the first digit that counts
	total := len(whole) + len(fraction)
	digit := func(i int) byte {
		if i < len(whole) {
			return whole[i]
		}
		return fraction[i-len(whole)]
	}
	for start < total && digit(start) == '0' {
		start++
	}
	for total > start && digit(total-1) == '0' {
		total--
	}
	if start == total {
		n.neg = false
		return
	}
	n.exp = int32(max(min(len(whole)-start+exponent, maxExponent), -maxExponent))
	taken := min(total-start, leadDigits)
	for i := start; i < start+taken; i++ {
		n.lead = n.lead*10 + uint64(digit(i)-'0')
	}
	n.lead *= pow10[leadDigits-taken]
	if rest := start + taken; rest < total {
		var tail strings.Builder
		for i := rest; i < total; i++ {
			tail.WriteByte(digit(i))
		}
		n.tail = tail.String()
	}
}

// IntNumber is the number i.
func IntNumber(i int64) Number {
	n := Number{neg: i < 0, near: float64(i)}
	if i == 0 {
		return n
	}
	n.lead = magnitude(i)
	for n.exp = leadDigits; n.lead < pow10[leadDigits-1]; n.exp-- {
		n.lead *= 10
	}
	return n
}

func magnitude(i int64) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

// FloatNumber is the number that f's shortest decimal text spells; a whole one
// is an integer. Infinities become the largest finite number, NaN becomes 0.
func FloatNumber(f float64) Number {
	switch {
	case math.IsNaN(f):
		f = 0
	case math.IsInf(f, 0):
		f = math.Copysign(math.MaxFloat64, f)
	}
	if i := int64(f); float64(i) == f && magnitude(i) < 1<<53 {
		return IntNumber(i)
	}
	var buf [32]byte
	n, _ := ParseNumber(strconv.AppendFloat(buf[:0], f, 'e', -1, 64)) // always a number
	n.fraction = f != math.Trunc(f)
	return n
}

// Int returns the value as an int64; ok is false where it is not whole or out
// of range. 1e3 and 1000.0 are whole.
func (n Number) Int() (i int64, ok bool) {
	if n.lead == 0 {
		return 0, true
	}
	if n.exp < 1 || n.exp > leadDigits || n.tail != "" {
		return 0, false
	}
	unit := pow10[leadDigits-n.exp]
	if n.lead%unit != 0 {
		return 0, false
	}
	u := n.lead / unit
	if n.neg {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}

// Float returns the nearest float64, ±Inf beyond its range.
func (n Number) Float() float64 { return n.near }

// IsInteger reports whether the literal had neither fraction nor exponent: 1000
// is an integer, 1e3 and 1000.0 are not. Sums of integers are exact.
func (n Number) IsInteger() bool { return !n.fraction }

// Sign returns -1, 0 or +1.
func (n Number) Sign() int {
	switch {
	case n.lead == 0:
		return 0
	case n.neg:
		return -1
	}
	return 1
}

// Compare returns -1, 0 or +1 as n is below, equal to or above m.
func (n Number) Compare(m Number) int {
	sign := n.Sign()
	if other := m.Sign(); sign != other || sign == 0 {
		return cmp.Compare(sign, other)
	}
	c := cmp.Compare(n.exp, m.exp)
	if c == 0 {
		c = cmp.Compare(n.lead, m.lead)
	}
	if c == 0 {
		c = cmp.Compare(n.tail, m.tail)
	}
	return c * sign
}

// CompareInt compares n with i.
func (n Number) CompareInt(i int64) int {
	if own, ok := n.Int(); ok {
		return cmp.Compare(own, i)
	}
	return n.Compare(IntNumber(i))
}

// CompareFloat compares n with the number that f's shortest decimal text
// spells: the number 0.1 equals the float64 0.1.
func (n Number) CompareFloat(f float64) int {
	// Rounding never turns an order round, so floats that differ decide.
	switch {
	case n.near < f:
		return -1
	case n.near > f:
		return 1
	}
	return n.Compare(FloatNumber(f))
}

// String is the one spelling that all equal numbers share: without exponent
// from 1e-6 up to 1e21, as in JavaScript, but with every digit. It serves as a
// key of equality.
func (n Number) String() string { return string(n.append(nil)) }

func (n Number) append(dst []byte) []byte {
	if n.lead == 0 {
		return append(dst, '0')
	}
	if n.neg {
		dst = append(dst, '-')
	}
	var buf [leadDigits]byte
	digits := strconv.AppendUint(buf[:0], n.lead, 10)
	if n.tail == "" {
		for digits[len(digits)-1] == '0' {
			digits = digits[:len(digits)-1]
		}
	} else {
		digits = append(digits[:len(digits):len(digits)], n.tail...)
	}
	return appendDecimal(dst, digits, int(n.exp))
}

// appendDecimal spells 0.digits × 10^exp.
func appendDecimal(dst, digits []byte, exp int) []byte {
	switch {
	case exp > 21 || exp < -5:
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(append(dst, '.'), digits[1:]...)
		}
		dst = append(dst, 'e')
		if exp > 0 {
			dst = append(dst, '+')
		}
		return strconv.AppendInt(dst, int64(exp-1), 10)
	case exp <= 0:
		dst = append(dst, "0."...)
		for range -exp {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	case exp >= len(digits):
		dst = append(dst, digits...)
		for range exp - len(digits) {
			dst = append(dst, '0')
		}
		return dst
	}
	dst = append(dst, digits[:exp]...)
	return append(append(dst, '.'), digits[exp:]...)
}
