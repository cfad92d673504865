package exec

import (
	"encoding/json/jsontext"
	"math"
	"math/bits"
	"slices"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// tallySize is about how many bytes a query.Tally takes; adding one that is not
// an integer takes floatTallySize more.
const (
	tallySize      = 72
	floatTallySize = 576
)

// newTally adds the numbers of a field, exactly.
func newTally(f query.Field) *states[query.Tally] {
	return &states[query.Tally]{
		size: tallySize,
		add: func(r *reader, en *entries, groups []query.Tally) (int64, error) {
			return addNumbers(r, en, f, &tallyFold{groups})
		},
		merge: func(dst, src *query.Tally) (int64, error) {
			dst.Merge(src)
			return 0, nil
		},
	}
}

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

// tallyFold folds numbers into tallies.
type tallyFold struct{ groups []query.Tally }

func (t *tallyFold) ints(en *entries, v *column.Vector) {
	en.eachValue(v, func(row int, g uint32) { t.groups[g].AddInt(v.Ints[row]) })
}

func (t *tallyFold) doubles(en *entries, v *column.Vector) {
	if en.rows == nil && en.groups != nil {
		t.allDoubles(en.groups, v)
		return
	}
	en.eachValue(v, func(row int, g uint32) { addDouble(&t.groups[g], v.Doubles[row]) })
}

// allDoubles is doubles where every row of the block counts. Where a group has
// a fraction, its whole numbers may be added as floats too, which is as exact
// and saves a branch that cannot be foretold.
func (t *tallyFold) allDoubles(groups []uint32, v *column.Vector) {
	fractions := fractionsOf(groups, v, len(t.groups))
	for w := range words(v.Len) {
		values, of, m := doubleWord(groups, v, w)
		for ; m != 0; m &= m - 1 {
			j := bits.TrailingZeros64(m) & 63
			x, g := values[j], of[j]
			if fractions[g] && math.Abs(x) < 1<<53 {
				t.groups[g].AddFloat(x)
			} else {
				addDouble(&t.groups[g], x)
			}
		}
	}
}

// fractionsOf tells the groups that have a number that is not whole.
func fractionsOf(groups []uint32, v *column.Vector, n int) []bool {
	remains := make([]uint64, n)
	for w := range words(v.Len) {
		values, of, m := doubleWord(groups, v, w)
		for ; m != 0; m &= m - 1 {
			j := bits.TrailingZeros64(m) & 63
			x := values[j]
			remains[of[j]] |= math.Float64bits(x-float64(int64(x))) << 1 // without the sign
		}
	}
	fractions := make([]bool, n)
	for g, r := range remains {
		fractions[g] = r != 0
	}
	return fractions
}

// doubleWord is a word of a column of doubles: its values, their groups and
// which of them there are.
func doubleWord(groups []uint32, v *column.Vector, w int) (values []float64, of []uint32, valid uint64) {
	from := w << 6
	values = v.Doubles[from:min(from+64, v.Len)]
	valid = word(v.Valid, w)
	if len(values) < 64 {
		valid &= 1<<len(values) - 1
	}
	return values, groups[from : from+len(values)], valid
}

// addDouble adds a float of a column: an integer literal where it is whole.
func addDouble(t *query.Tally, x float64) {
	const exact = 1 << 53 // all integers up to it are floats
	whole := int64(x)
	switch {
	case float64(whole) != x && x != math.Trunc(x):
		t.AddFloat(x)
	case -exact <= whole && whole <= exact:
		t.AddInt(whole)
	default:
		t.Add(query.FloatNumber(x))
	}
}

// eachValue calls fn with the entries at whose rows a vector has a value.
func (en *entries) eachValue(v *column.Vector, fn func(row int, g uint32)) {
	for i := range en.n {
		if row := en.row(i); v.Valid == nil || v.Valid.Get(row) {
			fn(row, en.group(i))
		}
	}
}

func (t *tallyFold) most(en *entries, whole bool) int64 {
	if whole {
		return 0
	}
	return int64(min(en.n, en.count)) * floatTallySize
}

func (t *tallyFold) number(group uint32, n query.Number) { t.groups[group].Add(n) }

func (t *tallyFold) bytes() int64 {
	n := int64(0)
	for i := range t.groups {
		if t.groups[i].Count() > 0 {
			n += floatTallySize
		}
	}
	return n
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
	q.ints.sort, q.doubles.sort = slices.Sort[[]int64], slices.Sort[[]float64]
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
