package event

import (
	"bytes"
	"unicode/utf8"
)

// IsPlain reports whether a quoted JSON string has no escapes, so that
// quoted[1:len(quoted)-1] is the string.
func IsPlain(quoted []byte) bool { return bytes.IndexByte(quoted, '\\') < 0 }

// EqualQuoted reports whether a valid quoted JSON string, decoded, is s.
func EqualQuoted(quoted []byte, s string) bool {
	if len(quoted) < 2 {
		return false
	}
	inner := quoted[1 : len(quoted)-1]
	if len(inner) == len(s) && string(inner) == s {
		return IsPlain(inner)
	}
	// An escape is never shorter than what it stands for.
	if len(inner) <= len(s) || IsPlain(inner) {
		return false
	}
	var buf [64]byte
	return string(appendDecoded(buf[:0], inner)) == s
}

// Unquoted is the decoded text of a valid quoted JSON string, as a new string.
func Unquoted(quoted []byte) string {
	if len(quoted) < 2 {
		return ""
	}
	inner := quoted[1 : len(quoted)-1]
	if IsPlain(inner) {
		return string(inner)
	}
	return string(appendDecoded(make([]byte, 0, len(inner)), inner))
}

// AppendUnquoted appends the decoded text of a valid quoted JSON string. What
// is not valid in it becomes U+FFFD; it never panics.
func AppendUnquoted(dst, quoted []byte) []byte {
	if len(quoted) < 2 {
		return dst
	}
	return appendDecoded(dst, quoted[1:len(quoted)-1])
}

// appendDecoded appends the text of a string without its quotes.
func appendDecoded(dst, inner []byte) []byte {
	for {
		n := bytes.IndexByte(inner, '\\')
		if n < 0 || n+1 >= len(inner) {
			return append(dst, inner...)
		}
		dst = append(dst, inner[:n]...)
		c := inner[n+1]
		inner = inner[n+2:]
		if c != 'u' {
			dst = append(dst, unescaped(c))
			continue
		}
		r, width := decodeUnicodeEscape(inner)
		dst = utf8.AppendRune(dst, r)
		inner = inner[width:]
	}
}

// unescaped is the byte that a backslash and c stand for.
func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default:
		return c
	}
}

// decodeUnicodeEscape decodes what follows a \u: four hexadecimal digits and,
// behind a high surrogate, the \u escape of the low one. A lone surrogate or a
// digit that is none yields utf8.RuneError. width is how much it read.
func decodeUnicodeEscape(text []byte) (r rune, width int) {
	high, ok := hex4(text)
	if !ok {
		return utf8.RuneError, min(4, len(text))
	}
	if high < 0xD800 || high > 0xDFFF {
		return high, 4
	}
	if high > 0xDBFF || len(text) < 10 || text[4] != '\\' || text[5] != 'u' {
		return utf8.RuneError, 4
	}
	low, ok := hex4(text[6:])
	if !ok || low < 0xDC00 || low > 0xDFFF {
		return utf8.RuneError, 4
	}
	return (high-0xD800)<<10 | (low - 0xDC00) + 0x10000, 10
}

func hex4(text []byte) (r rune, ok bool) {
	if len(text) < 4 {
		return 0, false
	}
	for _, c := range text[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// AppendQuoted appends s as a quoted JSON string with as few escapes as JSON
// allows: the quote, the backslash and control characters below U+0020, with
// the short form where there is one. It is the form of jsontext.AppendQuote and
// of RFC 8785. Valid UTF-8 comes back exactly; each byte that is none becomes
// U+FFFD.
func AppendQuoted[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, width := decodeRune(s[i:])
			if r == utf8.RuneError && width == 1 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += width
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = appendEscape(append(dst, s[start:i]...), c)
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func decodeRune[S ~string | ~[]byte](s S) (rune, int) {
	if len(s) > utf8.UTFMax {
		s = s[:utf8.UTFMax]
	}
	var buf [utf8.UTFMax]byte
	return utf8.DecodeRune(buf[:copy(buf[:], s)])
}

// appendEscape appends the escape of a quote, a backslash or a control
// character.
func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
}
