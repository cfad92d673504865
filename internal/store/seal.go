package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/idrun"
	"github.com/firnlog/firn/internal/store/segment"
)

// Seal moves everything in memory into segments.
func (l *Log) Seal(ctx context.Context) error {
	if l.isClosed() {
		return ErrClosed
	}
	if err := l.sealAll(ctx, l.all()); err != nil {
		return err
	}
	return l.freeWAL(ctx)
}

const (
	// sealSmall and smallBytes are how many rows and bytes a small head has at most.
	// Sealing one is waiting for the disk, so that many are sealed at a time; large
	// ones need memory.
	sealSmall  = 10_000
	smallBytes = 4 << 20
	atATime    = 8
)

// sealAll seals instances, small ones several at a time.
func (l *Log) sealAll(ctx context.Context, all []*instance) error {
	var small errgroup.Group
	small.SetLimit(atATime)
	var errs []error
	for _, in := range all {
		if ctx.Err() != nil {
			errs = append(errs, context.Cause(ctx))
			break
		}
		if v := in.current(); v.headRows() <= sealSmall && v.headBytes() <= smallBytes {
			small.Go(func() error { return l.seal(ctx, in) })
		} else {
			errs = append(errs, l.seal(ctx, in))
		}
	}
	return errors.Join(append(errs, small.Wait())...)
}

// all are the instances, in no order.
func (l *Log) all() []*instance {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Collect(maps.Values(l.byID))
}

// seal moves the head of an instance into segments.
func (l *Log) seal(ctx context.Context, in *instance) error {
	in.maintenance.Lock()
	defer in.maintenance.Unlock()
	return l.makingRoom(false, func() error { return l.sealLocked(ctx, in) })
}

// sealing is one sealing of an instance.
type sealing struct {
	log      *Log
	in       *instance
	upTo     int64
	recorded int64
	chunks   []chunkView
	pairs    []idrun.Pair
	streams  map[uint32]*streamChange
	segments []*segmentFile
	runs     []*runFile
}

// sealLocked is seal with maintenance held.
func (l *Log) sealLocked(ctx context.Context, in *instance) error {
	v := in.current()
	if v.headRows() == 0 || in.isDeleted() {
		return nil
	}
	if err := l.freshStreams(in); err != nil {
		return err
	}
	upTo, generations, err := l.cut(ctx, in)
	if err != nil {
		return fmt.Errorf("seal instance %q: %w", in.info().Name, err)
	}
	s := &sealing{log: l, in: in, upTo: upTo, streams: map[uint32]*streamChange{}}
	if err := s.run(ctx); err != nil {
		s.undo()
		return fmt.Errorf("seal instance %q: %w", in.info().Name, err)
	}
	if err := l.dropIDs(ctx, in, generations); err != nil {
		return err
	}
	l.stats.seals.Add(1)
	return l.compactStreams(in)
}

func (in *instance) isDeleted() bool {
	in.mu.RLock()
	defer in.mu.RUnlock()
	return in.deleted
}

// cut ends the open chunk of an instance's head. It returns the last position
// before the cut, which is published when it returns, and how many generations
// of ids there are before it.
func (l *Log) cut(ctx context.Context, in *instance) (int64, int, error) {
	var upTo int64
	var generations int
	err := l.submit(ctx, opFunc(func(s *sequencer) (*entry, error) {
		upTo = in.next - 1
		generations = len(in.ids.generations)
		in.ids.cut()
		return &entry{marker: true, published: func() {
			in.mu.Lock()
			defer in.mu.Unlock()
			v := *in.view
			v.close()
			in.view = &v
		}}, nil
	}))
	if err != nil {
		return 0, 0, err // where nobody waited, the sequencer may be at it still
	}
	return upTo, generations, nil
}

// dropIDs forgets the ids that are in a sealed run now.
func (l *Log) dropIDs(ctx context.Context, in *instance, generations int) error {
	return l.submit(ctx, opFunc(func(s *sequencer) (*entry, error) {
		in.ids.drop(generations)
		in.cuts.Add(1)
		return nil, nil
	}))
}

