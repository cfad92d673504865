package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/query"
)

// removal is a purge or an application of retention. It is decided and recorded
// first, in one record with its event, and then carried out on the segments; a
// crash in between only delays it.
type removal struct {
	ID       string `json:"id"`
	Instance string `json:"instance"`
	// Where is the condition as DSL JSON; it holds for no event that comes later.
	Where string `json:"where"`
}

// carryOutAll carries out the removals that are left over from a failure or a
// crash.
func (l *Log) carryOutAll(ctx context.Context) error {
	l.mu.RLock()
	left := slices.Clone(l.removals)
	l.mu.RUnlock()
	var errs []error
	for _, r := range left {
		in, err := l.instance(r.Instance)
		if err != nil {
			continue // it has been deleted meanwhile
		}
		if ctx.Err() != nil {
			return errors.Join(append(errs, context.Cause(ctx))...)
		}
		in.maintenance.Lock()
		err = l.makingRoom(true, func() error { return l.carryOut(ctx, in, r) })
		in.maintenance.Unlock()
		if err != nil {
			errs = append(errs, fmt.Errorf("remove events of instance %q: %w", in.info().Name, err))
		}
	}
	return errors.Join(errs...)
}

// pending reports whether a removal is still to be carried out.
func (l *Log) pending(id string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.ContainsFunc(l.removals, func(r removal) bool { return r.ID == id })
}

// carryOut removes the events of a removal from the segments; maintenance is
// held. What is in the head is sealed first.
func (l *Log) carryOut(ctx context.Context, in *instance, r removal) error {
	if !l.pending(r.ID) || in.isDeleted() {
		return nil
	}
	where, err := query.ParseCondition([]byte(r.Where), l.now())
	if err != nil {
		return fmt.Errorf("condition of a removal: %w", err)
	}
	if err := l.freshStreams(in); err != nil {
		return err
	}
	if err := l.sealLocked(ctx, in); err != nil {
		return err
	}
	for {
		x := &removing{log: l, in: in, where: where, removal: r, streams: map[string]int64{}}
		if err = x.run(ctx); err == nil {
			break
		}
		x.undo()
		if x.committing {
			return err
		}
		again, err := l.mendLocked(in, err)
		if !again {
			return err
		}
	}
	l.mu.Lock()
	l.removals = slices.DeleteFunc(l.removals, func(o removal) bool { return o.ID == r.ID })
	l.mu.Unlock()
	return nil
}

// removing is one removal being carried out.
type removing struct {
	log     *Log
	in      *instance
	where   query.Condition
	removal removal
	// committing says that what failed is no damage of a segment.
	committing bool
	// What is on its way to be exchanged.
	old     []*segmentFile
	new     []*segmentFile
	gone    []int64          // positions
	streams map[string]int64 // events removed
}

// run drops whole segments first, so that there is room for rewriting the
// others. What is sealed meanwhile has events that the removal is not about.
func (x *removing) run(ctx context.Context) error {
	var straddling []*matched
	for _, s := range x.in.current().version.segments {
		x.log.sealMeanwhile(ctx, x.in)
		m, err := x.match(ctx, s)
		switch {
		case err != nil:
			return err
		case m.total == 0:
		case m.total < s.meta.Rows:
			straddling = append(straddling, m)
		default:
			if err := x.drop(ctx, m); err != nil {
				return err
			}
		}
	}
	if len(straddling) > 0 && len(x.old) > 0 {
		if err := x.finish(false); err != nil {
			return err
		}
	}
	for _, m := range straddling {
		x.log.sealMeanwhile(ctx, x.in)
		if err := x.rewrite(ctx, m); err != nil {
			return err
		}
	}
	return x.finish(true)
}

// matched is a segment with what of it is to be removed.
type matched struct {
	segment *segmentFile
	blocks  []exec.BlockRef
	rows    []column.Bitmap // of each block
	total   int
}

func (x *removing) match(ctx context.Context, s *segmentFile) (*matched, error) {
	snap := x.in.snapshot(x.in.current())
	snap.Blocks = s.blocks(nil)
	m := &matched{segment: s, blocks: snap.Blocks}
	for i := range snap.Blocks {
		rows, err := exec.Matches(ctx, x.where, snap, &snap.Blocks[i])
		if err != nil {
			return nil, queryError(ctx, err)
		}
		m.rows = append(m.rows, rows)
		m.total += rows.Count()
	}
	return m, nil
}

// drop notes that a segment goes, with all that matched of it.
func (x *removing) drop(ctx context.Context, m *matched) error {
	for i := range m.blocks {
		if m.rows[i].Count() == 0 {
			continue
		}
		if err := x.count(ctx, &m.blocks[i], m.rows[i]); err != nil {
			return err
		}
	}
	x.old = append(x.old, m.segment)
	return nil
}

