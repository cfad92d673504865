package exec

import (
	"encoding/json/jsontext"
	"strings"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// test is a comparison made ready for values of every form. It knows only the
// operators that a missing field never passes; Neq and NotIn are made by
// turning Eq and In round.
type test struct {
	compare  *query.Compare
	operator query.Operator // of compare, turned round
	operand  query.Value    // the first one
	// equal lists the strings that pass Eq or In; nothing else does.
	equal []string
	ints  []span
	// doubles are ranges for columns of floats, whose values stand for their
	// shortest decimal texts.
	doubles []doubleSpan
	bounds  []bounds
	yes, no bool // which booleans pass
	null    bool
	negated bool // compare holds where the test does not
	// essential is in every string that passes Matches.
	essential essential
}

// newTest prepares a comparison.
func newTest(c *query.Compare) *test {
	t := &test{compare: c, operator: c.Operator}
	switch c.Operator {
	case query.Neq:
		t.operator, t.negated = query.Eq, true
	case query.NotIn:
		t.operator, t.negated = query.In, true
	}
	if len(c.Values) > 0 {
		t.operand = c.Values[0]
	}
	switch t.operator {
	case query.Eq, query.In:
		for _, v := range c.Values {
			t.accept(v)
		}
	case query.Exists:
		t.yes, t.no, t.null = true, true, true
	case query.Matches:
		t.essential = essentialOf(t.operand.Text)
	default:
		t.acceptRange(t.operator, c.Values)
	}
	return t
}

// accept adds what equals v to what passes.
func (t *test) accept(v query.Value) {
	switch v.Kind {
	case query.Null:
		t.null = true
	case query.Boolean:
		t.yes, t.no = t.yes || v.Bool, t.no || !v.Bool
	case query.String:
		t.equal = append(t.equal, v.Text)
	case query.Numeric:
		t.acceptRange(query.Eq, []query.Value{v})
	}
}

// acceptRange adds the numbers that an operator accepts to what passes.
func (t *test) acceptRange(op query.Operator, values []query.Value) {
	b, ok := numberBounds(op, values)
	if !ok {
		return
	}
	t.bounds = append(t.bounds, b)
	if s, some := b.ints(); some {
		t.ints = append(t.ints, s)
	}
	if s, some := b.doubles(); some {
		t.doubles = append(t.doubles, s)
	}
}

// instants are the ranges of microseconds that pass, for a test of a time.
func (t *test) instants() []span {
	const least, most = -1 << 63, 1<<63 - 1
	c := t.compare
	at := t.operand.Micros
	switch t.operator {
	case query.Eq, query.In:
		spans := make([]span, len(c.Values))
		for i, v := range c.Values {
			spans[i] = span{v.Micros, v.Micros}
		}
		return spans
	case query.Gt:
		return []span{{at + 1, most}}
	case query.Gte:
		return []span{{at, most}}
	case query.Lt:
		return []span{{least, at - 1}}
	case query.Lte:
		return []span{{least, at}}
	case query.Between:
		return []span{{at, c.Values[1].Micros}}
	case query.Exists:
		return []span{{least, most}}
	}
	return nil
}

// passesText reports whether a string passes.
func (t *test) passesText(s string) bool {
	switch t.operator {
	case query.Eq:
		return t.operand.Kind == query.String && t.operand.Text == s
	case query.In:
		return t.compare.Holds(query.Value{Kind: query.String, Text: s})
	case query.Exists:
		return true
	case query.IContains:
		return t.compare.Folded().In(s)
	case query.Matches:
		return t.essential.in(s) && t.compare.Pattern().MatchString(s)
	}
	if t.operand.Kind != query.String {
		return false
	}
	switch t.operator {
	case query.Gt:
		return s > t.operand.Text
	case query.Gte:
		return s >= t.operand.Text
	case query.Lt:
		return s < t.operand.Text
	case query.Lte:
		return s <= t.operand.Text
	case query.Between:
		high := t.compare.Values[1]
		return high.Kind == query.String && t.operand.Text <= s && s <= high.Text
	case query.Contains:
		return strings.Contains(s, t.operand.Text)
	case query.StartsWith:
		return strings.HasPrefix(s, t.operand.Text)
	}
	return false
}

// passesNumber reports whether a number passes.
func (t *test) passesNumber(n query.Number) bool {
	if t.operator == query.Exists {
		return true
	}
	for i := range t.bounds {
		if t.bounds[i].holds(n) {
			return true
		}
	}
	return false
}

// passesJSON reports whether a value in compact JSON text passes.
func (t *test) passesJSON(text jsontext.Value) bool {
	switch event.KindOf(text) {
	case 'n':
		return t.null
	case 't':
		return t.yes
	case 'f':
		return t.no
	case '"':
		if event.IsPlain(text) {
			return t.passesText(string(text[1 : len(text)-1]))
		}
		return t.passesText(event.Unquoted(text))
	case '[', '{':
		return t.passesContainer(text)
	}
	n, err := query.ParseNumber([]byte(text))
	return err == nil && t.passesNumber(n)
}

// passesContainer reports whether an array or object passes.
func (t *test) passesContainer(text jsontext.Value) bool {
	return t.compare.MatchValue(query.ValueOf(text), true) != t.negated
}
