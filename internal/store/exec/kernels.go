package exec

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sort"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// The kernels below set in dst the rows of in whose value passes, 64 rows a
// step. Rows that are not in in are never set; dst starts empty or holds rows
// to keep. None of them branches on a value.

// sparse is the number of candidate rows in a word up to which rows are looked
// at one by one.
const sparse = 12

// span is an inclusive range of int64.
type span struct{ lo, hi int64 }

// selectInts selects the values that lie in s.
func selectInts(dst, in column.Bitmap, v *column.Vector, s span) {
	width := uint64(s.hi) - uint64(s.lo)
	for w, m := range in {
		m &= word(v.Valid, w)
		if m == 0 {
			continue
		}
		if bits.OnesCount64(m) <= sparse {
			for ; m != 0; m &= m - 1 {
				j := bits.TrailingZeros64(m)
				if uint64(v.Ints[w<<6+j])-uint64(s.lo) <= width {
					dst[w] |= 1 << j
				}
			}
			continue
		}
		rows := v.Ints[w<<6 : min(w<<6+64, v.Len)]
		var hit uint64
		for j, x := range rows {
			_, above := bits.Sub64(width, uint64(x)-uint64(s.lo), 0)
			hit |= (1 - above) << (j & 63)
		}
		dst[w] |= hit & m
	}
}

// doubleSpan is an inclusive range of float64.
type doubleSpan struct{ lo, hi float64 }

// selectDoubles selects the values that lie in s.
func selectDoubles(dst, in column.Bitmap, v *column.Vector, s doubleSpan) {
	for w, m := range in {
		m &= word(v.Valid, w)
		if m == 0 {
			continue
		}
		if bits.OnesCount64(m) <= sparse {
			for ; m != 0; m &= m - 1 {
				j := bits.TrailingZeros64(m)
				if x := v.Doubles[w<<6+j]; s.lo <= x && x <= s.hi {
					dst[w] |= 1 << j
				}
			}
			continue
		}
		rows := v.Doubles[w<<6 : min(w<<6+64, v.Len)]
		var hit uint64
		for j, x := range rows {
			var ge, le uint64
			if x >= s.lo {
				ge = 1
			}
			if x <= s.hi {
				le = 1
			}
			hit |= (ge & le) << (j & 63)
		}
		dst[w] |= hit & m
	}
}

// selectCode selects the rows of a dictionary column that have one code.
func selectCode(dst, in column.Bitmap, v *column.Vector, code uint32) {
	switch {
	case v.Codes8 != nil:
		selectEqual(dst, in, v.Valid, v.Codes8, uint8(code))
	case v.Codes16 != nil:
		selectEqual(dst, in, v.Valid, v.Codes16, uint16(code))
	default:
		selectEqual(dst, in, v.Valid, v.Codes, code)
	}
}

func selectEqual[N uint8 | uint16 | uint32](dst, in, valid column.Bitmap, codes []N, code N) {
	for w, m := range in {
		m &= word(valid, w)
		if m == 0 {
			continue
		}
		if bits.OnesCount64(m) <= sparse {
			for ; m != 0; m &= m - 1 {
				j := bits.TrailingZeros64(m)
				if codes[w<<6+j] == code {
					dst[w] |= 1 << j
				}
			}
			continue
		}
		var hit uint64
		for j, c := range codes[w<<6 : min(w<<6+64, len(codes))] {
			var bit uint64
			if c == code {
				bit = 1
			}
			hit |= bit << (j & 63)
		}
		dst[w] |= hit & m
	}
}

// selectCodes selects the rows of a dictionary column whose code passes:
// passes[code] is 1 or 0. Its length is a power of two, so that the codes of
// rows without a value, which may be anything, can be masked instead of checked.
func selectCodes(dst, in column.Bitmap, v *column.Vector, passes []uint8) {
	switch {
	case v.Codes8 != nil:
		selectPassing(dst, in, v.Valid, v.Codes8, passes)
	case v.Codes16 != nil:
		selectPassing(dst, in, v.Valid, v.Codes16, passes)
	default:
		selectPassing(dst, in, v.Valid, v.Codes, passes)
	}
}

func selectPassing[N uint8 | uint16 | uint32](dst, in, valid column.Bitmap, codes []N, passes []uint8) {
	mask := uint32(len(passes) - 1)
	for w, m := range in {
		m &= word(valid, w)
		if m == 0 {
			continue
		}
		if bits.OnesCount64(m) <= sparse {
			for ; m != 0; m &= m - 1 {
				j := bits.TrailingZeros64(m)
				dst[w] |= uint64(passes[uint32(codes[w<<6+j])&mask]) << j
			}
			continue
		}
		var hit uint64
		for j, c := range codes[w<<6 : min(w<<6+64, len(codes))] {
			hit |= uint64(passes[uint32(c)&mask]) << (j & 63)
		}
		dst[w] |= hit & m
	}
}

// passTable is a table for selectCodes over n codes.
func passTable(n int) []uint8 { return make([]uint8, 1<<bits.Len(uint(max(n, 1)-1))) }

// selectBools selects the rows of a Bool column that hold want.
func selectBools(dst, in column.Bitmap, v *column.Vector, want bool) {
	var flip uint64
	if !want {
		flip = ^uint64(0)
	}
	for w, m := range in {
		var value uint64
		if w < len(v.Bools) {
			value = v.Bools[w]
		}
		dst[w] |= m & word(v.Valid, w) & (value ^ flip)
	}
}

