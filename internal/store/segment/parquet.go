package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// parquetWriter writes a Parquet file column by column, straight from vectors.
// The library's writer takes one value of 24 bytes at a time, keeps the pages of
// a row group until its end, and decodes them again for bloom filters; that was
// half of what sealing cost. Encodings, types and the footer's structures are
// the library's.
type parquetWriter struct {
	w       io.Writer
	offset  int64 // bytes written
	codec   *compressor
	columns []fileColumn
	groups  []format.RowGroup
	chunks  [][]*chunkWriter // by row group and column
	scratch pageScratch
}

// fileColumn is a column of a Parquet file.
type fileColumn struct {
	name    string
	node    parquet.Node
	bounded bool // bounds of pages are kept
	bloomed bool // a column chunk has a bloom filter
}

var parquetMagic = []byte("PAR1")

// Write implements io.Writer.
func (w *parquetWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.offset += int64(n)
	return n, err
}

// group writes a row group: column writes the pages of one column.
func (w *parquetWriter) group(rows int, column func(c int, out *chunkWriter) error) error {
	if w.offset == 0 {
		if _, err := w.Write(parquetMagic); err != nil {
			return err
		}
	}
	if len(w.groups) == math.MaxInt16 {
		return errors.New("a file takes no more row groups")
	}
	g := format.RowGroup{NumRows: int64(rows), FileOffset: w.offset, Ordinal: int16(len(w.groups))}
	chunks := make([]*chunkWriter, len(w.columns))
	for c := range w.columns {
		chunks[c] = newChunkWriter(w, &w.columns[c], rows)
		if err := column(c, chunks[c]); err != nil {
			return fmt.Errorf("column %s: %w", w.columns[c].name, err)
		}
	}
	for _, c := range chunks {
		if err := c.writeBloom(); err != nil {
			return err
		}
		g.TotalByteSize += c.meta.TotalUncompressedSize
		g.TotalCompressedSize += c.meta.TotalCompressedSize
	}
	w.groups, w.chunks = append(w.groups, g), append(w.chunks, chunks)
	return nil
}

// close writes the page indexes and the footer.
func (w *parquetWriter) close(metadata []format.KeyValue) error {
	encoder := thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(w))
	for g, chunks := range w.chunks {
		w.groups[g].Columns = make([]format.ColumnChunk, len(chunks))
		for i, c := range chunks {
			out, index := &w.groups[g].Columns[i], c.columnIndex()
			out.MetaData, out.ColumnIndexOffset = c.meta, w.offset
			if err := encoder.Encode(&index); err != nil {
				return err
			}
			out.ColumnIndexLength = int32(w.offset - out.ColumnIndexOffset)
		}
	}
	for g, chunks := range w.chunks {
		for i, c := range chunks {
			out := &w.groups[g].Columns[i]
			out.OffsetIndexOffset = w.offset
			if err := encoder.Encode(&format.OffsetIndex{PageLocations: c.pages}); err != nil {
				return err
			}
			out.OffsetIndexLength = int32(w.offset - out.OffsetIndexOffset)
		}
	}
	start := w.offset
	if err := encoder.Encode(w.footer(metadata)); err != nil {
		return err
	}
	end := binary.LittleEndian.AppendUint32(nil, uint32(w.offset-start))
	_, err := w.Write(append(end, parquetMagic...))
	return err
}

// footer is the file's metadata.
func (w *parquetWriter) footer(metadata []format.KeyValue) *format.FileMetaData {
	f := &format.FileMetaData{
		Version: 2, RowGroups: w.groups, KeyValueMetadata: metadata,
		CreatedBy: fmt.Sprintf("firn version %d(build )", FormatVersion),
		Schema:    []format.SchemaElement{{Name: "firn", NumChildren: thrift.New(int32(len(w.columns)))}},
	}
	for _, c := range w.columns {
		f.Schema = append(f.Schema, schemaElement(c))
		f.ColumnOrders = append(f.ColumnOrders, *c.node.Type().ColumnOrder())
	}
	for _, g := range w.groups {
		f.NumRows += g.NumRows
	}
	return f
}

func schemaElement(c fileColumn) format.SchemaElement {
	t := c.node.Type()
	e := format.SchemaElement{Name: c.name, Type: thrift.New(*t.PhysicalType()), RepetitionType: thrift.New(format.Required)}
	if c.node.Optional() {
		e.RepetitionType = thrift.New(format.Optional)
	}
	if n := t.Length(); n > 0 {
		e.TypeLength = thrift.New(int32(n))
	}
	if l := t.LogicalType(); l != nil {
		e.LogicalType = *l
	}
	if l := t.ConvertedType(); l != nil {
		e.ConvertedType = thrift.New(*l)
	}
	return e
}

// pageScratch is memory that pages are made in, one after the other.
type pageScratch struct {
	levels, plain, packed []byte
	header                bytes.Buffer
}
