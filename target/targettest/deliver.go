package targettest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// most is how often delivery is tried before the suite gives up.
const most = 50

// write writes a batch of copies, checks that the answer makes sense, and spoils
// what it lent.
func (s *suite) write(ctx context.Context, tgt target.Target, b target.Batch) (int, error) {
	s.Helper()
	b.Events = clone(b.Events)
	given := slices.Clone(b.Events)
	written, err := tgt.Write(ctx, b)
	spoil(b.Events)
	switch {
	case written < 0 || written > len(given):
		s.Fatalf("Write of %d events says that %d are written (%v)", len(given), written, err)
	case written < len(given) && err == nil:
		s.Fatalf("Write of %d events says that %d are written, and no error", len(given), written)
	case written == len(given) && err != nil:
		s.Fatalf("Write says that all %d events are written, and: %v", written, err)
	}
	return written, err
}

// deliver delivers events as package target does: in order, again where it
// failed, behind what is refused. It returns what was refused.
func (s *suite) deliver(tgt target.Target, in target.Instance, events []event.Event) (refused []event.Event) {
	s.Helper()
	ctx, cancel := s.deadline()
	defer cancel()
	for tries := 0; len(events) > 0; tries++ {
		if tries == most {
			s.Fatalf("after %d tries %d events are still not written", tries, len(events))
		}
		written, err := s.write(ctx, tgt, s.batch(in, events))
		if written > 0 {
			s.checkCursor(tgt, in, s.batch(in, events).After(written))
		}
		events = events[written:]
		if err == nil {
			break
		}
		refusal, ok := errors.AsType[*target.RefusedError](err)
		if ok {
			e := events[0]
			if strings.TrimSpace(refusal.Error()) == "" {
				s.Errorf("event %q is refused without a word", e.EventType)
			}
			if s.place.Refuses == nil || !s.place.Refuses(e) {
				s.Errorf("event of type %q is refused: %v\n%.200s", e.EventType, err, e.Payload)
			}
			refused, events, tries = append(refused, e), events[1:], -1
			continue
		}
		s.Logf("try %d: %v", tries+1, err)
		if err := tgt.Open(ctx); err != nil {
			s.Fatalf("Open after a Write that failed: %v", err)
		}
	}
	return refused
}

// checkCursor holds what a target says is written against the cursor it keeps.
func (s *suite) checkCursor(tgt target.Target, in target.Instance, want int64) {
	s.Helper()
	c, ok := tgt.(target.Checkpointer)
	if !ok {
		return
	}
	got, ok, err := c.Checkpoint(s.Context(), s.log.ID, in.ID)
	if want := (target.Cursor{Epoch: s.log.Epoch, Position: want}); err != nil || !ok || got != want {
		s.Errorf("checkpoint of %q: %+v, %v, %v; want %+v", in.Name, got, ok, err, want)
	}
}

// cursor is where delivery goes on in a new life, given where it was known to be.
func (s *suite) cursor(tgt target.Target, in target.Instance, known int64) int64 {
	s.Helper()
	c, ok := tgt.(target.Checkpointer)
	if !ok {
		return known
	}
	got, found, err := c.Checkpoint(s.Context(), s.log.ID, in.ID)
	if err != nil {
		s.Fatalf("Checkpoint: %v", err)
	}
	if !found {
		return known
	}
	if got.Position < known {
		s.Fatalf("the checkpoint is %d; Write had said that all to %d is written", got.Position, known)
	}
	return got.Position
}

// record is what the place should hold of an event.
func (s *suite) record(e event.Event) Record {
	if s.place.Want != nil {
		return s.place.Want(e)
	}
	return Record{Type: e.EventType, Timestamp: e.Timestamp, Payload: string(e.Payload)}
}

// check compares the place with what was delivered, type by type. Where the
// place repeats what comes again, an event may be there more than once, if the
// order of first appearance holds.
func (s *suite) check(events []event.Event) {
	s.Helper()
	s.compare(events, s.place.Repeats)
}

func (s *suite) compare(events []event.Event, repeats bool) {
	s.Helper()
	if s.place.Read == nil {
		return
	}
	got, want := map[string][]Record{}, map[string][]Record{}
	for _, r := range s.place.Read(s) {
		if repeats && slices.Contains(got[r.Type], r) {
			continue
		}
		got[r.Type] = append(got[r.Type], r)
	}
	for _, e := range events {
		r := s.record(e)
		want[r.Type] = append(want[r.Type], r)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("what is there is not what was written (-want +got):\n%.4000s", diff)
	}
}
