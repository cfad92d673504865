package segment

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding"

	"github.com/firnlog/firn/internal/store/column"
)

// most16 is how many values a dictionary has at most whose codes have two bytes.
const most16 = 1 << 16

// codes appends a page of texts in dictionary form.
func (a *assembly) codes(d *dictionary, codes []int32, levels []byte, rows int) error {
	if a.v.Offsets != nil || a.dict != nil && a.dict != d {
		return errors.New("a column chunk mixes its encodings")
	}
	n := len(d.texts)
	if v := a.v; a.dict == nil {
		if a.dict, v.Dict, v.DictBytes = d, d.texts, d.bytes; a.coded && n <= most16 {
			v.Codes8, v.Codes16 = a.narrowCodes(n)
		} else {
			v.Codes = make([]uint32, v.Len)
		}
	}
	switch to := a.row + rows; {
	case a.v.Codes8 != nil:
		return place(a.v.Codes8[a.row:to], codes, n, levels)
	case a.v.Codes16 != nil:
		return place(a.v.Codes16[a.row:to], codes, n, levels)
	default:
		return place(a.v.Codes[a.row:to], codes, n, levels)
	}
}

// narrowCodes are codes of one or two bytes, of a dictionary of n values.
func (a *assembly) narrowCodes(n int) ([]uint8, []uint16) {
	if n <= 1<<8 {
		return make([]uint8, a.v.Len), nil
	}
	return nil, make([]uint16, a.v.Len)
}

// numbers appends a page of numbers, in dictionary form where d is not nil.
func (a *assembly) numbers(data encoding.Values, d *dictionary, levels []byte, rows int) error {
	from, to := a.row, a.row+rows
	if a.takesCodes(d) {
		c := a.v.Numbers
		if c.Codes8 != nil {
			return place(c.Codes8[from:to], data.Int32(), c.Distinct(), levels)
		}
		return place(c.Codes16[from:to], data.Int32(), c.Distinct(), levels)
	}
	switch a.spell(); {
	case d != nil && a.v.Kind == column.Int:
		return look(a.v.Ints[from:to], d.ints, data.Int32(), levels)
	case d != nil:
		return look(a.v.Doubles[from:to], d.doubles, data.Int32(), levels)
	case a.v.Kind == column.Int:
		return spread(a.v.Ints[from:to], data.Int64(), levels)
	}
	return spread(a.v.Doubles[from:to], data.Double(), levels)
}

// takesCodes reports whether the numbers of the next page are kept as codes. Those
// of a column have a dictionary in all pages.
func (a *assembly) takesCodes(d *dictionary) bool {
	if !a.coded || d == nil || a.dict != nil && a.dict != d {
		return false
	}
	if a.dict == nil {
		c := &column.Coded{Doubles: d.doubles, Ints: d.ints}
		if n := c.Distinct(); n == 0 || n > most16 {
			return false
		}
		c.Codes8, c.Codes16 = a.narrowCodes(c.Distinct())
		a.dict, a.v.Numbers = d, c
	}
	return true
}

// spell makes room for numbers, and writes those there that were kept as codes.
func (a *assembly) spell() {
	v := a.v
	switch {
	case v.Kind == column.Int && v.Ints == nil:
		v.Ints = make([]int64, v.Len)
	case v.Kind == column.Double && v.Doubles == nil:
		v.Doubles = make([]float64, v.Len)
	}
	a.coded = false
	c := v.Numbers
	if c == nil {
		return
	}
	for row := range a.row {
		code := 0
		if c.Codes8 != nil {
			code = int(c.Codes8[row])
		} else {
			code = int(c.Codes16[row])
		}
		if v.Kind == column.Int {
			v.Ints[row] = c.Ints[code]
		} else {
			v.Doubles[row] = c.Doubles[code]
		}
	}
	v.Numbers = nil
}

// place puts codes of n values at the rows that hold one. Other rows get some code
// that there is.
func place[N uint8 | uint16 | uint32](dst []N, codes []int32, n int, levels []byte) error {
	most := uint32(0)
	for _, code := range codes {
		most = max(most, uint32(code))
	}
	if len(codes) > 0 && uint64(most) >= uint64(n) {
		return fmt.Errorf("code %d in a dictionary of %d", int32(most), n)
	}
	if levels == nil {
		if len(codes) < len(dst) {
			return errShort
		}
		for i := range dst {
			dst[i] = N(codes[i])
		}
		return nil
	}
	next := 0
	for i, level := range levels {
		if next >= len(codes) {
			clear(dst[i:])
			return onlyNulls(levels[i:])
		}
		dst[i] = N(codes[next])
		next += int(level & 1)
	}
	return nil
}
