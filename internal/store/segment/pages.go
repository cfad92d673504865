package segment

import (
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/firnlog/firn/internal/store/column"
)

// pageIndex says where the pages of a column of a row group are.
type pageIndex []format.PageLocation

// index reads and checks the page index of a column, once an opening.
func (s *source) index(c column.Col, chunk *parquet.FileColumnChunk) (pageIndex, error) {
	kept := &s.seg.indexes[s.group*len(s.seg.leaves)+int(c)]
	if index := kept.Load(); index != nil {
		return *index, nil
	}
	from, err := chunk.OffsetIndex()
	if err != nil {
		return nil, err
	}
	index := make(pageIndex, from.NumPages())
	for i := range index {
		l := format.PageLocation{Offset: from.Offset(i), FirstRowIndex: from.FirstRowIndex(i), CompressedPageSize: int32(from.CompressedPageSize(i))}
		if l.FirstRowIndex >= int64(s.rows()) || i == 0 && l.FirstRowIndex != 0 || i > 0 && l.FirstRowIndex <= index[i-1].FirstRowIndex {
			return nil, fmt.Errorf("page %d of column %d starts at row %d", i, c, l.FirstRowIndex)
		}
		index[i] = l
	}
	if len(index) == 0 {
		return nil, fmt.Errorf("column %d has no pages", c)
	}
	kept.Store(&index)
	return index, nil
}

// page is the page that holds a row.
func (x pageIndex) page(row int32) int {
	return sort.Search(len(x), func(i int) bool { return x[i].FirstRowIndex > int64(row) }) - 1
}

// span is the rows of a page, of rows in all.
func (x pageIndex) span(page, rows int) (from, to int) {
	if to = rows; page+1 < len(x) {
		to = int(x[page+1].FirstRowIndex)
	}
	return int(x[page].FirstRowIndex), to
}

// touched is how many pages hold the rows, each counted once if rows are sorted.
func (x pageIndex) touched(rows []int32) int {
	n, last := 0, -1
	for _, row := range rows {
		if last >= 0 && int64(row) >= x[last].FirstRowIndex && (last+1 == len(x) || int64(row) < x[last+1].FirstRowIndex) {
			continue
		}
		n, last = n+1, x.page(row)
	}
	return n
}

// pick reads the given rows of a column, page by page, and no page without one
// of them.
func (s *source) pick(c column.Col, chunk *parquet.FileColumnChunk, index pageIndex, rows []int32) (*column.Vector, error) {
	sorted, place := sortedRows(rows)
	var pages *columnPages // opened when the first page must be read
	defer func() {
		if pages != nil {
			pages.close()
		}
	}()
	var parts []*column.Vector
	for i := 0; i < len(sorted); {
		page := index.page(sorted[i])
		from, to := index.span(page, s.rows())
		var here []int32
		for ; i < len(sorted) && int(sorted[i]) < to; i++ {
			here = append(here, sorted[i]-int32(from))
		}
		v, done, err := s.page(c, chunk, page, &pages)
		if err != nil {
			return nil, err
		}
		parts = append(parts, v.Pick(here))
		done()
	}
	v := concat(s.seg.kind(c), parts)
	if place != nil {
		v = v.Pick(place)
	}
	return v, nil
}

