package segment

import (
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// columnPages reads the pages of one column of a row group. It is used by one
// goroutine and closed.
type columnPages struct {
	source *source
	col    column.Col
	kind   column.Kind
	rows   int
	window window
	index  []format.PageLocation
	bytes  int   // of all pages, inflated
	dict   int64 // offset of the dictionary; 0 = there is none
	pages  *parquet.FilePages
	made   *dictionary
}

// maxGuess bounds the room made for texts before they are there.
const maxGuess = 256 << 20

func (s *source) open(c column.Col, chunk *parquet.FileColumnChunk) (*columnPages, error) {
	index, err := chunk.OffsetIndex()
	if err != nil {
		return nil, err
	}
	p := &columnPages{source: s, col: c, kind: s.seg.kind(c), rows: s.rows(), window: window{file: s.seg.file, counted: &s.read}}
	for i := range index.NumPages() {
		l := format.PageLocation{Offset: index.Offset(i), FirstRowIndex: index.FirstRowIndex(i), CompressedPageSize: int32(index.CompressedPageSize(i))}
		if l.FirstRowIndex >= int64(p.rows) || i == 0 && l.FirstRowIndex != 0 || i > 0 && l.FirstRowIndex <= p.index[i-1].FirstRowIndex {
			return nil, fmt.Errorf("page %d of column %d starts at row %d", i, c, l.FirstRowIndex)
		}
		p.index = append(p.index, l)
	}
	if len(p.index) == 0 {
		return nil, fmt.Errorf("column %d has no pages", c)
	}
	meta := &chunk.File().Metadata().RowGroups[s.group].Columns[chunk.Column()].MetaData
	p.dict = meta.DictionaryPageOffset
	p.bytes = min(int(meta.TotalUncompressedSize), maxGuess)
	p.pages = chunk.PagesFrom(&p.window)
	return p, nil
}

func (p *columnPages) close() { p.pages.Close() }

func (p *columnPages) count() int { return len(p.index) }

// load reads pages first to last at once, and the dictionary before them.
func (p *columnPages) load(first, last int) error {
	from := p.index[first].Offset
	if p.dict > 0 && first == 0 {
		from = min(from, p.dict)
	} else if _, err := p.pages.ReadDictionary(); err != nil {
		return err
	}
	l := p.index[last]
	return p.window.load(from, l.Offset+int64(l.CompressedPageSize)-from)
}

// page is the page that holds a row.
func (p *columnPages) page(row int32) int {
	return sort.Search(len(p.index), func(i int) bool { return p.index[i].FirstRowIndex > int64(row) }) - 1
}

// span is the rows from the first of a page to the end of another.
func (p *columnPages) span(first, last int) (from, to int) {
	if to = p.rows; last+1 < len(p.index) {
		to = int(p.index[last+1].FirstRowIndex)
	}
	return int(p.index[first].FirstRowIndex), to
}

// touched is how many pages hold the rows, each counted once if rows are sorted.
func (p *columnPages) touched(rows []int32) int {
	n, last := 0, -1
	for _, row := range rows {
		if page := p.page(row); page != last {
			n, last = n+1, page
		}
	}
	return n
}

// pick reads the given rows, and no page without one of them.
func (p *columnPages) pick(rows []int32) (*column.Vector, error) {
	sorted, place := sortedRows(rows)
	var parts []*column.Vector
	for i := 0; i < len(sorted); {
		first := p.page(sorted[i])
		last := first
		from, to := p.span(first, last)
		start := i
		// Pages beside each other are read together.
		for ; i < len(sorted); i++ {
			if int(sorted[i]) < to {
				continue
			}
			if p.page(sorted[i]) != last+1 {
				break
			}
			last++
			_, to = p.span(first, last)
		}
		if err := p.load(first, last); err != nil {
			return nil, err
		}
		v, err := p.decode(first, last, to-from)
		if err != nil {
			return nil, err
		}
		here := make([]int32, i-start)
		for j, row := range sorted[start:i] {
			here[j] = row - int32(from)
		}
		parts = append(parts, v.Pick(here))
	}
	v := concat(p.kind, parts)
	if place != nil {
		v = v.Pick(place)
	}
	return v, nil
}

// decode reads pages first to last, which hold the given number of rows.
func (p *columnPages) decode(first, last, rows int) (*column.Vector, error) {
	if err := p.pages.SeekToRow(p.index[first].FirstRowIndex); err != nil {
		return nil, err
	}
	a := newAssembly(p.kind, rows)
	a.bytes = p.bytes / len(p.index) * (last - first + 1)
	for i := first; i <= last; i++ {
		page, err := p.pages.ReadPage()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("page %d of column %d: %w", i, p.col, err)
		}
		from, to := p.span(i, i)
		if page.NumRows() != int64(to-from) || page.NumValues() != int64(to-from) {
			err = fmt.Errorf("it has %d rows, want %d", page.NumRows(), to-from)
		}
		var d *dictionary
		if err == nil && page.Dictionary() != nil {
			d, err = p.dictionaryOf(page.Dictionary())
		}
		if err == nil {
			err = a.add(page, d)
		}
		parquet.Release(page)
		if err != nil {
			return nil, fmt.Errorf("page %d of column %d: %w", i, p.col, err)
		}
	}
	return a.vector()
}

// dictionary reads the column's dictionary; nil if it has none.
func (p *columnPages) dictionary() (*dictionary, error) {
	if p.made == nil {
		p.made, _ = p.source.seg.cache.get(p.source.key(p.col, true)).(*dictionary)
	}
	if p.made != nil {
		return p.made, nil
	}
	raw, err := p.pages.ReadDictionary()
	if err != nil || raw == nil {
		return nil, err
	}
	return p.dictionaryOf(raw)
}

// dictionaryOf converts the dictionary of the column's pages, once.
func (p *columnPages) dictionaryOf(raw parquet.Dictionary) (*dictionary, error) {
	if p.made == nil {
		p.made, _ = p.source.seg.cache.get(p.source.key(p.col, true)).(*dictionary)
	}
	if p.made != nil {
		return p.made, nil
	}
	d, err := newDictionary(p.kind, raw)
	if err != nil {
		return nil, err
	}
	p.made = d
	p.source.seg.cache.put(p.source.key(p.col, true), d, d.size())
	return d, nil
}
