package app

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape makes text inert on a terminal: control characters (C0, DEL, C1),
// line separators and everything that changes the direction of text become
// \u escapes, as JSON spells them. Text of an event is written by strangers.
func escape(s string) string { return escapeBut(s, -1) }

// escapeLines is escape for text of our own that may have several lines.
func escapeLines(s string) string { return escapeBut(s, '\n') }

func escapeBut(s string, keep rune) string {
	if strings.IndexFunc(s, func(r rune) bool { return r != keep && hostile(r) }) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == keep || !hostile(r):
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

// hostile reports whether a terminal may do something else than show r.
func hostile(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f: // C0, DEL, C1
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, // direction marks
		r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, // embeddings, overrides, isolates
		r == 0x2028, r == 0x2029: // line and paragraph separators
		return true
	case r >= 0x200b && r <= 0x200d, r == 0x2060, r == 0xfeff, r == 0x00ad: // invisible
		return true
	case r >= 0xe0000 && r <= 0xe0fff: // tags and variation selectors
		return true
	}
	return unicode.Is(unicode.Co, r) // private use: icons of a font, or anything
}
