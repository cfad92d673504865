package column

import (
	"math/rand/v2"
	"unsafe"
)

// scatter is odd and not known to those who choose what is stored.
var scatter = rand.Uint64() | 1

// Numbering gives the distinct numbers of a column codes, from 0 in the order in
// which they come. The zero value is empty.
type Numbering[T int64 | float64] struct {
	slots  []int32 // 1 + code, by hash; 0 = empty
	shift  uint    // 64 - the binary logarithm of len(slots)
	values []T
}

// Values are the distinct numbers by code.
func (n *Numbering[T]) Values() []T { return n.values }

// Of is the code of a number. Numbers are equal if all their bits are.
func (n *Numbering[T]) Of(v T) int32 {
	if 2*len(n.values) >= len(n.slots) {
		n.grow()
	}
	slot := n.find(v)
	if n.slots[slot] == 0 {
		n.values = append(n.values, v)
		n.slots[slot] = int32(len(n.values))
	}
	return n.slots[slot] - 1
}

// find is the slot that holds v, or in which it belongs.
func (n *Numbering[T]) find(v T) uint64 {
	key := bitsOf(v)
	slot := (key ^ key>>32) * scatter >> n.shift
	for n.slots[slot] != 0 && bitsOf(n.values[n.slots[slot]-1]) != key {
		slot = (slot + 1) & uint64(len(n.slots)-1)
	}
	return slot
}

func (n *Numbering[T]) grow() {
	size := max(64, 4*len(n.slots))
	n.slots, n.shift = make([]int32, size), 64
	for ; size > 1; size >>= 1 {
		n.shift--
	}
	for i, v := range n.values {
		n.slots[n.find(v)] = int32(i + 1)
	}
}

func bitsOf[T int64 | float64](v T) uint64 { return *(*uint64)(unsafe.Pointer(&v)) }

// repeats reports whether there are at most few different values, each minReuse
// times on average.
func repeats[T int64 | float64](values []T, few int) bool {
	var seen Numbering[T]
	for _, v := range values {
		seen.Of(v)
		if n := len(seen.values); n > few || n*minReuse > len(values) {
			return false
		}
	}
	return true
}
