package column

import (
	"slices"
	"sort"
	"unsafe"
)

// Packed is a column that grows: only the rows that hold a value take room. A
// copy of the struct is a snapshot that stays valid while the column grows,
// because what is stored is never changed.
type Packed struct {
	kind Kind
	n    int // values
	// expected is how many rows the block may get, which saves growing step by
	// step; 0 = nobody knows.
	expected int
	// rows has the row of every value; nil while every row has one.
	rows    []uint32
	ints    []int64
	doubles []float64
	bools   []bool
	// strings, in dictionary form while that pays
	codes []uint32
	dict  []string
	words int // bytes of dict
	index *textIndex
	keep  bool // stay in dictionary form
	// strings in plain form
	offsets []uint32
	bytes   []byte
}

// A dictionary of more than maxDict strings or maxWords bytes is given up where
// two of three values are new ones. A file's dictionary must be minReuse times
// smaller than its column.
const (
	maxDict  = 4096
	maxWords = 1 << 20
	minReuse = 4
)

// newPacked makes a column whose first value will be at row.
func newPacked(kind Kind, row int) *Packed {
	p := &Packed{kind: kind}
	if row > 0 {
		p.rows = []uint32{}
	}
	switch kind {
	case String, JSON:
		p.index, p.codes = new(textIndex), []uint32{}
	}
	return p
}

// Kind is the kind of the values.
func (p *Packed) Kind() Kind { return p.kind }

// Values is the number of rows that hold a value.
func (p *Packed) Values() int { return p.n }

// Repeats reports whether the values are few different ones, so that they are
// worth a dictionary.
func (p *Packed) Repeats() bool {
	switch p.kind {
	case Int:
		return repeats(p.ints, 1<<14)
	case Double: // a dictionary is read several times faster than split bytes
		return repeats(p.doubles, 1<<16)
	case Bool:
		return false
	}
	return p.codes != nil && (p.keep || len(p.dict)*minReuse <= p.n)
}

// grown is s with room for what comes by the measure of what there is after the
// first rows, where it is known how many are expected.
func grown[T any](s []T, row, expected int) []T {
	if len(s) < cap(s) || row >= expected || len(s) < leastGrown {
		return s
	}
	return grow(s, row, expected)
}

func grow[T any](s []T, row, expected int) []T {
	n := int(int64(len(s)) * int64(expected) / int64(row))
	return slices.Grow(s, min(n+n/32-len(s), mostGrown*len(s)))
}

// A slice grows by what is expected from leastGrown elements on, and to at most
// mostGrown+1 times of what it is.
const (
	leastGrown = 64
	mostGrown  = 7
)

// mark notes that row holds the next value.
func (p *Packed) mark(row int) {
	if p.rows == nil && p.n == row {
		p.n++
		return
	}
	p.markSparse(row)
}

func (p *Packed) markSparse(row int) {
	if p.rows == nil {
		p.rows = make([]uint32, p.n, 2*p.n+8)
		for i := range p.rows {
			p.rows[i] = uint32(i)
		}
	}
	p.rows = append(grown(p.rows, row, p.expected), uint32(row))
	p.n++
}

func (p *Packed) addInt(row int, v int64) {
	p.mark(row)
	p.ints = append(grown(p.ints, row, p.expected), v)
}

func (p *Packed) addDouble(row int, v float64) {
	p.mark(row)
	p.doubles = append(grown(p.doubles, row, p.expected), v)
}

func (p *Packed) addBool(row int, v bool) {
	p.mark(row)
	p.bools = append(p.bools, v)
}

// addString adds a text, of which it keeps a copy.
func (p *Packed) addString(row int, s string) {
	p.mark(row)
	if p.codes == nil {
		p.bytes = append(grown(p.bytes, row, p.expected), s...)
		p.offsets = append(grown(p.offsets, row, p.expected), uint32(len(p.bytes)))
		return
	}
	code, ok := p.code(s)
	if !ok {
		code = p.define(s)
	}
	p.codes = append(grown(p.codes, row, p.expected), code)
	if !ok && !p.keep && (len(p.dict) > maxDict || p.words > maxWords) && 3*len(p.dict) > 2*p.n {
		p.flatten()
	}
}

func (p *Packed) addBytes(row int, s []byte) { p.addString(row, viewOf(s)) }

// viewOf is b as a string that is valid as long as b does not change.
func viewOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// code finds a text in the dictionary. It may well be the one that came last.
func (p *Packed) code(s string) (code uint32, ok bool) {
	if n := len(p.codes); n > 0 && p.dict[p.codes[n-1]] == s {
		return p.codes[n-1], true
	}
	return p.index.find(p.dict, s)
}

