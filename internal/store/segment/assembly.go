package segment

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"

	"github.com/firnlog/firn/internal/store/column"
)

// dictionary holds the distinct values of a column chunk.
type dictionary struct {
	texts   []string
	bytes   int // of texts
	ints    []int64
	doubles []float64
}

func (d *dictionary) size() int64 {
	return int64(16*len(d.texts)+d.bytes+8*len(d.ints)+8*len(d.doubles)) + 128
}

func newDictionary(kind column.Kind, raw parquet.Dictionary) (*dictionary, error) {
	d := new(dictionary)
	values := raw.Page().Data()
	switch kind {
	case column.Int:
		d.ints = append(d.ints, values.Int64()...)
	case column.Double:
		d.doubles = append(d.doubles, values.Double()...)
	case column.Bool:
		return nil, errors.New("a dictionary of booleans")
	default:
		bytes, offsets := values.ByteArray()
		if err := checkOffsets(offsets, len(bytes)); err != nil {
			return nil, err
		}
		all := string(bytes)
		d.bytes = len(all)
		d.texts = make([]string, raw.Len())
		for i := range d.texts {
			d.texts[i] = all[offsets[i]:offsets[i+1]]
		}
	}
	return d, nil
}

func checkOffsets(offsets []uint32, size int) error {
	for i := 1; i < len(offsets); i++ {
		if offsets[i] < offsets[i-1] {
			return errors.New("text lengths are out of order")
		}
	}
	if n := len(offsets); n > 0 && int64(offsets[n-1]) > int64(size) {
		return errors.New("texts are longer than their page")
	}
	return nil
}

// assembly puts the pages of a column together to one vector.
type assembly struct {
	v    *column.Vector
	row  int // rows so far
	dict *dictionary
	// bytes is how many bytes of text in the plain form to make room for.
	bytes int
	// coded says that codes are wanted as they are, in as few bytes as they need:
	// the vector has those of numbers, and then not the numbers.
	coded bool
}

// newAssembly is for a column of so many rows.
func newAssembly(kind column.Kind, rows int) *assembly {
	v := &column.Vector{Kind: kind, Len: rows}
	if kind == column.Bool {
		v.Bools = column.NewBitmap(rows)
	}
	return &assembly{v: v}
}

// add appends the rows of a page. d is its dictionary, nil if it has none.
func (a *assembly) add(page parquet.Page, d *dictionary) error {
	rows := int(page.NumRows())
	if a.row+rows > a.v.Len {
		return fmt.Errorf("%d rows too many", a.row+rows-a.v.Len)
	}
	levels := page.DefinitionLevels()
	if page.NumNulls() == 0 {
		levels = nil
	} else if len(levels) != rows {
		return fmt.Errorf("%d definition levels for %d rows", len(levels), rows)
	}
	a.validity(levels, rows)
	err := a.values(page, d, levels, rows)
	a.row += rows
	return err
}

// validity notes which of the next rows have values; no levels = all.
func (a *assembly) validity(levels []byte, rows int) {
	if levels == nil && a.v.Valid == nil {
		return
	}
	if a.v.Valid == nil {
		a.v.Valid = column.NewBitmap(a.v.Len)
		copy(a.v.Valid, column.FullBitmap(a.row))
	}
	if levels == nil {
		for i := a.row; i < a.row+rows; i++ {
			a.v.Valid.Set(i)
		}
		return
	}
	i := 0
	if a.row%64 == 0 { // whole words at a time
		for word := a.row / 64; i+64 <= len(levels); i, word = i+64, word+1 {
			a.v.Valid[word] = lowBits((*[64]byte)(levels[i : i+64]))
		}
	}
	for ; i < len(levels); i++ {
		if levels[i]&1 != 0 {
			a.v.Valid.Set(a.row + i)
		}
	}
}

// lowBits are the lowest bits of some bytes, eight bytes at a time: the product
// has bit 0 of byte j as bit 56+j.
func lowBits(of *[64]byte) (bits uint64) {
	const ones, gather = 0x0101010101010101, 0x0102040810204080
	for j := 0; j < 64; j += 8 {
		bits |= (binary.LittleEndian.Uint64(of[j:j+8]) & ones * gather >> 56) << j
	}
	return bits
}

func (a *assembly) values(page parquet.Page, d *dictionary, levels []byte, rows int) error {
	data := page.Data()
	switch kind := a.v.Kind; {
	case kind == column.Bool:
		return a.bools(data.Boolean(), levels, rows)
	case kind == column.Int || kind == column.Double:
		return a.numbers(data, d, levels, rows)
	case d != nil:
		return a.codes(d, data.Int32(), levels, rows)
	}
	bytes, offsets := data.ByteArray()
	return a.texts(bytes, offsets, levels, rows)
}

var errShort = errors.New("a page has fewer values than rows that hold one")

