package segment

import (
	"github.com/firnlog/firn/internal/store/column"
	"github.com/parquet-go/parquet-go"
)

// coding gathers the codes of a column of numbers, page after page; a nil coding
// gathers nothing.
type coding struct {
	codes []uint16
	row   int // rows so far
	dict  *dictionary
	none  bool // there is a page that has no codes
}

// newCoding is for so many rows; nil for a column that has no numbers.
func newCoding(kind column.Kind, rows int) *coding {
	if kind != column.Int && kind != column.Double {
		return nil
	}
	return &coding{codes: make([]uint16, rows)}
}

// add takes a page that the assembly has found to be sound. d is its dictionary,
// nil if it has none.
func (c *coding) add(page parquet.Page, d *dictionary) {
	if c == nil || c.none {
		return
	}
	if d == nil || max(len(d.ints), len(d.doubles)) > 1<<16 || c.dict != nil && c.dict != d {
		c.codes, c.none = nil, true
		return
	}
	c.dict = d
	rows := int(page.NumRows())
	data := page.Data()
	dst, codes := c.codes[c.row:c.row+rows], data.Int32()
	c.row += rows
	levels := page.DefinitionLevels()
	if page.NumNulls() == 0 {
		for i := range dst {
			dst[i] = uint16(codes[i])
		}
		return
	}
	n := 0
	for i, level := range levels {
		if n >= len(codes) {
			return // no row has a value any more
		}
		dst[i] = uint16(codes[n])
		n += int(level & 1)
	}
}

// coded is what was gathered, nil if there is a page without codes.
func (c *coding) coded() *column.Coded {
	if c == nil || c.none || c.dict == nil {
		return nil
	}
	return &column.Coded{Codes16: c.codes, Doubles: c.dict.doubles, Ints: c.dict.ints}
}
