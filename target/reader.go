package target

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// place is where a target is in one instance.
type place struct {
	Instance
	wanted bool
	last   int64 // position of the log's last event
	cursor int64 // everything up to it is written, refused or not wanted
	read   int64 // everything up to it is read
	// found says that cursor is what is durable; before, or after a failure of a
	// Checkpointer, it has to be asked for.
	found bool
	// bound says that cursor, where it is not found, is no further than what is
	// durable: the lag is told from it, so that a database that is down is not
	// taken for one that has everything.
	bound bool
	// since is when the first event behind the cursor was recorded, where it is
	// known.
	since time.Time

	queued       bool // it is in reader.ready
	subscription *firn.Subscription
}

func (p *place) behind() bool { return p.wanted && p.last > p.cursor }

// reader reads the log for one target, fairly: a batch of each instance that has
// something new, in turn. Quiet instances cost a place in a map.
type reader struct {
	log    *firn.Log
	spec   *Spec
	timing timing
	watch  *firn.Watch

	mu     sync.Mutex // guards places and what of them lag reads; the delivery's goroutine writes
	places map[string]*place

	ready []*place // wanted, with something to read, in turn
	open  []*place // with a subscription, the latest used last
}

// batch is a run of events of one place that is on its way.
type batch struct {
	place   *place
	from    int64 // the cursor in front of it
	events  []event.Event
	through int64
	gaps    []firn.Delivery // in front of its events, not told yet
}

// news takes in what has happened to the instances, and returns those that are
// gone and were wanted.
func (r *reader) news(now time.Time, locate func(*place) error) (gone []*place, err error) {
	heads, err := r.watch.Take()
	if err != nil {
		return nil, err
	}
	for _, h := range heads {
		p := r.places[h.Instance.ID]
		switch {
		case h.Deleted:
			if p != nil {
				r.forget(p)
				gone = append(gone, p)
			}
			continue
		case p == nil:
			p = &place{Instance: Instance{ID: h.Instance.ID}}
		}
		r.mu.Lock()
		if r.places[p.ID] = p; !p.behind() && (p.found || p.bound) || p.since.IsZero() && !p.found {
			p.since = now
		}
		p.Name, p.last, p.wanted = h.Instance.Name, h.Last, wants(r.spec, h.Instance)
		r.mu.Unlock()
		if p.wanted && !p.found {
			if err := locate(p); err != nil {
				return gone, err
			}
		}
		r.queue(p)
	}
	return gone, nil
}

// wants reports whether a target wants the events of an instance.
func wants(s *Spec, in firn.Instance) bool {
	if len(s.Instances) == 0 {
		return in.Name != firn.SystemInstance
	}
	return slices.Contains(s.Instances, in.ID) || slices.Contains(s.Instances, in.Name)
}

// queue has a place read in its turn, if there may be something to read.
func (r *reader) queue(p *place) {
	if p.wanted && !p.queued && p.last > p.read {
		p.queued = true
		r.ready = append(r.ready, p)
	}
}

// next is the place whose turn it is, nil if there is nothing to read.
func (r *reader) next() *place {
	for len(r.ready) > 0 {
		p := r.ready[0]
		r.ready[0] = nil
		r.ready = r.ready[1:]
		p.queued = false
		if p.wanted && p.last > p.read && r.places[p.ID] == p {
			return p
		}
	}
	return nil
}

// rewind has a place read again from its cursor.
func (r *reader) rewind(p *place, cursor int64) {
	r.unsubscribe(p)
	r.mu.Lock()
	p.cursor, p.read = cursor, cursor
	r.mu.Unlock()
	r.queue(p)
}

// move notes that everything up to a position is done with. Since is when what
// follows was recorded, if it is known.
func (r *reader) move(p *place, cursor int64, since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.cursor, p.since = max(p.cursor, cursor), since
}

func (r *reader) forget(p *place) {
	r.unsubscribe(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.places, p.ID)
}

