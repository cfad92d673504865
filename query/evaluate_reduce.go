package query

import (
	"cmp"
	"encoding/json/jsontext"
	"errors"
	"slices"
	"strings"

	"github.com/firnlog/firn/event"
)

// ErrTooManyValues says that collect met more than MaxCollect values.
var ErrTooManyValues = errors.New("collect: more than 100,000 values; narrow where, or count them")

// group is the events of one group, or of all.
type group struct {
	keys    []Value   // one a group key; Null where missing
	values  [][]Value // of each reduction, in append order
	counts  []int64   // of each reduction: events that count
	results []Value
}

func aggregate(q *Query, matches []*event.Event) (jsontext.Value, error) {
	groups := groupEvents(q, matches)
	collected := 0
	for _, g := range groups {
		for i, r := range q.Reduce {
			if r.Type == Collect {
				collected += len(g.values[i])
			}
			g.results = append(g.results, g.reduce(i, r))
		}
	}
	if collected > MaxCollect {
		return nil, ErrTooManyValues
	}
	if len(q.GroupBy) == 0 {
		return append(groups[0].appendResults([]byte{'{'}, q), '}'), nil
	}
	slices.SortFunc(groups, func(a, b *group) int { return compareGroups(q, a, b) })
	groups = groups[min(q.Offset, len(groups)):]
	groups = groups[:min(q.Limit, len(groups))]
	dst := []byte{'['}
	for i, g := range groups {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = g.appendKeys(append(dst, `{"group":`...), q)
		dst = append(g.appendResults(append(dst, ','), q), '}')
	}
	return append(dst, ']'), nil
}

// groupEvents divides the events into groups; without group keys there is one,
// even of nothing.
func groupEvents(q *Query, matches []*event.Event) []*group {
	byKey := make(map[string]*group)
	var groups []*group
	join := func(keys []Value) *group {
		var id strings.Builder
		for _, key := range keys {
			text := key.key()
			id.Write(IntValue(int64(len(text))).Raw)
			id.WriteByte(':')
			id.WriteString(text)
		}
		g := byKey[id.String()]
		if g == nil {
			g = &group{keys: keys, values: make([][]Value, len(q.Reduce)), counts: make([]int64, len(q.Reduce))}
			byKey[id.String()] = g
			groups = append(groups, g)
		}
		return g
	}
	if len(q.GroupBy) == 0 {
		join(nil)
	}
	for _, e := range matches {
		for _, keys := range groupsOf(q, e) {
			join(keys).add(q, e)
		}
	}
	return groups
}

// groupsOf is the groups that an event counts in, each as its key values: one,
// or one for each element of arrays that are group keys.
func groupsOf(q *Query, e *event.Event) [][]Value {
	combinations := [][]Value{nil}
	for _, key := range q.GroupBy {
		var longer [][]Value
		for _, c := range combinations {
			for _, v := range keyValues(q, key, e) {
				longer = append(longer, append(slices.Clip(c), v))
			}
		}
		combinations = longer
	}
	return combinations
}

// keyValues is what an event holds at a group key: one value, or the elements
// of an array; null where there is nothing.
func keyValues(q *Query, key GroupKey, e *event.Event) []Value {
	if key.Field.each() {
		text := e.Payload
		if key.Field.Root == Metadata {
			text = e.Metadata
		}
		var values []Value
		for _, element := range Elements(text, key.Field.Path) {
			values = append(values, groupValue(ValueOf(element)))
		}
		if len(values) > 0 {
			return values
		}
		return []Value{nullValue}
	}
	v, ok := ValueAt(key.Field, e)
	switch {
	case !ok:
		return []Value{nullValue}
	case key.Bucket.Count > 0:
		v.Micros = key.Bucket.Start(v.Micros, q.Timezone)
		v.Raw = event.AppendQuoted(nil, key.Bucket.Format(v.Micros, q.Timezone))
		return []Value{v}
	case key.Field.Root.JSON():
		v = groupValue(v)
	}
	return []Value{v}
}

var nullValue = ValueOf(jsontext.Value("null"))

// groupValue spells a value as a group does.
func groupValue(v Value) Value {
	v.Raw = Canonical(v.Raw)
	return v
}

// add takes an event in.
func (g *group) add(q *Query, e *event.Event) {
	for i, r := range q.Reduce {
		if r.Field.Root == 0 {
			g.counts[i]++
			continue
		}
		if v, ok := ValueAt(r.Field, e); ok {
			g.counts[i]++
			g.values[i] = append(g.values[i], v)
		}
	}
}

