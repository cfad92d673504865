package segment

import (
	"fmt"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/parquet-go/parquet-go"
)

// A page has at most pageRows rows and pageBytes bytes, or one value that has
// more.
const (
	pageRows  = 8192
	pageBytes = 1 << 20
)

// A page is what one call of WriteRowValues gets, because the library ends pages
// only between calls.

// write writes the builder's rows, in the given order, as a row group. It takes
// each column away when it has been written.
func (l *layout) write(w *parquet.Writer, b *column.Builder, order []int32) error {
	at := columnIndex(b)
	for c, out := range w.ColumnWriters() {
		from := column.Col(c)
		if from >= column.FirstPath {
			var ok bool
			if from, ok = at[pathKey(l.paths[from-column.FirstPath])]; !ok {
				from = -1
			}
		}
		v := missing(l.kind(column.Col(c)), len(order))
		if from >= 0 {
			v = b.Column(from).Vector(len(order))
			b.Drop(from)
		}
		p := pageWriter{out: out, column: c, coded: l.nodes[c].Encoding() == &parquet.RLEDictionary}
		if l.nodes[c].Optional() {
			p.level = 1
		}
		if err := p.write(v, order); err != nil {
			return fmt.Errorf("segment: writing column %s: %w", l.names[c], err)
		}
	}
	return nil
}

// pageWriter writes the pages of one column.
type pageWriter struct {
	out    *parquet.ColumnWriter
	column int
	level  int  // of a value's definition
	coded  bool // a page has codes of a dictionary, not texts
	page   []parquet.Value
	size   int // bytes of the page's texts
}

// write writes a vector's rows in the given order.
func (p *pageWriter) write(v *column.Vector, order []int32) error {
	var dict []parquet.Value
	for _, s := range v.Dict {
		dict = append(dict, parquet.ByteArrayValue([]byte(s)).Level(0, p.level, p.column))
	}
	null := parquet.NullValue().Level(0, 0, p.column)
	p.page = make([]parquet.Value, 0, min(pageRows, len(order)))
	for _, row := range order {
		value, n := null, 0
		switch {
		case !v.IsValid(int(row)):
		case v.Codes != nil:
			code := v.Codes[row]
			if value = dict[code]; !p.coded {
				n = len(v.Dict[code])
			}
		default:
			value, n = valueAt(v, int(row))
			value = value.Level(0, p.level, p.column)
		}
		if err := p.add(value, n); err != nil {
			return err
		}
	}
	return p.flush()
}

// add adds a value of n bytes of text.
func (p *pageWriter) add(value parquet.Value, n int) error {
	if len(p.page) == pageRows || len(p.page) > 0 && p.size+n > pageBytes {
		if err := p.flush(); err != nil {
			return err
		}
	}
	p.page = append(p.page, value)
	p.size += n
	return nil
}

// flush writes what has gathered as a page.
func (p *pageWriter) flush() error {
	if len(p.page) == 0 {
		return nil
	}
	if _, err := p.out.WriteRowValues(p.page); err != nil {
		return err
	}
	p.page, p.size = p.page[:0], 0
	return p.out.Flush()
}

// valueAt is the value of a valid row of a vector without a dictionary, and how
// many bytes of text it has.
func valueAt(v *column.Vector, row int) (parquet.Value, int) {
	switch v.Kind {
	case column.Int:
		return parquet.Int64Value(v.Ints[row]), 0
	case column.Double:
		return parquet.DoubleValue(v.Doubles[row]), 0
	case column.Bool:
		return parquet.BooleanValue(v.Bools.Get(row)), 0
	}
	text := v.Bytes[v.Offsets[row]:v.Offsets[row+1]]
	return parquet.ByteArrayValue(text), len(text)
}
