package exec

import (
	"cmp"
	"encoding/json/jsontext"
	"slices"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// plan finds the families that the reductions need, each once.
func (x *reducer) plan() {
	made := map[string]family{}
	x.counts = make([]*states[int64], len(x.query.Reduce))
	for i, r := range x.query.Reduce {
		x.results = append(x.results, x.planOne(i, r, made))
	}
}

// shared returns the family of a name, making it the first time.
func shared[F family](x *reducer, made map[string]family, name string, f query.Field, fresh func() F) F {
	key := name + " " + f.String()
	if f.Root == 0 {
		key = name
	}
	known, ok := made[key]
	if !ok {
		known = fresh()
		made[key] = known
		x.families = append(x.families, known)
	}
	return known.(F)
}

func (x *reducer) planOne(i int, r query.Reduction, made map[string]family) func(g int) result {
	f := r.Field
	switch r.Type {
	case query.Count:
		if f.Root == 0 {
			c := shared(x, made, "matches", f, newMatchCount)
			x.counts[i] = &c.states
			return func(g int) result { return query.IntValue(c.all[g]) }
		}
		c := shared(x, made, "count", f, func() *states[int64] { return newFieldCount(f) })
		x.counts[i] = c
		return func(g int) result { return query.IntValue(c.all[g]) }
	case query.Sum, query.Avg:
		t := shared(x, made, "tally", f, func() *states[query.Tally] { return newTally(f) })
		if r.Type == query.Sum {
			return func(g int) result { return query.ValueOf(t.all[g].AppendSum(nil)) }
		}
		return func(g int) result { return query.ValueOf(t.all[g].AppendAvg(nil)) }
	case query.Min, query.Max:
		s := shared(x, made, r.Type.String(), f, func() *states[extreme] { return newExtremes(f, r.Type == query.Max) })
		return func(g int) result { return s.all[g].value(f) }
	case query.First, query.Last:
		s := shared(x, made, r.Type.String(), f, func() *states[placed] { return newFirst(f, r.Type == query.Last) })
		return func(g int) result {
			if s.all[g].position == 0 {
				return nullValue()
			}
			return valueFrom(s.all[g].raw, f)
		}
	case query.Collect:
		s := x.newCollect(f) // each of its own: their values are counted
		x.families = append(x.families, s)
		return func(g int) result { return collected(s.all[g]) }
	case query.CountDistinct:
		s := shared(x, made, "distinct", f, func() *states[*distinct] { return newDistinct(f) })
		return func(g int) result {
			if s.all[g] == nil {
				return nullValue()
			}
			return query.IntValue(int64(len(s.all[g].set)))
		}
	}
	s := shared(x, made, "quantiles", f, func() *states[*quantiles] { return newQuantiles(f) })
	return func(g int) result {
		if s.all[g] == nil {
			return nullValue()
		}
		if x.ranked == nil || x.ranked.of != s.all[g] { // several percentiles of a group follow each other
			x.ranked = s.all[g].ranked()
		}
		return query.ValueOf(jsontext.Value(x.ranked.percentile(r.Type.Percentile()).String()))
	}
}

// percentileScratch is how many bytes it takes at most to find a percentile.
func (x *reducer) percentileScratch() (most int64) {
	for _, f := range x.families {
		if s, ok := f.(*states[*quantiles]); ok {
			for _, q := range s.all {
				if q != nil {
					most = max(most, q.scratch())
				}
			}
		}
	}
	return most
}

func collected(values []placed) result {
	dst := []byte{'['}
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, v.raw...)
	}
	return query.ValueOf(append(dst, ']'))
}

func sortPlaced(values []placed) {
	slices.SortStableFunc(values, func(a, b placed) int { return cmp.Compare(a.position, b.position) })
}

// valueFrom reads a field's value from the text that answers spell it in.
func valueFrom(text jsontext.Value, f query.Field) query.Value {
	v := query.ValueOf(text)
	switch {
	case v.Kind != query.String:
	case f.Root.Time():
		if at, err := time.Parse(time.RFC3339Nano, v.Text); err == nil {
			v.Kind, v.Micros = query.Instant, at.UnixMicro()
		}
	case f.Root == query.Severity && !f.Importance:
		if s, ok := event.ParseSeverity(v.Text); ok {
			v = query.SeverityValue(s)
		}
	}
	return v
}

// group is a group of the answer, or one that may be in it.
type group struct {
	g       int
	results []result // made when first needed
}

// result is the value of the i-th reduction.
func (x *reducer) result(g *group, i int) *result {
	if g.results == nil {
		g.results = make([]result, len(x.results))
	}
	if g.results[i].Kind == 0 {
		g.results[i] = x.results[i](g.g)
	}
	return &g.results[i]
}

// part is the text of the i-th group key.
func (x *reducer) part(g *group, i int) string { return x.groups.text(g.g, i) }

