package segment

import (
	"bytes"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"

	"github.com/firnlog/firn/internal/store/column"
)

// A page has at most pageRows rows and pageBytes bytes, or one value that has
// more.
const (
	pageRows  = 8192
	pageBytes = 1 << 20
)

// write writes the builder's rows, in the given order, as a row group. It takes
// each column away when it has been written.
func (l *layout) write(w *parquetWriter, b *column.Builder, order []int32) error {
	at := columnIndex(b)
	g := gatherer{order: order, levels: make([]byte, len(order))}
	return w.group(len(order), func(c int, out *chunkWriter) error {
		from := column.Col(c)
		if from >= column.FirstPath {
			var ok bool
			if from, ok = at[pathKey(l.paths[from-column.FirstPath])]; !ok {
				return g.write(out, missing(l.kind(column.Col(c)), len(order)))
			}
		}
		v := b.Column(from).Vector(len(order))
		b.Drop(from)
		return g.write(out, v)
	})
}

// gatherer puts the values of columns into the order of a file's rows. What it
// gathers in is used again for the next column.
type gatherer struct {
	order   []int32
	levels  []byte // 1 where a row holds a value
	ints    []int64
	doubles []float64
	codes   []int32
	bytes   []byte
	ends    []uint32
}

// write writes a column.
func (g *gatherer) write(out *chunkWriter, v *column.Vector) error {
	g.setLevels(v.Valid)
	switch v.Kind {
	case column.Int:
		g.ints = gather(g.ints, v.Ints, g.order, g.levels)
		return ints.write(g, out, g.ints)
	case column.Double:
		g.doubles = gather(g.doubles, v.Doubles, g.order, g.levels)
		return doubles.write(g, out, g.doubles)
	case column.Bool:
		return g.writeBools(out, v)
	}
	if out.coded() {
		return g.writeCodes(out, v)
	}
	return g.writeTexts(out, v)
}

// setLevels notes which rows hold a value; valid nil = all.
func (g *gatherer) setLevels(valid column.Bitmap) {
	if valid == nil {
		for i := range g.levels {
			g.levels[i] = 1
		}
		return
	}
	for i, row := range g.order {
		g.levels[i] = byte(valid[row>>6] >> (row & 63) & 1)
	}
}

// gather appends to dst[:0] the values of the rows that hold one.
func gather[T any](dst, values []T, order []int32, levels []byte) []T {
	if cap(dst) < len(order) {
		dst = make([]T, len(order))
	}
	dst = dst[:len(order)]
	n := 0
	for i, row := range order {
		dst[n] = values[row] // the next one takes its place if it does not count
		n += int(levels[i])
	}
	return dst[:n]
}

// pages calls write for each page of pageRows rows, with the places of its
// values.
func (g *gatherer) pages(write func(levels []byte, from, to int) error) error {
	from := 0
	for rest := g.levels; len(rest) > 0; {
		levels := rest[:min(pageRows, len(rest))]
		rest = rest[len(levels):]
		to := from + bytes.Count(levels, []byte{1})
		if err := write(levels, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// numbers is what int and double columns differ in.
type numbers[T int64 | float64] struct {
	values func([]T) encoding.Values
	value  func(T) parquet.Value
}

var (
	ints    = numbers[int64]{values: encoding.Int64Values, value: parquet.Int64Value}
	doubles = numbers[float64]{values: encoding.DoubleValues, value: parquet.DoubleValue}
)

// write writes a column of numbers, of which none is NaN.
func (k numbers[T]) write(g *gatherer, out *chunkWriter, all []T) error {
	if out.coded() {
		var n column.Numbering[T]
		g.codes = g.codes[:0]
		for _, v := range all {
			g.codes = append(g.codes, n.Of(v))
		}
		if err := out.dictionary(k.values(n.Values()), len(n.Values())); err != nil {
			return err
		}
	}
	return g.pages(func(levels []byte, from, to int) error {
		p := page{levels: levels, values: k.values(all[from:to])}
		if out.coded() {
			p.values = encoding.Int32Values(g.codes[from:to])
		}
		if from < to {
			p.low, p.high = k.value(slices.Min(all[from:to])), k.value(slices.Max(all[from:to]))
		}
		return out.add(&p)
	})
}

func (g *gatherer) writeBools(out *chunkWriter, v *column.Vector) error {
	row := 0
	return g.pages(func(levels []byte, from, to int) error {
		packed := make([]byte, (to-from+7)/8)
		n, ones := 0, 0
		for _, level := range levels {
			if level == 1 {
				if v.Bools.Get(int(g.order[row])) {
					packed[n/8] |= 1 << (n % 8)
					ones++
				}
				n++
			}
			row++
		}
		p := page{levels: levels, values: encoding.BooleanValues(packed)}
		if n > 0 {
			p.low, p.high = parquet.BooleanValue(ones == n), parquet.BooleanValue(ones > 0)
		}
		return out.add(&p)
	})
}
