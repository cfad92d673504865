package catalog

import (
	"encoding/json/jsontext"
	"strconv"
	"strings"

	"github.com/firnlog/firn/event"
)

// quick is a schema of the few keywords that most schemas are made of, checked
// on the text of a payload without decoding it. It only ever accepts: a payload
// that it does not accept may still be right, and is checked in full. So it
// must be right about what it accepts, and no more.
type quick struct {
	never    bool     // accepts nothing
	types    typeSet  // of the value
	values   []string // the strings that are allowed, nil = any value
	least    int64    // the smallest number, if hasLeast
	hasLeast bool
	any      [][]*quick // of each list, one must accept

	members  map[string]member
	required uint64 // bits of the members that must be there
	extra    *quick // what any other member must be, nil = anything
	items    *quick // what elements must be, nil = anything
}

// member is what is known about a member of an object.
type member struct {
	schema *quick
	bit    uint64 // in required, 0 if it may be missing
}

// typeSet is a set of types, one bit each; 0 is all of them.
type typeSet uint8

const (
	typeNull typeSet = 1 << iota
	typeBoolean
	typeObject
	typeArray
	typeNumber
	typeInteger
	typeString
)

var typeBits = map[string]typeSet{
	"null": typeNull, "boolean": typeBoolean, "object": typeObject, "array": typeArray,
	"number": typeNumber, "integer": typeInteger, "string": typeString,
}

// compileQuick makes the quick check of a schema's text, which has been checked
// and compiled in full. It is nil if the schema has a keyword that it does not
// know.
func compileQuick(text jsontext.Value) *quick {
	q := &quick{}
	switch event.KindOf(text) {
	case 't':
		return q
	case 'f':
		q.never = true
		return q
	}
	for m := event.WalkMembers(text); m.Next(); {
		if !q.keyword(event.Unquoted(m.Key), m.Value) {
			return nil
		}
	}
	return q
}

// keyword adds a keyword; it reports false for one that it does not know.
func (q *quick) keyword(name string, value jsontext.Value) bool {
	switch name {
	case "$schema", "$id", "$comment", "$defs", "$anchor", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format":
		return true // these say nothing about what is right
	case "type":
		return q.addTypes(value)
	case "enum":
		return q.addValues(value)
	case "minimum":
		n, ok := wholeNumber(value)
		q.least, q.hasLeast = n, true
		return ok
	case "properties":
		for m := event.WalkMembers(value); m.Next(); {
			if !q.addMember(event.Unquoted(m.Key), compileQuick(m.Value)) {
				return false
			}
		}
		return true
	case "required":
		return q.addRequired(value)
	case "additionalProperties":
		q.extra = compileQuick(value)
		return q.extra != nil
	case "items":
		q.items = compileQuick(value)
		return q.items != nil
	case "anyOf":
		return q.addAny(value)
	}
	return strings.HasPrefix(name, "x-")
}

func (q *quick) addTypes(value jsontext.Value) bool {
	if event.KindOf(value) == '"' {
		q.types |= typeBits[event.Unquoted(value)]
		return true
	}
	for e := event.WalkElements(value); e.Next(); {
		q.types |= typeBits[event.Unquoted(e.Value)]
	}
	return true
}

func (q *quick) addValues(value jsontext.Value) bool {
	q.values = []string{}
	for e := event.WalkElements(value); e.Next(); {
		if event.KindOf(e.Value) != '"' {
			return false
		}
		q.values = append(q.values, event.Unquoted(e.Value))
	}
	return true
}

// addMember sets the schema of a member, or only makes it known if that is nil.
func (q *quick) addMember(name string, schema *quick) bool {
	if q.members == nil {
		q.members = map[string]member{}
	}
	m := q.members[name]
	m.schema = schema
	q.members[name] = m
	return schema != nil
}

func (q *quick) addRequired(value jsontext.Value) bool {
	if q.members == nil {
		q.members = map[string]member{}
	}
	bit := uint64(1)
	for e := event.WalkElements(value); e.Next(); bit <<= 1 {
		if bit == 0 {
			return false // more than 64
		}
		name := event.Unquoted(e.Value)
		m := q.members[name]
		m.bit = bit
		q.members[name] = m
		q.required |= bit
	}
	return true
}

func (q *quick) addAny(value jsontext.Value) bool {
	var list []*quick
	for e := event.WalkElements(value); e.Next(); {
		alternative := compileQuick(e.Value)
		if alternative == nil {
			return false
		}
		list = append(list, alternative)
	}
	q.any = append(q.any, list)
	return true
}

// accepts reports whether a value is certainly right. It allocates nothing.
func (q *quick) accepts(text jsontext.Value) bool {
	if q.never {
		return false
	}
	kind := event.KindOf(text)
	if !q.types.has(kind, text) {
		return false
	}
	for _, list := range q.any {
		if !oneAccepts(list, text) {
			return false
		}
	}
	if q.values != nil && (kind != '"' || !oneEquals(q.values, text)) {
		return false
	}
	switch kind {
	case '0':
		return !q.hasLeast || q.isLarge(text)
	case '{':
		return q.acceptsMembers(text)
	case '[':
		return q.acceptsElements(text)
	}
	return true
}

func oneAccepts(list []*quick, text jsontext.Value) bool {
	for _, alternative := range list {
		if alternative.accepts(text) {
			return true
		}
	}
	return false
}

func oneEquals(values []string, quoted jsontext.Value) bool {
	for _, v := range values {
		if event.EqualQuoted(quoted, v) {
			return true
		}
	}
	return false
}

func (t typeSet) has(kind jsontext.Kind, text jsontext.Value) bool {
	if t == 0 {
		return true
	}
	switch kind {
	case 'n':
		return t&typeNull != 0
	case 't', 'f':
		return t&typeBoolean != 0
	case '"':
		return t&typeString != 0
	case '[':
		return t&typeArray != 0
	case '{':
		return t&typeObject != 0
	}
	if t&typeNumber != 0 {
		return true
	}
	return t&typeInteger != 0 && isDigits(text)
}

// isDigits reports whether a number is spelled as an integer. (1.0 and 1e3 are
// integers too, which the full check finds out.)
func isDigits(number jsontext.Value) bool {
	for i, b := range number {
		if (b < '0' || b > '9') && (b != '-' || i > 0) {
			return false
		}
	}
	return len(number) > 0
}

func (q *quick) isLarge(text jsontext.Value) bool {
	n, ok := wholeNumber(text)
	return ok && n >= q.least
}

// wholeNumber is a number that is spelled as an integer and fits; it allocates
// nothing.
func wholeNumber(text jsontext.Value) (n int64, ok bool) {
	if len(text) > 18 || !isDigits(text) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil
}

func (q *quick) acceptsMembers(text jsontext.Value) bool {
	var seen uint64
	for m := event.WalkMembers(text); m.Next(); {
		if !event.IsPlain(m.Key) {
			return false // too rare to be quick about
		}
		known, ok := q.members[string(m.Key[1:len(m.Key)-1])]
		schema := known.schema
		if !ok || schema == nil {
			schema = q.extra
		}
		if schema != nil && !schema.accepts(m.Value) {
			return false
		}
		seen |= known.bit
	}
	return seen&q.required == q.required
}

func (q *quick) acceptsElements(text jsontext.Value) bool {
	if q.items == nil {
		return true
	}
	for e := event.WalkElements(text); e.Next(); {
		if !q.items.accepts(e.Value) {
			return false
		}
	}
	return true
}
