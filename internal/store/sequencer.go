package store

import (
	"errors"
	"fmt"

	"github.com/firnlog/firn/internal/store/wal"
)

// The sequencer is one goroutine that owns the numbers. It decides requests in
// the order in which they come and puts their records into a group; while the
// syncer, another goroutine, has one group on its way to the disk, the next
// one gathers. When a group is on disk the syncer publishes its records and
// answers its requests, in order. Refusals travel with the group too: they may
// rest on what an earlier request of the group, or of the one before, has done.

const (
	queueLength = 8192
	// groupBytes closes a group: what comes next waits for the next one. It is well
	// below what a wal.Group keeps of its buffer, which would be made anew for each
	// group where many wait.
	groupBytes = 4 << 20
)

// request is a change on its way through the sequencer.
type request struct {
	op    op
	entry *entry        // what op decided; nil = nothing to record
	bytes int64         // of events that it holds
	err   error         // the answer
	done  chan struct{} // closed when answered
}

// op decides a request in the sequencer's goroutine: it returns what is to be
// recorded, nil for nothing, or why not. It changes no state when it returns an
// error.
type op interface {
	decide(s *sequencer) (*entry, error)
}

// opFunc is an op.
type opFunc func(s *sequencer) (*entry, error)

func (f opFunc) decide(s *sequencer) (*entry, error) { return f(s) }

// entry is one record and what applying it does.
type entry struct {
	control *control
	// made is the instance that control creates, where the sequencer has made
	// it; recovery has none.
	made    *instance
	batches []instanceBatch
	// marker says that nothing is recorded: the entry only has its place among
	// the others.
	marker bool
	// published runs in the syncer when the entry is on disk and visible.
	published func()
	// rest is a second record of the entry; only the control build brokenbatch
	// makes one.
	rest *entry
}

type instanceBatch struct {
	to *instance
	*stampedBatch
}

// parts is the entry's record.
func (e *entry) parts() [][]byte {
	parts := make([][]byte, 1, 2+len(e.batches))
	parts[0] = []byte{recordVersion}
	if e.control != nil {
		parts = append(parts, e.control.section())
	}
	for _, b := range e.batches {
		parts = append(parts, b.section)
	}
	return parts
}

// group is what goes to the disk together.
type group struct {
	records  wal.Group
	requests []*request
	entries  []*entry // of the requests, in order
}

func (g *group) reset() {
	g.records.Reset()
	clear(g.requests)
	clear(g.entries)
	g.requests, g.entries = g.requests[:0], g.entries[:0]
}

type sequencer struct {
	log   *Log
	queue chan *request
	full  chan *group // to the syncer
	empty chan *group // back, after its answers
	group *group      // gathers
	// stopped is closed when the syncer has answered everything.
	stopped chan struct{}

	// The state as decided, ahead of what is published.
	byID   map[uuid]*instance
	byName map[string]*instance
	// touched has the instances that a record not yet on disk changes.
	touched map[*instance]struct{}
}

func newSequencer(l *Log) *sequencer {
	return &sequencer{
		log: l, queue: make(chan *request, queueLength),
		full: make(chan *group), empty: make(chan *group, 1), group: &group{},
		byID: map[uuid]*instance{}, byName: map[string]*instance{},
		touched: map[*instance]struct{}{}, stopped: make(chan struct{}),
	}
}

// run decides until the queue is closed and everything is answered.
func (s *sequencer) run() {
	defer close(s.full)
	s.empty <- &group{}
	spare := (*group)(nil)
	queue := s.queue
	for {
		in := queue
		if s.group.records.Size() >= groupBytes {
			in = nil
		}
		select {
		case r, ok := <-in:
			if !ok {
				queue = nil
				break
			}
			s.take(r)
			s.drain()
		case spare = <-s.empty:
			s.settle(spare)
		}
		if spare != nil && len(s.group.requests) > 0 {
			s.full <- s.group
			s.group, spare = spare, nil
		}
		if queue == nil && spare != nil && len(s.group.requests) == 0 {
			return
		}
	}
}

