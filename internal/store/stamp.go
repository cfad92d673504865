package store

import (
	"fmt"
	"unicode/utf8"

	"github.com/firnlog/firn/internal/inert"
)

// stamp gives a batch its numbers and adds it to an entry. What it changes is
// the decided state; rollBack undoes it.
func (s *sequencer) stamp(e *entry, in *instance, b *batch) *stampedBatch {
	at := max(in.recorded, s.log.opts.Now().UnixMilli())
	stamped := &stampedBatch{batch: b, instance: in.uuid, first: in.next, recordedAt: at, sequences: make([]int64, len(b.streams))}
	b.stamp(in.uuid, stamped.first, at)
	for i := range b.streams {
		st := in.streams.at(in.decided(b.streams[i].name))
		stamped.sequences[i] = st.pending + 1
		b.stampStream(i, st.pending+1)
		st.pending += int64(b.streams[i].count)
	}
	in.next += int64(b.len())
	in.recorded = at
	in.remember(stamped)
	e.batches = append(e.batches, instanceBatch{to: in, stampedBatch: stamped})
	return stamped
}

// stampTwice is what the control build brokenbatch does instead: a batch in two
// records.
func (s *sequencer) stampTwice(e *entry, in *instance, b *batch) *stampedBatch {
	drop, keep := make([]bool, b.len()), make([]bool, b.len())
	for i := range drop {
		drop[i] = i >= b.len()/2
		keep[i] = !drop[i]
	}
	whole := &stampedBatch{batch: b, instance: in.uuid, first: in.next, sequences: make([]int64, len(b.streams))}
	for i := range b.streams {
		whole.sequences[i] = in.pending(b.streams[i].name) + 1
	}
	e.rest = &entry{}
	s.stamp(e, in, b.without(drop))
	whole.recordedAt = s.stamp(e.rest, in, b.without(keep)).recordedAt
	return whole
}

// decided finds or makes a stream for the sequencer.
func (in *instance) decided(name string) uint32 {
	// Only the sequencer adds streams while the log is open, so it may look
	// without the lock.
	if i, ok := in.streams.find(name); ok {
		return i
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.streams.get(name)
}

// pending is the last number of a stream as decided, 0 if it never had an event.
func (in *instance) pending(name string) int64 {
	if i, ok := in.streams.find(name); ok {
		return in.streams.at(i).pending
	}
	return 0
}

// lastOf is the last number of a stream that expected_sequence is compared with.
func (in *instance) lastOf(name string) int64 {
	if !expectPublished {
		return in.pending(name)
	}
	in.mu.RLock()
	defer in.mu.RUnlock()
	if i, ok := in.streams.find(name); ok {
		return in.streams.at(i).last
	}
	return 0
}

// remember notes a decided batch and forgets those that are published.
func (in *instance) remember(b *stampedBatch) {
	last := in.current().last
	for len(in.recent) > 0 && in.recent[0].last() <= last {
		in.recent[0] = nil
		in.recent = in.recent[1:]
	}
	in.recent = append(in.recent, b)
}

// rollBack makes the instance's decided state the published one. Nothing of it
// is on its way to the disk.
func (in *instance) rollBack() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for i := range uint32(in.streams.count) {
		st := in.streams.at(i)
		st.pending = st.last
	}
	in.next, in.recorded = in.view.last+1, in.view.recorded
	in.ids.forget(in.view.last)
	in.recent, in.planned = nil, in.meta
}

// resolve finds an instance as decided, by its id, else by its name.
func (s *sequencer) resolve(idOrName string) (*instance, error) {
	if u, err := parseUUID(idOrName); err == nil {
		if in := s.byID[u]; in != nil {
			return in, nil
		}
	}
	if in := s.byName[idOrName]; in != nil {
		return in, nil
	}
	return nil, fmt.Errorf("instance %q: %w", idOrName, ErrNotFound)
}

const maxNameLength = 128 // characters

// checkName checks an instance's name.
func checkName(name string) error {
	if !utf8.ValidString(name) {
		return fmt.Errorf("%w: an instance's name must be UTF-8", ErrInvalid)
	}
	if n := utf8.RuneCountInString(name); n == 0 || n > maxNameLength {
		return fmt.Errorf("%w: an instance's name has %d characters; it takes 1 to %d", ErrInvalid, n, maxNameLength)
	}
	if fault := inert.Name(name); fault != "" {
		return fmt.Errorf("%w: an instance's name %+q %s", ErrInvalid, name, fault)
	}
	return nil
}
