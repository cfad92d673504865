package segment

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/bloom/xxhash"
	"github.com/parquet-go/parquet-go/encoding"
	"github.com/parquet-go/parquet-go/encoding/plain"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// chunkWriter writes a column chunk: the dictionary, where the column has one,
// and then pages.
type chunkWriter struct {
	file  *parquetWriter
	of    *fileColumn
	typ   parquet.Type
	rows  int // of the row group
	meta  format.ColumnMetaData
	index parquet.ColumnIndexer
	pages []format.PageLocation
	// of values by definition level, for optional columns: all, and of each page
	levels, pageLevels []int64
	bloom              bloom.SplitBlockFilter
	first              int64 // row of the next page
	low, high          parquet.Value
}

// boundsLength is how many bytes of a text the column index has.
const boundsLength = 16

func newChunkWriter(w *parquetWriter, of *fileColumn, rows int) *chunkWriter {
	c := &chunkWriter{file: w, of: of, typ: of.node.Type(), rows: rows}
	c.index = c.typ.NewColumnIndexer(boundsLength)
	if of.node.Optional() {
		c.levels = make([]int64, 2)
		c.meta.Encoding = append(c.meta.Encoding, format.RLE)
	}
	if c.coded() {
		c.meta.Encoding = append(c.meta.Encoding, format.Plain)
	}
	c.meta.Encoding = append(c.meta.Encoding, of.node.Encoding().Encoding())
	slices.Sort(c.meta.Encoding)
	c.meta.Type, c.meta.PathInSchema, c.meta.Codec = *c.typ.PhysicalType(), []string{of.name}, format.Zstd
	return c
}

// coded reports whether the pages hold codes of a dictionary.
func (c *chunkWriter) coded() bool { return c.of.node.Encoding() == &parquet.RLEDictionary }

// page is what becomes a data page.
type page struct {
	levels    []byte          // for each row 1 if it holds a value, else 0
	values    encoding.Values // those of the rows that hold one; codes, where the column has a dictionary
	low, high parquet.Value   // their bounds, where these are kept
	texts     int             // bytes of texts in values
}

// dictionary writes the dictionary, before the first page.
func (c *chunkWriter) dictionary(values encoding.Values, n int) (err error) {
	s := &c.file.scratch
	if s.plain, err = c.typ.Encode(s.plain[:0], values, &plain.Encoding{}); err != nil {
		return err
	}
	s.levels = s.levels[:0]
	c.meta.DictionaryPageOffset = c.file.offset
	header := format.PageHeader{Type: format.DictionaryPage}
	header.DictionaryPageHeader = thrift.New(format.DictionaryPageHeader{NumValues: int32(n), Encoding: format.Plain})
	return c.write(&header, format.Plain)
}

// add writes a page.
func (c *chunkWriter) add(p *page) (err error) {
	s := &c.file.scratch
	encode, enc := c.typ.Encode, c.of.node.Encoding()
	if c.coded() {
		encode = encoding.EncodeInt32
	}
	if s.plain, err = encode(s.plain[:0], p.values, enc); err != nil {
		return err
	}
	s.levels = s.levels[:0]
	rows, nulls := len(p.levels), 0
	if c.levels != nil {
		nulls = rows - bytes.Count(p.levels, []byte{1})
		if s.levels, err = (&rle.Encoding{BitWidth: 1}).EncodeLevels(s.levels, p.levels); err != nil {
			return err
		}
		c.levels[0] += int64(nulls)
		c.levels[1] += int64(rows - nulls)
		c.pageLevels = append(c.pageLevels, int64(nulls), int64(rows-nulls))
	}
	header := format.PageHeader{Type: format.DataPageV2}
	header.DataPageHeaderV2 = thrift.New(format.DataPageHeaderV2{
		NumValues: int32(rows), NumNulls: int32(nulls), NumRows: int32(rows), Encoding: enc.Encoding(),
		DefinitionLevelsByteLength: int32(len(s.levels)), IsCompressed: thrift.New(true),
	})
	if len(c.pages) == 0 {
		c.meta.DataPageOffset = c.file.offset
	}
	start := c.file.offset
	if err := c.write(&header, enc.Encoding()); err != nil {
		return err
	}
	c.pages = append(c.pages, format.PageLocation{Offset: start, CompressedPageSize: int32(c.file.offset - start), FirstRowIndex: c.first})
	c.first += int64(rows)
	c.meta.NumValues += int64(rows)
	c.meta.Statistics.NullCount += int64(nulls)
	c.meta.SizeStatistics.UnencodedByteArrayDataBytes += int64(p.texts)
	c.index.IndexPage(int64(rows), int64(nulls), p.low, p.high)
	c.bound(p)
	return nil
}

