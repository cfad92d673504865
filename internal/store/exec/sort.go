package exec

import (
	"math"
	"slices"
	"unsafe"
)

// radixFrom is from how many values on sorting byte by byte is faster.
const radixFrom = 512

// sortInts sorts integers.
func sortInts(a []int64) {
	if len(a) < radixFrom {
		slices.Sort(a)
		return
	}
	keys := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(a))), len(a))
	const sign = 1 << 63
	for i := range keys {
		keys[i] ^= sign
	}
	radixSort(keys)
	for i := range keys {
		keys[i] ^= sign
	}
}

// sortFloats sorts floats, of which none is NaN: -0 comes before 0.
func sortFloats(a []float64) {
	if len(a) < radixFrom {
		slices.Sort(a)
		return
	}
	keys := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(a))), len(a))
	for i, k := range keys { // the order of floats is that of their bits, but for the sign
		keys[i] = k ^ (uint64(int64(k)>>63) | 1<<63)
	}
	radixSort(keys)
	for i, k := range keys {
		if k>>63 == 1 {
			keys[i] = k ^ 1<<63
		} else {
			keys[i] = k ^ math.MaxUint64
		}
	}
}

// radixSort sorts by one byte after the other, the lowest first, and passes over
// the bytes that are the same in all.
func radixSort(keys []uint64) {
	var counts [8][256]uint32
	for _, k := range keys {
		for b := range 8 {
			counts[b][byte(k>>(8*b))]++
		}
	}
	from, to := keys, make([]uint64, len(keys))
	for b := range 8 {
		count := &counts[b]
		if count[byte(keys[0]>>(8*b))] == uint32(len(keys)) {
			continue
		}
		at := uint32(0)
		for i, n := range count {
			count[i] = at
			at += n
		}
		for _, k := range from {
			d := byte(k >> (8 * b))
			to[count[d]] = k
			count[d]++
		}
		from, to = to, from
	}
	if &from[0] != &keys[0] {
		copy(keys, from)
	}
}
