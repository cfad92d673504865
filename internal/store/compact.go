package store

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/idrun"
	"github.com/firnlog/firn/internal/store/segment"
)

// Compaction merges neighbours of like size, so that every event is rewritten a
// few times only, and as many files are left as the logarithm of the rows says.

const (
	// fanIn is how many neighbours of like size are merged.
	fanIn = 4
	// mergedRows is how many rows a merged segment has at most: a full row group.
	// Beyond it a merge would cost as much as ingest and gain nothing for queries.
	mergedRows = 1 << 18
	// mergedBytes is how large it is at most, about; hugeMerged where rows are of
	// hugeEvent bytes: their row groups are full, and fewer files all that is gained.
	mergedBytes = 512 << 20
	hugeMerged  = 128 << 20
)

// compact merges small neighbours of an instance until none are left to merge.
func (l *Log) compact(ctx context.Context, in *instance) error {
	for ctx.Err() == nil {
		did, err := l.compactOnce(ctx, in)
		if err != nil {
			return fmt.Errorf("compact instance %q: %w", in.info().Name, err)
		}
		if !did {
			return nil
		}
		l.stats.compactions.Add(1)
		l.sealMeanwhile(ctx, nil)
	}
	return ctx.Err()
}

func (l *Log) compactOnce(ctx context.Context, in *instance) (did bool, err error) {
	if v := in.current().version; neighbours(v) == nil && alike(v.runs) == nil {
		return false, nil
	}
	in.maintenance.Lock()
	defer in.maintenance.Unlock()
	if in.isDeleted() {
		return false, nil
	}
	if err := l.freshStreams(in); err != nil {
		return false, err
	}
	v := in.current().version
	if some := neighbours(v); some != nil {
		err = l.mergeSegments(ctx, in, some)
	} else if some := alike(v.runs); some != nil {
		err = l.mergeRuns(ctx, in, some)
	} else {
		return false, nil
	}
	if err != nil {
		return l.mendLocked(in, err)
	}
	return true, nil
}

func byPosition(a, b *segmentFile) int { return cmp.Compare(a.meta.First, b.meta.First) }

// tier is a size class: each is four times the one below.
func tier(rows int64) (t int) {
	for ; rows > 0; rows /= fanIn {
		t++
	}
	return t
}

// neighbours finds segments that follow each other and are to be merged; nil if
// there are none. What is lost between them and may come back keeps its place.
func neighbours(v *version) []*segmentFile {
	for i := 0; i+fanIn <= len(v.segments); i++ {
		some := v.segments[i : i+fanIn]
		if v.mayComeBack(some[0].meta.First, some[fanIn-1].meta.Last) {
			continue
		}
		rows, bytes, most := 0, int64(0), 0
		for _, s := range some {
			rows += s.meta.Rows
			bytes += s.meta.Bytes
			most = max(most, tier(int64(s.meta.Rows)))
		}
		if rows > mergedRows || bytes > mergedBytes || bytes > hugeMerged && bytes >= int64(rows)*hugeEvent {
			continue
		}
		// The first is the oldest: merged if it is no larger than what follows.
		if tier(int64(rows)) > most || tier(int64(some[0].meta.Rows)) <= tier(int64(some[1].meta.Rows)) {
			return some
		}
	}
	return nil
}

// alike finds runs of like size; nil if there are not enough of them.
func alike(runs []*runFile) []*runFile {
	tiers := map[int][]*runFile{}
	for _, r := range runs {
		t := tier(r.meta.Pairs)
		if tiers[t] = append(tiers[t], r); len(tiers[t]) == fanIn {
			return tiers[t]
		}
	}
	return nil
}

// mergeSegments puts one segment in the place of several; maintenance is held.
func (l *Log) mergeSegments(ctx context.Context, in *instance, old []*segmentFile) error {
	merged, err := l.rewrite(ctx, in, old, nil)
	if err != nil {
		return err
	}
	change := contentEdit{Next: in.nextFile, Add: []segmentMeta{merged.meta}}
	return l.exchange(in, &edit{}, change, replaced{segments: old, newSegments: []*segmentFile{merged}})
}