const groupSize = 96

// answer spells the aggregation.
func (x *reducer) answer() (jsontext.Value, error) {
	if len(x.query.GroupBy) == 0 {
		return append(x.appendResults([]byte{'{'}, &group{}), '}'), nil
	}
	groups, err := x.chosen()
	if err != nil {
		return nil, err
	}
	dst := []byte{'['}
	for i := range groups {
		if i > 0 {
			dst = append(dst, ',')
		}
		before := len(dst)
		dst = append(dst, `{"group":{`...)
		for k, key := range x.query.GroupBy {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = append(event.AppendQuoted(dst, key.Name), ':')
			dst = append(dst, x.part(&groups[i], k)...)
		}
		dst = append(x.appendResults(append(dst, "},"...), &groups[i]), '}')
		if err := x.meter.add(len(dst) - before); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), x.meter.settle()
}

// chosen are the groups of the answer in its order.
func (x *reducer) chosen() ([]group, error) {
	order := x.order()
	n := x.groups.n
	if end := x.query.Offset + x.query.Limit; end >= 0 {
		n = min(n, end)
	}
	top := topN[group]{n: n, size: groupSize, meter: meter{account: &x.engine.account}, before: func(a, b *group) bool {
		return x.compare(order, a, b) < 0
	}}
	var g group
	for i := range x.groups.n {
		g = group{g: i}
		if err := top.push(&g); err != nil {
			return nil, err
		}
	}
	groups := top.sorted()
	return groups[min(x.query.Offset, len(groups)):], nil
}

func (x *reducer) appendResults(dst []byte, g *group) []byte {
	if x.query.Single {
		return append(append(dst, `"value":`...), x.result(g, 0).Raw...)
	}
	dst = append(dst, `"values":{`...)
	for i, r := range x.query.Reduce {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendQuoted(dst, r.As), ':')
		dst = append(dst, x.result(g, i).Raw...)
	}
	return append(dst, '}')
}

// order is orderBy, or the first value from the largest.
func (x *reducer) order() []query.Order {
	switch {
	case len(x.query.OrderBy) > 0:
		return x.query.OrderBy
	case x.query.Single:
		return []query.Order{{Name: "value", Desc: true}}
	}
	return []query.Order{{Name: x.query.Reduce[0].As, Desc: true}}
}

// compare orders groups, nulls last; those that are equal by group ascending.
func (x *reducer) compare(order []query.Order, a, b *group) int {
	for _, o := range order {
		c := 0
		i, ok := x.query.ReductionOf(o)
		switch {
		case ok && x.counts[i] != nil: // spelled for the answer only
			if c = cmp.Compare(x.counts[i].all[a.g], x.counts[i].all[b.g]); o.Desc {
				c = -c
			}
		case ok:
			c = compareNullable(x.result(a, i), x.result(b, i), o.Desc, query.CompareValues)
		default:
			c = x.compareParts(o.Group-1, a, b, o.Desc)
		}
		if c != 0 {
			return c
		}
	}
	for i := range x.query.GroupBy {
		if c := x.compareParts(i, a, b, false); c != 0 {
			return c
		}
	}
	return 0
}

// compareParts orders by a group key.
func (x *reducer) compareParts(i int, a, b *group, desc bool) int {
	s, t := x.part(a, i), x.part(b, i)
	f := x.query.GroupBy[i].Field
	if c, ok := comparePlain(s, t); ok && !f.Root.Time() && f.Root != query.Severity {
		if desc {
			return -c
		}
		return c
	}
	v, w := valueFrom(jsontext.Value(s), f), valueFrom(jsontext.Value(t), f)
	return compareNullable(&v, &w, desc, compareKeyValues)
}

// comparePlain compares two quoted strings without escapes; ok is false for
// anything else.
func comparePlain(s, t string) (c int, ok bool) {
	if s[0] != '"' || t[0] != '"' || strings.IndexByte(s, '\\') >= 0 || strings.IndexByte(t, '\\') >= 0 {
		return 0, false
	}
	return strings.Compare(s[1:len(s)-1], t[1:len(t)-1]), true
}

// compareNullable orders two values, null last in either direction.
func compareNullable(a, b *query.Value, desc bool, compare func(a, b query.Value) int) int {
	x, y := a.Kind == query.Null, b.Kind == query.Null
	switch {
	case x && y:
		return 0
	case x:
		return 1
	case y:
		return -1
	case desc:
		return compare(*b, *a)
	}
	return compare(*a, *b)
}

// compareKeyValues orders values of a group key; arrays and objects by their
// texts.
func compareKeyValues(a, b query.Value) int {
	if c := query.CompareValues(a, b); c != 0 || a.Kind != query.Array && a.Kind != query.Object {
		return c
	}
	return strings.Compare(string(a.Raw), string(b.Raw))
}