// bound widens the bounds of the chunk to those of a page.
func (c *chunkWriter) bound(p *page) {
	if p.low.IsNull() {
		return
	}
	if c.low.IsNull() || c.typ.Compare(p.low, c.low) < 0 {
		c.low = p.low.Clone()
		c.meta.Statistics.MinValue = c.low.AppendBytes([]byte{})
	}
	if c.high.IsNull() || c.typ.Compare(p.high, c.high) > 0 {
		c.high = p.high.Clone()
		c.meta.Statistics.MaxValue = c.high.AppendBytes([]byte{})
	}
}

// write compresses and writes the page in scratch.
func (c *chunkWriter) write(header *format.PageHeader, enc format.Encoding) (err error) {
	s := &c.file.scratch
	if s.packed, err = c.file.codec.encode(s.packed, s.plain); err != nil {
		return err
	}
	if len(s.levels)+max(len(s.plain), len(s.packed)) > math.MaxInt32 {
		return fmt.Errorf("a page of %d bytes is too large", len(s.plain))
	}
	header.UncompressedPageSize = int32(len(s.levels) + len(s.plain))
	header.CompressedPageSize = int32(len(s.levels) + len(s.packed))
	header.CRC = int32(crc32.Update(crc32.ChecksumIEEE(s.levels), crc32.IEEETable, s.packed))
	s.header.Reset()
	if err := thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(&s.header)).Encode(header); err != nil {
		return err
	}
	for _, part := range [][]byte{s.header.Bytes(), s.levels, s.packed} {
		if _, err := c.file.Write(part); err != nil {
			return err
		}
	}
	c.meta.TotalUncompressedSize += int64(s.header.Len()) + int64(header.UncompressedPageSize)
	c.meta.TotalCompressedSize += int64(s.header.Len()) + int64(header.CompressedPageSize)
	for i := range c.meta.EncodingStats {
		if e := &c.meta.EncodingStats[i]; e.PageType == header.Type {
			e.Count++
			return nil
		}
	}
	c.meta.EncodingStats = append(c.meta.EncodingStats, format.PageEncodingStats{PageType: header.Type, Encoding: enc, Count: 1})
	return nil
}

// bloomOf makes the bloom filter for at most n distinct values.
func (c *chunkWriter) bloomOf(n int) {
	if c.of.bloomed {
		c.bloom = make(bloom.SplitBlockFilter, bloom.NumSplitBlocksOf(int64(n), bloomBits))
	}
}

// insert adds texts, which end at ends, to the bloom filter.
func (c *chunkWriter) insert(texts []byte, ends []uint32) {
	if len(c.bloom) == 0 {
		return
	}
	var hashes [128]uint64
	n := 0
	for i := 1; i < len(ends); i++ {
		if hashes[n] = xxhash.Sum64(texts[ends[i-1]:ends[i]]); n == len(hashes)-1 {
			c.bloom.InsertBulk(hashes[:])
			n = 0
			continue
		}
		n++
	}
	c.bloom.InsertBulk(hashes[:n])
}

// writeBloom writes the bloom filter, if there is one.
func (c *chunkWriter) writeBloom() error {
	if len(c.bloom) == 0 {
		return nil
	}
	bits := c.bloom.Bytes()
	header := format.BloomFilterHeader{NumBytes: int32(len(bits))}
	header.Algorithm.Value = new(format.SplitBlockAlgorithm)
	header.Hash.Value = new(format.XxHash)
	header.Compression.Value = new(format.BloomFilterUncompressed)
	c.meta.BloomFilterOffset = c.file.offset
	if err := thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(c.file)).Encode(&header); err != nil {
		return err
	}
	if _, err := c.file.Write(bits); err != nil {
		return err
	}
	c.meta.BloomFilterLength = int32(c.file.offset - c.meta.BloomFilterOffset)
	c.bloom = nil
	return nil
}

// columnIndex is made when all pages are written.
func (c *chunkWriter) columnIndex() format.ColumnIndex {
	index := c.index.ColumnIndex()
	index.DefinitionLevelHistogram = c.pageLevels
	c.meta.SizeStatistics.DefinitionLevelHistogram = c.levels
	return index
}