// rewrite writes the rows of segments that keep keeps (nil = all) into a new
// one. segment.ErrEmpty if it keeps none.
func (l *Log) rewrite(ctx context.Context, in *instance, old []*segmentFile, keep func(column.Block) (column.Bitmap, error)) (*segmentFile, error) {
	open := make([]*segment.Segment, len(old))
	for i, s := range old {
		seg, release, err := s.use()
		if err != nil {
			return nil, err
		}
		defer release()
		open[i] = seg
	}
	return l.writeSegment(in, old[0].meta.First, old[len(old)-1].meta.Last, in.number(), func(w io.Writer) (segment.Info, error) {
		return segment.Merge(ctx, w, open, keep)
	})
}

// mergeRuns puts one run in the place of several; maintenance is held. What is
// gone from the segments stays in it until then.
func (l *Log) mergeRuns(ctx context.Context, in *instance, old []*runFile) error {
	first := in.current().firstPosition()
	var runs []*idrun.Run
	for _, r := range old {
		run, err := r.bare()
		if err != nil {
			return err
		}
		runs = append(runs, run)
	}
	all := l.withSealing(ctx, in, idrun.Merge(runs, func(p idrun.Pair) bool { return p.Position >= first }))
	pairs := int64(0)
	for _, err := range all {
		if err != nil {
			return err
		}
		pairs++
	}
	merged, err := l.writeRun(in, in.number(), pairs, all)
	if err != nil {
		return err
	}
	change := contentEdit{Next: in.nextFile, AddRuns: []runMeta{merged.meta}}
	return l.exchange(in, &edit{}, change, replaced{runs: old, newRuns: []*runFile{merged}})
}

// mergeLook is after how many pairs a merge looks what there is to seal.
const mergeLook = 1 << 20

// withSealing yields pairs and seals meanwhile what is due, until ctx ends: those
// of a hundred million ids take a while. The maintenance of in is held.
func (l *Log) withSealing(ctx context.Context, in *instance, pairs iter.Seq2[idrun.Pair, error]) iter.Seq2[idrun.Pair, error] {
	return func(yield func(idrun.Pair, error) bool) {
		n := 0
		for p, err := range pairs {
			if n++; n%mergeLook == 0 && err == nil {
				l.sealMeanwhile(ctx, in)
				err = ctx.Err()
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// firstPosition is the position of the first kept event, or the next one's.
func (v *view) firstPosition() int64 {
	if s := v.version.segments; len(s) > 0 {
		return s[0].meta.First
	}
	return v.version.sealed + 1
}

// number gives the next file of an instance, or stamp, its number. Numbers are
// not used again, not even after a failure.
func (in *instance) number() int64 {
	in.nextFile++
	return in.nextFile - 1
}

// replaced are files that are exchanged for others.
type replaced struct {
	segments, newSegments []*segmentFile
	runs, newRuns         []*runFile
}

// exchange commits an edit with a change of files to the manifest and shows it
// to readers. The old files go with the last reader that holds them.
func (l *Log) exchange(in *instance, e *edit, change contentEdit, files replaced) error {
	change.Instance = in.id
	for _, s := range files.segments {
		change.Remove = append(change.Remove, s.meta.Name)
	}
	for _, r := range files.runs {
		change.RemoveRuns = append(change.RemoveRuns, r.meta.Name)
	}
	e.Contents = append(e.Contents, change)
	if err := l.commit(e); err != nil {
		for _, s := range files.newSegments {
			discardFile(s, &s.gone)
		}
		for _, r := range files.newRuns {
			discardFile(r, &r.gone)
		}
		return err
	}
	for _, s := range files.segments {
		s.gone.Store(true)
	}
	for _, r := range files.runs {
		r.gone.Store(true)
	}
	n := in.current().version.with(func(n *version) {
		n.segments = slices.DeleteFunc(n.segments, func(s *segmentFile) bool { return slices.Contains(files.segments, s) })
		n.segments = append(n.segments, files.newSegments...)
		slices.SortFunc(n.segments, byPosition)
		n.lost = changedLosses(n.lost, change.Found, change.Lost)
		n.runs = slices.DeleteFunc(n.runs, func(r *runFile) bool { return slices.Contains(files.runs, r) })
		n.runs = append(n.runs, files.newRuns...)
		if change.Removed != nil {
			n.removed = change.Removed
		}
		n.unindexed = changedIndex(n.unindexed, change.Unindexed, change.Indexed)
	})
	in.replace(n, func(v *view) { v.events = n.rows() + int64(v.headRows()) })
	return nil
}

// discardFile deletes a new file that has not become part of the log.
func discardFile(f file, gone *atomic.Bool) {
	gone.Store(true)
	f.hold()
	f.drop()
}
