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
	for _, r := range x.query.Reduce {
		x.results = append(x.results, x.planOne(r, made))
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

func (x *reducer) planOne(r query.Reduction, made map[string]family) func(g int) result {
	f := r.Field
	switch r.Type {
	case query.Count:
		if f.Root == 0 {
			c := shared(x, made, "matches", f, newMatchCount)
			return func(g int) result { return query.IntValue(c.all[g]) }
		}
		c := shared(x, made, "count", f, func() *states[int64] { return newFieldCount(f) })
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
		s := shared(x, made, "distinct", f, func() *states[map[string]struct{}] { return newDistinct(f) })
		return func(g int) result {
			if s.all[g] == nil {
				return nullValue()
			}
			return query.IntValue(int64(len(s.all[g])))
		}
	}
	s := shared(x, made, "quantiles", f, func() *states[*quantiles] { return newQuantiles(f) })
	return func(g int) result {
		if s.all[g] == nil {
			return nullValue()
		}
		return query.ValueOf(jsontext.Value(s.all[g].percentile(r.Type.Percentile()).String()))
	}
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

// group is a group of the answer.
type group struct {
	keys    []query.Value
	results []result
}

// answer spells the aggregation.
func (x *reducer) answer() jsontext.Value {
	groups := make([]group, len(x.keys))
	for g, key := range x.keys {
		groups[g] = x.finish(g, key)
	}
	if len(x.query.GroupBy) == 0 {
		return append(x.appendResults([]byte{'{'}, &groups[0]), '}')
	}
	slices.SortFunc(groups, x.compare)
	groups = groups[min(x.query.Offset, len(groups)):]
	groups = groups[:min(x.query.Limit, len(groups))]
	dst := []byte{'['}
	for i := range groups {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"group":{`...)
		for k, key := range x.query.GroupBy {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = append(event.AppendQuoted(dst, key.Name), ':')
			dst = append(dst, groups[i].keys[k].Raw...)
		}
		dst = append(x.appendResults(append(dst, "},"...), &groups[i]), '}')
	}
	return append(dst, ']')
}

func (x *reducer) finish(g int, key string) group {
	out := group{results: make([]result, len(x.results))}
	for i, f := range x.results {
		out.results[i] = f(g)
	}
	if len(x.query.GroupBy) == 0 {
		return out
	}
	for i, text := range strings.Split(key, groupSeparator) {
		out.keys = append(out.keys, valueFrom(jsontext.Value(text), x.query.GroupBy[i].Field))
	}
	return out
}

func (x *reducer) appendResults(dst []byte, g *group) []byte {
	if x.query.Single {
		return append(append(dst, `"value":`...), g.results[0].Raw...)
	}
	dst = append(dst, `"values":{`...)
	for i, r := range x.query.Reduce {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendQuoted(dst, r.As), ':')
		dst = append(dst, g.results[i].Raw...)
	}
	return append(dst, '}')
}

// compare orders groups by orderBy, or by the first value from the largest,
// nulls last; then by group ascending.
func (x *reducer) compare(a, b group) int {
	orders := x.query.OrderBy
	if len(orders) == 0 {
		orders = []query.Order{{Name: "value", Desc: true}}
		if !x.query.Single {
			orders[0].Name = x.query.Reduce[0].As
		}
	}
	for _, o := range orders {
		c := 0
		if i, ok := x.query.ReductionOf(o); ok {
			c = compareNullable(&a.results[i], &b.results[i], o.Desc, query.CompareValues)
		} else {
			c = compareNullable(&a.keys[o.Group-1], &b.keys[o.Group-1], o.Desc, compareKeyValues)
		}
		if c != 0 {
			return c
		}
	}
	for i := range a.keys {
		if c := compareNullable(&a.keys[i], &b.keys[i], false, compareKeyValues); c != 0 {
			return c
		}
	}
	return 0
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
