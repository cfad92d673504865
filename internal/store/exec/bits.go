package exec

import "github.com/firnlog/firn/internal/store/column"

// words is how many words a bitmap of n rows has.
func words(n int) int { return (n + 63) / 64 }

// allRows makes b the set of the rows 0…n-1; it has room for no more.
func allRows(b column.Bitmap, n int) {
	for i := range b {
		b[i] = ^uint64(0)
	}
	if n%64 != 0 {
		b[len(b)-1] = 1<<(n%64) - 1
	}
}

// word is word w of a validity bitmap, where nil stands for all rows.
func word(valid column.Bitmap, w int) uint64 {
	if valid == nil {
		return ^uint64(0)
	}
	if w >= len(valid) {
		return 0
	}
	return valid[w]
}

// orInto adds the rows of b that are in in to dst; nil has none.
func orInto(dst, in, b column.Bitmap) {
	for i := range min(len(b), len(dst)) {
		dst[i] |= in[i] & b[i]
	}
}