// spread puts values at the rows that hold one. Other rows get what comes next,
// which costs less than a branch.
func spread[T any](dst, values []T, levels []byte) error {
	if levels == nil {
		if copy(dst, values) < len(dst) {
			return errShort
		}
		return nil
	}
	n := 0
	for i, level := range levels {
		if n >= len(values) {
			return onlyNulls(levels[i:])
		}
		dst[i] = values[n]
		n += int(level & 1)
	}
	return nil
}

// look puts the dictionary's values at the rows that hold one, as spread does.
func look[T any](dst, dict []T, codes []int32, levels []byte) error {
	for _, code := range codes {
		if uint32(code) >= uint32(len(dict)) {
			return fmt.Errorf("code %d in a dictionary of %d", code, len(dict))
		}
	}
	if levels == nil {
		if len(codes) < len(dst) {
			return errShort
		}
		for i := range dst {
			dst[i] = dict[codes[i]]
		}
		return nil
	}
	n := 0
	for i, level := range levels {
		if n >= len(codes) {
			return onlyNulls(levels[i:])
		}
		dst[i] = dict[codes[n]]
		n += int(level & 1)
	}
	return nil
}

// onlyNulls fails where a row holds a value.
func onlyNulls(levels []byte) error {
	for _, level := range levels {
		if level&1 != 0 {
			return errShort
		}
	}
	return nil
}

func (a *assembly) bools(packed []byte, levels []byte, rows int) error {
	n := 0
	for i := range rows {
		if levels != nil && levels[i] == 0 {
			continue
		}
		if n/8 >= len(packed) {
			return errShort
		}
		if packed[n/8]>>(n%8)&1 != 0 {
			a.v.Bools.Set(a.row + i)
		}
		n++
	}
	return nil
}

// texts appends a page of the plain form.
func (a *assembly) texts(bytes []byte, offsets []uint32, levels []byte, rows int) error {
	if a.v.Coded() {
		return errors.New("a column chunk mixes its encodings")
	}
	if err := checkOffsets(offsets, len(bytes)); err != nil {
		return err
	}
	if a.v.Offsets == nil {
		a.v.Offsets = make([]uint32, a.v.Len+1)
		a.v.Bytes = make([]byte, 0, a.bytes)
	}
	base := uint32(len(a.v.Bytes))
	if len(offsets) > 0 {
		base -= offsets[0]
		a.v.Bytes = append(a.v.Bytes, bytes[offsets[0]:offsets[len(offsets)-1]]...)
	} else {
		offsets = []uint32{0}
	}
	ends := a.v.Offsets[a.row+1 : a.row+1+rows]
	if levels == nil {
		if len(offsets) <= rows {
			return errShort
		}
		for i, end := range offsets[1 : rows+1] {
			ends[i] = base + end
		}
		return nil
	}
	n := 0
	for i, level := range levels {
		if n += int(level & 1); n >= len(offsets) {
			return errShort
		}
		ends[i] = base + offsets[n]
	}
	return nil
}

func (a *assembly) vector() (*column.Vector, error) {
	if a.row != a.v.Len {
		return nil, fmt.Errorf("%d rows, want %d", a.row, a.v.Len)
	}
	switch v := a.v; {
	case v.Kind == column.Int || v.Kind == column.Double:
		if v.Numbers == nil {
			a.spell()
		}
	case v.Kind != column.Bool && !v.Coded() && v.Offsets == nil:
		v.Offsets = []uint32{0}
	}
	return a.v, nil
}

// concat puts vectors of one column chunk one after the other.
func concat(kind column.Kind, parts []*column.Vector) *column.Vector {
	if len(parts) == 1 {
		return parts[0]
	}
	rows := 0
	for _, p := range parts {
		rows += p.Len
	}
	a := newAssembly(kind, rows)
	a.spell()
	for _, p := range parts {
		for i := range p.Len {
			if p.IsValid(i) {
				continue
			}
			if a.v.Valid == nil {
				a.v.Valid = column.FullBitmap(rows)
			}
			a.v.Valid.Clear(a.row + i)
		}
		switch {
		case kind == column.Int:
			copy(a.v.Ints[a.row:], p.Ints)
		case kind == column.Double:
			copy(a.v.Doubles[a.row:], p.Doubles)
		case kind == column.Bool:
			for i := range p.Bools.All() {
				a.v.Bools.Set(a.row + i)
			}
		case p.Codes != nil:
			a.v.Codes, a.v.Dict, a.v.DictBytes = append(a.v.Codes, p.Codes...), p.Dict, p.DictBytes
		default:
			if a.v.Offsets == nil {
				a.v.Offsets = []uint32{0}
			}
			base := uint32(len(a.v.Bytes))
			a.v.Bytes = append(a.v.Bytes, p.Bytes...)
			for _, end := range p.Offsets[1:] {
				a.v.Offsets = append(a.v.Offsets, base+end)
			}
		}
		a.row += p.Len
	}
	return a.v
}
