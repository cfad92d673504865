package slogfirn

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json/jsontext"
	"errors"
	mathrand "math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firnlog/firn/event"
)

// queue holds records until its goroutine has appended them.
type queue struct {
	counters

	append Append
	opts   Options

	records chan event.Draft
	flushes chan chan struct{}
	closing atomic.Bool

	// idPrefix and next make the ids of events: what is tried again is known
	// again.
	idPrefix string
	next     int64
	reported int64 // drops that TypeDropped events have told of

	stop   context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended
	finish sync.Once
}

func startQueue(appendEvents Append, o Options) *queue {
	var prefix [8]byte
	rand.Read(prefix[:])
	ctx, stop := context.WithCancel(context.Background())
	q := &queue{
		append: appendEvents, opts: o,
		records:  make(chan event.Draft, o.Queue),
		flushes:  make(chan chan struct{}),
		idPrefix: "slog-" + hex.EncodeToString(prefix[:]) + "-",
		stop:     stop, done: make(chan struct{}),
	}
	go q.run(ctx)
	return q
}

// put queues a record or counts it as dropped.
func (q *queue) put(d event.Draft) {
	if q.closing.Load() {
		q.dropped.Add(1)
		return
	}
	select {
	case q.records <- d:
	default:
		q.dropped.Add(1)
	}
}

func (q *queue) flush(ctx context.Context) error {
	flushed := make(chan struct{})
	select {
	case q.flushes <- flushed:
	case <-q.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-flushed:
		return nil
	case <-q.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *queue) close(ctx context.Context) error {
	q.closing.Store(true)
	err := q.flush(ctx)
	q.stop()
	<-q.done
	q.finish.Do(func() { q.dropped.Add(int64(len(q.records))) })
	return err
}

// run appends what is queued until ctx ends.
func (q *queue) run(ctx context.Context) {
	defer close(q.done)
	for {
		var batch []event.Draft
		select {
		case d := <-q.records:
			batch = append(batch, d)
		case flushed := <-q.flushes:
			if q.drain(ctx, nil) {
				close(flushed)
			}
			continue
		case <-ctx.Done():
			return
		}
		q.gather(ctx, batch)
	}
}

// gather waits for others to join a batch, and stores it.
func (q *queue) gather(ctx context.Context, batch []event.Draft) {
	timer := time.NewTimer(q.opts.Delay)
	defer timer.Stop()
	for len(batch) < q.opts.Batch {
		select {
		case d := <-q.records:
			batch = append(batch, d)
			continue
		case flushed := <-q.flushes:
			if q.drain(ctx, batch) {
				close(flushed)
			}
			return
		case <-timer.C:
		case <-ctx.Done():
			q.dropped.Add(int64(len(batch)))
			return
		}
		break
	}
	q.store(ctx, batch)
}

// drain stores batch and everything that is queued now, and reports whether
// it came to an end.
func (q *queue) drain(ctx context.Context, batch []event.Draft) bool {
	for n := len(q.records); n > 0; n-- {
		batch = append(batch, <-q.records)
		if len(batch) >= q.opts.Batch {
			q.store(ctx, batch)
			batch = nil
		}
	}
	q.store(ctx, batch)
	return ctx.Err() == nil
}

// store appends a batch, as often as it takes.
func (q *queue) store(ctx context.Context, batch []event.Draft) {
	records := len(batch)
	dropped := q.dropped.Load() - q.reported
	if dropped > 0 {
		batch = append(batch, q.lossReport(dropped))
	}
	if len(batch) == 0 {
		return
	}
	for i := range batch {
		q.next++
		batch[i].ID = q.idPrefix + strconv.FormatInt(q.next, 36)
	}
	refused, ok := q.try(ctx, batch)
	if !ok {
		q.dropped.Add(int64(records))
		return
	}
	q.reported += dropped
	refused = min(refused, records)
	q.stored.Add(int64(records - refused))
	q.dropped.Add(int64(refused))
}

// try appends until it works. It reports how many events of the batch were
// refused for good on the way, and false when none could be stored.
func (q *queue) try(ctx context.Context, batch []event.Draft) (refused int, ok bool) {
	const first, longest = 100 * time.Millisecond, 10 * time.Second
	for pause := first; ; pause = min(2*pause, longest) {
		err := q.append(ctx, batch)
		if err == nil {
			return refused, true
		}
		q.opts.OnError(err)
		var invalid *event.InvalidError
		if errors.As(err, &invalid) && invalid.Index >= 0 && invalid.Index < len(batch) {
			batch = append(batch[:invalid.Index:invalid.Index], batch[invalid.Index+1:]...)
			if refused++; len(batch) == 0 {
				return refused, true
			}
			pause = first / 2
			continue
		}
		var permanent interface{ Permanent() bool }
		if errors.As(err, &permanent) && permanent.Permanent() || errors.As(err, &invalid) {
			return 0, false
		}
		q.retries.Add(1)
		timer := time.NewTimer(pause/2 + mathrand.N(pause/2+1))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return 0, false
		}
	}
}

// lossReport is the event that tells of dropped records.
func (q *queue) lossReport(n int64) event.Draft {
	return event.Draft{
		StreamID: q.opts.Stream, EventType: TypeDropped, Severity: event.Warning,
		Payload: jsontext.Value(`{"dropped":` + strconv.FormatInt(n, 10) + `}`),
	}
}
