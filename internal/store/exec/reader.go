package exec

import (
	"context"
	"encoding/json/jsontext"
	"fmt"
	"sync"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// reader is one block while one goroutine reads it. Its bitmaps are given back
// when it is closed.
type reader struct {
	ctx     context.Context
	ref     *BlockRef
	block   column.Block
	rows    int
	release func()
	account *account
	// instance is the id of the instance that the block belongs to.
	instance string

	before int64 // BytesRead when it was opened
	lent   []column.Bitmap
	all    column.Bitmap
}

// read opens a block. The caller closes the reader.
func (e *engine) read(ctx context.Context, ref *BlockRef) (*reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	block, release, err := ref.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("read positions %d to %d: %w", ref.FirstPosition, ref.LastPosition, err)
	}
	r := &reader{ctx: ctx, ref: ref, block: block, rows: block.Rows(), release: release, account: &e.account, instance: e.snapshot.InstanceID, before: block.BytesRead()}
	if r.rows > column.MaxRows {
		release()
		return nil, fmt.Errorf("read positions %d to %d: a block of %d rows, at most %d are allowed", ref.FirstPosition, ref.LastPosition, r.rows, column.MaxRows)
	}
	return r, nil
}

// close releases the block and tells the engine what was read.
func (e *engine) close(r *reader) {
	e.cost.bytes.Add(r.block.BytesRead() - r.before)
	r.release()
	for _, b := range r.lent {
		bitmaps.Put(&b)
	}
	r.lent, r.block = nil, nil
}

// bitmaps keeps the bitmaps of large blocks; those of small ones cost less than
// to clear one of these.
var bitmaps = sync.Pool{New: func() any { b := make(column.Bitmap, 0, words(column.MaxRows)); return &b }}

// pooledWords is from how many words on a bitmap comes from bitmaps.
const pooledWords = 256

// bitmap returns an empty bitmap of the block's rows, valid until the reader is
// closed.
func (r *reader) bitmap() column.Bitmap {
	n := words(r.rows)
	if n < pooledWords {
		return make(column.Bitmap, n)
	}
	b := (*bitmaps.Get().(*column.Bitmap))[:n]
	clear(b)
	r.lent = append(r.lent, b)
	return b
}

// everyRow is the bitmap of all rows, not to be changed.
func (r *reader) everyRow() column.Bitmap {
	if r.all == nil {
		r.all = r.bitmap()
		allRows(r.all, r.rows)
	}
	return r.all
}

// pulse is how many rows are looked at one by one between two looks at the
// context.
const pulse = 1024

// eachRow calls fn with the rows of b in rising order, looking at the context
// now and then.
func (r *reader) eachRow(b column.Bitmap, fn func(row int) error) error {
	n := 0
	for row := range b.All() {
		if n++; n%pulse == 0 && r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
}

// ints is an envelope column of kind Int.
func (r *reader) ints(root query.Root) (*column.Vector, error) {
	v, err := r.block.Envelope(root)
	if err != nil {
		return nil, err
	}
	if v.Kind != column.Int {
		return nil, fmt.Errorf("column of field %d has kind %d, want integers", root, v.Kind)
	}
	return v, nil
}

// value is the JSON text at a path of one row, the slow way.
func (r *reader) value(row int, f *query.Field) (jsontext.Value, bool, error) {
	return r.block.Value(row, f.Root, f.Path)
}