// drain takes what waits, as far as the group has room.
func (s *sequencer) drain() {
	for s.group.records.Size() < groupBytes {
		select {
		case r, ok := <-s.queue:
			if !ok {
				return
			}
			s.take(r)
		default:
			return
		}
	}
}

// take decides a request and adds it to the group.
func (s *sequencer) take(r *request) {
	if err := s.log.Err(); err != nil {
		r.err = err
	} else {
		r.entry, r.err = r.op.decide(s)
	}
	s.group.requests = append(s.group.requests, r)
	for e := r.entry; e != nil; e = e.rest {
		if !e.marker {
			s.group.records.Append(e.parts()...)
		}
		s.group.entries = append(s.group.entries, e)
		for _, b := range e.batches {
			s.touched[b.to] = struct{}{}
		}
	}
	if acknowledgeEarly && r.entry != nil {
		close(r.done)
	}
}

// settle looks at a group that came back. One that could not be written takes
// what has been decided since with it, and the numbers go back.
func (s *sequencer) settle(g *group) {
	failed := s.log.lastGroup()
	g.reset()
	if failed == nil {
		if len(s.group.entries) == 0 {
			clear(s.touched)
		}
		return
	}
	for _, r := range s.group.requests {
		s.log.answer(r, failed)
	}
	s.group.reset()
	s.rollBack()
}

// rollBack makes the decided state the published one.
func (s *sequencer) rollBack() {
	for in := range s.touched {
		in.rollBack()
	}
	clear(s.touched)
	s.byID, s.byName = s.log.published()
}

func (l *Log) answer(r *request, err error) {
	if r.bytes > 0 && l.head.queued.Add(-r.bytes)+l.head.bytes.Load() >= l.opts.HeadMemory/2 {
		l.wakeWaiting() // somebody may wait for what was queued
	}
	if r.err == nil {
		r.err = err
	}
	if acknowledgeEarly && r.entry != nil {
		return
	}
	close(r.done)
}

// sync is the syncer's goroutine: it writes groups, makes them durable,
// publishes and answers.
func (l *Log) sync() {
	for g := range l.sequencer.full {
		err := l.commitGroup(g)
		l.setLastGroup(err)
		l.sequencer.empty <- g
	}
	close(l.sequencer.stopped)
}

// commitGroup brings one group to the disk and answers it.
func (l *Log) commitGroup(g *group) error {
	first, err := l.store(g)
	if err != nil {
		err = l.writeError(err)
		for _, r := range g.requests {
			r.err = err
			l.answer(r, err)
		}
		return err
	}
	for _, e := range g.entries {
		if !e.marker && !publishEarly {
			l.apply(e, first)
			first++
		}
		if e.published != nil {
			e.published()
		}
	}
	for _, r := range g.requests {
		l.answer(r, nil)
	}
	return nil
}

// store writes and syncs a group's records.
func (l *Log) store(g *group) (first uint64, err error) {
	if g.records.Records() == 0 {
		return 0, nil
	}
	if publishEarly {
		for _, e := range g.entries {
			if !e.marker {
				l.apply(e, l.wal.NextLSN())
			}
		}
	}
	if first, err = l.wal.Write(&g.records); err != nil {
		return 0, err
	}
	return first, l.wal.Sync()
}

// writeError is the error that callers get for a failed write. A failed sync
// ends the log for writers.
func (l *Log) writeError(err error) error {
	if errors.Is(err, wal.ErrFailed) || errors.Is(err, wal.ErrClosed) {
		err = fmt.Errorf("%w: %w", ErrFailed, err)
		l.fail(err)
		return err
	}
	if noSpace(err) {
		l.reserve.fail()
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return fmt.Errorf("write-ahead log: nothing was stored: %w", err)
}
