package column

import (
	"math"
	"math/bits"
	"sync"
)

// Compact is a column of numbers as it is kept: each in as few bytes as the
// largest needs. It is immutable and may be used by many goroutines.
type Compact struct {
	// frame is the vector without its numbers.
	frame Vector
	// coded are the numbers of a column that has a dictionary. Those of others are
	// integers, how far above least one of these has.
	coded  *Coded
	bytes  []uint8
	shorts []uint16
	words  []uint32
	least  int64
}

// Coded is a column of numbers in dictionary form: the value of a row is an
// element of one of two dictionaries, whose code one of two lists has. Rows
// without a value have any code that there is.
type Coded struct {
	Codes16 []uint16
	Codes8  []uint8
	Doubles []float64
	Ints    []int64
}

// Distinct is how many values the dictionary has.
func (c *Coded) Distinct() int { return len(c.Doubles) + len(c.Ints) }

// narrowed is c with codes of one byte where that is enough.
func (c *Coded) narrowed() *Coded {
	if c.Codes16 == nil || c.Distinct() > 1<<8 {
		return c
	}
	return &Coded{Codes8: narrowed[uint8](c.Codes16, 0), Doubles: c.Doubles, Ints: c.Ints}
}

// NewCompact makes the compact form of a vector; nil where there is none, or
// none that is smaller. Numbers may come with their codes.
func NewCompact(v *Vector, coded *Coded) *Compact {
	c := &Compact{frame: Vector{Kind: v.Kind, Len: v.Len, Valid: v.Valid}}
	switch {
	case v.Kind != Int && v.Kind != Double:
		return nil
	case coded != nil:
		c.coded = coded.narrowed()
		return c
	case v.Kind == Int:
		return c.integers(v)
	}
	return nil
}

// integers takes the integers of a vector.
func (c *Compact) integers(v *Vector) *Compact {
	least, most := v.Extent(v.Valid)
	if least > most {
		least, most = 0, 0
	}
	c.least = least
	switch width := uint64(most) - uint64(least); {
	case width <= math.MaxUint8:
		c.bytes = narrowed[uint8](v.Ints, least)
	case width <= math.MaxUint16:
		c.shorts = narrowed[uint16](v.Ints, least)
	case width <= math.MaxUint32:
		c.words = narrowed[uint32](v.Ints, least)
	default:
		return nil
	}
	return c
}

// Extent is the least and the greatest integer that a vector has at some rows (nil
// = all); least above most where it has none.
func (v *Vector) Extent(rows Bitmap) (least, most int64) {
	least, most = math.MaxInt64, math.MinInt64
	for w := range (v.Len + 63) / 64 {
		m := wordOf(rows, w) & wordOf(v.Valid, w)
		values := v.Ints[w<<6 : min(w<<6+64, v.Len)]
		if m == math.MaxUint64 {
			for _, i := range values {
				least, most = min(least, i), max(most, i)
			}
			continue
		}
		for ; m != 0; m &= m - 1 {
			if j := bits.TrailingZeros64(m); j < len(values) {
				least, most = min(least, values[j]), max(most, values[j])
			}
		}
	}
	return least, most
}

// wordOf is word w of a set of rows, where nil stands for all.
func wordOf(rows Bitmap, w int) uint64 {
	switch {
	case rows == nil:
		return math.MaxUint64
	case w >= len(rows):
		return 0
	}
	return rows[w]
}

// narrowed are numbers less least; of those that do not fit, what is left of
// them.
func narrowed[N uint8 | uint16 | uint32, T int64 | uint32 | uint16](values []T, least T) []N {
	out := make([]N, len(values))
	for i, v := range values {
		out[i] = N(v - least)
	}
	return out
}

// Size is about how many bytes of memory it holds, the dictionary left out.
func (c *Compact) Size() int64 {
	n := 256 + 8*len(c.frame.Valid) + len(c.bytes) + 2*len(c.shorts) + 4*len(c.words)
	if c.coded != nil {
		n += len(c.coded.Codes8) + 2*len(c.coded.Codes16)
	}
	return int64(n)
}

// DictionarySize is about how many bytes its dictionary holds.
func (c *Compact) DictionarySize() int64 {
	if c.coded == nil {
		return 0
	}
	return int64(8 * c.coded.Distinct())
}

