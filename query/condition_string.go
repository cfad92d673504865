package query

import "github.com/firnlog/firn/event"

// String is the conditions as DSL JSON that parses to the same plan.
func (c And) String() string { return string(printer{}.condition(nil, c)) }

// String is the conditions as DSL JSON that parses to the same plan.
func (c Or) String() string { return string(printer{}.condition(nil, c)) }

// String is the condition as DSL JSON that parses to the same plan.
func (c Not) String() string { return string(printer{}.condition(nil, c)) }

// String is the search as DSL JSON that parses to the same plan.
func (c Search) String() string { return string(printer{}.condition(nil, c)) }

// String is the comparison as DSL JSON that parses to the same plan. A time
// that was relative is printed as the instant it stood for.
func (c *Compare) String() string { return string(printer{}.condition(nil, c)) }

// printer prints plans. With relative it spells relative times as the query did.
type printer struct{ relative bool }

func (p printer) condition(dst []byte, c Condition) []byte {
	switch c := c.(type) {
	case And:
		return append(p.conditions(append(dst, `{"and":`...), c), '}')
	case Or:
		return append(p.conditions(append(dst, `{"or":`...), c), '}')
	case Not:
		return append(p.condition(append(dst, `{"not":`...), c.Of), '}')
	case Search:
		return append(event.AppendQuoted(append(dst, `{"search":`...), c.Text), '}')
	case *Compare:
		return p.compare(dst, c)
	}
	return append(dst, `{"and":[]}`...) // nil: every event
}

func (p printer) conditions(dst []byte, list []Condition) []byte {
	dst = append(dst, '[')
	for i, c := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = p.condition(dst, c)
	}
	return append(dst, ']')
}

func (p printer) compare(dst []byte, c *Compare) []byte {
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
			dst = p.value(dst, v)
		}
		dst = append(dst, ']')
	case len(c.Values) > 0:
		dst = p.value(append(dst, `,"value":`...), c.Values[0])
	}
	return append(dst, '}')
}

func (p printer) value(dst []byte, v Value) []byte {
	if p.relative && v.relative != "" {
		return event.AppendQuoted(dst, v.relative)
	}
	return append(dst, v.Raw...)
}
