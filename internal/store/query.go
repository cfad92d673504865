package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/query"
)

// Query answers q from one snapshot.
func (l *Log) Query(ctx context.Context, q *query.Query) (*exec.Result, error) {
	if l.isClosed() {
		return nil, ErrClosed
	}
	in, err := l.instance(q.Instance)
	if err != nil {
		return nil, err
	}
	l.stats.queries.Add(1)
	ctx, cancel := l.timeout(ctx)
	defer cancel()
	var r *exec.Result
	err = l.tryAgain(in, func() (err error) {
		r, err = l.queryOnce(ctx, in, q)
		return err
	})
	return r, err
}

func (l *Log) queryOnce(ctx context.Context, in *instance, q *query.Query) (*exec.Result, error) {
	v, release, err := in.acquire()
	if err != nil {
		return nil, err
	}
	defer release()
	r, err := exec.Run(ctx, q, in.snapshot(v), l.memory)
	if err != nil {
		return nil, queryError(ctx, err)
	}
	r.Lost = gaps(v.version.lost)
	return r, nil
}

// Scan calls fn with every match of where in order of position, some thousand
// at a time, from one snapshot. Where it meets damage for the first time, it
// fails with ErrDamaged; asked again, it goes on with the rest, and InstanceLost
// says what is missing.
func (l *Log) Scan(ctx context.Context, instance string, where query.Condition, after int64, fn func([]event.Event) error) error {
	if l.isClosed() {
		return ErrClosed
	}
	in, err := l.instance(instance)
	if err != nil {
		return err
	}
	v, release, err := in.acquire()
	if err != nil {
		return err
	}
	err = queryError(ctx, exec.Scan(ctx, where, in.snapshot(v), after, l.memory, fn))
	release()
	if !tellsOfDamage(err) {
		return unreadable(err)
	}
	again, fault := l.mend(in, err)
	if again {
		return fmt.Errorf("%w: %w; ask again for the rest", ErrDamaged, err)
	}
	return fault
}

// queryError gives an error of the engine its public form.
func queryError(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, exec.ErrMemory):
		return fmt.Errorf("%w: %w", ErrMemory, err)
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// snapshot is a view as the engine takes it. The view must be held for as long
// as the snapshot is used.
func (in *instance) snapshot(v *view) exec.Snapshot {
	s := in.noBlocks(v)
	for _, f := range v.version.segments {
		s.Blocks = f.blocks(s.Blocks)
	}
	v.chunks(func(c *chunkView) bool {
		s.Blocks = append(s.Blocks, in.headBlock(c))
		return true
	})
	return s
}

// noBlocks is a snapshot to which blocks are to be added.
func (in *instance) noBlocks(v *view) exec.Snapshot {
	return exec.Snapshot{InstanceID: in.id, LastPosition: v.last, DecodeID: in.codec.Decode}
}

func (in *instance) headBlock(c *chunkView) exec.BlockRef {
	return exec.BlockRef{
		Rows: c.rows, FirstPosition: c.first(), LastPosition: c.last(),
		MinTimestamp: c.minTimestamp, MaxTimestamp: c.maxTimestamp,
		MinRecorded: c.batches[0].recordedAt, MaxRecorded: c.batches[len(c.batches)-1].recordedAt,
		MayHold: func(f query.Field, value string) bool {
			return f.Root != query.ID || c.mayHoldID(&in.identity, value)
		},
		Open: func(context.Context) (column.Block, func(), error) {
			b, err := c.block(&in.identity)
			return b, func() {}, err
		},
	}
}

// Get returns one event by its id.
func (l *Log) Get(ctx context.Context, instance, id string) (event.Event, error) {
	if l.isClosed() {
		return event.Event{}, ErrClosed
	}
	in, err := l.instance(instance)
	if err != nil {
		return event.Event{}, err
	}
	var e event.Event
	err = l.tryAgain(in, func() (err error) {
		e, err = l.getOnce(ctx, in, id)
		return err
	})
	return e, err
}

func (l *Log) getOnce(ctx context.Context, in *instance, id string) (event.Event, error) {
	v, release, err := in.acquire()
	if err != nil {
		return event.Event{}, err
	}
	defer release()
	key := []callerID{{id: id}}
	key[0].identify(in)
	if e, err := in.headEvent(v, id, &key[0]); err != nil || e != nil {
		return orZero(e), err
	}
	var found *event.Event
	err = l.sealedEvents(ctx, in, v, key, func(_ int, e *event.Event) {
		found = new(*e)
		found.Payload, found.Metadata = e.Payload.Clone(), e.Metadata.Clone()
	})
	if err == nil && found == nil {
		if err = key[0].lost; err == nil {
			err = ErrNotFound
		}
		err = fmt.Errorf("event %q in instance %q: %w", id, in.info().Name, err)
	}
	return orZero(found), err
}

func orZero(e *event.Event) event.Event {
	if e == nil {
		return event.Event{}
	}
	return *e
}

// headEvent finds an event of the head by its id, nil if none has it.
func (in *instance) headEvent(v *view, id string, key *callerID) (*event.Event, error) {
	if key.position > 0 {
		if b := v.find(key.position); b != nil && b.recordedAt == key.recorded {
			e, err := b.at(int(key.position-b.first), &in.identity)
			if err != nil || e.ID == id {
				return &e, err
			}
		}
	}
	var found *event.Event
	var fault error
	v.chunks(func(c *chunkView) bool {
		c.withID(&in.identity, key.fingerprint, func(b *stampedBatch, i int) bool {
			e, err := b.at(i, &in.identity)
			if err == nil && e.ID != id {
				return true
			}
			found, fault = &e, err
			return false
		})
		return found == nil
	})
	return found, fault
}

// InstanceStats counts what an instance holds.
func (l *Log) InstanceStats(ctx context.Context, instance string) (InstanceStats, error) {
	if l.isClosed() {
		return InstanceStats{}, ErrClosed
	}
	in, err := l.instance(instance)
	if err != nil {
		return InstanceStats{}, err
	}
	var s InstanceStats
	err = l.tryAgain(in, func() (err error) {
		s, err = in.countAll(ctx)
		return err
	})
	return s, err
}

func (in *instance) countAll(ctx context.Context) (InstanceStats, error) {
	v, release, err := in.acquire()
	if err != nil {
		return InstanceStats{}, err
	}
	defer release()
	s := InstanceStats{BytesOnDisk: v.version.bytes() + v.walBytes(), LastPosition: v.last, Streams: in.streamCount(), Lost: gaps(v.version.lost)}
	snap := in.snapshot(v)
	for i, b := range snap.Blocks {
		s.Events += int64(b.Rows)
		if i == 0 {
			s.FirstPosition = b.FirstPosition
		}
		first, last := micros(b.MinTimestamp), micros(b.MaxTimestamp)
		if i == 0 || first.Before(s.First) {
			s.First = first
		}
		if i == 0 || last.After(s.Last) {
			s.Last = last
		}
	}
	return s, in.countInto(ctx, &s, snap)
}
