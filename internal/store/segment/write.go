package segment

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime/debug"
	"slices"

	"github.com/parquet-go/parquet-go/format"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// ErrEmpty says that there are no rows to make a segment of.
var ErrEmpty = errors.New("segment: no rows")

// Write writes a segment of the given rows to w. Rows come in order of
// position, or in any order within runs of at most column.MaxRows rows that hold
// contiguous positions; most is about how many come. Write needs memory for the
// columns of one row group, up to some four times its texts; a row group ends at
// column.MaxRows rows or at mostContent. It does not sync: the caller makes the
// file durable.
//
// Which paths become columns is chosen by their frequency in the first row
// group. ErrEmpty if there are no rows.
func Write(w io.Writer, in Instance, most int, rows iter.Seq2[*column.Row, error]) (Info, error) {
	f := newFileWriter(w, in, true)
	f.expect(most)
	for r, err := range rows {
		if err == nil {
			err = f.append(r)
		}
		if err != nil {
			return Info{}, err
		}
	}
	return f.close()
}

// A row group ends early at groupContent bytes of texts or, where an event has
// wideContent bytes on average, at half of that: then many small pages make up
// for what reading a whole column costs. Where an event has hugeContent bytes,
// which fill pages by themselves, more of them in a row group would gain nothing
// and cost memory: it ends at hugeGroup.
const (
	groupContent = 128 << 20
	wideContent  = 512
	hugeContent  = 16 << 10
	hugeGroup    = 16 << 20
	// memoryPart is the part of the process's memory limit that a row group's
	// texts are at most; of huge events half of that.
	memoryPart = 16
)

// mostContent is how many bytes of texts a row group of so many rows and bytes
// may have, where the process may have limit bytes of memory.
func mostContent(rows int, content, limit int64) int64 {
	switch {
	case content >= int64(rows)*hugeContent:
		return min(hugeGroup, limit/memoryPart/2)
	case content >= int64(rows)*wideContent:
		return min(groupContent/2, limit/memoryPart)
	}
	return min(groupContent, limit/memoryPart)
}

// full reports whether the row group that is being made ends.
func (f *fileWriter) full() bool {
	rows, content := f.builder.Rows(), f.builder.Content()
	return rows >= column.MaxRows || rows > 0 && content >= mostContent(rows, content, f.limit)
}

// takes reports whether the row group that is being made may have so many rows
// and bytes of texts more.
func (f *fileWriter) takes(rows int, content int64) bool {
	rows, content = rows+f.builder.Rows(), content+f.builder.Content()
	return rows <= column.MaxRows && content <= mostContent(rows, content, f.limit)
}

// fileWriter writes one segment.
type fileWriter struct {
	sums    *sumWriter
	doc     document
	sorted  bool // by stream
	builder *column.Builder
	plan    *column.Plan // of the second and later row groups
	layout  *layout      // nil before the first row group
	codec   *compressor
	parquet *parquetWriter
	limit   int64 // memory that the process may have
	toCome  int   // rows, about
}

func newFileWriter(w io.Writer, in Instance, sorted bool) *fileWriter {
	f := &fileWriter{sums: &sumWriter{w: w}, sorted: sorted, codec: fast, limit: debug.SetMemoryLimit(-1)}
	f.doc = document{Format: FormatVersion, BlockSize: blockSize, Order: orderByPosition, Info: Info{InstanceID: in.ID, Key: in.Key}}
	if sorted {
		f.doc.Order = orderByStream
	}
	f.builder = column.NewBuilder(column.Meta{})
	return f
}

// expect tells how many rows are still to come.
func (f *fileWriter) expect(rows int) {
	f.toCome = rows
	f.builder.Expect(f.builder.Rows() + rows)
}

// append adds a row, ending the row group before it where that is full.
func (f *fileWriter) append(r *column.Row) error {
	if f.full() {
		if err := f.endGroup(); err != nil {
			return err
		}
	}
	f.doc.Info.Content += int64(r.Content())
	f.toCome--
	return f.builder.Append(r)
}

