package exec

import (
	"math"
	"slices"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// quantiles holds the numbers of a group for percentiles: those that come with a
// dictionary as how often each occurs, as long as they are no more than
// exactValues different ones, the others in sketches.
type quantiles struct {
	ints    sketch[int64]
	doubles sketch[float64]
	others  sketch[query.Number]

	countedInts, countedDoubles occurrences
	// block is what a block's numbers with a dictionary are before merge takes
	// them.
	block *codeCounts
}

// codeCounts says how often each value of a dictionary occurs.
type codeCounts struct {
	of     *column.Coded
	counts []uint32
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
	before := int64(0)
	if *dst == nil {
		*dst = newQuantileSet()
	} else {
		before = (*dst).bytes()
	}
	(*dst).ints.merge(&(*src).ints)
	(*dst).doubles.merge(&(*src).doubles)
	(*dst).others.merge(&(*src).others)
	(*dst).take((*src).block)
	return (*dst).bytes() - before, nil
}

// take adds a block's numbers with a dictionary.
func (q *quantiles) take(c *codeCounts) {
	if c == nil {
		return
	}
	for i, n := range c.counts[:len(c.of.Ints)] {
		q.countedInts.add(uint64(c.of.Ints[i]), int64(n))
	}
	for i, n := range c.counts[len(c.of.Ints):] {
		q.countedDoubles.add(math.Float64bits(c.of.Doubles[i]), int64(n))
	}
	if q.countedInts.n > exactValues {
		q.countedInts.each(func(bits uint64, n int64) { q.ints.addMany(int64(bits), n) })
		q.countedInts = occurrences{}
	}
	if q.countedDoubles.n > exactValues {
		q.countedDoubles.each(func(bits uint64, n int64) { q.doubles.addMany(math.Float64frombits(bits), n) })
		q.countedDoubles = occurrences{}
	}
}

func newQuantileSet() *quantiles {
	q := &quantiles{}
	q.ints.sort, q.doubles.sort = sortInts, sortFloats
	q.others.sort = func(ns []query.Number) { slices.SortFunc(ns, query.Number.Compare) }
	return q
}

func (q *quantiles) bytes() int64 {
	n := quantilesSize + int64(q.ints.room()+q.doubles.room())*8 + int64(q.others.room())*numberSize +
		int64(len(q.countedInts.slots)+len(q.countedDoubles.slots))*occurrenceSize
	if q.block != nil {
		n += int64(len(q.block.counts)) * 4
	}
	return n
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

// scratch is how many bytes ranked needs.
func (q *quantiles) scratch() int64 {
	const weightedSize = 40
	return int64(q.held()) * weightedSize
}

// held is how many different values are held, or as many.
func (q *quantiles) held() int {
	return q.ints.held() + q.doubles.held() + q.others.held() + q.countedInts.n + q.countedDoubles.n
}

// ranked are the numbers of a group in order.
type ranked struct {
	of    *quantiles
	all   []weighted
	total int64
}

func (q *quantiles) ranked() *ranked {
	r := &ranked{of: q, all: make([]weighted, 0, q.held())}
	take := func(n number, weight int64) {
		r.all = append(r.all, weighted{n, weight})
		r.total += weight
	}
	q.ints.each(func(i int64, w int64) { take(intNumber(i), w) })
	q.doubles.each(func(f float64, w int64) { take(doubleNumber(f), w) })
	q.others.each(func(n query.Number, w int64) { take(exactNumber(n), w) })
	q.countedInts.each(func(bits uint64, n int64) { take(intNumber(int64(bits)), n) })
	q.countedDoubles.each(func(bits uint64, n int64) { take(doubleNumber(math.Float64frombits(bits)), n) })
	slices.SortFunc(r.all, func(a, b weighted) int { return a.n.compare(b.n) })
	return r
}

// percentile is the nearest-rank percentile.
func (r *ranked) percentile(percent int) query.Number {
	rank := (int64(percent)*r.total + 99) / 100
	for _, v := range r.all {
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
	if q.coded(en, v) {
		return
	}
	en.eachValue(v, func(row int, g uint32) { q.of(g).ints.add(v.Ints[row]) })
}

func (q *quantileFold) doubles(en *entries, v *column.Vector) {
	switch {
	case q.coded(en, v):
	case v.Valid == nil && en.rows == nil && en.count == 1:
		q.of(0).doubles.addAll(v.Doubles[:v.Len])
	default:
		en.eachValue(v, func(row int, g uint32) { q.of(g).doubles.add(v.Doubles[row]) })
	}
}

// coded counts the numbers of a vector by their codes, where there are not many
// more counters than numbers.
func (q *quantileFold) coded(en *entries, v *column.Vector) bool {
	if v.Numbers == nil || v.Numbers.Distinct()*en.count > 2*en.n {
		return false
	}
	n := v.Numbers.Distinct()
	counts := make([]uint32, n*en.count)
	countValues(counts, en, v.Valid, v.Numbers.Codes8, n)
	countValues(counts, en, v.Valid, v.Numbers.Codes16, n)
	for g := range en.count {
		if of := counts[g*n : (g+1)*n]; slices.Max(of) > 0 {
			q.of(uint32(g)).block = &codeCounts{v.Numbers, of}
		}
	}
	return true
}

// countValues counts the codes, if there are any, of each group; a group has n.
func countValues[N uint8 | uint16](counts []uint32, en *entries, valid column.Bitmap, codes []N, n int) {
	switch {
	case codes == nil:
	case valid == nil && en.rows == nil && en.count == 1:
		for _, code := range codes {
			counts[code]++
		}
	default:
		for i := range en.n {
			if row := en.row(i); valid == nil || valid.Get(row) {
				counts[int(en.group(i))*n+int(codes[row])]++
			}
		}
	}
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

// occurrences counts values, each in 64 bits, by open addressing.
type occurrences struct {
	slots []occurrence // a power of two, at most three quarters in use
	n     int          // values
}

type occurrence struct {
	bits  uint64
	times int64 // 0 = the slot is free
}

const occurrenceSize = 16

// add adds some occurrences of a value.
func (o *occurrences) add(bits uint64, times int64) {
	if times == 0 {
		return
	}
	if 4*o.n >= 3*len(o.slots) {
		old := o.slots
		o.slots = make([]occurrence, max(64, 2*len(old)))
		for _, s := range old {
			if s.times > 0 {
				*o.find(s.bits) = s
			}
		}
	}
	s := o.find(bits)
	if s.times == 0 {
		o.n++
	}
	s.bits = bits
	s.times += times
}

// find is the slot that has a value, or the free one where it belongs.
func (o *occurrences) find(bits uint64) *occurrence {
	mask := uint64(len(o.slots) - 1)
	for at := mixed(bits); ; at++ {
		if s := &o.slots[at&mask]; s.times == 0 || s.bits == bits {
			return s
		}
	}
}

// each calls fn with every value and how often it occurs.
func (o *occurrences) each(fn func(bits uint64, times int64)) {
	for _, s := range o.slots {
		if s.times > 0 {
			fn(s.bits, s.times)
		}
	}
}

// mixed is a hash whose low bits depend on all bits.
func mixed(bits uint64) uint64 {
	const golden = 0x9e3779b97f4a7c15
	hash := bits * golden
	return (hash ^ hash>>29) * golden >> 20
}
