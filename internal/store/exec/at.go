package exec

import (
	"context"
	"slices"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// At calls fn with the events at the given positions, which rise, in order, as
// far as the snapshot has them: each block is read once, however many of them it
// has. What holds of fn for Scan holds here.
func At(ctx context.Context, positions []int64, s Snapshot, m *Memory, fn func([]event.Event) error) error {
	if len(positions) == 0 {
		return nil
	}
	e, err := newEngine(nil, s, m)
	if err != nil {
		return err
	}
	defer e.account.close()
	e.restrict(positions[0], positions[len(positions)-1])
	blocks := e.snapshot.Blocks
	return inOrder(ctx, len(blocks), func(ctx context.Context, i int) ([]int32, error) {
		return e.rowsAt(ctx, &blocks[i], positions)
	}, func(i int, rows []int32) (bool, error) {
		if len(rows) == 0 {
			return true, nil
		}
		defer e.account.Refund(int64(len(rows)) * 4)
		return true, e.deliver(ctx, &blocks[i], rows, fn)
	})
}

// rowsAt are the rows of a block at some positions, in order of position.
func (e *engine) rowsAt(ctx context.Context, ref *BlockRef, positions []int64) (out []int32, err error) {
	from, _ := slices.BinarySearch(positions, ref.FirstPosition)
	to, _ := slices.BinarySearch(positions, ref.LastPosition+1)
	positions = positions[from:to]
	if len(positions) == 0 {
		return nil, nil
	}
	err = e.matching(ctx, ref, func(r *reader, rows column.Bitmap) error {
		v, err := r.ints(query.Position)
		if err != nil {
			return err
		}
		wanted, err := r.oneOf(positions)
		if err != nil {
			return err
		}
		if err := e.account.Charge(int64(len(positions)) * 4); err != nil {
			return err
		}
		out = make([]int32, 0, len(positions))
		for row := range rows.All() {
			if wanted(v.Ints[row]) {
				out = append(out, int32(row))
			}
		}
		e.account.Refund(int64(len(positions)-len(out)) * 4)
		sortByPosition(out, v.Ints)
		return nil
	})
	return out, err
}

// oneOf tells whether a position is one of some, which rise: by a bit for each
// between them where these are few.
func (r *reader) oneOf(positions []int64) (func(position int64) bool, error) {
	first, last := positions[0], positions[len(positions)-1]
	if last-first > 8*int64(r.rows) {
		return func(position int64) bool {
			_, found := slices.BinarySearch(positions, position)
			return found
		}, nil
	}
	if err := r.Charge((last-first)/8 + 8); err != nil {
		return nil, err
	}
	bits := column.NewBitmap(int(last - first + 1))
	for _, p := range positions {
		bits.Set(int(p - first))
	}
	return func(position int64) bool {
		return position >= first && position <= last && bits.Get(int(position-first))
	}, nil
}
