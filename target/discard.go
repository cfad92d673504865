package target

import (
	"fmt"
	"maps"
	"slices"

	firn "github.com/firnlog/firn"
)

// Discard drops dead letters of a target: those with these ids, or, where ids
// is empty, all that it has at this moment. It returns how many, and is durable
// then. Their events stay in the log as long as retention keeps them; the target
// gets them only if it is replayed.
func (ds *Deliveries) Discard(name string, ids []int64) (discarded int, err error) {
	d, err := ds.delivery(name)
	if err != nil {
		return 0, err
	}
	s, err := d.operable()
	if err != nil {
		return 0, err
	}
	if discarded, err = s.discard(ids); err != nil {
		return 0, fmt.Errorf("target %s: %w", name, err)
	}
	d.tryNow() // it may have been paused for having too many
	return discarded, nil
}

func (s *state) discard(ids []int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.hasLetters(ids); err != nil {
		return 0, err
	}
	if len(ids) == 0 {
		ids = slices.Collect(maps.Keys(s.letters))
	}
	if len(ids) == 0 {
		return 0, nil
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	return len(ids), s.commitLocked(record{Taken: ids}, nil)
}

// hasLetters is an error for an id that no dead letter has; mu is held.
func (s *state) hasLetters(ids []int64) error {
	for _, id := range ids {
		if _, ok := s.letters[id]; !ok {
			return fmt.Errorf("dead letter %d: %w", id, firn.ErrNotFound)
		}
	}
	return nil
}

// refusedAgain notes that the target has refused a dead letter once more, unless
// that was discarded meanwhile.
func (s *state) refusedAgain(r record, text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.letters[r.Dead.ID]; !there {
		return nil
	}
	return s.commitLocked(r, text)
}
