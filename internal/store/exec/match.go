package exec

import (
	"context"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// Matches are the rows of a block at which where (nil = everywhere) holds. The
// bitmap is the caller's.
func Matches(ctx context.Context, where query.Condition, s Snapshot, ref *BlockRef) (column.Bitmap, error) {
	e, err := newEngine(where, s, nil)
	if err != nil {
		return nil, err
	}
	defer e.account.close()
	return guarded(func() (column.Bitmap, error) {
		found := column.NewBitmap(ref.Rows)
		left := e.where.prune(ref)
		if left == constant(false) {
			return found, nil
		}
		if left == constant(true) {
			allRows(found, ref.Rows)
			return found, nil
		}
		r, err := e.read(ctx, ref)
		if err != nil {
			return nil, err
		}
		defer e.close(r)
		all, err := r.everyRow()
		if err != nil {
			return nil, err
		}
		some, err := left.eval(r, all)
		copy(found, some)
		return found, err
	})
}

// Count is the number of events at which where (nil = everywhere) holds.
func Count(ctx context.Context, where query.Condition, s Snapshot) (int64, error) {
	e, err := newEngine(where, s, nil)
	if err != nil {
		return 0, err
	}
	defer e.account.close()
	return e.count(ctx, s.Blocks)
}

// count is the number of matches in some blocks.
func (e *engine) count(ctx context.Context, blocks []BlockRef) (total int64, err error) {
	err = inOrder(ctx, len(blocks), func(ctx context.Context, i int) (int, error) {
		return e.countBlock(ctx, &blocks[i])
	}, func(_, n int) (bool, error) {
		total += int64(n)
		return true, nil
	})
	return total, err
}

func (e *engine) countBlock(ctx context.Context, ref *BlockRef) (n int, err error) {
	if e.where.prune(ref) == constant(true) {
		return ref.Rows, nil
	}
	err = e.matching(ctx, ref, func(_ *reader, rows column.Bitmap) error {
		n = rows.Count()
		return nil
	})
	return n, err
}

// matching finds the matches of a block and calls fn with them, unless there
// are none. A block that cannot hold one is not opened.
func (e *engine) matching(ctx context.Context, ref *BlockRef, fn func(r *reader, rows column.Bitmap) error) error {
	left := e.where.prune(ref)
	if left == constant(false) {
		return nil
	}
	e.cost.scans(ref)
	r, err := e.read(ctx, ref)
	if err != nil {
		return err
	}
	defer e.close(r)
	all, err := r.everyRow()
	if err != nil {
		return err
	}
	rows, err := left.eval(r, all)
	if err != nil || rows.Empty() {
		return err
	}
	return fn(r, rows)
}
