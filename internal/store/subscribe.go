package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/query"
)

// SubscribeRequest says what to deliver.
type SubscribeRequest struct {
	Instance string
	Where    query.Condition // nil = every event
	// After is the last position already had; events above it follow. 0 = from
	// the beginning. Ignored with FromNow.
	After   int64
	FromNow bool
	// Bytes, if not 0, is the size from which on a Delivery gets no further event.
	Bytes int64
}

// Delivery is what Next returns.
type Delivery struct {
	// Events are the next matches, in order; possibly none when only Position
	// or Gap has news.
	Events []event.Event
	// Position is how far the log has been read: the cursor to resume from.
	Position int64
	// Gap, if not nil, is a range of positions that were removed before they
	// could be delivered. It comes before Events.
	Gap *Gap
	// Lost says that Gap was not removed but lost to damage.
	Lost bool
}

// Subscription delivers an instance's events in order of position, each once.
// The log itself is its buffer, so a slow reader costs no memory. Next is for
// one goroutine at a time.
type Subscription struct {
	log    *Log
	in     *instance
	where  query.Condition
	after  int64 // how far the log has been read
	told   int64 // last position of the gaps that have been told
	bytes  int64 // SubscribeRequest.Bytes
	closed atomic.Bool
	done   chan struct{}

	mu   sync.Mutex // held while the log is read
	scan *exec.Scanner
	// version is that of the view that scan has read from: another one may lack
	// what was read ahead.
	version *version
}

// scanStep is how many events without a match Next looks at before it tells how
// far it is.
const scanStep = 50_000

// Subscribe starts a subscription. A cursor beyond the log is ErrInvalid.
func (l *Log) Subscribe(ctx context.Context, r SubscribeRequest) (*Subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if l.isClosed() {
		return nil, ErrClosed
	}
	in, err := l.instance(r.Instance)
	if err != nil {
		return nil, err
	}
	last := in.current().last
	if r.FromNow {
		r.After = last
	}
	if r.After < 0 || r.After > last {
		return nil, fmt.Errorf("%w: cursor %d is beyond the log, whose last position is %d", ErrInvalid, r.After, last)
	}
	l.stats.subscriptions.Add(1)
	return &Subscription{
		log: l, in: in, where: r.Where, after: r.After, told: r.After, bytes: r.Bytes, done: make(chan struct{}),
		scan: exec.NewScanner(r.Where, l.memory, l.ahead),
	}, nil
}

// Close ends the subscription; a Next that waits fails with ErrClosed. Closing
// twice is harmless.
func (s *Subscription) Close() {
	if s.closed.CompareAndSwap(false, true) {
		s.log.stats.subscriptions.Add(-1)
		close(s.done)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.scan.Reset()
	}
}

// Next waits for the next events, at most max, and returns them. It fails with
// the context's error, ErrClosed, or ErrNotFound when the instance is deleted.
func (s *Subscription) Next(ctx context.Context, max int) (Delivery, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Delivery{}, context.Cause(ctx)
		}
		wake, err := s.wake()
		if err != nil {
			return Delivery{}, err
		}
		d, more, err := s.Read(ctx, max)
		if err != nil {
			return Delivery{}, err
		}
		if len(d.Events) > 0 || d.Gap != nil || more {
			return d, nil
		}
		select {
		case <-wake:
		case <-s.done:
		case <-ctx.Done():
		}
	}
}

