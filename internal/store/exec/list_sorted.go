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

	mu  sync.Mutex
	top topN[candidate]
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
	s.top = s.newTop(n)
	var out listed
	blocks := s.byBestKey()
	err := inOrder(ctx, len(blocks), func(ctx context.Context, i int) (found blockTop, err error) {
		return s.read(ctx, blocks[i], total)
	}, func(_ int, found blockTop) (bool, error) {
		out.total += int64(found.n)
		s.mu.Lock()
		defer s.mu.Unlock()
		for i := range found.kept {
			if err := s.top.push(&found.kept[i]); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		return listed{}, err
	}
	kept := s.top.sorted()
	out.more = len(kept) == n
	for _, c := range kept[min(w.skip, len(kept)):min(w.skip+w.take, len(kept))] {
		out.picks = append(out.picks, c.pick)
	}
	return out, nil
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
func (s *sorter) read(ctx context.Context, block int, total bool) (blockTop, error) {
	e, ref := s.engine, &s.engine.snapshot.Blocks[block]
	s.mu.Lock()
	local := s.newTop(s.top.n)
	local.full, local.worst = s.top.full, s.top.worst
	s.mu.Unlock()
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
		return local.meter.settle()
	})
	return found, err
}

// collect pushes the matches of a block.
func (s *sorter) collect(r *reader, block int, rows column.Bitmap, top *topN[candidate]) error {
	positions, err := r.ints(query.Position)
	if err != nil {
		return err
	}
	fields := make([]*fieldReader, len(s.order))
	for i, o := range s.order {
		if fields[i], err = r.field(o.Field, rows); err != nil {
			return err
		}
	}
	worse := s.quickly(fields[0], top)
	keys := make([]sortKey, len(fields))
	return r.eachRow(rows, func(row int) error {
		if worse(row) {
			return nil
		}
		for i, f := range fields {
			if keys[i], err = f.key(row); err != nil {
				return err
			}
		}
		c := candidate{pick{block, int32(row), positions.Ints[row]}, keys}
		if !top.admits(&c) || s.after != nil && !s.before(s.after, &c) {
			return nil
		}
		if err := s.keep(&c, top); err != nil {
			return err
		}
		return top.push(&c)
	})
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

// quickly is a cheap test that says of many rows that they cannot be admitted:
// it compares the first key alone where that is a column of integers.
func (s *sorter) quickly(first *fieldReader, top *topN[candidate]) func(row int) bool {
	v := first.only()
	if v == nil || v.Kind != column.Int || v.Valid != nil {
		return func(int) bool { return false }
	}
	desc := s.order[0].Desc
	return func(row int) bool {
		if !top.full || top.worst.keys[0].rank != rankNumber || top.worst.keys[0].num.form != formInt {
			return false
		}
		x, worst := v.Ints[row], int64(top.worst.keys[0].num.bits)
		if desc {
			return x < worst
		}
		return x > worst
	}
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
