package event

import (
	"fmt"
	"strings"
)

// number is a JSON number literal taken apart: 0.digits × 10^point, without
// zeros at either end of digits; zero has no digits.
type number struct {
	negative bool
	digits   string
	point    int
}

// parseNumber takes a JSON number literal apart. ok is false for text that is
// none, or whose length or exponent is beyond the limits.
func parseNumber(literal string) (n number, ok bool) {
	end, bad := scanNumber([]byte(literal), 0)
	if bad != nil || end != len(literal) {
		return n, false
	}
	n.negative = literal[0] == '-'
	mantissa, exponent := strings.TrimPrefix(literal, "-"), 0
	if e := strings.IndexAny(mantissa, "eE"); e >= 0 {
		exponent = smallInt(mantissa[e+1:])
		mantissa = mantissa[:e]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	trimmed := strings.TrimLeft(digits, "0")
	n.point = len(whole) + exponent - (len(digits) - len(trimmed))
	n.digits = strings.TrimRight(trimmed, "0")
	if n.digits == "" {
		return number{}, true
	}
	return n, true
}

// smallInt reads the digits of an exponent within the limits.
func smallInt(text string) int {
	negative := text[0] == '-'
	n := 0
	for _, c := range strings.TrimLeft(text, "+-") {
		n = n*10 + int(c-'0')
	}
	if negative {
		return -n
	}
	return n
}

// scanNumber returns where the number that starts at text[i] ends.
func scanNumber(text []byte, i int) (end int, bad *fault) {
	start := i
	if i < len(text) && text[i] == '-' {
		i++
	}
	switch {
	case i < len(text) && text[i] == '0':
		i++
	case i < len(text) && text[i] >= '1' && text[i] <= '9':
		i = skipDigits(text, i+1)
	default:
		return 0, &fault{at: i, code: CodeInvalidJSON, message: "a digit in the number" + butFound(text, i)}
	}
	if i < len(text) && text[i] == '.' {
		digits := i + 1
		if i = skipDigits(text, digits); i == digits {
			return 0, &fault{at: i, code: CodeInvalidJSON, message: "a digit after the decimal point" + butFound(text, i)}
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		if i, bad = scanExponent(text, i); bad != nil {
			return 0, bad
		}
	}
	if i-start > MaxNumber {
		return 0, &fault{at: start, code: CodeNumberRange, message: fmt.Sprintf(
			"number of %d characters; the most is %d", i-start, MaxNumber)}
	}
	return i, nil
}

// scanExponent returns where the exponent whose letter is text[i] ends.
func scanExponent(text []byte, i int) (end int, bad *fault) {
	letter := i
	i++
	if i < len(text) && (text[i] == '+' || text[i] == '-') {
		i++
	}
	digits := i
	i = skipDigits(text, i)
	if i == digits {
		return 0, &fault{at: i, code: CodeInvalidJSON, message: "a digit in the exponent" + butFound(text, i)}
	}
	value := 0
	for _, c := range text[digits:i] {
		value = min(value*10+int(c-'0'), MaxExponent+1)
	}
	if value > MaxExponent {
		return 0, &fault{at: letter, code: CodeNumberRange, message: fmt.Sprintf(
			"number with an exponent beyond ±%d; send it as a string", MaxExponent)}
	}
	return i, nil
}

func skipDigits(text []byte, i int) int {
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	return i
}
