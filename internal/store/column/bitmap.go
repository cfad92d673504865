package column

import (
	"iter"
	"math/bits"
)

// NewBitmap returns an empty set with room for the rows 0…n-1.
func NewBitmap(n int) Bitmap { return make(Bitmap, (n+63)/64) }

// FullBitmap returns the set of the rows 0…n-1.
func FullBitmap(n int) Bitmap {
	b := NewBitmap(n)
	for i := range b {
		b[i] = ^uint64(0)
	}
	if tail := n % 64; tail != 0 {
		b[len(b)-1] = 1<<tail - 1
	}
	return b
}

// Get reports whether the set has row i. Rows beyond its room are not in it.
func (b Bitmap) Get(i int) bool {
	return i>>6 < len(b) && b[i>>6]>>(i&63)&1 != 0
}

// Set adds row i, for which there must be room.
func (b Bitmap) Set(i int) { b[i>>6] |= 1 << (i & 63) }

// Clear removes row i, for which there must be room.
func (b Bitmap) Clear(i int) { b[i>>6] &^= 1 << (i & 63) }

// Count is the number of rows in the set.
func (b Bitmap) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Empty reports whether the set has no row.
func (b Bitmap) Empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

// Clone returns a copy that shares nothing with b.
func (b Bitmap) Clone() Bitmap {
	if b == nil {
		return nil
	}
	return append(Bitmap{}, b...)
}

// And removes the rows that are not in o.
func (b Bitmap) And(o Bitmap) {
	for i := range b {
		if i < len(o) {
			b[i] &= o[i]
		} else {
			b[i] = 0
		}
	}
}

// Or adds the rows of o, which must not have more room than b.
func (b Bitmap) Or(o Bitmap) {
	for i, w := range o {
		b[i] |= w
	}
}

// AndNot removes the rows of o.
func (b Bitmap) AndNot(o Bitmap) {
	for i := range min(len(b), len(o)) {
		b[i] &^= o[i]
	}
}

// All yields the rows of the set in rising order.
func (b Bitmap) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range b {
			for ; w != 0; w &= w - 1 {
				if !yield(i<<6 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}
