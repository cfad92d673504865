package exec

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// candidate is a match that may be in a sorted answer.
type candidate struct {
	pick
	keys []sortKey
}

const candidateSize = pickSize + 24 // and its keys

const sortKeySize = 48

// sorter lists matches in the order of some keys, ties by position in the
// direction of the first.
type sorter struct {
	engine *engine
	order  []query.Order
	// after is what the page before ended with, nil on the first page.
	after *candidate

	mu sync.Mutex
	// bound, if not nil, is a row that enough others come before: what comes
	// after it is in no answer. All goroutines share and improve it.
	bound *candidate
}

// before is the order of the answer.
func (s *sorter) before(a, b *candidate) bool {
	for i := range s.order {
		if c := compareKeys(&a.keys[i], &b.keys[i], s.order[i].Desc); c != 0 {
			return c < 0
		}
	}
	if s.order[0].Desc {
		return a.position > b.position
	}
	return a.position < b.position
}

// list lists the matches of a window. Blocks whose rows cannot be among them
// are not read, or only counted where the total is wanted.
func (s *sorter) list(ctx context.Context, w window, total bool) (listed, error) {
	n := min(w.skip, 1<<40) + w.take + 1 // one more tells whether there are more
	top := s.newTop(n)
	var out listed
	blocks := s.byBestKey()
	err := inOrder(ctx, len(blocks), func(ctx context.Context, i int) (found blockTop, err error) {
		return s.read(ctx, blocks[i], n, total)
	}, func(_ int, found blockTop) (bool, error) {
		out.total += int64(found.n)
		for i := range found.kept {
			if err := top.push(&found.kept[i]); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		return listed{}, err
	}
	kept := top.sorted()
	out.more = len(kept) == n
	for _, c := range kept[min(w.skip, len(kept)):min(w.skip+w.take, len(kept))] {
		out.picks = append(out.picks, c.pick)
	}
	return out, nil
}

// share improves the bound by what one goroutine has found, and the other way
// round.
func (s *sorter) share(top *topN[candidate]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case top.full && (s.bound == nil || s.before(&top.worst, s.bound)):
		worst := top.worst
		s.bound = &worst
	case s.bound != nil && (!top.full || s.before(s.bound, &top.worst)):
		top.full, top.worst = true, *s.bound
	}
}

func (s *sorter) newTop(n int) topN[candidate] {
	return topN[candidate]{n: n, before: s.before, size: candidateSize + sortKeySize*len(s.order), meter: meter{account: &s.engine.account}}
}

// blockTop is what a block adds to a sorted answer.
type blockTop struct {
	n    int // matches, where the total is wanted
	kept []candidate
}

// read finds the candidates of a block.
func (s *sorter) read(ctx context.Context, block, n int, total bool) (blockTop, error) {
	e, ref := s.engine, &s.engine.snapshot.Blocks[block]
	local := s.newTop(n)
	s.share(&local)
	if !s.mayEnter(ref, &local) {
		if !total {
			return blockTop{}, nil
		}
		n, err := e.countBlock(ctx, ref)
		return blockTop{n: n}, err
	}
	var found blockTop
	err := e.matching(ctx, ref, func(r *reader, rows column.Bitmap) error {
		found.n = rows.Count()
		if err := s.collect(r, block, rows, &local); err != nil {
			return err
		}
		found.kept = local.sorted()
		s.share(&local)
		return local.meter.settle()
	})
	return found, err
}

// Strides are how many rows are pushed before the others are looked through
// again for those that still have a chance: few at first.
const (
	firstStride = 1 << 10
	mostStride  = 1 << 14
)

// collect pushes the matches of a block.
func (s *sorter) collect(r *reader, block int, rows column.Bitmap, top *topN[candidate]) error {
	positions, err := r.ints(query.Position)
	if err != nil {
		return err
	}
	some, err := r.bitmap()
	if err != nil {
		return err
	}
	fields := make([]*fieldReader, len(s.order))
	for i, o := range s.order {
		if fields[i], err = r.field(o.Field, rows); err != nil {
			return err
		}
	}
	var (
		keys = make([]sortKey, len(fields))
		c    candidate // one for all rows: what is kept is a copy
	)
	// Rows mostly lie in the order in which things happened, so the end comes
	// first where the latest are wanted.
	for done, stride := 0, firstStride/64; done < len(rows); {
		n := min(stride, len(rows)-done)
		from := done
		if s.order[0].Desc {
			from = len(rows) - done - n
		}
		clear(some)
		copy(some[from:from+n], rows[from:])
		done, stride = done+n, min(2*stride, mostStride/64)
		s.share(top)
		left, err := s.promising(fields[0], some, top)
		if err != nil {
			return err
		}
		err = r.eachRow(left, func(row int) error {
			for i, f := range fields {
				if keys[i], err = f.key(row); err != nil {
					return err
				}
			}
			c = candidate{pick{block, int32(row), positions.Ints[row]}, keys}
			if !top.admits(&c) || s.after != nil && !s.before(s.after, &c) {
				return nil
			}
			if err := s.keep(&c, top); err != nil {
				return err
			}
			return top.push(&c)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// keep gives a candidate keys of its own, which outlive the block.
func (s *sorter) keep(c *candidate, top *topN[candidate]) error {
	c.keys = slices.Clone(c.keys)
	bytes := 0
	for i := range c.keys {
		c.keys[i].text = strings.Clone(c.keys[i].text)
		bytes += len(c.keys[i].text)
	}
	return top.meter.add(bytes)
}

// promising are the rows that top may still admit as far as their first key
// tells, found by comparing whole columns with the key of the worst row. It may
// keep others, but drops none that top admits.
func (s *sorter) promising(first *fieldReader, rows column.Bitmap, top *topN[candidate]) (column.Bitmap, error) {
	if !top.full || top.worst.keys[0].rank != rankNumber || len(first.vectors) == 0 {
		return rows, nil
	}
	desc := s.order[0].Desc
	worst := top.worst.keys[0].num.Number()
	limit := bounds{high: worst, hasHigh: true}
	if desc {
		limit = bounds{low: worst, hasLow: true}
	}
	left, err := first.r.bitmap()
	if err != nil {
		return nil, err
	}
	for _, v := range first.vectors {
		switch v.Kind {
		case column.Int:
			if b, ok := limit.ints(); ok {
				selectInts(left, rows, v, b)
			}
		case column.Double:
			if b, ok := limit.doubles(); ok {
				selectDoubles(left, rows, v, b)
			}
		default: // strings and the like come before numbers when descending
			if desc || v.Kind == column.JSON {
				for w := range left {
					left[w] |= rows[w] & word(v.Valid, w)
				}
			}
		}
	}
	if desc {
		orInto(left, rows, first.nulls)
	}
	orInto(left, rows, first.other)
	return left, nil
}

// firstKeys is the range of the first key in a block, where it is known.
func (s *sorter) firstKeys(ref *BlockRef) (span, bool) {
	switch root := s.order[0].Field.Root; root {
	case query.Position, query.Timestamp, query.RecordedAt:
		return rangeOf(root, ref)
	}
	return span{}, false
}

// byBestKey lists the blocks so that the best come first.
func (s *sorter) byBestKey() []int {
	blocks := make([]int, len(s.engine.snapshot.Blocks))
	for i := range blocks {
		blocks[i] = i
	}
	desc := s.order[0].Desc
	slices.SortStableFunc(blocks, func(a, b int) int {
		x, known := s.firstKeys(&s.engine.snapshot.Blocks[a])
		if !known {
			return 0
		}
		y, _ := s.firstKeys(&s.engine.snapshot.Blocks[b])
		if desc {
			return cmp.Or(cmp.Compare(y.hi, x.hi), cmp.Compare(b, a))
		}
		return cmp.Or(cmp.Compare(x.lo, y.lo), cmp.Compare(a, b))
	})
	return blocks
}

// mayEnter reports whether a block can hold a row that top admits and that lies
// behind the page before.
func (s *sorter) mayEnter(ref *BlockRef, top *topN[candidate]) bool {
	if top.n == 0 {
		return false
	}
	keys, known := s.firstKeys(ref)
	if !known {
		return true
	}
	best, last := candidate{keys: []sortKey{{rank: rankNumber, num: intNumber(keys.lo)}}}, sortKey{rank: rankNumber, num: intNumber(keys.hi)}
	desc := s.order[0].Desc
	if desc {
		best.keys[0], last = last, best.keys[0]
	}
	if s.after != nil && compareKeys(&last, &s.after.keys[0], desc) < 0 {
		return false
	}
	return !top.full || compareKeys(&best.keys[0], &top.worst.keys[0], desc) <= 0
}
