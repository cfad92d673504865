package query

import (
	"encoding/json/jsontext"
	"slices"
	"strings"

	"github.com/firnlog/firn/event"
)

// Canonical is the one spelling that all JSON values equal to v share: keys in
// order of their UTF-8 bytes, numbers as Number.String spells them, strings with
// as few escapes as JSON allows. v is compact, valid JSON text.
func Canonical(v jsontext.Value) jsontext.Value { return appendCanonical(nil, v) }

func appendCanonical(dst []byte, v jsontext.Value) []byte {
	switch event.KindOf(v) {
	case 0, 'n', 't', 'f':
		return append(dst, v...)
	case '"':
		return event.AppendQuoted(dst, event.Unquoted(v))
	case '[':
		dst = append(dst, '[')
		first := true
		for e := event.WalkElements(v); e.Next(); first = false {
			if !first {
				dst = append(dst, ',')
			}
			dst = appendCanonical(dst, e.Value)
		}
		return append(dst, ']')
	case '{':
		return appendCanonicalObject(dst, v)
	}
	n, _ := ParseNumber([]byte(v)) // valid text
	return n.append(dst)
}

func appendCanonicalObject(dst []byte, v jsontext.Value) []byte {
	type member struct {
		key   string
		value []byte
	}
	var members []member
	for m := event.WalkMembers(v); m.Next(); {
		members = append(members, member{event.Unquoted(m.Key), m.Value})
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendQuoted(dst, m.key), ':')
		dst = appendCanonical(dst, m.value)
	}
	return append(dst, '}')
}
