package query

import (
	"strconv"

	"github.com/firnlog/firn/event"
)

// String is the query as DSL JSON that parses to the same plan. Relative times
// are printed as the instants they stood for.
func (q *Query) String() string {
	dst := event.AppendQuoted([]byte(`{"from":{"instance":`), q.Instance)
	if q.Stream != nil {
		dst = event.AppendQuoted(append(dst, `,"stream":`...), *q.Stream)
	}
	dst = append(dst, '}')
	switch where := q.Where.(type) {
	case nil:
	case And:
		dst = append(dst, `,"where":`...)
		if len(where) > 1 {
			dst = printer{}.conditions(dst, where)
		} else {
			dst = printer{}.condition(dst, where)
		}
	default:
		dst = printer{}.conditions(append(dst, `,"where":`...), []Condition{where})
	}
	dst = appendFields(dst, "select", q.Select)
	dst = q.appendOrder(dst)
	if q.Limit != DefaultLimit && len(q.Reduce) == 0 || q.Limit != NoLimit && len(q.Reduce) > 0 {
		dst = strconv.AppendInt(append(dst, `,"limit":`...), int64(q.Limit), 10)
	}
	if q.Offset != 0 {
		dst = strconv.AppendInt(append(dst, `,"offset":`...), int64(q.Offset), 10)
	}
	if q.Cursor != "" {
		dst = event.AppendQuoted(append(dst, `,"cursor":`...), q.Cursor)
	}
	if q.NoTotal {
		dst = append(dst, `,"total":false`...)
	}
	dst = q.appendReduce(dst)
	if q.Timezone != nil {
		dst = event.AppendQuoted(append(dst, `,"timezone":`...), q.Timezone.String())
	}
	return string(append(dst, '}'))
}

func appendFields(dst []byte, key string, fields []Field) []byte {
	for i, f := range fields {
		dst = appendListStart(dst, key, i)
		dst = event.AppendQuoted(dst, f.String())
	}
	return appendListEnd(dst, len(fields))
}

func (q *Query) appendOrder(dst []byte) []byte {
	for i, o := range q.OrderBy {
		dst = appendListStart(dst, "orderBy", i)
		name := o.Name
		switch {
		case o.Group > 0:
			name = q.GroupBy[o.Group-1].Name
		case name == "":
			name = o.Field.String()
		}
		dst = event.AppendQuoted(append(dst, `{"field":`...), name)
		if o.Desc {
			dst = append(dst, `,"direction":"desc"`...)
		}
		dst = append(dst, '}')
	}
	return appendListEnd(dst, len(q.OrderBy))
}

func (q *Query) appendReduce(dst []byte) []byte {
	if q.Single && len(q.Reduce) == 1 {
		dst = append(dst, `,"reduce":`...)
		dst = q.Reduce[0].append(dst, false)
	} else {
		for i, r := range q.Reduce {
			dst = appendListStart(dst, "reduce", i)
			dst = r.append(dst, true)
		}
		dst = appendListEnd(dst, len(q.Reduce))
	}
	for i, key := range q.GroupBy {
		dst = appendListStart(dst, "groupBy", i)
		dst = event.AppendQuoted(dst, key.Name)
	}
	return appendListEnd(dst, len(q.GroupBy))
}

func (r Reduction) append(dst []byte, named bool) []byte {
	dst = append(append(append(dst, `{"type":"`...), r.Type.String()...), '"')
	if r.Field.Root != 0 {
		dst = event.AppendQuoted(append(dst, `,"field":`...), r.Field.String())
	}
	if named {
		dst = event.AppendQuoted(append(dst, `,"as":`...), r.As)
	}
	return append(dst, '}')
}

// appendListStart opens the list of a key, or separates its next element.
func appendListStart(dst []byte, key string, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return append(append(append(dst, `,"`...), key...), `":[`...)
}

func appendListEnd(dst []byte, n int) []byte {
	if n == 0 {
		return dst
	}
	return append(dst, ']')
}
