package segment

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/eventid"
)

// Segment is an open segment. Its methods may be called by many goroutines at
// once.
type Segment struct {
	name   string
	id     uint64 // of this opening, in cache keys
	file   *checkedFile
	closer io.Closer
	info   Info
	doc    *document
	paths  []column.PathColumn
	leaves []int // Parquet leaf column by column.Col
	groups []*parquet.FileRowGroup
	blocks []column.Block // of the row groups
	// indexes has the page indexes that were asked for, by row group and column.
	indexes []atomic.Pointer[pageIndex]
	codec   *eventid.Codec
	cache   *Cache
}

// opened numbers segments as they are opened.
var opened atomic.Uint64

// File is what a segment reads from. Close is called once.
type File interface {
	io.ReaderAt
	io.Closer
}

// Open reads and verifies the footer of a file. name is what errors call it.
// Vectors are kept in cache, which several segments share; nil keeps none. On
// success the segment owns the file. Errors: ErrNewer, *DamageError.
func Open(name string, f File, size int64, cache *Cache) (s *Segment, err error) {
	s = &Segment{name: name, id: opened.Add(1), closer: f, cache: cache}
	defer s.guard(&err)
	tail, hash, err := readTail(f, size)
	if err != nil {
		return nil, s.damaged(err)
	}
	s.file = &checkedFile{r: f, size: size, blockSize: blockSize, start: size - int64(len(tail)), tail: tail}
	if err := s.readFooter(); err != nil {
		if errors.Is(err, ErrNewer) {
			return nil, fmt.Errorf("segment %s: %w", name, err)
		}
		return nil, s.damaged(err)
	}
	s.info.Size, s.info.Hash = size, hash
	s.codec = eventid.New(s.info.Key)
	s.blocks = s.makeBlocks()
	s.indexes = make([]atomic.Pointer[pageIndex], len(s.groups)*len(s.leaves))
	return s, nil
}

// readFooter takes what the verified tail says.
func (s *Segment) readFooter() error {
	// Parquet reads the magic bytes at the start too; they are in a block,
	// whose checksum is not known yet.
	file, err := parquet.OpenFile(magicFile{s.file}, s.file.size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return err
	}
	text, ok := file.Lookup("firn")
	if !ok {
		return errors.New("the footer has no document of firn")
	}
	if s.doc, err = parseDocument(text); err != nil {
		return err
	}
	s.info = s.doc.Info
	s.file.blockSize, s.file.sums = int64(s.doc.BlockSize), s.doc.Sums
	if s.paths, err = s.doc.paths(); err != nil {
		return err
	}
	if err := s.findLeaves(file.Schema()); err != nil {
		return err
	}
	rows := 0
	for i, g := range file.RowGroups() {
		fg, ok := g.(*parquet.FileRowGroup)
		if !ok || i >= len(s.doc.Groups) || g.NumRows() != int64(s.doc.Groups[i].Rows) || s.doc.Groups[i].Rows > column.MaxRows {
			return fmt.Errorf("row group %d is not as the document says", i)
		}
		sizes := &s.doc.Groups[i].Sizes
		if runs := (s.doc.Groups[i].Rows + column.SizeRun - 1) / column.SizeRun; len(sizes.Total) != runs || len(sizes.Most) != runs {
			return fmt.Errorf("row group %d has sizes of %d and %d runs of rows, want %d", i, len(sizes.Total), len(sizes.Most), runs)
		}
		rows += s.doc.Groups[i].Rows
		s.groups = append(s.groups, fg)
	}
	if len(s.groups) != len(s.doc.Groups) || rows != s.info.Rows {
		return fmt.Errorf("%d row groups with %d rows, the document says %d with %d", len(s.groups), rows, len(s.doc.Groups), s.info.Rows)
	}
	return nil
}

// findLeaves finds the Parquet columns by name.
func (s *Segment) findLeaves(schema *parquet.Schema) error {
	for c, name := range s.names() {
		leaf, ok := schema.Lookup(name)
		if !ok {
			return fmt.Errorf("there is no column %q", name)
		}
		if want := physical(s.kind(column.Col(c))); leaf.Node.Type().Kind() != want {
			return fmt.Errorf("column %q is of type %s, want %s", name, leaf.Node.Type(), want)
		}
		s.leaves = append(s.leaves, leaf.ColumnIndex)
	}
	return nil
}

// names are the Parquet names of all columns.
func (s *Segment) names() []string {
	names := append([]string(nil), fixedNames[:]...)
	for _, c := range s.doc.Columns {
		names = append(names, c.Name)
	}
	return names
}

func (s *Segment) kind(c column.Col) column.Kind {
	if c < column.FirstPath {
		return c.Kind()
	}
	return s.paths[c-column.FirstPath].Kind
}

// physical is the Parquet type of a kind.
func physical(k column.Kind) parquet.Kind {
	switch k {
	case column.Int:
		return parquet.Int64
	case column.Double:
		return parquet.Double
	case column.Bool:
		return parquet.Boolean
	}
	return parquet.ByteArray
}

// Info describes the segment.
func (s *Segment) Info() Info { return s.info }

// Name is the name it was opened by.
func (s *Segment) Name() string { return s.name }

// BytesRead is how many bytes were read from the file so far, the footer left
// out.
func (s *Segment) BytesRead() int64 { return s.file.read.Load() }

// Close closes the file and drops what the cache keeps of it. Blocks must not
// be used afterwards.
func (s *Segment) Close() error {
	if s.cache != nil {
		s.cache.drop(s.id)
	}
	return s.closer.Close()
}

// damaged wraps an error with the file's name and positions.
func (s *Segment) damaged(err error) error {
	var d *DamageError
	var room *roomError
	if err == nil || errors.As(err, &d) || errors.As(err, &room) {
		return err
	}
	return &DamageError{File: s.name, First: s.info.FirstPosition, Last: s.info.LastPosition, Err: err}
}

// guard turns a panic of the Parquet library into an error. Verified bytes make
// it none; a file that was made to harm might.
func (s *Segment) guard(err *error) {
	if p := recover(); p != nil {
		*err = s.damaged(fmt.Errorf("reading failed: %v", p))
	}
}

// magicFile answers for the first bytes of the file, which are verified with
// their block when pages are read.
type magicFile struct{ *checkedFile }

func (m magicFile) ReadAt(p []byte, offset int64) (int, error) {
	if offset == 0 && len(p) == 4 {
		return copy(p, "PAR1"), nil
	}
	return m.checkedFile.ReadAt(p, offset)
}
