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
}

// Verify reads everything and checks every checksum and number. What it finds is
// in the report; the error is only that it could not go on.
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
		if err := x.instance(ctx, h.in, h.view); err != nil {
			return x.report, err
		}
	}
	return x.report, x.wal()
}

func (x *verification) problem(file, format string, args ...any) {
	x.report.Problems = append(x.report.Problems, Problem{File: file, Message: fmt.Sprintf(format, args...)})
}

func (x *verification) advance(bytes int64) {
	x.done += bytes
	x.report.Bytes += bytes
	x.progress(x.done, max(x.total, x.done))
}

func (x *verification) instance(ctx context.Context, in *instance, v *view) error {
	x.report.Instances++
	x.report.Events += int64(v.headRows())
	next := int64(1)
	for _, s := range v.version.segments {
		if err := x.segment(ctx, s); err != nil {
			return err
		}
		if s.meta.First < next {
			x.problem(s.path(), "position %d is in the segment before it too", s.meta.First)
		}
		x.gap(in, v.version, next, s.meta.First-1)
		next = s.meta.Last + 1
	}
	x.gap(in, v.version, next, v.version.sealed)
	for _, r := range v.version.runs {
		if err := x.run(ctx, r, v.version.sealed); err != nil {
			return err
		}
	}
	return x.head(in, v)
}

// gap finds positions that are in no segment and were not removed.
func (x *verification) gap(in *instance, v *version, first, last int64) {
	for _, g := range v.removed {
		if first > last {
			return
		}
		if g.First > first {
			x.lost(in, first, min(last, g.First-1))
		}
		first = max(first, g.Last+1)
	}
	x.lost(in, first, last)
}

func (x *verification) lost(in *instance, first, last int64) {
	if first <= last {
		x.problem(x.log.instancePath(in, segmentsDir), "positions %d to %d are in no segment and were not removed", first, last)
	}
}

func (x *verification) segment(ctx context.Context, s *segmentFile) error {
	x.report.Segments++
	defer x.advance(s.meta.Bytes)
	seg, release, err := s.use()
	if err != nil {
		x.problem(s.path(), "positions %d to %d: %v", s.meta.First, s.meta.Last, err)
		return nil
	}
	defer release()
	if err := seg.Verify(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		x.problem(s.path(), "%v", err)
		return nil
	}
	if got := spanOf(seg.Info().Ranges); got != s.meta.spanMeta || seg.Info().InstanceID != s.in.id {
		x.problem(s.path(), "it is about %+v, the manifest says %+v", got, s.meta.spanMeta)
	}
	x.report.Events += int64(s.meta.Rows)
	return nil
}

func (x *verification) run(ctx context.Context, r *runFile, sealed int64) error {
	defer x.advance(r.meta.Bytes)
	run, err := r.use()
	if err != nil {
		x.problem(r.path(), "%v", err)
		return nil
	}
	n, last := int64(0), uint64(0)
	for p, err := range run.All {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			x.problem(r.path(), "%v", err)
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

// head checks the numbers of what is not sealed.
func (x *verification) head(in *instance, v *view) error {
	next := v.version.sealed + 1
	v.chunks(func(c *chunkView) bool {
		for _, b := range c.batches {
			if b.first != next {
				x.problem(x.log.path(walDir), "instance %q: positions %d to %d are missing", in.info().Name, next, b.first-1)
			}
			next = b.last() + 1
		}
		return true
	})
	return nil
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
