package server

import (
	"context"
	"sync"
	"time"
)

const (
	// tailReaders is how many tails at once hold events that are not yet counted.
	tailReaders = 4
	// stallAge is how long a tail's client may not read before it is let go when
	// others need the memory. It goes on from where it was when it comes back.
	stallAge = 250 * time.Millisecond
)

// tails is the memory that live tails share for what they hold while their
// clients read it. Where it is used up, those whose clients have not read for the
// longest time are let go, so that a thousand who stall cost no more than a few,
// and stop nobody who reads.
type tails struct {
	readers chan struct{}

	mu      sync.Mutex
	left    int64
	total   int64
	writing map[*tailShare]struct{}
	freed   chan struct{} // closed when something is given back
}

func newTails(total int64) *tails {
	return &tails{readers: make(chan struct{}, tailReaders), left: total, total: total,
		writing: map[*tailShare]struct{}{}, freed: make(chan struct{})}
}

// tailShare is what one tail has of it. It is used by one goroutine.
type tailShare struct {
	of      *tails
	reads   bool
	bytes   int64
	since   time.Time
	letGo   func()
	stalled bool // it is let go
}

// read waits for a place among those who read.
func (m *tails) read(ctx context.Context) (*tailShare, error) {
	select {
	case m.readers <- struct{}{}:
		return &tailShare{of: m, reads: true}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// write waits until there is memory for what was read, and lets others read.
// Until end, letGo may be called, by another goroutine.
func (s *tailShare) write(ctx context.Context, bytes int64, letGo func()) error {
	m := s.of
	bytes = min(bytes, m.total)
	for {
		m.mu.Lock()
		if m.left >= bytes {
			m.left -= bytes
			s.bytes, s.since, s.letGo = bytes, time.Now(), letGo
			m.writing[s] = struct{}{}
			m.mu.Unlock()
			s.stopReading()
			return nil
		}
		freed, wait := m.freed, m.makeRoom()
		m.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-freed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		timer.Stop()
	}
}

// makeRoom lets the one go whose client has stalled the longest, and returns how
// long to wait for what that frees, or for one to have stalled long enough; mu is
// held.
func (m *tails) makeRoom() time.Duration {
	var oldest *tailShare
	for s := range m.writing {
		if !s.stalled && (oldest == nil || s.since.Before(oldest.since)) {
			oldest = s
		}
	}
	if oldest == nil {
		return stallAge
	}
	if age := time.Since(oldest.since); age < stallAge {
		return stallAge - age
	}
	oldest.stalled = true
	oldest.letGo()
	return stallAge
}

// end gives everything back. Ending twice is harmless.
func (s *tailShare) end() {
	s.stopReading()
	m := s.of
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, writes := m.writing[s]; !writes {
		return
	}
	delete(m.writing, s)
	m.left += s.bytes
	close(m.freed)
	m.freed = make(chan struct{})
}

func (s *tailShare) stopReading() {
	if s.reads {
		s.reads = false
		<-s.of.readers
	}
}
