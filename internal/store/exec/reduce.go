package exec

import (
	"context"
	"sync/atomic"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// reducer answers a query with reduce. Each block is divided into groups of its
// own and folded into states, by several goroutines; these are joined with
// those of the blocks before it, in order, by the groups' keys.
type reducer struct {
	engine *engine
	query  *query.Query

	families []family             // what is computed, each once
	results  []func(g int) result // of each reduction, from the families
	counts   []*states[int64]     // of each reduction that counts; nil for others
	groups   *groupSet
	ranked   *ranked // for percentiles, of the group that was asked for last
	meter    meter

	collected atomic.Int64 // values that all collects hold
}

// result is the value of a reduction of one group.
type result = query.Value

// partial is what one block adds.
type partial struct {
	matches int
	groups  blockGroups // those that have a match
	parts   []any       // a family
	charged int64
}

// reduce answers a query with reduce.
func (e *engine) reduce(ctx context.Context, q *query.Query, res *Result) error {
	x := &reducer{engine: e, query: q, meter: meter{account: &e.account}}
	x.groups = newGroupSet(len(q.GroupBy), &x.meter)
	x.plan()
	if len(q.GroupBy) == 0 {
		if err := x.join(&partial{groups: blockGroups{numbers: []uint32{0}}}); err != nil {
			return err
		}
	}
	total := int64(0)
	blocks := e.snapshot.Blocks
	err := inOrder(ctx, len(blocks), func(ctx context.Context, i int) (*partial, error) {
		return x.block(ctx, &blocks[i])
	}, func(_ int, p *partial) (bool, error) {
		total += int64(p.matches)
		return true, x.join(p)
	})
	if err != nil {
		return err
	}
	if !q.NoTotal {
		res.Total = &total
	}
	if x.collected.Load() > query.MaxCollect {
		return query.ErrTooManyValues
	}
	if err := e.account.Charge(x.percentileScratch()); err != nil {
		return err
	}
	if res.Aggregation, err = x.answer(); err != nil {
		return err
	}
	res.Bytes = int64(len(res.Aggregation))
	return nil
}

// onlyCounts reports whether the number of matches is all that is asked.
func (x *reducer) onlyCounts() bool {
	if len(x.query.GroupBy) > 0 {
		return false
	}
	for _, f := range x.families {
		if _, ok := f.(*matchCount); !ok {
			return false
		}
	}
	return true
}

// block folds the matches of a block.
func (x *reducer) block(ctx context.Context, ref *BlockRef) (*partial, error) {
	if x.onlyCounts() {
		n, err := x.engine.countBlock(ctx, ref)
		return x.counted(n), err
	}
	p := &partial{}
	err := x.engine.matching(ctx, ref, func(r *reader, rows column.Bitmap) error {
		p.matches = rows.Count()
		en, keys, err := r.group(x.query, rows, p.matches)
		if err != nil {
			return err
		}
		owed := meter{account: &x.engine.account}
		if p.groups, err = keys.present(r, en, &owed); err != nil {
			return err
		}
		p.charged = owed.charged
		for _, f := range x.families {
			part, bytes, err := f.fold(r, en)
			if err != nil {
				return err
			}
			p.charged += bytes
			p.parts = append(p.parts, part)
		}
		return nil
	})
	return p, err
}

// counted is the partial of n matches where nothing but their number counts.
func (x *reducer) counted(n int) *partial {
	p := &partial{matches: n, groups: blockGroups{numbers: []uint32{0}}}
	for range x.families {
		p.parts = append(p.parts, []int64{int64(n)})
	}
	return p
}

// join adds a block's groups to those of the blocks before it.
func (x *reducer) join(p *partial) error {
	to, err := x.groups.take(&p.groups)
	if err != nil {
		return err
	}
	for i, f := range x.families {
		var part any
		if i < len(p.parts) {
			part = p.parts[i]
		}
		if err := f.join(part, p.groups.numbers, to, x.groups.n, &x.meter); err != nil {
			return err
		}
	}
	x.engine.account.Refund(p.charged)
	p.charged = 0
	return nil
}
