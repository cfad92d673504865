package segment

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"

	"github.com/firnlog/firn/internal/store/column"
)

// layout is the choice of a file's columns and of their encodings.
type layout struct {
	paths []column.PathColumn // in the file's order
	names []string            // of all columns, by column.Col of the file
	nodes []parquet.Node      // likewise
}

// newLayout chooses for the columns that the builder has: the fixed ones, then
// the path columns by falling frequency.
func newLayout(b *column.Builder) *layout {
	l := &layout{names: slices.Clone(fixedNames[:])}
	values := map[string]int{}
	for i, p := range b.Paths() {
		if n := b.Column(column.FirstPath + column.Col(i)).Values(); n > 0 {
			values[pathKey(p)] = n
			l.paths = append(l.paths, p)
		}
	}
	slices.SortStableFunc(l.paths, func(x, y column.PathColumn) int {
		return cmp.Compare(values[pathKey(y)], values[pathKey(x)])
	})
	l.names = append(l.names, pathNames(l.paths)...)
	at := columnIndex(b)
	for c := range l.names {
		from := column.Col(c)
		if from >= column.FirstPath {
			from = at[pathKey(l.paths[from-column.FirstPath])]
		}
		l.nodes = append(l.nodes, node(column.Col(c), b.Column(from), b.Rows()))
	}
	return l
}

func pathKey(p column.PathColumn) string { return fmt.Sprintf("%d%d%q", p.Root, p.Kind, p.Path) }

// columnIndex finds the builder's columns by path.
func columnIndex(b *column.Builder) map[string]column.Col {
	at := map[string]column.Col{}
	for i, p := range b.Paths() {
		at[pathKey(p)] = column.FirstPath + column.Col(i)
	}
	return at
}

// node is the Parquet type and encoding of a column.
func node(c column.Col, p *column.Packed, rows int) parquet.Node {
	var n parquet.Node
	switch {
	case c == column.ColTimestamp:
		n = parquet.Timestamp(parquet.Microsecond)
	case c == column.ColRecorded:
		n = parquet.Timestamp(parquet.Millisecond)
	case p.Kind() == column.Int:
		n = parquet.Int(64)
	case p.Kind() == column.Double:
		n = parquet.Leaf(parquet.DoubleType)
	case p.Kind() == column.Bool:
		n = parquet.Leaf(parquet.BooleanType)
	case p.Kind() == column.JSON:
		n = parquet.JSON()
	default:
		n = parquet.String()
	}
	n = parquet.Encoded(n, encodingOf(c, p))
	if c > column.ColType {
		n = parquet.Optional(n)
	}
	return n
}

// encodingOf chooses by what the first row group holds.
func encodingOf(c column.Col, p *column.Packed) encoding.Encoding {
	switch {
	case c == column.ColPosition, c == column.ColSequence, c == column.ColTimestamp:
		return &parquet.DeltaBinaryPacked
	case p.Repeats():
		return &parquet.RLEDictionary
	case p.Kind() == column.Int:
		return &parquet.DeltaBinaryPacked
	case p.Kind() == column.Double:
		return &parquet.ByteStreamSplit
	case p.Kind() == column.Bool:
		return &parquet.Plain
	}
	return &parquet.DeltaLengthByteArray
}

// kind is the kind of a column.
func (l *layout) kind(c column.Col) column.Kind {
	if c < column.FirstPath {
		return c.Kind()
	}
	return l.paths[c-column.FirstPath].Kind
}

// document lists the path columns for the footer.
func (l *layout) document() []pathColumn {
	list := make([]pathColumn, len(l.paths))
	for i, p := range l.paths {
		list[i] = pathColumn{Name: l.names[int(column.FirstPath)+i], Root: rootNames[p.Root], Path: p.Path, Kind: kindNames[p.Kind], Integers: p.Integers}
	}
	return list
}

// bloomBits is how many bits a bloom filter has for each distinct value: about
// 2 false positives in a hundred.
const bloomBits = 8

// columns are the columns of the Parquet file in order.
func (l *layout) columns() []fileColumn {
	list := make([]fileColumn, len(l.names))
	for i, name := range l.names {
		c := column.Col(i)
		text := l.nodes[c].Type().Kind() == parquet.ByteArray
		list[i] = fileColumn{
			name: name, node: l.nodes[c],
			// Bounds are kept whole, and these may be megabytes.
			bounded: !text || c == column.ColStream || c == column.ColType,
			bloomed: text && l.kind(c) == column.String && !c.IsShape(),
		}
	}
	return list
}
