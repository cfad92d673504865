package exec

import (
	"fmt"

	"github.com/firnlog/firn/query"
)

// compile makes a condition ready for the blocks of a snapshot.
func compile(c query.Condition, s *Snapshot) (node, error) {
	switch c := c.(type) {
	case nil:
		return constant(true), nil
	case query.And:
		nodes, err := compileAll(c, s)
		return newAllOf(nodes), err
	case query.Or:
		nodes, err := compileAll(c, s)
		return newAnyOf(nodes), err
	case query.Not:
		n, err := compile(c.Of, s)
		if err != nil {
			return nil, err
		}
		return newNoneOf(n), nil
	case query.Search:
		return newSearch(c.Text), nil
	case *query.Compare:
		return compileCompare(c, s)
	}
	return nil, fmt.Errorf("condition of unknown type %T", c)
}

func compileAll(cs []query.Condition, s *Snapshot) ([]node, error) {
	nodes := make([]node, len(cs))
	for i, c := range cs {
		var err error
		if nodes[i], err = compile(c, s); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

func compileCompare(c *query.Compare, s *Snapshot) (node, error) {
	t := newTest(c)
	var n node
	switch c.Field.Root {
	case query.InstanceID:
		n = constant(t.passesText(s.InstanceID))
	case query.Position, query.SequenceNumber, query.Severity:
		n = newIntNode(c.Field.Root, t.numberSpans())
	case query.Timestamp:
		n = newIntNode(query.Timestamp, t.instants())
	case query.RecordedAt:
		n = newIntNode(query.RecordedAt, millis(t.instants()))
	case query.StreamID, query.EventType, query.Category, query.Actor, query.Subject:
		n = &textNode{field: c.Field, test: t}
	case query.ID:
		n = newIDNode(t, s)
	case query.Payload, query.Metadata:
		n = &pathNode{field: c.Field, test: t}
	default:
		return nil, fmt.Errorf("condition on unknown field %q", c.Field.Name)
	}
	if t.negated {
		n = newNoneOf(n)
	}
	return n, nil
}

// numberSpans are the integers that pass, for a test of a field that is always
// an integer.
func (t *test) numberSpans() []span {
	if t.operator == query.Exists {
		return []span{{-1 << 63, 1<<63 - 1}}
	}
	return t.ints
}

// millis turns ranges of microseconds into those of the whole milliseconds that
// lie in them.
func millis(micros []span) []span {
	spans := make([]span, 0, len(micros))
	for _, s := range micros {
		lo, hi := s.lo/1000, s.hi/1000
		if s.lo%1000 > 0 {
			lo++
		}
		if s.hi%1000 < 0 {
			hi--
		}
		if lo <= hi {
			spans = append(spans, span{lo, hi})
		}
	}
	return spans
}