// Room is where vectors are made of compact columns; the zero value has none
// yet. It is used by one goroutine at a time.
type Room struct {
	ints    []*[]int64
	doubles []*[]float64
}

// The slices of freed rooms, of MaxRows each. Smaller ones are cheap to make.
var (
	roomsOfInts    = sync.Pool{New: func() any { s := make([]int64, MaxRows); return &s }}
	roomsOfDoubles = sync.Pool{New: func() any { s := make([]float64, MaxRows); return &s }}
)

// take returns n values of any content, from the pool where they are many.
func take[T any](pool *sync.Pool, lent *[]*[]T, n int) []T {
	if n <= MaxRows/2 {
		return make([]T, n)
	}
	s := pool.Get().(*[]T)
	*lent = append(*lent, s)
	return (*s)[:n]
}

// Lent is of how many values the slice is that a room gives for n.
func Lent(n int) int {
	if n <= MaxRows/2 {
		return n
	}
	return MaxRows
}

func giveBack[T any](pool *sync.Pool, lent []*[]T) {
	for _, s := range lent {
		pool.Put(s)
	}
}

// Free ends the use of all vectors that were made in the room.
func (r *Room) Free() {
	giveBack(&roomsOfInts, r.ints)
	giveBack(&roomsOfDoubles, r.doubles)
	*r = Room{}
}

// VectorSize is how many bytes Vector takes of a room.
func (c *Compact) VectorSize() int64 {
	return 8 * int64(Lent(c.frame.Len))
}

// Vector makes the vector, which is valid until the room is freed.
func (c *Compact) Vector(room *Room) *Vector {
	v := c.frame
	v.Numbers = c.coded
	switch {
	case v.Kind == Double:
		v.Doubles = take(&roomsOfDoubles, &room.doubles, v.Len)
		look(v.Doubles, c.coded.Doubles, c.coded)
	case c.coded != nil:
		v.Ints = take(&roomsOfInts, &room.ints, v.Len)
		look(v.Ints, c.coded.Ints, c.coded)
	default:
		v.Ints = take(&roomsOfInts, &room.ints, v.Len)
		raise(v.Ints, c.bytes, c.least)
		raise(v.Ints, c.shorts, c.least)
		raise(v.Ints, c.words, c.least)
	}
	return &v
}

// raise widens numbers, if there are any, and adds least to each.
func raise[N uint8 | uint16 | uint32](dst []int64, numbers []N, least int64) {
	if len(numbers) == 0 {
		return
	}
	dst = dst[:len(numbers)]
	for i, n := range numbers {
		dst[i] = int64(n) + least
	}
}

// look looks codes up.
func look[T any](dst, dict []T, c *Coded) {
	if len(dict) == 0 {
		return // no row has a value
	}
	lookUp(dst, dict, c.Codes8)
	lookUp(dst, dict, c.Codes16)
}

func lookUp[T any, N uint8 | uint16](dst, dict []T, codes []N) {
	if len(codes) == 0 {
		return
	}
	dst = dst[:len(codes)]
	for i, code := range codes {
		dst[i] = dict[code]
	}
}

// Pick makes the vector of the given rows only, in the order given.
func (c *Compact) Pick(rows []int32) *Vector {
	some := Compact{frame: c.frame, least: c.least}
	some.frame.Len = len(rows)
	if c.frame.Valid != nil {
		some.frame.Valid = pickBits(c.frame.Valid, rows)
	}
	switch {
	case c.coded != nil:
		some.coded = c.coded.pick(rows)
	case c.bytes != nil:
		some.bytes = pickRows(c.bytes, rows)
	case c.shorts != nil:
		some.shorts = pickRows(c.shorts, rows)
	default:
		some.words = pickRows(c.words, rows)
	}
	var room Room // of its own: never freed
	return some.Vector(&room)
}

func (c *Coded) pick(rows []int32) *Coded {
	some := &Coded{Doubles: c.Doubles, Ints: c.Ints}
	if c.Codes8 != nil {
		some.Codes8 = pickRows(c.Codes8, rows)
	} else {
		some.Codes16 = pickRows(c.Codes16, rows)
	}
	return some
}
