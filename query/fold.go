package query

import (
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// Folded is a text to be found without regard to case. Case is Unicode's simple
// case folding, letter by letter: "STRASSE" is not "straße", but "ẞ" is "ß".
// Many goroutines may use it at once.
type Folded struct {
	text string // folded
	// ascii says that all letters are ASCII and, in plain, that none of them
	// equals a letter outside ASCII (k and s do: U+212A, U+017F).
	ascii, plain bool
	// anchor is the index in text of the byte that is looked for first; lower is
	// the same byte in lower case.
	anchor int
	lower  byte
}

// NewFolded prepares text to be found.
func NewFolded(text string) *Folded {
	f := &Folded{ascii: true, plain: true}
	var folded strings.Builder
	for _, r := range text {
		r = foldRune(r)
		f.ascii = f.ascii && r < utf8.RuneSelf
		f.plain = f.plain && r < utf8.RuneSelf && r != 'K' && r != 'S'
		folded.WriteRune(r)
	}
	f.text = folded.String()
	if f.ascii && f.text != "" {
		f.anchor = rarest(f.text)
		f.lower = lowerASCII(f.text[f.anchor])
	}
	return f
}

// rarest picks the byte of s that English prose and JSON hold least often.
func rarest(s string) int {
	const common = " ETAOINSRHLDCUMFPGWYBV/.-_:0123456789KXJQZ"
	best, at := -1, 0
	for i := range len(s) {
		rank := strings.IndexByte(common, s[i])
		if rank < 0 {
			return i
		}
		if rank > best {
			best, at = rank, i
		}
	}
	return at
}

// Len is how many bytes a place that a Finder finds has.
func (f *Folded) Len() int { return len(f.text) }

// In reports whether s holds the text.
func (f *Folded) In(s string) bool {
	if f.text == "" {
		return true
	}
	if f.ascii {
		if f.inASCII(s) {
			return true
		}
		if f.plain || isASCII(s) {
			return false
		}
	}
	for i := range s {
		if hasFoldedPrefix(s[i:], f.text) {
			return true
		}
	}
	return false
}

// inASCII looks for text byte by byte.
func (f *Folded) inASCII(s string) bool {
	finder := f.finder(s)
	return finder.Next(0) >= 0
}

// Finder finds the places of a text in many strings, which lie one after the
// other in one.
type Finder struct {
	of           *Folded
	s            string
	upper, lower int // the next places of the anchor byte in either case
}

// Finder is a finder of the text in s; ok is false where it cannot be found byte
// by byte: ask In of each string then.
func (f *Folded) Finder(s string) (finder Finder, ok bool) {
	ok = f.text != "" && f.ascii && (f.plain || isASCII(s))
	if ok {
		finder = f.finder(s)
	}
	return finder, ok
}

func (f *Folded) finder(s string) Finder { return Finder{of: f, s: s, upper: -1, lower: -1} }

// Next is the first place at from or behind it where the text begins, -1 if
// there is none. from must not fall from call to call. It hops from one
// occurrence of the anchor byte, in either case, to the next.
func (x *Finder) Next(from int) int {
	f := x.of
	for i := from + f.anchor; i+len(f.text)-f.anchor <= len(x.s); i++ {
		x.upper = indexFrom(x.s, f.text[f.anchor], i, x.upper)
		x.lower = indexFrom(x.s, f.lower, i, x.lower)
		i = min(x.upper, x.lower)
		start := i - f.anchor
		if start+len(f.text) > len(x.s) {
			return -1
		}
		if equalFoldASCII(x.s[start:start+len(f.text)], f.text) {
			return start
		}
	}
	return -1
}

// indexFrom is the first index of c at or after i, len(s) if there is none;
// known, if not below i, is it already.
func indexFrom(s string, c byte, i, known int) int {
	if known >= i {
		return known
	}
	if at := strings.IndexByte(s[i:], c); at >= 0 {
		return i + at
	}
	return len(s)
}

func equalFoldASCII(s, folded string) bool {
	for i := range len(folded) {
		if upperASCII(s[i]) != folded[i] {
			return false
		}
	}
	return true
}

func hasFoldedPrefix(s, folded string) bool {
	for _, want := range folded {
		r, size := utf8.DecodeRuneInString(s)
		if size == 0 || foldRune(r) != want {
			return false
		}
		s = s[size:]
	}
	return true
}

// foldRune maps all cases of a letter to one.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		return rune(upperASCII(byte(r)))
	}
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return least
}

func upperASCII(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func isASCII(s string) bool {
	const high = 0x8080808080808080
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	for len(b) >= 32 {
		w := binary.LittleEndian.Uint64(b) | binary.LittleEndian.Uint64(b[8:]) | binary.LittleEndian.Uint64(b[16:]) | binary.LittleEndian.Uint64(b[24:])
		if w&high != 0 {
			return false
		}
		b = b[32:]
	}
	s = s[len(s)-len(b):]
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
