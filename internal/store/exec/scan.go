package exec

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// Scan calls fn with every match of where (nil = every event) whose position
// is above after, in order of position, some thousand at a time, until fn fails
// or all are done. The slice is fn's only until it returns; the events may be
// kept. While fn runs, the next block is read.
func Scan(ctx context.Context, where query.Condition, s Snapshot, after int64, m *Memory, fn func([]event.Event) error) error {
	e, err := newEngine(where, s, m)
	if err != nil {
		return err
	}
	defer e.account.close()
	if after == math.MaxInt64 {
		return nil
	}
	e.restrict(after+1, math.MaxInt64)
	blocks := e.snapshot.Blocks
	return inOrder(ctx, len(blocks), func(ctx context.Context, i int) ([]int32, error) {
		return e.rowsByPosition(ctx, &blocks[i])
	}, func(i int, rows []int32) (bool, error) {
		if len(rows) == 0 {
			return true, nil
		}
		defer e.account.Refund(int64(len(rows)) * 4)
		return true, e.deliver(ctx, &blocks[i], rows, fn)
	})
}

// rowsByPosition are the matches of a block in order of position.
func (e *engine) rowsByPosition(ctx context.Context, ref *BlockRef) (out []int32, err error) {
	err = e.matching(ctx, ref, func(r *reader, rows column.Bitmap) error {
		n := rows.Count()
		if err := e.account.Charge(int64(n) * 4); err != nil {
			return err
		}
		out = make([]int32, 0, n)
		for row := range rows.All() {
			out = append(out, int32(row))
		}
		if r.block.Order() == column.ByPosition {
			return nil
		}
		positions, err := r.ints(query.Position)
		if err != nil {
			return err
		}
		if err := r.Charge(int64(n) * 8 * 4); err != nil {
			return err
		}
		sortByPosition(out, positions.Ints)
		return nil
	})
	return out, err
}

// sortByPosition sorts rows by their positions, in linear time where these lie
// close together, as they mostly do.
func sortByPosition(rows []int32, positions []int64) {
	if len(rows) == 0 {
		return
	}
	first, last := positions[rows[0]], positions[rows[0]]
	for _, row := range rows {
		first, last = min(first, positions[row]), max(last, positions[row])
	}
	if last-first > 8*int64(len(rows)) {
		slices.SortFunc(rows, func(a, b int32) int { return cmp.Compare(positions[a], positions[b]) })
		return
	}
	at := make([]int32, last-first+1) // 1 + row, by position
	for _, row := range rows {
		at[positions[row]-first] = row + 1
	}
	n := 0
	for _, row := range at {
		if row > 0 {
			rows[n] = row - 1
			n++
		}
	}
}

// deliver calls fn with the events of some rows of a block.
func (e *engine) deliver(ctx context.Context, ref *BlockRef, rows []int32, fn func([]event.Event) error) error {
	r, err := e.read(ctx, ref)
	if err != nil {
		return err
	}
	defer e.close(r)
	return r.eachChunk(rows, column.Need{Payload: true, Metadata: true}, func(events []event.Event, bytes int64) error {
		defer e.account.Refund(bytes)
		return fn(events)
	})
}
