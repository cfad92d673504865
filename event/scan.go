package event

import (
	"encoding/binary"
	"encoding/json/jsontext"
	"math/bits"
	"unicode/utf8"
)

// scanner checks JSON text in one pass and finds its compact form. It builds no
// values. Its methods take the place in text where something starts and return
// where it ends, or -1 after setting bad.
type scanner struct {
	text []byte
	bad  *fault

	// The compact form of the value that is being scanned: what has been copied
	// to scratch[mark:], then text[from:] up to the current place. As long as
	// no white space was met nothing is copied.
	scratch []byte
	mark    int
	from    int
	// limit is the most bytes the compact form may have; it is looked at where
	// memory of the scanner's own depends on it.
	limit int

	// around is the nesting around the value that is scanned: -1 for a whole
	// event, whose payload is at depth 1.
	around int

	// keys are the keys of the objects that are open.
	keys []keyRef
	// escaped says whether the last string had an escape.
	escaped bool
}

// reset makes the scanner ready for another text. Scratch is kept: what was
// handed out of it stays as it is, what follows is used.
func (s *scanner) reset(text []byte) {
	*s = scanner{text: text, scratch: s.scratch, keys: s.keys[:0]}
}

// compact scans the value that starts at i and returns its compact text: a
// slice of the scanned text where that is compact, otherwise of scratch.
func (s *scanner) compact(i, limit int) (value jsontext.Value, end int) {
	s.mark, s.from, s.limit = len(s.scratch), i, limit
	s.keys = s.keys[:0]
	end = s.value(i, s.around)
	if end < 0 {
		return nil, -1
	}
	if s.from == i {
		return s.text[i:end:end], end
	}
	s.copyUntil(end)
	return s.scratch[s.mark:len(s.scratch):len(s.scratch)], end
}

// compactLen is how long the compact form is up to text[i].
func (s *scanner) compactLen(i int) int { return len(s.scratch) - s.mark + i - s.from }

// copyUntil copies text[from:i] to scratch. A scratch that is too small is left
// to the values in it and a new one begun, with what the current value has.
func (s *scanner) copyUntil(i int) {
	add := s.text[s.from:i]
	if cap(s.scratch)-len(s.scratch) < len(add) {
		current := s.scratch[s.mark:]
		size := max(2*(len(current)+len(add)), min(2*cap(s.scratch), 1<<20), 1<<10)
		if cap(s.scratch) == 0 {
			size = min(size, len(s.text)-s.from)
		}
		s.scratch = append(make([]byte, 0, size), current...)
		s.mark = 0
	}
	s.scratch = append(s.scratch, add...)
	s.from = i
}

// space skips white space inside the value that compact scans.
func (s *scanner) space(i int) int {
	if i < len(s.text) && s.text[i] <= ' ' {
		return s.dropSpace(i)
	}
	return i
}

func (s *scanner) dropSpace(i int) int {
	end := skipSpace(s.text, i)
	if end > i {
		s.copyUntil(i)
		s.from = end
	}
	return end
}

