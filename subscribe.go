package firn

import (
	"context"

	"github.com/firnlog/firn/internal/store"
)

// Subscription delivers an instance's events in order of position, each once:
// first what is stored, then what arrives. The log itself is its buffer, so a
// slow reader costs no memory. Next is for one goroutine at a time.
type Subscription struct{ store *store.Subscription }

// SubscribeRequest says what to deliver: the events of Instance that match Where
// (nil = every event) above the position After (0 = from the beginning), or with
// FromNow those that come.
type SubscribeRequest = store.SubscribeRequest

// Delivery is what Next returns: Events, the Position to resume from, and, where
// events were removed before they could be delivered, the Gap before Events; Lost
// says that they were lost to damage instead.
type Delivery = store.Delivery

// Gap is an inclusive range of positions.
type Gap = store.Gap

// Subscribe starts a subscription. A cursor beyond the log is ErrInvalid.
func (l *Log) Subscribe(ctx context.Context, r SubscribeRequest) (*Subscription, error) {
	s, err := l.store.Subscribe(ctx, r)
	if err != nil {
		return nil, err
	}
	return &Subscription{store: s}, nil
}

// Next waits for the next events (at most max) and returns them. It fails with
// the context's error, ErrClosed, or ErrNotFound when the instance is deleted.
func (s *Subscription) Next(ctx context.Context, max int) (Delivery, error) {
	return s.store.Next(ctx, max)
}

// Wait waits until there may be something for Read. It fails as Next does.
func (s *Subscription) Wait(ctx context.Context) error { return s.store.Wait(ctx) }

// Read is Next that does not wait: where there is nothing new, the delivery is
// empty. More says that the log goes on behind a delivery without events.
func (s *Subscription) Read(ctx context.Context, max int) (d Delivery, more bool, err error) {
	return s.store.Read(ctx, max)
}

// Close ends the subscription; a Next that waits fails with ErrClosed. Closing
// twice is harmless.
func (s *Subscription) Close() { s.store.Close() }

// Position is how far the subscription has read: before the first Next, where
// it begins, which with FromNow is the last position there was. It is for the
// goroutine that calls Next.
func (s *Subscription) Position() int64 { return s.store.Position() }

// Head is how far an instance goes: the Instance, the Last position it has given,
// and whether it is Deleted.
type Head = store.Head

// Watch tells which instances have news: events, another name, their making and
// their end. Quiet instances cost it nothing, however many there are: where one
// Subscription each would be too many, a Watch says which to read. Its methods:
// News (a channel that has a value when there may be something), Take (what there
// is; the first time every instance), Close.
type Watch = store.Watch

// Watch begins to watch. Close must be called.
func (l *Log) Watch() *Watch { return l.store.Watch() }

// Heads are all instances, by name, and how far they go.
func (l *Log) Heads() []Head { return l.store.Heads() }
