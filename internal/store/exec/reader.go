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

	before  int64 // BytesRead when it was opened
	end     func()
	charged int64 // for as long as it is open
	lent    []column.Bitmap
	all     column.Bitmap
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
	if block.Rows() > column.MaxRows {
		release()
		return nil, fmt.Errorf("read positions %d to %d: a block of %d rows, at most %d are allowed", ref.FirstPosition, ref.LastPosition, block.Rows(), column.MaxRows)
	}
	r := &reader{ctx: ctx, ref: ref, rows: block.Rows(), release: release, account: &e.account, instance: e.snapshot.InstanceID}
	r.block, r.end = block.Reading(r.account)
	r.before = r.block.BytesRead()
	return r, nil
}

// close releases the block and tells the engine what was read.
func (e *engine) close(r *reader) {
	e.cost.bytes.Add(r.block.BytesRead() - r.before)
	r.end()
	r.release()
	r.account.Refund(r.charged)
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

// Charge charges n bytes until the reader is closed.
func (r *reader) Charge(n int64) error {
	if err := r.account.Charge(n); err != nil {
		return err
	}
	r.charged += n
	return nil
}

// bitmap returns an empty bitmap of the block's rows, valid until the reader is
// closed.
func (r *reader) bitmap() (column.Bitmap, error) {
	n := words(r.rows)
	if err := r.Charge(int64(n) * 8); err != nil {
		return nil, err
	}
	if n < pooledWords {
		return make(column.Bitmap, n), nil
	}
	b := (*bitmaps.Get().(*column.Bitmap))[:n]
	clear(b)
	r.lent = append(r.lent, b)
	return b, nil
}

// copyOf is a bitmap as bitmap returns it, with the rows of b.
func (r *reader) copyOf(b column.Bitmap) (column.Bitmap, error) {
	c, err := r.bitmap()
	copy(c, b)
	return c, err
}

// everyRow is the bitmap of all rows, not to be changed.
func (r *reader) everyRow() (column.Bitmap, error) {
	if r.all == nil {
		all, err := r.bitmap()
		if err != nil {
			return nil, err
		}
		allRows(all, r.rows)
		r.all = all
	}
	return r.all, nil
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
