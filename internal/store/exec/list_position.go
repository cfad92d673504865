package exec

import (
	"cmp"
	"context"
	"math/bits"
	"slices"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// pick is a row of a block that an answer holds.
type pick struct {
	block    int // index in the snapshot
	row      int32
	position int64
}

// window says which of the matches in order an answer holds: take of them after
// the first skip.
type window struct{ skip, take int }

// listed is what a listing found.
type listed struct {
	picks []pick
	more  bool  // there are matches behind the last pick
	total int64 // of all matches, where it was asked for
}

// listByPosition lists matches in order of position, rising or falling. Unless
// the total is wanted it stops when the window is full.
func (e *engine) listByPosition(ctx context.Context, w window, desc, total bool) (listed, error) {
	var (
		out  listed
		seen int // matches so far
	)
	blocks := e.snapshot.Blocks
	at := func(i int) int {
		if desc {
			return len(blocks) - 1 - i
		}
		return i
	}
	type matches struct {
		n    int
		rows column.Bitmap // nil = all, or none are wanted
	}
	end := w.skip + w.take
	err := inOrder(ctx, len(blocks), func(ctx context.Context, i int) (m matches, err error) {
		ref := &blocks[at(i)]
		if e.where.prune(ref) == constant(true) {
			return matches{n: ref.Rows}, nil
		}
		err = e.matching(ctx, ref, func(_ *reader, rows column.Bitmap) error {
			m.n = rows.Count()
			if err := e.account.Charge(int64(len(rows)) * 8); err != nil {
				return err
			}
			m.rows = rows.Clone()
			return nil
		})
		return m, err
	}, func(i int, m matches) (bool, error) {
		from, to := max(w.skip-seen, 0), min(end-seen, m.n)
		if from < to {
			picks, err := e.picksOf(ctx, at(i), m.rows, from, to, desc)
			if err != nil {
				return false, err
			}
			out.picks = append(out.picks, picks...)
		}
		e.account.Refund(int64(len(m.rows)) * 8)
		seen += m.n
		return total || seen <= end, nil
	})
	out.more, out.total = seen > end, int64(seen)
	return out, err
}

// picksOf are the matches from…to-1 of a block, counted in order of position;
// rows nil stands for all.
func (e *engine) picksOf(ctx context.Context, block int, rows column.Bitmap, from, to int, desc bool) ([]pick, error) {
	ref := &e.snapshot.Blocks[block]
	r, err := e.read(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer e.close(r)
	if rows == nil {
		e.cost.scans(ref)
		if rows, err = r.everyRow(); err != nil {
			return nil, err
		}
	}
	if err := e.account.Charge(int64(to) * pickSize); err != nil {
		return nil, err
	}
	positions, err := r.ints(query.Position)
	if err != nil {
		return nil, err
	}
	if r.block.Order() == column.ByPosition {
		picks := make([]pick, 0, to-from)
		for _, row := range nthRows(rows, from, to, desc) {
			picks = append(picks, pick{block, row, positions.Ints[row]})
		}
		return picks, nil
	}
	if rows, err = nearEnd(r, rows, positions, to, desc); err != nil {
		return nil, err
	}
	if err := r.Charge(int64(rows.Count()) * pickSize); err != nil {
		return nil, err
	}
	picks := make([]pick, 0, rows.Count())
	for row := range rows.All() {
		picks = append(picks, pick{block, int32(row), positions.Ints[row]})
	}
	slices.SortFunc(picks, func(a, b pick) int {
		if desc {
			return cmp.Compare(b.position, a.position)
		}
		return cmp.Compare(a.position, b.position)
	})
	return slices.Clone(picks[from:to]), nil
}

// nearEnd narrows rows to those with the lowest, or with desc the highest,
// positions: n of them or somewhat more.
func nearEnd(r *reader, rows column.Bitmap, positions *column.Vector, n int, desc bool) (column.Bitmap, error) {
	first, last := r.ref.FirstPosition, r.ref.LastPosition
	matches := rows.Count()
	// As many positions as hold n matches if they are spread evenly, then twice
	// that, and so on.
	width := (last - first + 1) / int64(max(matches/(n+1), 1))
	for ; width < last-first; width *= 2 {
		s := span{first, first + width}
		if desc {
			s = span{last - width, last}
		}
		some, err := r.bitmap()
		if err != nil {
			return nil, err
		}
		selectInts(some, rows, positions, s)
		if some.Count() >= n {
			return some, nil
		}
		width = max(width, 1)
	}
	return rows, nil
}

const pickSize = 24

// nthRows are the rows from…to-1 of b, counted from its end with desc.
func nthRows(b column.Bitmap, from, to int, desc bool) []int32 {
	out := make([]int32, 0, to-from)
	n := 0
	for i := 0; i < len(b) && n < to; i++ {
		at := i
		if desc {
			at = len(b) - 1 - i
		}
		w := b[at]
		if count := bits.OnesCount64(w); n+count <= from {
			n += count
			continue
		}
		for ; w != 0 && n < to; n++ {
			bit := bits.TrailingZeros64(w)
			if desc {
				bit = 63 - bits.LeadingZeros64(w)
			}
			w &^= 1 << bit
			if n >= from {
				out = append(out, int32(at<<6+bit))
			}
		}
	}
	return out
}
