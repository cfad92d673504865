package segment

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/parquet-go/parquet-go"
)

// source gives the columns of one row group. It implements column.Source.
type source struct {
	seg   *Segment
	group int
	read  atomic.Int64
}

func (s *source) BytesRead() int64 { return s.read.Load() }

func (s *source) rows() int { return s.seg.doc.Groups[s.group].Rows }

func (s *source) key(c column.Col, dict bool) cacheKey {
	return cacheKey{segment: s.seg.id, group: s.group, col: c, dict: dict}
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
	if v, ok := s.seg.cache.get(s.key(c, false)).(*column.Vector); ok {
		return v, nil
	}
	defer s.seg.guard(&err)
	if v, err = s.readAll(c); err != nil {
		return nil, s.seg.damaged(err)
	}
	s.seg.cache.put(s.key(c, false), v, v.Size())
	return v, nil
}

// readAll reads a whole column.
func (s *source) readAll(c column.Col) (*column.Vector, error) {
	chunk, err := s.chunk(c)
	if err != nil {
		return nil, err
	}
	if chunk.NullCount() == int64(s.rows()) {
		return missing(s.seg.kind(c), s.rows()), nil
	}
	pages, err := s.open(c, chunk)
	if err != nil {
		return nil, err
	}
	defer pages.close()
	if err := pages.load(0, pages.count()-1); err != nil {
		return nil, err
	}
	return pages.decode(0, pages.count()-1, s.rows())
}

// Pick implements column.Source.
func (s *source) Pick(c column.Col, rows []int32) (v *column.Vector, err error) {
	if v, ok := s.seg.cache.get(s.key(c, false)).(*column.Vector); ok {
		return v.Pick(rows), nil
	}
	defer s.seg.guard(&err)
	chunk, err := s.chunk(c)
	if err != nil {
		return nil, err
	}
	if chunk.NullCount() == int64(s.rows()) {
		return missing(s.seg.kind(c), len(rows)), nil
	}
	pages, err := s.open(c, chunk)
	if err != nil {
		return nil, s.seg.damaged(err)
	}
	defer pages.close()
	if touched := pages.touched(rows); 2*touched > pages.count() && pages.count() > 1 {
		v, err := s.Vector(c)
		if err != nil {
			return nil, err
		}
		return v.Pick(rows), nil
	}
	v, err = pages.pick(rows)
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
	pages, err := s.open(c, chunk)
	if err != nil {
		return nil, false, s.seg.damaged(err)
	}
	defer pages.close()
	d, err := pages.dictionary()
	if err == nil && d == nil {
		err = fmt.Errorf("column %q has no dictionary", fixedNames[c])
	}
	if err != nil {
		return nil, false, s.seg.damaged(err)
	}
	return d.texts, absent, nil
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