// Wait waits until there may be something for Read. It fails as Next does.
func (s *Subscription) Wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	wake, err := s.wake()
	if err != nil || s.in.current().last > s.after {
		return err
	}
	select {
	case <-wake:
		return nil
	case <-s.done:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Read is Next that does not wait: where there is nothing new, the delivery is
// empty. More says that the log goes on behind a delivery without events.
func (s *Subscription) Read(ctx context.Context, max int) (d Delivery, more bool, err error) {
	if s.closed.Load() || s.log.isClosed() {
		return d, false, ErrClosed
	}
	err = s.log.tryAgain(s.in, func() (err error) {
		d, more, err = s.read(ctx, max)
		return err
	})
	if err != nil {
		return Delivery{}, false, err
	}
	return d, more, nil
}

// wake returns what is closed at the next publication after now.
func (s *Subscription) wake() (<-chan struct{}, error) {
	if s.closed.Load() || s.log.isClosed() {
		return nil, ErrClosed
	}
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	if s.in.deleted {
		return nil, fmt.Errorf("instance %q: %w", s.in.meta.Name, ErrNotFound)
	}
	if s.in.wake == nil {
		s.in.wake = make(chan struct{})
	}
	return s.in.wake, nil
}

// read reads on from where the subscription is. More says that the log goes on
// though nothing has matched yet.
func (s *Subscription) read(ctx context.Context, max int) (d Delivery, more bool, err error) {
	v, release, err := s.in.acquire()
	if err != nil {
		return d, false, err
	}
	defer release()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return d, false, ErrClosed
	}
	d.Position = s.after
	until := v.last
	if s.after < until {
		d.Gap, d.Lost, until = s.gap(v)
	}
	if s.after < v.version.sealed {
		until = min(until, v.version.sealed)
		err = s.readSegments(ctx, v, until, max, &d)
		if skipAtHandover && d.Position == v.version.sealed {
			d.Position = v.last
		}
	} else if s.after < until {
		err = s.readHead(v, until, max, &d)
	}
	if err != nil {
		return Delivery{}, false, err
	}
	s.after = d.Position
	if d.Gap != nil {
		s.told = d.Gap.Last
	}
	return d, d.Position < v.last && len(d.Events) == 0, nil
}

// gap finds what was removed or lost before it could be delivered: the gap that
// is next, if it is, and the position up to which no further one comes.
func (s *Subscription) gap(v *view) (next *Gap, lost bool, until int64) {
	removed, taken := v.version.removed, v.version.lost
	for len(removed)+len(taken) > 0 {
		var g Gap
		of := len(removed) == 0 || len(taken) > 0 && taken[0].First < removed[0].First
		if of {
			g, taken = taken[0].Gap, taken[1:]
		} else {
			g, removed = removed[0], removed[1:]
		}
		switch {
		case g.Last <= s.after || g.Last <= s.told:
			continue
		case g.First > s.after+1 || next != nil:
			return next, lost, g.First - 1
		}
		next, lost = &Gap{First: max(g.First, s.after+1, s.told+1), Last: g.Last}, of
	}
	return next, lost, v.last
}

// readSegments reads sealed events.
func (s *Subscription) readSegments(ctx context.Context, v *view, until int64, most int, d *Delivery) (err error) {
	if s.version != v.version {
		s.scan.Reset()
		s.version = v.version
	}
	sealed := func() exec.Snapshot { return s.in.snapshot(v) }
	for from := s.after; len(d.Events) == 0 && d.Position < until && d.Position-from < scanStep; {
		if d.Events, d.Position, err = s.scan.Next(ctx, sealed, d.Position, until, most); err != nil {
			return queryError(ctx, err)
		}
	}
	return nil
}

// readHead reads events of the head, row by row: what is new is seldom much.
func (s *Subscription) readHead(v *view, until int64, most int, d *Delivery) error {
	var fault error
	seen, size := 0, int64(0)
	v.chunks(func(c *chunkView) bool {
		if c.last() <= s.after {
			return true
		}
		for _, b := range c.batches {
			if b.last() <= s.after {
				continue
			}
			for i := max(0, int(s.after+1-b.first)); i < b.len(); i++ {
				at := b.first + int64(i)
				if at > until || len(d.Events) == most || seen == scanStep || s.bytes > 0 && size >= s.bytes {
					return false
				}
				seen++
				e, err := b.at(i, &s.in.identity)
				if err != nil {
					fault = err
					return false
				}
				d.Position = at
				if s.where == nil || query.Match(s.where, &e) {
					d.Events = append(d.Events, e)
					size += int64(len(e.Payload) + len(e.Metadata))
				}
			}
		}
		return true
	})
	if seen == 0 {
		d.Position = until
	}
	return fault
}

// Position is how far the subscription has read: before the first Next, where
// it begins. It is for the goroutine that calls Next.
func (s *Subscription) Position() int64 { return s.after }
