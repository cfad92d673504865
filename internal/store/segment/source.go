package segment

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"

	"github.com/firnlog/firn/internal/store/column"
)

// source gives the columns of one row group. It implements column.Source. That
// of a reader has a budget: it holds what it has read until its end, in the
// cache where that has room, otherwise charged to the budget.
type source struct {
	seg    *Segment
	group  int
	read   atomic.Int64
	budget column.Budget // nil = no reader's: nothing is held or charged

	mu      sync.Mutex
	vectors []*column.Vector  // by column, those that are held
	compact []*column.Compact // likewise
	room    column.Room       // of vectors made of compact columns
	dicts   map[column.Col]*dictionary
	pins    []*cached
	charged int64
}

// Reading implements column.Source.
func (s *source) Reading(b column.Budget) (column.Source, func()) {
	n := len(s.seg.leaves)
	r := &source{seg: s.seg, group: s.group, budget: b, vectors: make([]*column.Vector, n), compact: make([]*column.Compact, n)}
	return r, r.end
}

func (s *source) end() {
	for _, e := range s.pins {
		s.seg.cache.release(e)
	}
	s.room.Free()
	s.budget.Refund(s.charged)
	s.vectors, s.compact, s.dicts, s.pins, s.charged = nil, nil, nil, nil, 0
}

// charge takes n bytes of the budget.
func (s *source) charge(n int64) error {
	if s.budget == nil {
		return nil
	}
	if err := s.budget.Charge(n); err != nil {
		return &roomError{err}
	}
	return nil
}

// roomError says that a budget is used up, which is no fault of the file.
type roomError struct{ error }

func (e *roomError) Unwrap() error { return e.error }

func (s *source) refund(n int64) {
	if s.budget != nil {
		s.budget.Refund(n)
	}
}

// settle is called when what most bytes were charged for has been made: its size
// stays charged to a reader unless the cache, which kept it as e, counts it.
func (s *source) settle(most, size int64, e *cached) {
	switch {
	case s.budget == nil:
		s.seg.cache.release(e)
		return
	case e != nil:
		s.pins = append(s.pins, e)
		size = 0
	}
	s.charged += size
	s.refund(most - size)
}

// BytesRead implements column.Source.
func (s *source) BytesRead() int64 { return s.read.Load() }

// Sizes implements column.Source.
func (s *source) Sizes() *column.Sizes { return &s.seg.doc.Groups[s.group].Sizes }

func (s *source) rows() int { return s.seg.doc.Groups[s.group].Rows }

func (s *source) key(c column.Col, part int) cacheKey {
	return cacheKey{segment: s.seg.id, group: s.group, col: c, part: part}
}

// chunk is the part of a Parquet column that the row group has.
func (s *source) chunk(c column.Col) (*parquet.FileColumnChunk, error) {
	if c < 0 || int(c) >= len(s.seg.leaves) {
		return nil, fmt.Errorf("segment %s has no column %d", s.seg.name, c)
	}
	chunk, ok := s.seg.groups[s.group].ColumnChunks()[s.seg.leaves[c]].(*parquet.FileColumnChunk)
	if !ok {
		return nil, errors.New("a column chunk is not of a file")
	}
	return chunk, nil
}

