package query

import (
	"encoding/json/jsontext"
	"strings"

	"github.com/firnlog/firn/event"
)

// Match reports whether c holds for e; a nil c holds for every event. It is
// what a condition means: every other way of evaluating it must agree.
func Match(c Condition, e *event.Event) bool {
	switch c := c.(type) {
	case And:
		for _, inner := range c {
			if !Match(inner, e) {
				return false
			}
		}
		return true
	case Or:
		for _, inner := range c {
			if Match(inner, e) {
				return true
			}
		}
		return false
	case Not:
		return !Match(c.Of, e)
	case Search:
		return c.match(e)
	case *Compare:
		return c.match(e)
	}
	return true
}

func (c *Compare) match(e *event.Event) bool {
	v, ok := c.valueAt(e)
	return c.MatchValue(v, ok)
}

// valueAt is ValueAt, but leaves Raw away where it would have to be made and is
// not needed.
func (c *Compare) valueAt(e *event.Event) (Value, bool) {
	switch {
	case c.Field.Root.text():
		s, ok := textAt(c.Field.Root, e)
		return Value{Kind: String, Text: s}, ok
	case c.Field.Root == Timestamp:
		return Value{Kind: Instant, Micros: e.Timestamp.UnixMicro()}, true
	case c.Field.Root == RecordedAt:
		return Value{Kind: Instant, Micros: e.RecordedAt.UnixMicro()}, true
	}
	return ValueAt(c.Field, e)
}

// MatchValue reports whether the comparison holds for an event that has v at
// the field, or nothing there when ok is false.
func (c *Compare) MatchValue(v Value, ok bool) bool {
	switch c.Operator {
	case Neq:
		return !ok || !v.Equal(c.Values[0])
	case NotIn:
		return !ok || !c.Holds(v)
	}
	if !ok {
		return false
	}
	switch c.Operator {
	case Exists:
		return true
	case Eq:
		return v.Equal(c.Values[0])
	case In:
		return c.Holds(v)
	case Contains:
		return holds(v, c.Values[0])
	case Gt, Gte, Lt, Lte, Between:
		return c.ordered(v)
	}
	if v.Kind != String {
		return false
	}
	switch c.Operator {
	case IContains:
		return c.Folded().In(v.Text)
	case StartsWith:
		return strings.HasPrefix(v.Text, c.Values[0].Text)
	case Matches:
		return c.Pattern().MatchString(v.Text)
	}
	return false
}

func (c *Compare) ordered(v Value) bool {
	order, ok := v.order(c.Values[0])
	if !ok {
		return false
	}
	switch c.Operator {
	case Gt:
		return order > 0
	case Gte:
		return order >= 0
	case Lt:
		return order < 0
	case Lte:
		return order <= 0
	}
	high, ok := v.order(c.Values[1])
	return ok && order >= 0 && high <= 0
}

// order compares two numbers, two strings or two instants; ok is false for
// anything else.
func (v Value) order(w Value) (order int, ok bool) {
	if v.Kind != w.Kind {
		return 0, false
	}
	switch v.Kind {
	case Numeric:
		return v.Num.Compare(w.Num), true
	case String:
		return strings.Compare(v.Text, w.Text), true // UTF-8 sorts by code point
	case Instant:
		return compareInts(v.Micros, w.Micros), true
	}
	return 0, false
}

func compareInts(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// holds is contains: a string in a string, or an element in an array.
func holds(v, part Value) bool {
	switch v.Kind {
	case String:
		return part.Kind == String && strings.Contains(v.Text, part.Text)
	case Array:
		for e := event.WalkElements(v.Raw); e.Next(); {
			if ValueOf(e.Value).Equal(part) {
				return true
			}
		}
	}
	return false
}

func (s Search) match(e *event.Event) bool {
	folded := s.Folded()
	if folded.In(e.EventType) ||
		e.Subject != nil && folded.In(*e.Subject) ||
		e.Actor != nil && folded.In(*e.Actor) {
		return true
	}
	return anyString(e.Payload, folded.In)
}

// anyString reports whether is holds for a string value anywhere in v; keys are
// no values.
func anyString(v jsontext.Value, is func(string) bool) bool {
	switch event.KindOf(v) {
	case '"':
		return is(event.Unquoted(v))
	case '[':
		for e := event.WalkElements(v); e.Next(); {
			if anyString(e.Value, is) {
				return true
			}
		}
	case '{':
		for m := event.WalkMembers(v); m.Next(); {
			if anyString(m.Value, is) {
				return true
			}
		}
	}
	return false
}