func (r *reader) unsubscribe(p *place) {
	if p.subscription == nil {
		return
	}
	p.subscription.Close()
	p.subscription = nil
	r.open = slices.DeleteFunc(r.open, func(other *place) bool { return other == p })
}

// subscribe sees that a place has a subscription, at the cost of the one that
// was not used for longest.
func (r *reader) subscribe(ctx context.Context, p *place) error {
	if p.subscription != nil {
		r.open = slices.DeleteFunc(r.open, func(other *place) bool { return other == p })
		r.open = append(r.open, p)
		return nil
	}
	var err error
	p.subscription, err = r.log.Subscribe(ctx, firn.SubscribeRequest{
		Instance: p.ID, Where: r.spec.Where, After: p.read, Bytes: int64(r.timing.bytes) / 4,
	})
	if err != nil {
		return err
	}
	if r.open = append(r.open, p); len(r.open) > r.timing.open {
		r.unsubscribe(r.open[0])
	}
	return nil
}

// batch reads the next batch of a place, which may have no events though the
// position moves. Nil: there is nothing new, or the instance is gone.
func (r *reader) batch(ctx context.Context, p *place) (*batch, error) {
	if err := r.subscribe(ctx, p); err != nil {
		return nil, r.explain(p, err)
	}
	b := &batch{place: p, from: p.read, through: p.read}
	for size := 0; len(b.events) < r.timing.events && size < r.timing.bytes && b.through-b.from < int64(r.timing.scan); {
		d, more, err := p.subscription.Read(ctx, min(r.timing.events-len(b.events), readStep))
		if err != nil {
			r.unsubscribe(p)
			if len(b.events) > 0 || len(b.gaps) > 0 {
				break // what has been read is good; the error comes again
			}
			return nil, r.explain(p, err)
		}
		if d.Gap != nil {
			b.gaps = append(b.gaps, firn.Delivery{Gap: d.Gap, Lost: d.Lost})
		}
		b.events = append(b.events, d.Events...)
		for i := range d.Events {
			size += sizeOf(&d.Events[i])
		}
		b.through = d.Position
		if len(d.Events) == 0 && !more && d.Gap == nil {
			break
		}
	}
	r.mu.Lock()
	p.read, p.last = b.through, max(p.last, b.through)
	if len(b.events) > 0 && p.cursor == b.from {
		p.since = b.events[0].RecordedAt
	}
	r.mu.Unlock()
	r.queue(p)
	if b.through == b.from && len(b.gaps) == 0 {
		return nil, nil
	}
	return b, nil
}

// readStep is how many events are asked for at a time.
const readStep = 1000

// sizeOf is about what an event takes.
func sizeOf(e *event.Event) int { return len(e.Payload) + len(e.Metadata) + 256 }

// explain says what an error of the log means for the target.
func (r *reader) explain(p *place, err error) error {
	switch {
	case errors.Is(err, firn.ErrNotFound):
		return nil // it is deleted, and the watch tells so
	case errors.Is(err, firn.ErrInvalid):
		return aheadOfLog(r.spec.Name, p.Name, p.read, p.last)
	}
	return fmt.Errorf("read instance %s behind position %d: %w", p.Name, p.read, err)
}

// aheadOfLog stops a target whose cursor is of events that the log does not have.
func aheadOfLog(name, instance string, cursor, last int64) error {
	return &StopError{fmt.Errorf("the target has had the events of instance %s up to position %d, and the log ends at %d: it is another log, or an older copy; "+
		"say where to go on: firn targets replay %s --from beginning, now or a position", instance, cursor, last, name)}
}

// lag is how many positions the target is behind, at most, and since when.
func (r *reader) lag() (events int64, since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.places {
		if !p.behind() || !p.found && !p.bound {
			continue
		}
		events += p.last - p.cursor
		if !p.since.IsZero() && (since.IsZero() || p.since.Before(since)) {
			since = p.since
		}
	}
	return events, since
}

// close ends every subscription.
func (r *reader) close() {
	for len(r.open) > 0 {
		r.unsubscribe(r.open[0])
	}
	if r.watch != nil {
		r.watch.Close()
	}
}
