package segment

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/internal/store/column/columntest"
)

// What other readers of a file go by is true: counts, bounds, page indexes and
// bloom filters, read with the library's own reader.
func TestFileTellsTheTruthAboutItsPages(t *testing.T) {
	t.Parallel()
	many, _ := write(t, columntest.NewSampler(3).Rows(2*pageRows+100))
	checkStructure(t, many)
	rapid.Check(t, func(t *rapid.T) {
		data, _ := write(t, columntest.Rows(t, 20))
		checkStructure(t, data)
	})
}

type failer interface {
	fataler
	Fatalf(format string, args ...any)
}

func checkStructure(t failer, data []byte) {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range f.RowGroups() {
		for c, chunk := range g.ColumnChunks() {
			checkChunk(t, f.Schema().Columns()[c][0], g.NumRows(), chunk)
		}
	}
}

func checkChunk(t failer, name string, rows int64, chunk parquet.ColumnChunk) {
	t.Helper()
	index, err := chunk.ColumnIndex()
	if err != nil {
		t.Fatal(err)
	}
	offsets, err := chunk.OffsetIndex()
	if err != nil {
		t.Fatal(err)
	}
	pages := chunk.Pages()
	defer func() { _ = pages.Close() }()
	row := int64(0)
	for i := 0; ; i++ {
		p, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			if row != rows || chunk.NumValues() != rows || i != index.NumPages() || i != offsets.NumPages() {
				t.Fatalf("%s: %d of %d rows in %d of %d pages", name, row, rows, i, index.NumPages())
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if offsets.FirstRowIndex(i) != row || p.NumRows() > pageRows {
			t.Fatalf("%s: page %d of %d rows starts at row %d, not %d", name, i, p.NumRows(), offsets.FirstRowIndex(i), row)
		}
		row += p.NumRows()
		values := make([]parquet.Value, p.NumValues())
		if n, err := p.Values().ReadValues(values); n != len(values) {
			t.Fatalf("%s: page %d has %d of %d values: %v", name, i, n, len(values), err)
		}
		checkPage(t, name, i, chunk, index, values)
		parquet.Release(p)
	}
}

// checkPage compares what the column index says of page i with its values.
func checkPage(t failer, name string, i int, chunk parquet.ColumnChunk, index parquet.ColumnIndex, values []parquet.Value) {
	t.Helper()
	var nulls int64
	var low, high parquet.Value
	compare := chunk.Type().Compare
	for _, v := range values {
		if v.IsNull() {
			nulls++
			continue
		}
		if low.IsNull() || compare(v, low) < 0 {
			low = v
		}
		if high.IsNull() || compare(v, high) > 0 {
			high = v
		}
		if b := chunk.BloomFilter(); b != nil {
			if ok, err := b.Check(v); !ok || err != nil {
				t.Fatalf("%s: the bloom filter does not have %v: %v", name, v, err)
			}
		}
	}
	if index.NullCount(i) != nulls || index.NullPage(i) != (low.IsNull()) {
		t.Fatalf("%s: page %d has %d nulls, its index says %d", name, i, nulls, index.NullCount(i))
	}
	text := chunk.Type().Kind() == parquet.ByteArray
	if low.IsNull() || text && name != "stream_id" && name != "event_type" {
		return
	}
	if text { // bounds are cut, so that they may be wider
		if compare(index.MinValue(i), low) > 0 || compare(index.MaxValue(i), high) < 0 {
			t.Fatalf("%s: page %d has %v to %v, its index says %v to %v", name, i, low, high, index.MinValue(i), index.MaxValue(i))
		}
	} else if compare(index.MinValue(i), low) != 0 || compare(index.MaxValue(i), high) != 0 {
		t.Fatalf("%s: page %d has %v to %v, its index says %v to %v", name, i, low, high, index.MinValue(i), index.MaxValue(i))
	}
}