// rewrite writes what stays of a segment into another.
func (x *removing) rewrite(ctx context.Context, m *matched) error {
	next := 0
	written, err := x.log.rewrite(ctx, x.in, []*segmentFile{m.segment}, func(column.Block) (column.Bitmap, error) {
		next++
		return complement(m.rows[next-1], m.blocks[next-1].Rows), nil
	})
	if err != nil {
		return err
	}
	x.new = append(x.new, written)
	return x.drop(ctx, m)
}

// complement is the rows of a block that are not in b.
func complement(b column.Bitmap, rows int) column.Bitmap {
	out := column.NewBitmap(rows)
	for i := range out {
		out[i] = ^b[i]
	}
	if over := rows % 64; over != 0 {
		out[len(out)-1] &= 1<<over - 1
	}
	return out
}

// count notes what goes of a block: how many of each stream, and where.
func (x *removing) count(ctx context.Context, ref *exec.BlockRef, rows column.Bitmap) error {
	b, release, err := ref.Open(ctx)
	if err != nil {
		return err
	}
	defer release()
	streams, err := b.Envelope(query.StreamID)
	if err != nil {
		return err
	}
	positions, err := b.Envelope(query.Position)
	if err != nil {
		return err
	}
	for row := range ref.Rows {
		if rows[row/64]&(1<<(row%64)) != 0 {
			x.streams[streams.Text(row)]++
			x.gone = append(x.gone, positions.Ints[row])
		}
	}
	return nil
}

// finish commits what is on its way and shows it to readers; with done the
// removal is carried out.
func (x *removing) finish(done bool) error {
	l, in := x.log, x.in
	x.committing = true
	var changed []streamChange
	in.mu.RLock()
	for name, n := range x.streams {
		if i, ok := in.streams.find(name); ok {
			s := in.streams.at(i)
			changed = append(changed, streamChange{stream: i, numbers: s.numbers, sealed: s.sealed - n})
		}
	}
	in.mu.RUnlock()
	if err := l.keepNumbers(in, changed); err != nil {
		return err
	}
	stamp := in.number()
	if err := l.writeStreams(in, stamp, changed); err != nil {
		return err
	}
	v := in.current().version
	change := removedWhileLost(v.lost, x.removal.Where)
	change.Next, change.Removed = in.nextFile, addGaps(v.removed, x.gone)
	change.Streams, change.Numbers = in.streamsMark(), markOf(in.numbers)
	for _, s := range x.new {
		change.Add = append(change.Add, s.meta)
	}
	e := &edit{}
	if done {
		e.Done = []string{x.removal.ID}
	}
	if err := l.exchange(in, e, change, replaced{segments: x.old, newSegments: x.new}); err != nil {
		x.new = nil // exchange has deleted them
		return err
	}
	in.setSealed(changed)
	x.old, x.new, x.gone = nil, nil, nil
	clear(x.streams)
	err := l.compactStreams(in)
	x.committing = err != nil
	return err
}

func (x *removing) undo() {
	for _, s := range x.new {
		discardFile(s, &s.gone)
	}
}

// maxGaps bounds how many ranges of removed positions an instance remembers.
// Beyond it near ones are told as one.
const maxGaps = 1000

// addGaps adds positions to ranges of removed ones.
func addGaps(gaps []Gap, positions []int64) []Gap {
	all := slices.Clone(gaps)
	slices.Sort(positions)
	for _, p := range positions {
		if n := len(all); n > len(gaps) && all[n-1].Last == p-1 {
			all[n-1].Last = p
			continue
		}
		all = append(all, Gap{First: p, Last: p})
	}
	sorted(all)
	for apart := int64(0); ; apart = apart*2 + 1 {
		if all = join(all, apart); len(all) <= maxGaps {
			return all
		}
	}
}

func sorted(gaps []Gap) []Gap {
	slices.SortFunc(gaps, func(a, b Gap) int { return cmp.Compare(a.First, b.First) })
	return gaps
}

// join makes one of ranges that at most apart positions lie between.
func join(gaps []Gap, apart int64) []Gap {
	var out []Gap
	for _, g := range gaps {
		if n := len(out); n > 0 && g.First <= out[n-1].Last+1+apart {
			out[n-1].Last = max(out[n-1].Last, g.Last)
			continue
		}
		out = append(out, g)
	}
	return out
}

// unprotected is a condition that holds for the events of system that purge may
// remove.
func unprotected() query.Condition {
	var protected query.Or
	for _, p := range protectedPrefixes {
		field := query.Field{Root: query.EventType, Name: "event_type"}
		protected = append(protected, query.Is(field, query.StartsWith, query.StringValue(p)))
	}
	return query.Not{Of: protected}
}

// spell is a condition as DSL JSON for a record.
func spell(c query.Condition) string { return strings.TrimSpace(c.String()) }
