package exec

import (
	"encoding/json/jsontext"
	"slices"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// numberFold takes in the numbers of some entries.
type numberFold interface {
	ints(en *entries, v *column.Vector)
	doubles(en *entries, v *column.Vector)
	number(group uint32, n query.Number)
	// most is how many bytes the entries can make the states hold at most; whole
	// says that all are integers.
	most(en *entries, whole bool) int64
	// bytes is about how much memory the states hold beside themselves.
	bytes() int64
}

// addNumbers folds the numbers of a field; other values do not count.
func addNumbers(r *reader, en *entries, f query.Field, fold numberFold) (int64, error) {
	if !mayHoldNumbers(f) {
		return 0, nil
	}
	fr, err := r.fieldOf(f, en)
	if err != nil {
		return 0, err
	}
	slow, whole := fr.other != nil, fr.other == nil
	for _, v := range fr.vectors {
		whole = whole && v.Kind != column.Double && v.Kind != column.JSON
	}
	if err := r.Charge(fold.most(en, whole)); err != nil {
		return 0, err
	}
	for _, v := range fr.vectors {
		switch v.Kind {
		case column.Int:
			fold.ints(en, v)
		case column.Double:
			fold.doubles(en, v)
		case column.JSON:
			slow = true
		}
	}
	if slow {
		err = fr.eachEntry(en, func(i, row int) error {
			text, ok, err := fr.uncommon(row)
			if err != nil || !ok || event.KindOf(text) != '0' {
				return err
			}
			n, err := query.ParseNumber([]byte(text))
			if err == nil {
				fold.number(en.group(i), n)
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	bytes := fold.bytes()
	return bytes, r.account.Charge(bytes)
}

// mayHoldNumbers reports whether a field can count as a number: a severity only
// as importance, an instant never.
func mayHoldNumbers(f query.Field) bool {
	switch f.Root {
	case query.Payload, query.Metadata:
		return len(f.Path) > 0
	case query.Severity:
		return f.Importance
	case query.Position, query.SequenceNumber:
		return true
	}
	return false
}

// uncommon is the JSON text of a row's value where that is in a JSON column or
// in none.
func (fr *fieldReader) uncommon(row int) (jsontext.Value, bool, error) {
	v := fr.vector(row)
	switch {
	case v == nil && fr.other.Get(row):
		return fr.elsewhere(row)
	case v == nil || v.Kind != column.JSON:
		return nil, false, nil
	}
	return jsontext.Value(borrowedText(v, row)), true, nil
}

// eachValue calls fn with the entries at whose rows a vector has a value.
func (en *entries) eachValue(v *column.Vector, fn func(row int, g uint32)) {
	for i := range en.n {
		if row := en.row(i); v.Valid == nil || v.Valid.Get(row) {
			fn(row, en.group(i))
		}
	}
}

// quantiles holds the numbers of a group for percentiles.
type quantiles struct {
	ints    sketch[int64]
	doubles sketch[float64]
	others  sketch[query.Number]
}

// newQuantiles gathers the numbers of a field for percentiles.
func newQuantiles(f query.Field) *states[*quantiles] {
	return &states[*quantiles]{
		size: 8,
		add: func(r *reader, en *entries, groups []*quantiles) (int64, error) {
			return addNumbers(r, en, f, &quantileFold{groups})
		},
		merge: mergeQuantiles,
	}
}

func mergeQuantiles(dst, src **quantiles) (int64, error) {
	if *src == nil {
		return 0, nil
	}
	if *dst == nil {
		*dst = *src
		return (*dst).bytes(), nil
	}
	before := (*dst).bytes()
	(*dst).ints.merge(&(*src).ints)
	(*dst).doubles.merge(&(*src).doubles)
	(*dst).others.merge(&(*src).others)
	return (*dst).bytes() - before, nil
}

func newQuantileSet() *quantiles {
	q := &quantiles{}
	q.ints.sort, q.doubles.sort = sortInts, sortFloats
	q.others.sort = func(ns []query.Number) { slices.SortFunc(ns, query.Number.Compare) }
	return q
}

func (q *quantiles) bytes() int64 {
	return quantilesSize + int64(q.ints.room()+q.doubles.room())*8 + int64(q.others.room())*numberSize
}

const (
	quantilesSize = 256
	numberSize    = 64
)

// weighted is a value and how many it stands for.
type weighted struct {
	n      number
	weight int64
}

// scratch is how many bytes percentile needs.
func (q *quantiles) scratch() int64 {
	const weightedSize = 40
	return int64(q.ints.held()+q.doubles.held()+q.others.held()) * weightedSize
}

// percentile is the nearest-rank percentile.
func (q *quantiles) percentile(percent int) query.Number {
	all := make([]weighted, 0, q.ints.held()+q.doubles.held()+q.others.held())
	total := int64(0)
	take := func(n number, weight int64) {
		all = append(all, weighted{n, weight})
		total += weight
	}
	q.ints.each(func(i int64, w int64) { take(intNumber(i), w) })
	q.doubles.each(func(f float64, w int64) { take(doubleNumber(f), w) })
	q.others.each(func(n query.Number, w int64) { take(exactNumber(n), w) })
	slices.SortFunc(all, func(a, b weighted) int { return a.n.compare(b.n) })
	rank := (int64(percent)*total + 99) / 100
	for _, v := range all {
		if rank -= v.weight; rank <= 0 {
			return v.n.Number()
		}
	}
	return query.Number{}
}

// quantileFold folds numbers into quantiles.
type quantileFold struct{ groups []*quantiles }

func (q *quantileFold) of(group uint32) *quantiles {
	if q.groups[group] == nil {
		q.groups[group] = newQuantileSet()
	}
	return q.groups[group]
}

func (q *quantileFold) ints(en *entries, v *column.Vector) {
	en.eachValue(v, func(row int, g uint32) { q.of(g).ints.add(v.Ints[row]) })
}

func (q *quantileFold) doubles(en *entries, v *column.Vector) {
	en.eachValue(v, func(row int, g uint32) { q.of(g).doubles.add(v.Doubles[row]) })
}

// most counts every value twice, because slices grow by copying.
func (q *quantileFold) most(en *entries, whole bool) int64 {
	n := int64(min(en.n, en.count))*quantilesSize + 2*8*int64(en.n)
	if !whole {
		n += 8 * int64(en.n)
	}
	return n
}

func (q *quantileFold) number(group uint32, n query.Number) {
	if i, ok := n.Int(); ok {
		q.of(group).ints.add(i)
		return
	}
	q.of(group).others.add(n)
}

func (q *quantileFold) bytes() int64 {
	n := int64(0)
	for _, g := range q.groups {
		if g != nil {
			n += g.bytes()
		}
	}
	return n
}