func (s *sealing) run(ctx context.Context) error {
	for _, c := range s.in.current().closed {
		if c.last() <= s.upTo {
			s.chunks = append(s.chunks, c)
		}
	}
	if len(s.chunks) == 0 {
		return nil
	}
	last := s.chunks[len(s.chunks)-1]
	s.upTo, s.recorded = last.last(), last.batches[len(last.batches)-1].recordedAt
	if err := s.writeSegments(ctx); err != nil {
		return err
	}
	s.collect()
	if err := s.writeRun(); err != nil {
		return err
	}
	changed := make([]streamChange, 0, len(s.streams))
	for _, c := range s.streams {
		changed = append(changed, *c)
	}
	if err := s.log.writeStreams(s.in, s.in.number(), changed); err != nil {
		return err
	}
	change := contentEdit{Instance: s.in.id, Sealed: s.upTo, Recorded: s.recorded, Next: s.in.nextFile, Streams: s.in.streamsMark()}
	for _, f := range s.segments {
		change.Add = append(change.Add, f.meta)
	}
	for _, r := range s.runs {
		change.AddRuns = append(change.AddRuns, r.meta)
	}
	if err := s.log.commit(&edit{Contents: []contentEdit{change}}); err != nil {
		return err
	}
	s.install(changed)
	return nil
}

// writeSegments writes the chunks as segments of at most twice SealRows rows, or
// one chunk where that has more: what came while the head before was sealed does
// not make a small file of its own.
func (s *sealing) writeSegments(ctx context.Context) error {
	for rest := s.chunks; len(rest) > 0; {
		n, rows := 1, rest[0].rows
		for n < len(rest) && rows+rest[n].rows <= 2*s.log.opts.SealRows {
			rows += rest[n].rows
			n++
		}
		part := rest[:n]
		rest = rest[n:]
		in := segment.Instance{ID: s.in.id, Key: s.in.key}
		f, err := s.log.writeSegment(s.in, part[0].first(), part[n-1].last(), s.in.number(), func(w io.Writer) (segment.Info, error) {
			return segment.Write(w, in, rows, rowsOf(ctx, part))
		})
		if err != nil {
			return err
		}
		s.segments = append(s.segments, f)
	}
	return nil
}

// rowsOf are the rows of chunks.
func rowsOf(ctx context.Context, chunks []chunkView) iter.Seq2[*column.Row, error] {
	return func(yield func(*column.Row, error) bool) {
		var m rowMaker
		for i := range chunks {
			for _, b := range chunks[i].batches {
				if err := ctx.Err(); err != nil {
					yield(nil, err)
					return
				}
				for j := range b.offsets {
					if r, err := m.of(b, j); !yield(r, err) {
						return
					}
				}
			}
		}
	}
}

// collect gathers the callers' ids and the numbers of the streams.
func (s *sealing) collect() {
	for i := range s.chunks {
		for _, b := range s.chunks[i].batches {
			s.collectBatch(b)
		}
	}
}

func (s *sealing) collectBatch(b *stampedBatch) {
	s.in.mu.RLock()
	for i, st := range b.streams {
		of, _ := s.in.streams.find(st.name) // publishing has made it
		to := s.streams[of]
		if to == nil {
			from := s.in.streams.at(of)
			to = &streamChange{stream: of, sealed: from.sealed, numbers: from.numbers}
			s.streams[of] = to
		}
		to.numbers = b.sequences[i] + int64(st.count) - 1
		to.sealed += int64(st.count)
	}
	s.in.mu.RUnlock()
	if b.ids == 0 {
		return
	}
	for i := range b.offsets {
		if raw, err := b.raw(i); err == nil && raw.flags&hasID != 0 {
			s.pairs = append(s.pairs, idrun.Pair{Fingerprint: s.in.fingerprint(raw.id), Position: b.first + int64(i)})
		}
	}
}

func (s *sealing) writeRun() error {
	if len(s.pairs) == 0 {
		return nil
	}
	idrun.Sort(s.pairs)
	r, err := s.log.writeRun(s.in, s.in.number(), int64(len(s.pairs)), ofPairs(s.pairs))
	if err == nil {
		s.runs = append(s.runs, r)
	}
	return err
}

// install makes the segments part of what readers see, in place of the chunks.
func (s *sealing) install(changed []streamChange) {
	s.in.nowSealed(changed)
	n := s.in.current().version.with(func(n *version) {
		n.sealed, n.recorded = s.upTo, s.recorded
		n.segments = append(n.segments, s.segments...)
		n.runs = append(n.runs, s.runs...)
	})
	rows, bytes := 0, int64(0)
	for _, c := range s.chunks {
		rows += c.rows
		bytes += c.memory + c.chunk.leave()
	}
	s.in.replace(n, func(v *view) {
		v.closed = slices.Clone(v.closed[len(s.chunks):])
	})
	s.log.roomMade(int64(rows), bytes)
}

// undo deletes what a sealing that failed has written.
func (s *sealing) undo() {
	for _, f := range s.segments {
		discardFile(f, &f.gone)
	}
	for _, r := range s.runs {
		discardFile(r, &r.gone)
	}
}
