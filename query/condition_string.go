package query

import "github.com/firnlog/firn/event"

// String is the conditions as DSL JSON that parses to the same plan.
func (c And) String() string { return string(appendCondition(nil, c)) }

// String is the conditions as DSL JSON that parses to the same plan.
func (c Or) String() string { return string(appendCondition(nil, c)) }

// String is the condition as DSL JSON that parses to the same plan.
func (c Not) String() string { return string(appendCondition(nil, c)) }

// String is the search as DSL JSON that parses to the same plan.
func (c Search) String() string { return string(appendCondition(nil, c)) }

// String is the comparison as DSL JSON that parses to the same plan. A time
// that was relative is printed as the instant it stood for.
func (c *Compare) String() string { return string(appendCondition(nil, c)) }

func appendCondition(dst []byte, c Condition) []byte {
	switch c := c.(type) {
	case And:
		return append(appendConditions(append(dst, `{"and":`...), c), '}')
	case Or:
		return append(appendConditions(append(dst, `{"or":`...), c), '}')
	case Not:
		return append(appendCondition(append(dst, `{"not":`...), c.Of), '}')
	case Search:
		return append(event.AppendQuoted(append(dst, `{"search":`...), c.Text), '}')
	case *Compare:
		return appendCompare(dst, c)
	}
	return append(dst, `{"and":[]}`...) // nil: every event
}

func appendConditions(dst []byte, list []Condition) []byte {
	dst = append(dst, '[')
	for i, c := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCondition(dst, c)
	}
	return append(dst, ']')
}

func appendCompare(dst []byte, c *Compare) []byte {
	dst = append(dst, `{"field":`...)
	dst = event.AppendQuoted(dst, c.Field.String())
	dst = append(dst, `,"operator":"`...)
	dst = append(dst, c.Operator.String()...)
	dst = append(dst, '"')
	switch {
	case c.Operator == Exists:
	case c.Operator == Between || c.Operator == In || c.Operator == NotIn:
		dst = append(dst, `,"value":[`...)
		for i, v := range c.Values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, v.Raw...)
		}
		dst = append(dst, ']')
	case len(c.Values) > 0:
		dst = append(append(dst, `,"value":`...), c.Values[0].Raw...)
	}
	return append(dst, '}')
}
