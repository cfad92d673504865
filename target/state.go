package target

import (
	"bytes"
	"cmp"
	"encoding/json/v2"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/wal"
)

// state is what a target must not forget, durable beside the log: where it is in
// each instance (unless it keeps its cursors itself: then where it began), and its
// dead letters. Its methods may be called by many goroutines at once.
//
// It is a journal of records, each one act: the dead letter and the move of the
// cursor behind it are one, so that a crash neither loses nor doubles it.
type state struct {
	fsys vfs.FS
	dir  string

	mu      sync.Mutex
	journal *wal.Journal
	// begun is the log that the cursors are of; nil before the first start.
	begun   *Identity
	kind    string           // of target
	cursors map[string]int64 // by instance id
	// pending are cursors that an operator has set and that a Checkpointer has not
	// been told yet.
	pending map[string]int64
	letters map[int64]letter  // dead letters by id; their events are on disk
	ids     map[deadKey]int64 // of dead letters
	names   map[string]string // see interned
	lastID  int64
	// generation counts what operators have done to the cursors.
	generation int64
	// damaged says that something of it is lost, until an operator says where to
	// go on.
	damaged bool
}

// deadKey is the event of a dead letter: it is there once.
type deadKey struct {
	instance string
	position int64
}

// letter is a dead letter in memory.
type letter struct {
	deadKey
	attempts int // tells its last record from those before
	bytes    int
}

// record is one act in the journal: JSON, and behind a newline the event of its
// dead letter as the log writes it.
type record struct {
	Begun      *Identity        `json:"begun,omitzero"`
	Type       string           `json:"type,omitzero"` // the kind of target that began
	Cursors    map[string]int64 `json:"cursors,omitzero"`
	Set        map[string]int64 `json:"set,omitzero"`         // by an operator
	Checkpoint []string         `json:"checkpoint,omitzero"`  // instances whose set cursor the target knows
	Forget     []string         `json:"forget,omitzero"`      // instances
	Dead       *deadRecord      `json:"dead_letter,omitzero"` // with its event
	Taken      []int64          `json:"taken,omitzero"`       // ids of dead letters, taken or discarded
	LastID     int64            `json:"last_id,omitzero"`
}

type deadRecord struct {
	ID       int64     `json:"id"`
	Instance Instance  `json:"instance"`
	Position int64     `json:"position"`
	Message  string    `json:"message"`
	At       time.Time `json:"at"`       // of the last attempt
	Attempts int       `json:"attempts"` // from 1
}

// DeadLetter is an event that the target refused.
type DeadLetter struct {
	ID       int64
	Instance Instance
	Event    event.Event
	Message  string    // why, in the target's words
	At       time.Time // of the last attempt
	Attempts int
}

const journalName = "state"