// text is the value of a row of a plain String or JSON column.
func text(v *column.Vector, row int) []byte {
	return v.Bytes[v.Offsets[row]:v.Offsets[row+1]]
}

// selectPlainEqual selects the rows of a plain column that hold s.
func selectPlainEqual(dst, in column.Bitmap, v *column.Vector, s string) {
	n := uint32(len(s))
	if n < 8 {
		for w, m := range in {
			for m &= word(v.Valid, w); m != 0; m &= m - 1 {
				j := bits.TrailingZeros64(m)
				if row := w<<6 + j; v.Offsets[row+1]-v.Offsets[row] == n && string(text(v, row)) == s {
					dst[w] |= 1 << j
				}
			}
		}
		return
	}
	// The last eight bytes tell most values apart at the price of one load.
	tail := binary.LittleEndian.Uint64([]byte(s[n-8:]))
	for w, m := range in {
		if m &= word(v.Valid, w); m == 0 {
			continue
		}
		offsets := v.Offsets[w<<6 : min(w<<6+65, v.Len+1)]
		for j := range len(offsets) - 1 {
			end := offsets[j+1]
			if end-offsets[j] != n || binary.LittleEndian.Uint64(v.Bytes[end-8:]) != tail {
				continue
			}
			if m>>j&1 != 0 && string(v.Bytes[offsets[j]:end]) == s {
				dst[w] |= 1 << j
			}
		}
	}
}

// selectPlainContains selects the rows of a plain column that hold sub, by one
// search over the bytes of all rows.
func selectPlainContains(dst, in column.Bitmap, v *column.Vector, sub []byte) {
	if len(sub) == 0 {
		for w, m := range in {
			dst[w] |= m & word(v.Valid, w)
		}
		return
	}
	row, from, end := 0, int(v.Offsets[0]), int(v.Offsets[v.Len])
	find := newFinder(v.Bytes[:end], sub, from)
	for from < end {
		if from = find.next(from); from < 0 {
			return
		}
		row = rowAt(v.Offsets, row, v.Len, uint32(from))
		if from+len(sub) > int(v.Offsets[row+1]) {
			from++ // lies across two rows
			continue
		}
		if in.Get(row) && v.IsValid(row) {
			dst[row>>6] |= 1 << (row & 63)
		}
		from = int(v.Offsets[row+1])
	}
}

// finder finds the places of sub by hopping from one occurrence of the byte of it
// that is rarest in a sample to the next; where that is not rare, as package
// bytes does.
type finder struct {
	in, sub   []byte
	anchor    int
	hops, far int
}

func newFinder(in, sub []byte, from int) finder {
	var often [256]int
	for _, c := range in[from:min(len(in), from+4096)] {
		often[c]++
	}
	f := finder{in: in, sub: sub}
	for i, c := range sub {
		if often[c] < often[sub[f.anchor]] {
			f.anchor = i
		}
	}
	return f
}

// next is the first place at from or behind it, -1 if there is none.
func (f *finder) next(from int) int {
	const some, worth = 64, 16 // hops, and bytes of each that it must be worth
	for at := from; f.hops < some || f.far > f.hops*worth; {
		hop := bytes.IndexByte(f.in[min(at+f.anchor, len(f.in)):], f.sub[f.anchor])
		if hop < 0 || at+hop+len(f.sub) > len(f.in) {
			return -1
		}
		at += hop
		f.hops++
		f.far += hop + 1
		if bytes.Equal(f.in[at:at+len(f.sub)], f.sub) {
			return at
		}
		at++
		from = at
	}
	hit := bytes.Index(f.in[from:], f.sub)
	if hit < 0 {
		return -1
	}
	return from + hit
}

// fewRows is the part of the rows up to which they are looked at one by one
// where the others would have to be searched too.
const fewRows = 16

// selectPlainFolded selects the rows of a plain column that hold a text in any
// case, by one search over the bytes of all rows. It is false, and nothing
// selected, where that cannot be done or does not pay.
func selectPlainFolded(dst, in column.Bitmap, v *column.Vector, text *query.Folded) bool {
	if v.Len == 0 || in.Count()*fewRows < v.Len {
		return false
	}
	first := v.Offsets[0]
	finder, ok := text.Finder(borrowed(v.Bytes[first:v.Offsets[v.Len]]))
	if !ok {
		return false
	}
	size := uint32(text.Len())
	row := 0
	for from := finder.Next(0); from >= 0; {
		at := first + uint32(from)
		row = rowAt(v.Offsets, row, v.Len, at)
		if at+size > v.Offsets[row+1] {
			from = finder.Next(from + 1) // it lies across two rows
			continue
		}
		if in.Get(row) && v.IsValid(row) {
			dst[row>>6] |= 1 << (row & 63)
		}
		from = finder.Next(int(v.Offsets[row+1] - first))
	}
	return true
}

// rowAt is the row that holds the byte at offset at, looking from row on by
// doubling steps.
func rowAt(offsets []uint32, row, n int, at uint32) int {
	step := 1
	for row+step < n && offsets[row+step] <= at {
		row += step
		step *= 2
	}
	hi := min(row+step, n)
	return row + sort.Search(hi-row, func(i int) bool { return offsets[row+i+1] > at })
}
