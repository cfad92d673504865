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

	members  []member // few, so that looking through them is quickest
	required uint64   // bits of the members that must be there
	extra    *quick   // what any other member must be, nil = anything
	items    *quick   // what elements must be, nil = anything
}

// mostMembers is how many known members an object has at most: they are looked
// through one by one.
const mostMembers = 64

// member is what is known about a member of an object.
type member struct {
	name   string
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
		return len(q.members) <= mostMembers
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

// addMember sets the schema of a member; it reports false if there is none that
// is known in full.
func (q *quick) addMember(name string, schema *quick) bool {
	q.known(name).schema = schema
	return schema != nil
}

// known is the member of a name, made if it is not there.
func (q *quick) known(name string) *member {
	if m := q.member([]byte(name)); m != nil {
		return m
	}
	q.members = append(q.members, member{name: name})
	return &q.members[len(q.members)-1]
}

func (q *quick) addRequired(value jsontext.Value) bool {
	bit := uint64(1)
	for e := event.WalkElements(value); e.Next(); bit <<= 1 {
		if bit == 0 {
			return false // more than 64
		}
		q.known(event.Unquoted(e.Value)).bit = bit
		q.required |= bit
	}
	return len(q.members) <= mostMembers
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
	c := cursor{text: text}
	return q.accept(&c) && c.at == len(text)
}

// accept checks the value that the cursor is before, and moves the cursor behind
// it. Each byte is looked at once, however deep it is, but for alternatives.
func (q *quick) accept(c *cursor) bool {
	if q.never {
		return false
	}
	for _, list := range q.any {
		if !oneAccepts(list, *c) {
			return false
		}
	}
	kind, begin := c.kind(), c.at
	if kind == '0' {
		number, ok := c.scalar()
		return ok && q.values == nil && q.types.has(kind, number) && (!q.hasLeast || q.isLarge(number))
	}
	if !q.types.has(kind, nil) || (q.values != nil && kind != '"') {
		return false
	}
	switch kind {
	case '{':
		return q.acceptMembers(c)
	case '[':
		return q.acceptElements(c)
	case '"':
		return c.skipString() && (q.values == nil || oneEquals(q.values, c.text[begin:c.at]))
	case 'n', 't', 'f':
		_, ok := c.scalar()
		return ok
	}
	return false
}

func oneAccepts(list []*quick, at cursor) bool {
	for _, alternative := range list {
		c := at
		if alternative.accept(&c) {
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

func (q *quick) acceptMembers(c *cursor) bool {
	var seen uint64
	for c.begins('{', '}') {
		key, ok := c.key()
		if !ok {
			return false // too rare to be quick about
		}
		known := q.member(key)
		schema := q.extra
		if known != nil {
			seen |= known.bit
			if known.schema != nil {
				schema = known.schema
			}
		}
		if schema == nil {
			ok = c.skip()
		} else {
			ok = schema.accept(c)
		}
		if !ok {
			return false
		}
	}
	return c.closed('}') && seen&q.required == q.required
}

// member finds what is known of a member by its name; nil for nothing.
func (q *quick) member(name []byte) *member {
	for i := range q.members {
		if q.members[i].name == string(name) {
			return &q.members[i]
		}
	}
	return nil
}

func (q *quick) acceptElements(c *cursor) bool {
	for c.begins('[', ']') {
		ok := false
		if q.items == nil {
			ok = c.skip()
		} else {
			ok = q.items.accept(c)
		}
		if !ok {
			return false
		}
	}
	return c.closed(']')
}