// openState reads the state in dir; one that is not there is empty.
func openState(fsys vfs.FS, dir string) (*state, error) {
	s := &state{fsys: fsys, dir: dir, cursors: map[string]int64{}, pending: map[string]int64{},
		letters: map[int64]letter{}, ids: map[deadKey]int64{}, names: map[string]string{}}
	journal, found, err := wal.OpenJournal(fsys, dir, journalName, wal.JournalOptions{}, func(body []byte) error {
		r, text, err := decodeRecord(body)
		if err == nil {
			s.apply(&r, len(text))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.journal = journal
	for _, d := range found.Damage {
		if d.FirstLost <= d.LastLost {
			s.damaged = true
			return s, nil
		}
	}
	if len(found.Damage) > 0 {
		return s, s.rewrite()
	}
	return s, nil
}

func decodeRecord(body []byte) (r record, text []byte, err error) {
	head, text, _ := bytes.Cut(body, []byte{'\n'})
	if err := json.Unmarshal(head, &r); err != nil {
		return r, nil, fmt.Errorf("a record of the target's state: %w", err)
	}
	return r, text, nil
}

// apply makes a record's act part of the state; mu is held, or nobody else knows
// the state yet. Bytes is the size of the event of its dead letter.
func (s *state) apply(r *record, bytes int) {
	if r.Begun != nil {
		s.begun = r.Begun
	}
	if r.Type != "" {
		s.kind = r.Type
	}
	maps.Copy(s.cursors, r.Cursors)
	if r.Set != nil {
		maps.Copy(s.cursors, r.Set)
		maps.Copy(s.pending, r.Set)
		s.generation++
	}
	for _, instance := range r.Checkpoint {
		delete(s.pending, instance)
	}
	for _, instance := range r.Forget {
		delete(s.cursors, instance)
		delete(s.pending, instance)
	}
	if d := r.Dead; d != nil {
		key := deadKey{s.interned(d.Instance.ID), d.Position}
		s.letters[d.ID], s.ids[key] = letter{key, d.Attempts, bytes}, d.ID
		s.lastID = max(s.lastID, d.ID)
	}
	for _, id := range r.Taken {
		delete(s.ids, s.letters[id].deadKey)
		delete(s.letters, id)
	}
	s.lastID = max(s.lastID, r.LastID)
}

// interned is the one copy of an instance's id.
func (s *state) interned(id string) string {
	if s.names[id] == "" {
		s.names[id] = id
	}
	return s.names[id]
}

// commit makes an act durable and part of the state.
func (s *state) commit(r record, text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commitLocked(r, text)
}

// errOvertaken says that an operator has moved the cursors meanwhile.
var errOvertaken = errors.New("the cursors were moved meanwhile")

// commitIf is commit where no operator has moved the cursors since generation.
func (s *state) commitIf(generation int64, r record, text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.generation != generation {
		return errOvertaken
	}
	return s.commitLocked(r, text)
}

func (s *state) commitLocked(r record, text []byte) error {
	if d := r.Dead; d != nil {
		if d.ID = s.ids[deadKey{d.Instance.ID, d.Position}]; d.ID == 0 {
			d.ID = s.lastID + 1
		}
		d.Attempts = s.letters[d.ID].attempts + 1
	}
	body, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return err
	}
	if text != nil {
		body = append(append(body, '\n'), text...)
	}
	if err := s.journal.Append(body); err != nil {
		return err
	}
	s.apply(&r, len(text))
	const slack = 1 << 20
	if size, base := s.journal.Size(); size > 2*base+slack {
		return s.rewrite()
	}
	return nil
}

// rewrite begins the journal anew with what counts. The dead letters are copied
// from file to file, one at a time.
func (s *state) rewrite() error {
	var fault error
	err := s.journal.Rewrite(func(yield func([]byte) bool) {
		fault = s.snapshot(yield)
	})
	return errors.Join(fault, err)
}

func (s *state) snapshot(yield func([]byte) bool) error {
	first := record{Begun: s.begun, Type: s.kind, LastID: s.lastID}
	body, err := json.Marshal(first, json.Deterministic(true))
	if err != nil {
		return err
	}
	if !yield(body) {
		return nil
	}
	for cursors := range chunks(s.cursors) {
		if body, err = json.Marshal(record{Cursors: cursors}, json.Deterministic(true)); err != nil || !yield(body) {
			return err
		}
	}
	for set := range chunks(s.pending) {
		if body, err = json.Marshal(record{Set: set}, json.Deterministic(true)); err != nil || !yield(body) {
			return err
		}
	}
	return s.eachDead(func(d *deadRecord, text []byte) (bool, error) {
		body, err := json.Marshal(record{Dead: d}, json.Deterministic(true))
		return err == nil && yield(append(append(body, '\n'), text...)), err
	})
}

// chunks cuts a map into maps that a record can hold.
func chunks(of map[string]int64) iter.Seq[map[string]int64] {
	return func(yield func(map[string]int64) bool) {
		names := slices.Sorted(maps.Keys(of))
		for some := range slices.Chunk(names, 1000) {
			chunk := make(map[string]int64, len(some))
			for _, name := range some {
				chunk[name] = of[name]
			}
			if !yield(chunk) {
				return
			}
		}
	}
}

// errEnough ends a reading of the journal.
var errEnough = errors.New("enough")

// eachDead reads the dead letters from disk, in the order in which they were last
// written, until fn says false. mu is held.
func (s *state) eachDead(fn func(d *deadRecord, text []byte) (bool, error)) error {
	if len(s.letters) == 0 {
		return nil
	}
	_, err := wal.VerifyJournal(s.fsys, s.dir, journalName, func(body []byte) error {
		r, text, err := decodeRecord(body)
		if err != nil || r.Dead == nil || s.letters[r.Dead.ID].attempts != r.Dead.Attempts {
			return err // not one, taken, or refused again since
		}
		more, err := fn(r.Dead, text)
		if err == nil && !more {
			err = errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// deadLetters returns the dead letters with these ids (nil = all) that are above
// after, by id: at most limit, and no further ones beyond about so many bytes.
// More says that there are.
func (s *state) deadLetters(ids map[int64]bool, after int64, limit, size int) (out []DeadLetter, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wanted []int64
	for id := range s.letters {
		if id > after && (ids == nil || ids[id]) {
			wanted = append(wanted, id)
		}
	}
	slices.Sort(wanted)
	n := 0
	for ; n < min(len(wanted), limit) && (n == 0 || size >= s.letters[wanted[n]].bytes); n++ {
		size -= s.letters[wanted[n]].bytes
	}
	wanted, more = wanted[:n], n < len(wanted)
	if n == 0 {
		return nil, false, nil
	}
	err = s.eachDead(func(d *deadRecord, text []byte) (bool, error) {
		if _, found := slices.BinarySearch(wanted, d.ID); !found {
			return true, nil
		}
		read := DeadLetter{ID: d.ID, Instance: d.Instance, Message: d.Message, At: d.At, Attempts: d.Attempts}
		if err := read.Event.UnmarshalJSON(text); err != nil {
			return false, fmt.Errorf("dead letter %d: %w", d.ID, err)
		}
		out = append(out, read)
		return len(out) < n, nil
	})
	slices.SortFunc(out, func(a, b DeadLetter) int { return cmp.Compare(a.ID, b.ID) })
	return out, more, err
}

// cursor is where the target is in an instance.
func (s *state) cursor(instance string) (position int64, known, pending bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	position, known = s.cursors[instance]
	_, pending = s.pending[instance]
	return position, known, pending
}

// counts are how many dead letters there are and the generation of the cursors.
func (s *state) counts() (dead int, generation int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.letters), s.generation
}
