package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/firnlog/firn/internal/store/wal"
)

// verification is one run of Verify.
type verification struct {
	log         *Log
	report      VerifyReport
	done, total int64
	progress    func(done, total int64)
	damaged     []found // segments and runs
}

// found is a damaged segment or run.
type found struct {
	in     *instance
	damage error
}

// Verify reads everything and checks every checksum and number. What it finds is
// in the report, what was lost earlier too; the error is only that it could not
// go on. Damaged segments go to the quarantine.
func (l *Log) Verify(ctx context.Context, progress func(done, total int64)) (VerifyReport, error) {
	if l.isClosed() {
		return VerifyReport{}, ErrClosed
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	x := &verification{log: l, progress: progress}
	held := l.holdAll()
	defer held.release()
	x.total = l.wal.Stats().DiskBytes
	for _, h := range held.instances {
		x.total += h.view.version.bytes()
	}
	for _, h := range held.instances {
		if err := x.instance(ctx, h); err != nil {
			return x.report, err
		}
	}
	if err := x.journals(ctx); err != nil {
		return x.report, err
	}
	if err := x.wal(); err != nil {
		return x.report, err
	}
	for _, f := range x.damaged {
		if _, err := l.mend(f.in, f.damage); err != nil && !errors.Is(err, ErrNotFound) {
			return x.report, fmt.Errorf("set a damaged file aside: %w", err)
		}
	}
	return x.report, nil
}

func (x *verification) problem(file, format string, args ...any) {
	x.report.Problems = append(x.report.Problems, Problem{File: file, Message: fmt.Sprintf(format, args...)})
}

func (x *verification) advance(bytes int64) {
	x.done += bytes
	x.report.Bytes += bytes
	x.progress(x.done, max(x.total, x.done))
}

func (x *verification) instance(ctx context.Context, h heldInstance) error {
	in, v := h.in, h.view
	x.report.Instances++
	x.report.Events += int64(v.headRows())
	for _, r := range v.version.lost {
		x.problem(x.log.instancePath(in, segmentsDir), "positions %d to %d are lost to damage that was found earlier", r.First, r.Last)
	}
	for _, g := range v.version.unindexed {
		x.problem(x.log.instancePath(in, idsDir), "the ids of positions %d to %d are being indexed again, after damage that was found earlier", g.First, g.Last)
	}
	known := v.version.known()
	numbers := newNumbering(x, in, known)
	next := int64(1)
	for _, s := range v.version.segments {
		if err := x.segment(ctx, s, numbers); err != nil {
			return err
		}
		if s.meta.First < next {
			x.problem(s.path(), "position %d is in the segment before it too", s.meta.First)
		}
		x.gap(in, known, next, s.meta.First-1)
		next = s.meta.Last + 1
	}
	x.gap(in, known, next, v.version.sealed)
	numbers.compare(h.streams)
	for _, r := range v.version.runs {
		if err := x.run(ctx, r, v.version.sealed); err != nil {
			return err
		}
	}
	x.head(in, v, known, numbers)
	return nil
}

// gap finds positions that are in no segment and were not removed or lost.
func (x *verification) gap(in *instance, known []Gap, first, last int64) {
	for _, r := range (lostRange{Gap: Gap{First: first, Last: last}}).without(known) {
		x.problem(x.log.instancePath(in, segmentsDir), "positions %d to %d are in no segment and were not removed", r.First, r.Last)
	}
}

func (x *verification) segment(ctx context.Context, s *segmentFile, numbers *numbering) error {
	x.report.Segments++
	defer x.advance(s.meta.Bytes)
	damage, err := s.examine(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if damage == nil && err == nil {
		err = numbers.segment(ctx, s)
		if tellsOfDamage(err) {
			damage, err = err, nil
		}
	}
	switch {
	case err != nil:
		x.problem(s.path(), "positions %d to %d: %v", s.meta.First, s.meta.Last, err)
	case damage != nil:
		x.problem(s.path(), "positions %d to %d: %v", s.meta.First, s.meta.Last, damage)
		x.damaged = append(x.damaged, found{in: s.in, damage: damage})
	}
	if err != nil || damage != nil {
		numbers.unread(Gap{First: s.meta.First, Last: s.meta.Last})
		return nil
	}
	x.report.Events += int64(s.meta.Rows)
	return nil
}

func (x *verification) run(ctx context.Context, r *runFile, sealed int64) error {
	defer x.advance(r.meta.Bytes)
	run, err := r.read() // not what memory has of it
	if err != nil {
		x.runProblem(r, err)
		return nil
	}
	n, last := int64(0), uint64(0)
	for p, err := range run.All {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			x.runProblem(r, err)
			return nil
		case p.Position < 1 || p.Position > sealed || p.Fingerprint < last:
			x.problem(r.path(), "pair %d leads to position %d of %d, or is out of order", n, p.Position, sealed)
			return nil
		}
		last = p.Fingerprint
		n++
	}
	if n != r.meta.Pairs {
		x.problem(r.path(), "it has %d pairs, the manifest says %d", n, r.meta.Pairs)
	}
	return nil
}

// runProblem notes what is wrong with a run.
func (x *verification) runProblem(r *runFile, err error) {
	x.problem(r.path(), "%v", err)
	if tellsOfDamage(err) {
		x.damaged = append(x.damaged, found{in: r.in, damage: err})
	}
}

// head checks the numbers of what is not sealed.
func (x *verification) head(in *instance, v *view, known []Gap, numbers *numbering) {
	next := v.version.sealed + 1
	v.chunks(func(c *chunkView) bool {
		for _, b := range c.batches {
			for _, r := range (lostRange{Gap: Gap{First: next, Last: b.first - 1}}).without(known) {
				x.problem(x.log.path(walDir), "instance %q: positions %d to %d are missing", in.info().Name, r.First, r.Last)
			}
			next = b.last() + 1
			for i, s := range b.streams {
				numbers.next([]byte(s.name), b.sequences[i], int64(s.count), b.first)
			}
		}
		return true
	})
}

func (x *verification) wal() error {
	found, err := x.log.wal.Verify(nil)
	if err != nil && !errors.Is(err, wal.ErrUnreadable) {
		return err
	}
	if err != nil {
		x.problem(x.log.path(walDir), "%v", err)
	}
	x.report.WALFiles = found.Files
	for _, d := range found.Damage {
		x.problem(d.File, "bytes %d to %d: %s; records %d to %d", d.Offset, d.End, d.Reason, d.FirstLost, d.LastLost)
	}
	x.advance(found.Bytes)
	return nil
}
