package event

import (
	"bytes"
	"encoding/json/jsontext"
)

// The functions of this file step over compact JSON text that has been
// validated already (payloads and metadata as the log holds them). They build
// nothing and allocate nothing. On any other text they do not panic and they
// end, but what they return is unspecified.

// KindOf is the kind of the JSON value that starts text: one of 'n', 'f', 't',
// '"', '0', '{' and '[', or 0 for empty text.
func KindOf(text []byte) jsontext.Kind {
	if len(text) == 0 {
		return 0
	}
	switch c := text[0]; c {
	case 'n', 'f', 't', '"', '{', '[':
		return jsontext.Kind(c)
	default:
		return '0'
	}
}

// SkipValue returns where the value that starts at text[at] ends: text[at:end]
// is the value.
func SkipValue(text []byte, at int) (end int) {
	if at >= len(text) {
		return len(text)
	}
	switch text[at] {
	case '"':
		return SkipString(text, at)
	case '{', '[':
		return skipContainer(text, at)
	}
	for at < len(text) {
		switch text[at] {
		case ',', '}', ']', ':':
			return at
		}
		at++
	}
	return at
}

// SkipString returns where the string whose opening quote is text[at] ends,
// behind its closing quote.
func SkipString(text []byte, at int) (end int) {
	for i := at + 1; i < len(text); {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			return len(text)
		}
		quote := i + n
		escapes := 0
		for quote-escapes > i && text[quote-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return quote + 1
		}
		i = quote + 1
	}
	return len(text)
}

func skipContainer(text []byte, at int) int {
	depth := 0
	for at < len(text) {
		switch text[at] {
		case '"':
			at = SkipString(text, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
		at++
	}
	return len(text)
}

// Members walks over the members of an object:
//
//	for m := event.WalkMembers(payload); m.Next(); {
//		… m.Key, m.Value …
//	}
type Members struct {
	// Key is the member's name as it is spelled, quotes and escapes included:
	// see EqualQuoted, AppendUnquoted.
	Key []byte
	// Value is the member's value.
	Value []byte

	text []byte
	at   int
}

// WalkMembers starts before the first member of an object, which begins text.
func WalkMembers(object []byte) Members { return Members{text: object, at: 1} }

// Next goes to the next member. It reports false behind the last one.
func (m *Members) Next() bool {
	text, at := m.text, m.at
	if at < len(text) && text[at] == ',' {
		at++
	}
	if at >= len(text) || text[at] != '"' {
		return false
	}
	colon := SkipString(text, at)
	if colon+1 >= len(text) {
		return false
	}
	end := SkipValue(text, colon+1)
	m.Key, m.Value, m.at = text[at:colon], text[colon+1:end], end
	return true
}

// Elements walks over the elements of an array:
//
//	for e := event.WalkElements(tags); e.Next(); {
//		… e.Value …
//	}
type Elements struct {
	// Value is the element.
	Value []byte

	text []byte
	at   int
}

// WalkElements starts before the first element of an array, which begins text.
func WalkElements(array []byte) Elements { return Elements{text: array, at: 1} }

// Next goes to the next element. It reports false behind the last one.
func (e *Elements) Next() bool {
	text, at := e.text, e.at
	if at < len(text) && text[at] == ',' {
		at++
	}
	end := SkipValue(text, at)
	if end <= at {
		return false
	}
	e.Value, e.at = text[at:end], end
	return true
}

// Member finds the value of a key in an object; ok is false if text is no
// object or has no such key.
func Member(text []byte, key string) (value []byte, ok bool) {
	if KindOf(text) != '{' {
		return nil, false
	}
	for m := WalkMembers(text); m.Next(); {
		if EqualQuoted(m.Key, key) {
			return m.Value, true
		}
	}
	return nil, false
}

// Element finds an element of an array, counted from 0; ok is false if text is
// no array or has no such element.
func Element(text []byte, index int) (value []byte, ok bool) {
	if KindOf(text) != '[' || index < 0 {
		return nil, false
	}
	for e := WalkElements(text); e.Next(); index-- {
		if index == 0 {
			return e.Value, true
		}
	}
	return nil, false
}
