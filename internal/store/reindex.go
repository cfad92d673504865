package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/internal/store/idrun"
	"github.com/firnlog/firn/query"
)

// A run of fingerprints says nothing that the segments do not say, only faster.
// Where one is damaged or missing it goes to the quarantine, its range of
// positions is unindexed, and background work makes runs for it again, segment
// by segment. Until a range has its run, ids are looked up in its segments, so
// an answer is never wrong, only slower.

// changedIndex are unindexed ranges with more and without others, in order.
func changedIndex(unindexed, more, indexed []Gap) []Gap {
	if len(more)+len(indexed) == 0 {
		return unindexed
	}
	var out []Gap
	for _, g := range join(sorted(append(slices.Clone(unindexed), more...)), 0) {
		for _, r := range (lostRange{Gap: g}).without(indexed) {
			out = append(out, r.Gap)
		}
	}
	return out
}

// damagedRun is the damage of a run that an error tells of, nil if it tells of
// none.
func damagedRun(err error) *idrun.DamageError {
	var d *idrun.DamageError
	if errors.As(err, &d) {
		return d
	}
	return nil
}

// mendRun deals with the damage of a run as mend does; maintenance is held.
func (l *Log) mendRun(in *instance, v *version, d *idrun.DamageError) (again bool, _ error) {
	i := slices.IndexFunc(v.runs, func(r *runFile) bool { return r.path() == d.File })
	if i < 0 {
		return !in.isDeleted(), ErrNotFound // it has been exchanged meanwhile
	}
	damage, err := v.runs[i].examine(l.background.ctx)
	if err != nil {
		return false, err
	}
	if damage == nil {
		v.runs[i].forget()
		return true, nil
	}
	return true, l.setRunAside(in, v.runs[i], damage)
}

// examine reads the whole run anew: damage says what is wrong with its file, err
// that it cannot be read now.
func (r *runFile) examine(ctx context.Context) (damage, err error) {
	r.forget()
	run, err := r.read()
	if err == nil {
		for _, err = range run.All {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				break
			}
		}
	}
	switch {
	case err == nil:
		return nil, nil
	case damagedRun(err) != nil:
		return err, nil
	case ctx.Err() != nil:
		return nil, ErrClosed
	}
	return nil, unreadable(err)
}

// forget closes the file and drops what has been read of it.
func (r *runFile) forget() {
	r.mu.Lock()
	r.run = nil
	r.mu.Unlock()
	r.log.filters.forget(r)
	r.closeIdle()
}

// span are the positions that the run has ids of, as far as is known.
func (r *runFile) span(sealed int64) Gap {
	if r.meta.First == 0 {
		return Gap{First: 1, Last: sealed}
	}
	return Gap{First: r.meta.First, Last: r.meta.Last}
}

// setRunAside moves a damaged run to the quarantine and makes its positions
// unindexed; maintenance is held. The file goes first: if what follows fails it
// is missing, and is found so the next time.
func (l *Log) setRunAside(in *instance, r *runFile, damage error) error {
	what := "there is no such file"
	if _, err := l.opts.FS.Stat(r.path()); err == nil {
		to, err := l.moveAside(in.id+"-"+r.meta.Name, r.path())
		if err != nil {
			return err
		}
		what = "the file was moved to " + to
	}
	span := r.span(in.current().version.sealed)
	change := contentEdit{Next: in.nextFile, RemoveRuns: []string{r.meta.Name}, Unindexed: []Gap{span}}
	err := l.amend(in, change, func(n *version) {
		n.runs = slices.DeleteFunc(n.runs, func(o *runFile) bool { return o == r })
	})
	if err != nil {
		return err
	}
	l.report(event.Error, "instance %q: %v; %s; nothing is lost: the ids of positions %d to %d are looked up in the segments until they are indexed again", in.info().Name, damage, what, span.First, span.Last)
	l.kick()
	return nil
}