// Vector implements column.Source.
func (s *source) Vector(c column.Col) (v *column.Vector, err error) {
	if v, err := s.known(c); v != nil || err != nil {
		return v, err
	}
	defer s.seg.guard(&err)
	chunk, err := s.chunk(c)
	if err != nil {
		return nil, err
	}
	most := s.mostSize()
	if chunk.NullCount() < int64(s.rows()) {
		most = s.columnSize(c, chunk)
	}
	if err := s.charge(most); err != nil {
		return nil, err
	}
	v, e, err := s.readAll(c, chunk)
	if err != nil {
		s.refund(most)
		return nil, s.seg.damaged(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(most, heldSize(v), e)
	if s.vectors != nil {
		s.vectors[c] = v
	}
	return v, nil
}

// known is a column that needs not be read, nil if it must be.
func (s *source) known(c column.Col) (*column.Vector, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, compact := s.held(c)
	switch {
	case v != nil && s.budget == nil:
		return v.Widened(), nil
	case v != nil || compact == nil:
		return v, nil
	case s.budget == nil:
		return compact.Vector(new(column.Room)), nil
	}
	size := compact.VectorSize()
	if err := s.charge(size); err != nil {
		return nil, err
	}
	s.charged += size
	v = compact.Vector(&s.room)
	s.vectors[c] = v
	return v, nil
}

// held is a column that needs not be read, in one of its two forms; nil if it
// must be. s.mu is locked.
func (s *source) held(c column.Col) (*column.Vector, *column.Compact) {
	if int(c) < len(s.vectors) && (s.vectors[c] != nil || s.compact[c] != nil) {
		return s.vectors[c], s.compact[c]
	}
	e := s.seg.cache.hold(s.key(c, wholeColumn))
	if e == nil {
		return nil, nil
	}
	s.settle(0, 0, e)
	v, _ := e.value.(*column.Vector)
	compact, _ := e.value.(*column.Compact)
	if s.vectors != nil {
		s.vectors[c], s.compact[c] = v, compact
	}
	return v, compact
}

// mostSize is how many bytes the numbers of a column take at most, with codes and
// whether there is one.
func (s *source) mostSize() int64 { return 12*int64(column.Lent(s.rows())) + 1024 }

// heldSize is how many bytes a column takes that is not in the cache.
func heldSize(v *column.Vector) int64 {
	n := v.Size()
	if c := v.Numbers; c != nil {
		n += int64(8*(column.Lent(v.Len)-v.Len) + len(c.Codes8) + 2*len(c.Codes16))
	}
	return n
}

// columnSize is how many bytes a whole column takes at most while it is read:
// of a row a number, its code, and whether there is one.
func (s *source) columnSize(c column.Col, chunk *parquet.FileColumnChunk) int64 {
	meta := &chunk.File().Metadata().RowGroups[s.group].Columns[chunk.Column()].MetaData
	n := s.mostSize() + 2*meta.TotalCompressedSize + s.pageSize(c, 0, s.rows())
	if meta.DictionaryPageOffset > 0 {
		return n + 5*meta.TotalUncompressedSize // short strings take a header each
	}
	if kind := s.seg.kind(c); kind == column.String || kind == column.JSON {
		n += meta.TotalUncompressedSize
	}
	return n
}

// pageSize is how many bytes a page of the rows from…to-1 takes at most, read
// and decoded; of more rows than a page has it is that of the largest page.
func (s *source) pageSize(c column.Col, from, to int) int64 {
	n := int64(min(to-from, pageRows))*9 + 1024
	if kind := s.seg.kind(c); kind != column.String && kind != column.JSON || c.IsShape() {
		return n
	}
	texts, largest := s.Sizes().Between(from, to)
	if to-from > 1 && to-from <= pageRows {
		largest = 0 // it would be a page of its own
	}
	return n + min(texts, max(largest, pageBytes))
}

// readAll reads a whole column and offers it to the cache. Where that keeps the
// vector as it is, it is e, held for the caller.
func (s *source) readAll(c column.Col, chunk *parquet.FileColumnChunk) (v *column.Vector, e *cached, err error) {
	if chunk.NullCount() == int64(s.rows()) {
		v = missing(s.seg.kind(c), s.rows())
		if v.Kind == column.Double {
			v.Numbers, v.Doubles = &column.Coded{Codes8: make([]uint8, s.rows())}, nil
		}
		v, e = s.keep(c, v, nil)
		return s.asWanted(v), e, nil
	}
	pages, err := s.open(c, chunk)
	if err != nil {
		return nil, nil, err
	}
	defer pages.close()
	if err := pages.load(0, len(pages.index)-1); err != nil {
		return nil, nil, err
	}
	pages.whole = true
	if v, err = pages.decode(0, len(pages.index)-1, s.rows()); err != nil {
		return nil, nil, err
	}
	v, e = s.keep(c, v, pages.kept)
	return s.asWanted(v), e, nil
}

// asWanted is a column with the numbers that its codes stand for; for those who
// are no reader with wide codes.
func (s *source) asWanted(v *column.Vector) *column.Vector {
	if v.Numbers == nil {
		if s.budget == nil {
			return v.Widened()
		}
		return v
	}
	compact := column.NewCompact(v, v.Numbers)
	if s.budget == nil {
		return compact.Vector(new(column.Room))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return compact.Vector(&s.room)
}

// keep offers a column to the cache: in its compact form where it has one, so
// that more columns find room there. What was kept as it is, by this reader or
// another, is e, held for the caller. dict is the entry of its dictionary.
func (s *source) keep(c column.Col, v *column.Vector, dict *cached) (_ *column.Vector, e *cached) {
	key, size := s.key(c, wholeColumn), v.Size()
	if compact := column.NewCompact(v, v.Numbers); compact != nil {
		if size = compact.Size(); dict == nil { // else the dictionary has been counted
			size += compact.DictionarySize()
		}
		s.seg.cache.release(s.seg.cache.put(key, compact, size, dict))
		return v, nil
	}
	if dict != nil && v.Coded() {
		size -= int64(16*len(v.Dict) + v.DictBytes)
	}
	if e = s.seg.cache.put(key, v, size, dict); e != nil {
		v = e.value.(*column.Vector)
	}
	return v, e
}

// Pick implements column.Source.
func (s *source) Pick(c column.Col, rows []int32) (v *column.Vector, err error) {
	s.mu.Lock()
	v, compact := s.held(c)
	s.mu.Unlock()
	switch {
	case v != nil:
		return v.Pick(rows), nil
	case compact != nil:
		return compact.Pick(rows), nil
	}
	defer s.seg.guard(&err)
	chunk, err := s.chunk(c)
	if err != nil {
		return nil, err
	}
	if chunk.NullCount() == int64(s.rows()) {
		return missing(s.seg.kind(c), len(rows)), nil
	}
	index, err := s.index(c, chunk)
	if err != nil {
		return nil, s.seg.damaged(err)
	}
	if touched := index.touched(rows); 2*touched > len(index) && touched > 1 {
		// Where all of it would take more than half of the room that is left,
		// page after page will do.
		twice := 2 * s.columnSize(c, chunk)
		if s.charge(twice) == nil {
			s.refund(twice)
			if v, err := s.Vector(c); err == nil {
				return v.Pick(rows), nil
			}
		}
	}
	v, err = s.pick(c, chunk, index, rows)
	return v, s.seg.damaged(err)
}

// Distinct implements column.Source.
func (s *source) Distinct(c column.Col) (values []string, absent bool, err error) {
	defer s.seg.guard(&err)
	chunk, err := s.chunk(c)
	if err != nil {
		return nil, false, err
	}
	absent = chunk.NullCount() > 0
	if chunk.NullCount() == int64(s.rows()) {
		return nil, absent, nil
	}
	d, err := s.dictionary(c, chunk)
	if err == nil && d == nil {
		err = fmt.Errorf("column %q has no dictionary", fixedNames[c])
	}
	if err != nil {
		return nil, false, s.seg.damaged(err)
	}
	return d.texts, absent, nil
}

// dictionary reads a column's dictionary; nil if it has none.
func (s *source) dictionary(c column.Col, chunk *parquet.FileColumnChunk) (*dictionary, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.dicts[c]; d != nil {
		return d, nil
	}
	if e := s.seg.cache.hold(s.key(c, dictionaryOnly)); e != nil {
		s.settle(0, 0, e)
		return s.holdDictionary(c, e.value.(*dictionary)), nil
	}
	pages, err := s.open(c, chunk)
	if err != nil {
		return nil, err
	}
	defer pages.close()
	most := 8 * pages.inflated
	if err := s.charge(most); err != nil {
		return nil, err
	}
	d, e, err := pages.dictionary()
	if err != nil || d == nil {
		s.refund(most)
		return nil, err
	}
	s.settle(most, d.size(), e)
	return s.holdDictionary(c, d), nil
}

func (s *source) holdDictionary(c column.Col, d *dictionary) *dictionary {
	if s.budget != nil {
		if s.dicts == nil {
			s.dicts = map[column.Col]*dictionary{}
		}
		s.dicts[c] = d
	}
	return d
}

// missing is a vector without values.
func missing(kind column.Kind, rows int) *column.Vector {
	v := &column.Vector{Kind: kind, Len: rows, Valid: column.NewBitmap(rows)}
	switch kind {
	case column.Int:
		v.Ints = make([]int64, rows)
	case column.Double:
		v.Doubles = make([]float64, rows)
	case column.Bool:
		v.Bools = column.NewBitmap(rows)
	default:
		v.Codes = make([]uint32, rows)
	}
	return v
}

// sortedRows returns rows in rising order and where each of the given rows is
// in it; nil if they are in order already.
func sortedRows(rows []int32) (sorted, place []int32) {
	if slices.IsSorted(rows) {
		return rows, nil
	}
	order := make([]int32, len(rows))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(x, y int32) int { return cmp.Compare(rows[x], rows[y]) })
	sorted, place = make([]int32, len(rows)), make([]int32, len(rows))
	for i, at := range order {
		sorted[i], place[at] = rows[at], int32(i)
	}
	return sorted, place
}