// define adds a text to the dictionary, of which it keeps a copy.
func (p *Packed) define(s string) uint32 {
	p.dict = append(p.dict, s)
	p.words += len(s)
	p.index.add(p.dict)
	return uint32(len(p.dict) - 1)
}

// flatten turns the dictionary form into the plain one.
func (p *Packed) flatten() {
	size := 0
	for _, c := range p.codes {
		size += len(p.dict[c])
	}
	p.bytes = make([]byte, 0, size+size/2)
	p.offsets = make([]uint32, 1, 2*len(p.codes)+1)
	for _, c := range p.codes {
		p.bytes = append(p.bytes, p.dict[c]...)
		p.offsets = append(p.offsets, uint32(len(p.bytes)))
	}
	p.codes, p.dict, p.index = nil, nil, nil
}

// size is about how many bytes of memory the values take.
func (p *Packed) size() int64 {
	return int64(4*len(p.rows) + 8*(len(p.ints)+len(p.doubles)) + len(p.bools) +
		4*(len(p.codes)+len(p.offsets)) + len(p.bytes) + p.words + 64*len(p.dict))
}

// Vector returns the column of the rows 0…rows-1. It shares what it can.
func (p *Packed) Vector(rows int) *Vector {
	v := &Vector{Kind: p.kind, Len: rows}
	if p.n < rows {
		v.Valid = NewBitmap(rows)
		for i := range p.n {
			v.Valid.Set(p.Row(i))
		}
	}
	switch {
	case p.kind == Int:
		v.Ints = spread(p, p.ints, rows)
	case p.kind == Double:
		v.Doubles = spread(p, p.doubles, rows)
	case p.kind == Bool:
		v.Bools = NewBitmap(rows)
		for i, b := range p.bools[:p.n] {
			if b {
				v.Bools.Set(p.Row(i))
			}
		}
	case p.codes != nil:
		v.Codes, v.Dict, v.DictBytes = spread(p, p.codes, rows), p.dict, p.words
	default:
		v.Bytes, v.Offsets = p.bytes, p.spreadOffsets(rows)
	}
	return v
}

// first is a snapshot of the column as far as the first rows.
func (p *Packed) first(rows int) Packed {
	q := *p
	q.index = nil // the builder's alone
	if q.rows == nil {
		q.n = min(q.n, rows)
	} else {
		q.n = sort.Search(q.n, func(i int) bool { return int(p.rows[i]) >= rows })
	}
	return q
}

// pick is Vector(…).Pick(rows) without the rows between.
func (p *Packed) pick(rows []int32) *Vector {
	some := newPacked(p.kind, 0)
	some.codes, some.index, some.rows = nil, nil, []uint32{}
	if p.codes != nil {
		some.codes, some.dict, some.words = []uint32{}, p.dict, p.words
	} else if p.kind == String || p.kind == JSON {
		some.offsets = []uint32{0}
	}
	for to, row := range rows {
		i := int(row)
		if p.rows != nil {
			i = sort.Search(p.n, func(i int) bool { return p.rows[i] >= uint32(row) })
		}
		if i >= p.n || p.Row(i) != int(row) {
			continue
		}
		some.take(p, i, to)
	}
	return some.Vector(len(rows))
}

// take adds value i of p, which has the same kind and dictionary.
func (s *Packed) take(p *Packed, i, row int) {
	switch {
	case p.kind == Int:
		s.addInt(row, p.ints[i])
	case p.kind == Double:
		s.addDouble(row, p.doubles[i])
	case p.kind == Bool:
		s.addBool(row, p.bools[i])
	case p.codes != nil:
		s.mark(row)
		s.codes = append(s.codes, p.codes[i])
	default:
		s.addBytes(row, p.bytes[p.offsets[i]:p.offsets[i+1]])
	}
}

// Row is the row of value i.
func (p *Packed) Row(i int) int {
	if p.rows == nil {
		return i
	}
	return int(p.rows[i])
}

// spread puts packed values at their rows.
func spread[T any](p *Packed, values []T, rows int) []T {
	if p.n == rows {
		return values[:rows:rows]
	}
	out := make([]T, rows)
	if p.rows == nil {
		copy(out, values[:p.n])
		return out
	}
	for i, row := range p.rows[:p.n] {
		out[row] = values[i]
	}
	return out
}

func (p *Packed) spreadOffsets(rows int) []uint32 {
	if p.n == rows {
		return p.offsets[: rows+1 : rows+1]
	}
	out := make([]uint32, rows+1)
	next := 0
	for i := range p.n {
		row := p.Row(i)
		for ; next <= row; next++ {
			out[next] = p.offsets[i]
		}
	}
	for ; next <= rows; next++ {
		out[next] = p.offsets[p.n]
	}
	return out
}