// unindexedEvent finds a sealed event by an id that no run has, nil if there is
// none.
func (l *Log) unindexedEvent(ctx context.Context, in *instance, v *view, id string) (found *event.Event, err error) {
	snap := in.noBlocks(v)
	for _, s := range v.version.segments {
		if overlaps(v.version.unindexed, s.meta.First, s.meta.Last) {
			snap.Blocks = s.blocks(snap.Blocks)
		}
	}
	where := query.Is(query.Field{Root: query.ID, Name: "id"}, query.Eq, query.StringValue(id))
	err = exec.Scan(ctx, where, snap, 0, l.memory, func(events []event.Event) error {
		if found == nil {
			e := events[0]
			e.Payload, e.Metadata = e.Payload.Clone(), e.Metadata.Clone()
			found = &e
		}
		return nil
	})
	return found, queryError(ctx, err)
}

func overlaps(gaps []Gap, first, last int64) bool {
	return slices.ContainsFunc(gaps, func(g Gap) bool { return g.First <= last && first <= g.Last })
}

// reindexAll makes the runs again that were set aside.
func (l *Log) reindexAll(ctx context.Context) error {
	var errs []error
	for _, in := range l.all() {
		for len(in.current().version.unindexed) > 0 && ctx.Err() == nil && !l.reserve.short.Load() {
			if err := l.reindexOne(ctx, in); err != nil {
				errs = append(errs, fmt.Errorf("index the ids of instance %q again: %w", in.info().Name, err))
				break
			}
		}
	}
	return errors.Join(errs...)
}

// reindexOne indexes the ids of the first unindexed segment of an instance.
func (l *Log) reindexOne(ctx context.Context, in *instance) error {
	in.maintenance.Lock()
	defer in.maintenance.Unlock()
	v := in.current().version
	if in.isDeleted() || len(v.unindexed) == 0 {
		return nil
	}
	if err := l.freshStreams(in); err != nil {
		return err
	}
	done := v.unindexed[0]
	i := slices.IndexFunc(v.segments, func(s *segmentFile) bool { return s.meta.First <= done.Last && done.First <= s.meta.Last })
	var pairs []idrun.Pair
	if i >= 0 {
		var err error
		if pairs, err = v.segments[i].pairs(ctx); err != nil {
			_, err = l.mendLocked(in, err)
			return err
		}
		done.Last = min(done.Last, v.segments[i].meta.Last)
	}
	var made []*runFile
	if len(pairs) > 0 {
		r, err := l.writeRun(in, in.number(), int64(len(pairs)), ofPairs(pairs))
		if err != nil {
			return err
		}
		made = append(made, r)
	}
	change := contentEdit{Next: in.nextFile, Indexed: []Gap{done}}
	for _, r := range made {
		change.AddRuns = append(change.AddRuns, r.meta)
	}
	if err := l.exchange(in, &edit{}, change, replaced{newRuns: made}); err != nil {
		return err
	}
	if len(in.current().version.unindexed) == 0 {
		l.report(event.Notice, "instance %q: all ids are indexed again", in.info().Name)
	}
	return nil
}

// pairs are the fingerprints of the ids that callers brought for the segment's
// events, in order.
func (s *segmentFile) pairs(ctx context.Context) (pairs []idrun.Pair, err error) {
	for _, ref := range s.blocks(nil) {
		if pairs, err = s.in.blockPairs(ctx, &ref, pairs); err != nil {
			return nil, err
		}
	}
	idrun.Sort(pairs)
	return pairs, nil
}

func (in *instance) blockPairs(ctx context.Context, ref *exec.BlockRef, pairs []idrun.Pair) ([]idrun.Pair, error) {
	b, release, err := ref.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	ids, err := b.Envelope(query.ID)
	if err != nil {
		return nil, err
	}
	positions, err := b.Envelope(query.Position)
	if err != nil {
		return nil, err
	}
	for row := range ref.Rows {
		if ids.IsValid(row) {
			pairs = append(pairs, idrun.Pair{Fingerprint: in.fingerprint([]byte(ids.Text(row))), Position: positions.Ints[row]})
		}
	}
	return pairs, nil
}