// skipSpace returns where the white space that starts at text[i] ends.
func skipSpace(text []byte, i int) int {
	for i < len(text) {
		switch text[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// value scans the value at i; depth is the nesting around it.
func (s *scanner) value(i, depth int) int {
	if i >= len(s.text) {
		return s.expected(i, "a value")
	}
	switch c := s.text[i]; c {
	case '"':
		return s.str(i)
	case '{':
		if depth >= MaxDepth {
			return s.tooDeep(i)
		}
		return s.object(i, depth+1)
	case '[':
		if depth >= MaxDepth {
			return s.tooDeep(i)
		}
		return s.array(i, depth+1)
	case 't':
		return s.literal(i, "true")
	case 'f':
		return s.literal(i, "false")
	case 'n':
		return s.literal(i, "null")
	default:
		if c != '-' && c-'0' > 9 {
			return s.expected(i, "a value")
		}
		return s.number(i)
	}
}

func (s *scanner) object(i, depth int) int {
	i = s.space(i + 1)
	if i < len(s.text) && s.text[i] == '}' {
		return i + 1
	}
	seen := keySet{base: len(s.keys)}
	for {
		if i >= len(s.text) || s.text[i] != '"' {
			return s.expected(i, `a key in quotes`)
		}
		key := i
		if i = s.str(i); i < 0 || !s.addKey(&seen, key, i) {
			return -1
		}
		i = s.space(i)
		if i >= len(s.text) || s.text[i] != ':' {
			return s.expected(i, `":" after the key`)
		}
		if i = s.value(s.space(i+1), depth); i < 0 {
			return -1
		}
		i = s.space(i)
		if i >= len(s.text) {
			return s.expected(i, `"," or "}" after the value`)
		}
		switch s.text[i] {
		case ',':
			i = s.space(i + 1)
		case '}':
			s.keys = s.keys[:seen.base]
			return i + 1
		default:
			return s.expected(i, `"," or "}" after the value`)
		}
	}
}

func (s *scanner) array(i, depth int) int {
	i = s.space(i + 1)
	if i < len(s.text) && s.text[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, depth); i < 0 {
			return -1
		}
		i = s.space(i)
		if i >= len(s.text) {
			return s.expected(i, `"," or "]" after the element`)
		}
		switch s.text[i] {
		case ',':
			i = s.space(i + 1)
		case ']':
			return i + 1
		default:
			return s.expected(i, `"," or "]" after the element`)
		}
	}
}

func (s *scanner) literal(i int, name string) int {
	if len(s.text)-i < len(name) || string(s.text[i:i+len(name)]) != name {
		return s.expected(i, "a value")
	}
	return i + len(name)
}

func (s *scanner) number(i int) int {
	end, bad := scanNumber(s.text, i)
	if bad != nil {
		s.bad = bad
		return -1
	}
	return end
}

// str scans the string whose opening quote is at i.
func (s *scanner) str(i int) int {
	text := s.text
	s.escaped = false
	i++
	for {
		for i+8 <= len(text) {
			if m := specials(binary.LittleEndian.Uint64(text[i:])); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(text) {
			return s.fail(i, CodeInvalidJSON, `the closing quote of a string, found the end of the text`)
		}
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = s.escape(i); i < 0 {
				return -1
			}
			s.escaped = true
		case c < ' ':
			return s.expected(i, "a string without control characters (write them as \\n, \\t or \\u00XX)")
		case c >= utf8.RuneSelf:
			if i = s.multibyte(i); i < 0 {
				return -1
			}
		default:
			i++ // among the last seven bytes of the text
		}
	}
}

// specials marks the bytes of a word that end a run of plain characters: the
// top bit of each that is a quote, a backslash, a control character or no
// ASCII. The lowest mark is exact; higher ones may be false.
func specials(w uint64) uint64 {
	const (
		ones = 0x0101010101010101
		tops = 0x8080808080808080
	)
	quote, backslash := w^ones*'"', w^ones*'\\'
	return (w | (quote-ones)&^quote | (backslash-ones)&^backslash | (w-ones*' ')&^w) & tops
}

// escape scans the escape whose backslash is at i.
func (s *scanner) escape(i int) int {
	if i+1 >= len(s.text) {
		return s.expected(i+1, "the escaped character")
	}
	switch s.text[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
	default:
		return s.expected(i+1, `one of "\/bfnrtu after a backslash`)
	}
	unit, ok := hex4(s.text[i+2:])
	if !ok {
		return s.fail(i, CodeInvalidJSON, `four hexadecimal digits after \u`)
	}
	if unit < 0xD800 || unit > 0xDFFF {
		return i + 6
	}
	if r, width := decodeUnicodeEscape(s.text[i+2:]); r != utf8.RuneError {
		return i + 2 + width
	}
	return s.fail(i, CodeLoneSurrogate, `lone surrogate \`+string(s.text[i+1:i+6])+
		` in a string; a \u escape above U+FFFF needs both halves`)
}

// multibyte scans characters beyond ASCII from i on.
func (s *scanner) multibyte(i int) int {
	for i < len(s.text) && s.text[i] >= utf8.RuneSelf {
		_, width := utf8.DecodeRune(s.text[i:])
		if width == 1 {
			return s.fail(i, CodeInvalidUTF8, "string that is not valid UTF-8 ("+hexByte(s.text[i])+" is no character)")
		}
		i += width
	}
	return i
}
