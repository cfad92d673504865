// Package inert makes text of strangers harmless where it is shown: on a
// terminal, in a table, in a spreadsheet, in a name that people tell apart by
// looking at it.
package inert

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text makes text inert: control characters (C0, DEL, C1), line separators,
// what cannot be seen and everything that changes the direction of text become
// \u escapes, as JSON spells them. Text without any is returned as it is.
func Text(s string) string { return but(s, -1) }

// Lines is Text that leaves line feeds.
func Lines(s string) string { return but(s, '\n') }

func but(s string, keep rune) string {
	if strings.IndexFunc(s, func(r rune) bool { return r != keep && Hostile(r) }) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == keep || !Hostile(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// JSON is compact JSON text with the same value that holds nothing hostile.
func JSON(text []byte) string {
	s := string(text)
	if strings.IndexFunc(s, Hostile) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !Hostile(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// Hostile reports whether a terminal may do something else than show r, or show
// nothing at all.
func Hostile(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f: // C0, DEL, C1
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, // direction marks
		r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, // embeddings, overrides, isolates
		r == 0x2028, r == 0x2029: // line and paragraph separators
		return true
	case r >= 0x200b && r <= 0x200d, r >= 0x2060 && r <= 0x2065, r >= 0x206a && r <= 0x206f, r == 0xfeff, r == 0x00ad: // invisible
		return true
	case r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe0fff: // annotations, tags and variation selectors
		return true
	}
	return unicode.Is(unicode.Co, r) // private use: icons of a font, or anything
}

// Name says what is wrong with a name that people tell apart by looking at it:
// "" for nothing. It may hold no hostile character, no blank but the space, and
// no space at its ends.
func Name(s string) string {
	for _, r := range s {
		switch {
		case r < 0x20 || r >= 0x7f && r <= 0x9f:
			return "has a control character"
		case Hostile(r):
			return fmt.Sprintf("has U+%04X, which cannot be seen or changes what is shown", r)
		case r != ' ' && unicode.IsSpace(r):
			return fmt.Sprintf("has U+%04X, a blank that is not the space", r)
		}
	}
	if strings.Trim(s, " ") != s {
		return "begins or ends with a space"
	}
	return ""
}
