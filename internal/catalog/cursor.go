package catalog

import (
	"bytes"
	"encoding/json/jsontext"

	"github.com/firnlog/firn/event"
)

// cursor goes through compact JSON text, which has been checked, once and
// forward. What is no such text stops it, and does no more harm.
type cursor struct {
	text jsontext.Value
	at   int
}

// kind is what the cursor is before; 0 at the end.
func (c *cursor) kind() jsontext.Kind {
	if c.at >= len(c.text) {
		return 0
	}
	return event.KindOf(c.text[c.at:])
}

// begins moves into an object or array, or to its next member or element; it
// reports false before its end.
func (c *cursor) begins(open, end byte) bool {
	if c.at >= len(c.text) {
		return false
	}
	switch c.text[c.at] {
	case open:
		c.at++
		return c.at < len(c.text) && c.text[c.at] != end
	case ',':
		c.at++
		return true
	}
	return false
}

// closed moves behind the end of an object or array.
func (c *cursor) closed(end byte) bool {
	if c.at >= len(c.text) || c.text[c.at] != end {
		return false
	}
	c.at++
	return true
}

// key moves behind the name of a member and its colon. It reports false for one
// that is spelled with escapes.
func (c *cursor) key() (name []byte, ok bool) {
	begin := c.at + 1
	if !c.skipString() || c.at >= len(c.text) || c.text[c.at] != ':' {
		return nil, false
	}
	name = c.text[begin : c.at-1]
	c.at++
	return name, bytes.IndexByte(name, '\\') < 0
}

// skipString moves behind a string.
func (c *cursor) skipString() bool {
	if c.at >= len(c.text) || c.text[c.at] != '"' {
		return false
	}
	for i := c.at + 1; i < len(c.text); i++ {
		switch c.text[i] {
		case '"':
			c.at = i + 1
			return true
		case '\\':
			i++
		}
	}
	return false
}

// scalar moves behind a number or a literal, and returns it.
func (c *cursor) scalar() (text jsontext.Value, ok bool) {
	begin := c.at
	for c.at < len(c.text) {
		switch c.text[c.at] {
		case ',', ']', '}':
			return c.text[begin:c.at], c.at > begin
		}
		c.at++
	}
	return c.text[begin:], c.at > begin
}

// skip moves behind any value.
func (c *cursor) skip() bool {
	depth := 0
	for c.at < len(c.text) {
		switch c.text[c.at] {
		case '"':
			if !c.skipString() {
				return false
			}
		case '{', '[':
			depth++
			c.at++
			continue
		case '}', ']':
			depth--
			c.at++
		case ',', ':':
			c.at++
			continue
		default:
			if _, ok := c.scalar(); !ok {
				return false
			}
		}
		if depth <= 0 {
			return depth == 0
		}
	}
	return false
}
