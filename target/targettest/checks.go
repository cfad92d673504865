package targettest

import (
	"bytes"
	"slices"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// order writes batches of three instances in turn: each instance's events are
// there once and in their order.
func order(s *suite) {
	tgt := s.open()
	var all []event.Event
	for round := range 5 {
		for i, in := range instances {
			events := s.plain(in, int64(1+round*40), 3+2*i+round)
			s.deliver(tgt, in, events)
			all = append(all, events...)
		}
	}
	s.close(tgt)
	s.check(all)
}

// sizes writes batches of one event and of thousands.
func sizes(s *suite) {
	tgt := s.open()
	var all []event.Event
	position := int64(1)
	for _, n := range []int{1, 1, 2, 999, 1, 3000, 7} {
		events := s.plain(instances[0], position, n)
		position = events[n-1].Position + 1
		s.deliver(tgt, instances[0], events)
		all = append(all, events...)
	}
	s.close(tgt)
	s.check(all)
}

// restart goes on with a new target where the one before it stopped.
func restart(s *suite) {
	events := s.plain(instances[0], 1, 40)
	for part := range slices.Chunk(events, 10) {
		tgt := s.open()
		s.deliver(tgt, instances[0], part)
		s.close(tgt)
	}
	s.check(events)
}

// notKept writes one batch after the other, each spoilt when Write has returned,
// and reads only at the end.
func notKept(s *suite) {
	tgt := s.open()
	events := s.plain(instances[0], 1, 300)
	for part := range slices.Chunk(events, 25) {
		s.deliver(tgt, instances[0], part)
	}
	s.close(tgt)
	s.check(events)
}

// again writes a batch that is already there, as after a crash before the cursor
// was kept. A target that keeps its cursor is not asked to: nobody does it.
func again(s *suite) {
	events := s.plain(instances[0], 1, 30)
	tgt := s.open()
	s.deliver(tgt, instances[0], events[:20])
	s.close(tgt)
	tgt = s.open()
	if s.cursor(tgt, instances[0], 0) == 0 {
		s.deliver(tgt, instances[0], events[:20])
		s.deliver(tgt, instances[0], events[10:])
	} else {
		s.deliver(tgt, instances[0], events[20:])
	}
	s.close(tgt)
	s.check(events)
}

// hostile writes each odd event between two plain ones: it is there, or refused
// by name, and costs its neighbours nothing.
func hostile(s *suite) {
	tgt := s.open()
	in := instances[0]
	var all []event.Event
	position := int64(1)
	for _, odd := range Hostile() {
		events := s.plain(in, position, 3)
		odd.Position, odd.SequenceNumber = events[1].Position, events[1].SequenceNumber
		events[1] = odd
		position = events[2].Position + 1
		refused := s.deliver(tgt, in, events)
		for _, e := range events {
			if !slices.ContainsFunc(refused, func(r event.Event) bool { return r.Position == e.Position }) {
				all = append(all, e)
			}
		}
	}
	s.close(tgt)
	s.check(all)
}

// large writes an event of three megabytes among small ones.
func large(s *suite) {
	tgt := s.open()
	events := s.plain(instances[0], 1, 3)
	events[1].Payload = bytes.Join([][]byte{[]byte(`{"large":"`), bytes.Repeat([]byte("0123456789abcdef"), 3<<16), []byte(`"}`)}, nil)
	refused := s.deliver(tgt, instances[0], events)
	s.close(tgt)
	if len(refused) > 0 {
		events = []event.Event{events[0], events[2]}
	}
	s.check(events)
}

// checkpoints asks a target that keeps its cursors for them.
func checkpoints(s *suite) {
	tgt := s.open()
	c, ok := tgt.(target.Checkpointer)
	if !ok {
		s.close(tgt)
		s.Log("keeps no cursors: nothing to check")
		return
	}
	in, other := instances[0], instances[1]
	get := func(log, instance string) (target.Cursor, bool) {
		s.Helper()
		cur, ok, err := c.Checkpoint(s.Context(), log, instance)
		if err != nil {
			s.Fatalf("Checkpoint: %v", err)
		}
		return cur, ok
	}
	want := func(log, instance string, want target.Cursor) {
		s.Helper()
		if cur, ok := get(log, instance); !ok || cur != want {
			s.Errorf("checkpoint %+v, %v; want %+v", cur, ok, want)
		}
	}
	if cur, ok := get(s.log.ID, in.ID); ok {
		s.Errorf("a checkpoint before anything was written: %+v", cur)
	}
	set := func(log target.Identity, instance string, position int64) {
		s.Helper()
		if err := c.SetCheckpoint(s.Context(), log, instance, position); err != nil {
			s.Fatalf("SetCheckpoint: %v", err)
		}
	}
	set(s.log, other.ID, 7)
	want(s.log.ID, other.ID, target.Cursor{Epoch: 1, Position: 7})

	s.unwanted = 2
	events := s.plain(in, 11, 5)
	s.deliver(tgt, in, events)
	through := events[4].Position + 2
	want(s.log.ID, in.ID, target.Cursor{Epoch: 1, Position: through})
	if cur, ok := get("another log", in.ID); ok {
		s.Errorf("a checkpoint of another log: %+v", cur)
	}

	// A dead letter that is tried again leaves the cursor where it is.
	letter := s.event(in, 9, events[0].EventType, `{"n":"a dead letter"}`)
	redelivery := s.batch(in, []event.Event{letter})
	redelivery.Redelivery, redelivery.Through = true, through
	if written, err := s.write(s.Context(), tgt, redelivery); written != 1 {
		s.Fatalf("a redelivered event: %d written, %v", written, err)
	}
	want(s.log.ID, in.ID, target.Cursor{Epoch: 1, Position: through})

	set(target.Identity{ID: "another log", Epoch: 3}, in.ID, 2)
	set(target.Identity{ID: s.log.ID, Epoch: 2}, other.ID, 5)
	s.close(tgt)

	tgt = s.open()
	c = tgt.(target.Checkpointer)
	want(s.log.ID, in.ID, target.Cursor{Epoch: 1, Position: through})
	want(s.log.ID, other.ID, target.Cursor{Epoch: 2, Position: 5})
	want("another log", in.ID, target.Cursor{Epoch: 3, Position: 2})

	// A later epoch writes over an earlier one's cursor, in the rows' transaction.
	s.log.Epoch = 2
	more := s.plain(in, through+1, 2)
	s.deliver(tgt, in, more)
	want(s.log.ID, in.ID, target.Cursor{Epoch: 2, Position: more[1].Position + 2})
	s.close(tgt)
	s.check(slices.Concat(events, []event.Event{letter}, more))
}
