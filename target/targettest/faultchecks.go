package targettest

import (
	"context"
	"errors"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// faults breaks the place between two batches: the write that follows fails,
// says honestly how far it came, blames no event, and goes on after an Open when
// the place has healed.
func faults(s *suite) {
	if s.place.Break == nil {
		s.Log("nothing here can fail")
		return
	}
	in := instances[0]
	events := s.plain(in, 1, 60)
	tgt := s.open()
	s.deliver(tgt, in, events[:20])

	heal := s.place.Break(s)
	written, err := s.write(s.Context(), tgt, s.batch(in, events[20:]))
	if err == nil {
		s.Fatal("Write to a broken place succeeds")
	}
	if _, refused := errors.AsType[*target.RefusedError](err); refused {
		s.Errorf("a broken place is called the fault of an event: %v", err)
	}
	rest := events[20+written:]
	if err := tgt.Open(s.Context()); err == nil {
		s.Error("Open of a broken place succeeds")
	}
	heal()

	if err := tgt.Open(s.Context()); err != nil {
		s.Fatalf("Open of a healed place: %v", err)
	}
	s.deliver(tgt, in, behind(rest, s.cursor(tgt, in, 0)))
	s.close(tgt)
	s.check(events)
}

// cancelled calls Write with a context that is over: whatever it does, what it
// says is true, and the target goes on.
func cancelled(s *suite) {
	in := instances[0]
	events := s.plain(in, 1, 50)
	tgt := s.open()
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	written, err := s.write(ctx, tgt, s.batch(in, events))
	s.afterCancel(tgt, events, written, err)
}

// cancelledInside cancels while Write is at work.
func cancelledInside(s *suite) {
	in := instances[0]
	events := s.plain(in, 1, 2000)
	tgt := s.open()
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		cancel()
	}()
	written, err := s.write(ctx, tgt, s.batch(in, events))
	<-done
	s.afterCancel(tgt, events, written, err)
}

// afterCancel ends the life in which a Write was cancelled and delivers the rest
// in the next.
func (s *suite) afterCancel(tgt target.Target, events []event.Event, written int, err error) {
	s.Helper()
	if _, refused := errors.AsType[*target.RefusedError](err); refused {
		s.Errorf("a cancelled Write refuses an event: %v", err)
	}
	s.close(tgt)
	in := instances[0]
	known := int64(0)
	if written > 0 {
		known = s.batch(in, events).After(written)
	}
	tgt = s.open()
	s.deliver(tgt, in, behind(events, s.cursor(tgt, in, known)))
	s.close(tgt)
	s.check(events)
}

// behind are the events behind a position.
func behind(events []event.Event, position int64) []event.Event {
	for len(events) > 0 && events[0].Position <= position {
		events = events[1:]
	}
	return events
}

// openedAgain opens an open target: what the first Open held is released.
func openedAgain(s *suite) {
	in := instances[0]
	events := s.plain(in, 1, 20)
	tgt := s.open()
	s.deliver(tgt, in, events[:10])
	for range 3 {
		if err := tgt.Open(s.Context()); err != nil {
			s.Fatalf("Open of an open target: %v", err)
		}
	}
	s.deliver(tgt, in, events[10:])
	s.close(tgt)
	s.check(events)
}

// closedUnopened closes a target that was never open.
func closedUnopened(s *suite) {
	s.close(s.place.Target(s))
	s.check(nil)
}

// closedAfterFailure closes a target whose Open failed, for a broken place and
// for a context that was over.
func closedAfterFailure(s *suite) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	tgt := s.place.Target(s)
	if err := tgt.Open(ctx); err != nil {
		s.Logf("Open with a cancelled context: %v", err)
	}
	s.close(tgt)
	if s.place.Break != nil {
		heal := s.place.Break(s)
		tgt = s.place.Target(s)
		if err := tgt.Open(s.Context()); err == nil {
			s.Error("Open of a broken place succeeds")
		}
		s.close(tgt)
		heal()
	}
	tgt = s.open()
	s.deliver(tgt, instances[0], s.plain(instances[0], 1, 1))
	s.close(tgt)
}