// page returns a page as a vector, valid until done is called, from the cache or
// from the file. pages is opened when it is needed.
func (s *source) page(c column.Col, chunk *parquet.FileColumnChunk, page int, pages **columnPages) (v *column.Vector, done func(), err error) {
	if e := s.seg.cache.hold(s.key(c, page)); e != nil {
		return e.value.(*column.Vector), func() { s.seg.cache.release(e) }, nil
	}
	if *pages == nil {
		if *pages, err = s.open(c, chunk); err != nil {
			return nil, nil, err
		}
	}
	p := *pages
	from, to := p.index.span(page, s.rows())
	scratch := s.pageSize(c, from, to)
	most := 2*scratch + 2*int64(p.index[page].CompressedPageSize)
	if p.dict > 0 {
		most += 8 * p.inflated
	}
	if err := s.charge(most); err != nil {
		return nil, nil, err
	}
	if err = p.load(page, page); err == nil {
		v, err = p.decode(page, page, to-from)
	}
	if err != nil {
		s.refund(most)
		return nil, nil, err
	}
	size := v.Size()
	if v.Dict != nil {
		size -= int64(v.DictBytes + 16*len(v.Dict)) // it has an entry of its own
	}
	e := s.seg.cache.put(s.key(c, page), v, size, p.kept)
	if e == nil {
		return v, func() { s.refund(most) }, nil
	}
	s.refund(most)
	return v, func() { s.seg.cache.release(e) }, nil
}

// columnPages reads the pages of one column of a row group. It is used by one
// goroutine and closed.
type columnPages struct {
	source   *source
	col      column.Col
	kind     column.Kind
	window   window
	index    pageIndex
	inflated int64 // bytes of all pages
	dict     int64 // offset of the dictionary; 0 = there is none
	pages    *parquet.FilePages
	made     *dictionary
	kept     *cached // of made, held
	whole    bool    // the column is wanted as a whole
}

// maxGuess bounds the room made for texts before they are there.
const maxGuess = 256 << 20

func (s *source) open(c column.Col, chunk *parquet.FileColumnChunk) (*columnPages, error) {
	index, err := s.index(c, chunk)
	if err != nil {
		return nil, err
	}
	p := &columnPages{source: s, col: c, kind: s.seg.kind(c), index: index, window: window{file: s.seg.file, counted: &s.read}}
	meta := &chunk.File().Metadata().RowGroups[s.group].Columns[chunk.Column()].MetaData
	p.dict, p.inflated = meta.DictionaryPageOffset, meta.TotalUncompressedSize
	p.pages = chunk.PagesFrom(&p.window)
	return p, nil
}

func (p *columnPages) close() {
	p.pages.Close()
	p.window.close()
	p.source.seg.cache.release(p.kept)
}

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

// decode reads pages first to last, which hold the given number of rows.
func (p *columnPages) decode(first, last, rows int) (*column.Vector, error) {
	if err := p.pages.SeekToRow(p.index[first].FirstRowIndex); err != nil {
		return nil, err
	}
	a := newAssembly(p.kind, rows)
	if first == 0 && last == len(p.index)-1 {
		a.bytes = int(min(p.inflated, maxGuess))
	}
	a.coded = p.whole
	for i := first; i <= last; i++ {
		page, err := p.pages.ReadPage()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("page %d of column %d: %w", i, p.col, err)
		}
		from, to := p.index.span(i, p.source.rows())
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

// dictionary reads the column's dictionary; nil if it has none. It is e in the
// cache, held for the caller; nil where that has no room.
func (p *columnPages) dictionary() (d *dictionary, e *cached, err error) {
	raw, err := p.pages.ReadDictionary()
	if err != nil || raw == nil {
		return nil, nil, err
	}
	if d, err = p.dictionaryOf(raw); err != nil {
		return nil, nil, err
	}
	return d, p.source.seg.cache.hold(p.source.key(p.col, dictionaryOnly)), nil
}

// dictionaryOf converts the dictionary of the column's pages, once.
func (p *columnPages) dictionaryOf(raw parquet.Dictionary) (*dictionary, error) {
	if p.made != nil {
		return p.made, nil
	}
	cache, key := p.source.seg.cache, p.source.key(p.col, dictionaryOnly)
	p.kept = cache.hold(key)
	if p.kept == nil {
		d, err := newDictionary(p.kind, raw)
		if err != nil {
			return nil, err
		}
		p.made = d
		p.kept = cache.put(key, d, d.size(), nil)
	}
	if p.kept != nil {
		p.made = p.kept.value.(*dictionary)
	}
	return p.made, nil
}
