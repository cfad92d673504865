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

// write writes the builder's rows, in the given order, as a row group.
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
		}
		if err := writeColumn(out, c, v, order, l.nodes[c].Optional()); err != nil {
			return fmt.Errorf("segment: writing column %s: %w", l.names[c], err)
		}
	}
	return nil
}

// writeColumn writes a vector's rows in the given order.
func writeColumn(out *parquet.ColumnWriter, c int, v *column.Vector, order []int32, optional bool) error {
	level := 0
	if optional {
		level = 1
	}
	var dict []parquet.Value
	for _, s := range v.Dict {
		dict = append(dict, parquet.ByteArrayValue([]byte(s)).Level(0, level, c))
	}
	null := parquet.NullValue().Level(0, 0, c)
	page := make([]parquet.Value, 0, min(pageRows, len(order)))
	flush := func() error {
		if _, err := out.WriteRowValues(page); err != nil {
			return err
		}
		page = page[:0]
		return out.Flush()
	}
	size := 0
	for _, row := range order {
		value, n := null, 0
		switch {
		case !v.IsValid(int(row)):
		case v.Codes != nil:
			value = dict[v.Codes[row]]
		default:
			value, n = valueAt(v, int(row))
			value = value.Level(0, level, c)
		}
		if len(page) == pageRows || len(page) > 0 && size+n > pageBytes {
			if err := flush(); err != nil {
				return err
			}
			size = 0
		}
		page = append(page, value)
		size += n
	}
	if len(page) > 0 {
		return flush()
	}
	return nil
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