// close writes what is left and the footer.
func (f *fileWriter) close() (Info, error) {
	if f.builder.Rows() > 0 {
		if err := f.endGroup(); err != nil {
			return Info{}, err
		}
	}
	if f.parquet == nil {
		return Info{}, ErrEmpty
	}
	if err := f.sums.hold(); err != nil {
		return Info{}, err
	}
	f.doc.Sums = f.sums.sums
	text, err := json.Marshal(&f.doc, json.Deterministic(true))
	if err != nil {
		return Info{}, fmt.Errorf("segment: footer document: %w", err)
	}
	metadata := []format.KeyValue{{Key: "firn", Value: string(text)}, {Key: sealKey, Value: f.sums.placeholder()}}
	if err := f.parquet.close(metadata); err != nil {
		return Info{}, fmt.Errorf("segment: writing the footer: %w", err)
	}
	info := f.doc.Info
	info.Hash, err = f.sums.seal()
	info.Size = f.sums.offset + int64(len(f.sums.tail))
	return info, err
}

// endGroup writes the builder's rows as a row group and starts another.
func (f *fileWriter) endGroup() error {
	b := f.builder
	if f.layout == nil {
		if plan := b.Plan(); plan != nil {
			if err := b.Keep(plan); err != nil {
				return err
			}
		}
		b.Widen()
		f.layout = newLayout(b)
		f.doc.Columns = f.layout.document()
		f.parquet = &parquetWriter{w: f.sums, codec: f.codec, columns: f.layout.columns()}
		f.plan = b.Only()
	}
	order := rowOrder(b, f.sorted)
	g := group{Ranges: ranges(b), Sizes: sizes(b, order), Payload: spillOf(b, query.Payload), Metadata: spillOf(b, query.Metadata)}
	if err := f.layout.write(f.parquet, b, order); err != nil {
		return fmt.Errorf("segment: writing a row group: %w", err)
	}
	f.doc.Groups = append(f.doc.Groups, g)
	f.doc.Info.add(g.Ranges)
	f.builder = column.NewPlannedBuilder(column.Meta{}, f.plan)
	f.builder.Expect(f.toCome)
	return nil
}

// ranges computes the ranges of a builder's rows.
func ranges(b *column.Builder) Ranges {
	rows := b.Rows()
	r := Ranges{Rows: rows}
	span := func(c column.Col) (int64, int64) {
		v := b.Column(c).Vector(rows).Ints
		return slices.Min(v), slices.Max(v)
	}
	r.FirstPosition, r.LastPosition = span(column.ColPosition)
	r.MinTimestamp, r.MaxTimestamp = span(column.ColTimestamp)
	r.MinRecorded, r.MaxRecorded = span(column.ColRecorded)
	streams := b.Column(column.ColStream).Vector(rows)
	if streams.Codes != nil { // all of the dictionary is used
		r.MinStream, r.MaxStream = slices.Min(streams.Dict), slices.Max(streams.Dict)
		return r
	}
	r.MinStream, r.MaxStream = streams.Text(0), streams.Text(0)
	for i := range rows {
		s := streams.Text(i)
		r.MinStream, r.MaxStream = min(r.MinStream, s), max(r.MaxStream, s)
	}
	return r
}

// sizes are those of a builder's rows in the given order.
func sizes(b *column.Builder, order []int32) (s column.Sizes) {
	for i, row := range order {
		s.Add(i, b.RowContent(int(row)))
	}
	return s
}

// maxSpilled is how many paths a spill lists.
const maxSpilled = 256

func spillOf(b *column.Builder, root query.Root) spill {
	paths, whole := b.Spill(root)
	s := spill{Whole: whole, Paths: paths}
	if len(paths) > maxSpilled {
		s.Any, s.Paths = true, nil
	}
	for i, p := range b.Paths() {
		if p.Root == root && p.Kind == column.JSON && holdsString(b.Column(column.FirstPath+column.Col(i)).Vector(b.Rows())) {
			s.Odd = append(s.Odd, p.Path)
		}
	}
	return s
}

// holdsString reports whether a value of a JSON column is a string.
func holdsString(v *column.Vector) bool {
	if v.Codes != nil {
		return slices.ContainsFunc(v.Dict, func(s string) bool { return s != "" && s[0] == '"' })
	}
	for row := range v.Len {
		if v.IsValid(row) && v.Bytes[v.Offsets[row]] == '"' {
			return true
		}
	}
	return false
}