// reduce computes the reduction r, the i-th.
func (g *group) reduce(i int, r Reduction) Value {
	values := g.values[i]
	switch r.Type {
	case Count:
		return IntValue(g.counts[i])
	case Collect:
		dst := []byte{'['}
		for i, v := range values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, v.Raw...)
		}
		return ValueOf(append(dst, ']'))
	}
	if r.Type == Sum || r.Type == Avg || r.Type.Percentile() > 0 {
		values = numbers(values, r.Field)
	}
	if len(values) == 0 {
		return nullValue
	}
	switch r.Type {
	case CountDistinct:
		distinct := make(map[string]bool)
		for _, v := range values {
			distinct[v.key()] = true
		}
		return IntValue(int64(len(distinct)))
	case First:
		return values[0]
	case Last:
		return values[len(values)-1]
	case Min, Max:
		return extreme(values, r)
	case Sum, Avg:
		return tallied(values, r.Type)
	}
	slices.SortFunc(values, func(a, b Value) int { return a.Num.Compare(b.Num) })
	rank := (r.Type.Percentile()*len(values) + 99) / 100
	return numberValue(values[rank-1].Num)
}

func numberValue(n Number) Value { return Value{Kind: Numeric, Num: n, Raw: n.append(nil)} }

// numbers is the values that are numbers. A severity is one only as importance.
func numbers(values []Value, f Field) []Value {
	var list []Value
	for _, v := range values {
		if v.Kind == Numeric && (f.Root != Severity || f.Importance) {
			list = append(list, v)
		}
	}
	return list
}

func tallied(values []Value, t ReduceType) Value {
	var tally Tally
	for _, v := range values {
		tally.Add(v.Num)
	}
	if t == Sum {
		return ValueOf(tally.AppendSum(nil))
	}
	return ValueOf(tally.AppendAvg(nil))
}

// extreme is the least or greatest number or, where there is none, string or
// instant.
func extreme(values []Value, r Reduction) Value {
	sign := 1
	if r.Type == Max {
		sign = -1
	}
	kind := ValueKind(0)
	for _, v := range values {
		switch {
		case v.Kind == Numeric:
			kind = Numeric
		case kind == 0 && (v.Kind == String || v.Kind == Instant):
			kind = v.Kind
		}
	}
	best := nullValue
	for _, v := range values {
		if v.Kind != kind {
			continue
		}
		if order, ok := v.order(best); !ok || order*sign < 0 {
			best = v
		}
	}
	if r.Field.Root.JSON() {
		best.Raw = Canonical(best.Raw)
	}
	return best
}

// compareGroups orders groups by orderBy, or by the first value from the
// largest, nulls last; then by group ascending.
func compareGroups(q *Query, a, b *group) int {
	orders := q.OrderBy
	if len(orders) == 0 {
		orders = []Order{{Name: "value", Desc: true}}
		if !q.Single {
			orders[0].Name = q.Reduce[0].As
		}
	}
	for _, o := range orders {
		if c := compareGroupsBy(q, o, a, b); c != 0 {
			return c
		}
	}
	for i := range a.keys {
		if c := compareGroupValues(a.keys[i], b.keys[i]); c != 0 {
			return c
		}
	}
	return 0
}

func compareGroupsBy(q *Query, o Order, a, b *group) int {
	if i, ok := q.ReductionOf(o); ok {
		x, y := a.results[i], b.results[i]
		return compareFound(found{x, x.Kind != Null}, found{y, y.Kind != Null}, o.Desc)
	}
	x, y := a.keys[o.Group-1], b.keys[o.Group-1]
	c := compareGroupValues(x, y)
	if o.Desc && x.Kind != Null && y.Kind != Null {
		c = -c
	}
	return cmp.Compare(c, 0)
}

func (g *group) appendKeys(dst []byte, q *Query) []byte {
	dst = append(dst, '{')
	for i, key := range q.GroupBy {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendQuoted(dst, key.Name), ':')
		dst = append(dst, g.keys[i].Raw...)
	}
	return append(dst, '}')
}

func (g *group) appendResults(dst []byte, q *Query) []byte {
	if q.Single {
		return append(append(dst, `"value":`...), g.results[0].Raw...)
	}
	dst = append(dst, `"values":{`...)
	for i, r := range q.Reduce {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendQuoted(dst, r.As), ':')
		dst = append(dst, g.results[i].Raw...)
	}
	return append(dst, '}')
}
