// Package target sends a log's events to other places: files, databases,
// programs. The log is the truth and a target a reader of it with a cursor of its
// own, so a target that is slow or down delays nobody and catches up afterwards.
//
// A target implements Target; a Kind says how one is made from its settings in
// the configuration. What a target need not think about, package target does:
// reading the log from the cursor, batches, backoff, dead letters.
package target

import (
	"context"

	"github.com/firnlog/firn/event"
)

// Target writes events to one place. Its methods are called by one goroutine at
// a time.
type Target interface {
	// Open makes the target ready: it connects, makes the table or directory that
	// is missing and compares one that is there. It is called before the first
	// Write, again before the next after a call that failed (a RefusedError is
	// none), and when an operator wants the target tried; what an earlier Open holds
	// it releases. Its errors are sorted as those of Write.
	Open(ctx context.Context) error

	// Write writes a batch. It returns how many events from the batch's front are
	// written, as durable as this target makes them, and with fewer than all an
	// error that says why the next one is not:
	//   - *RefusedError: that event will never be taken, and it is proven that the
	//     event is at fault. It becomes a dead letter; delivery goes on behind it.
	//   - *PauseError: every event would fail now (no permission, disk full). It is
	//     tried again at long intervals, and at once when an operator says so.
	//   - *StopError: a person must change something first (a foreign table of the
	//     same name). It is tried again when an operator says so, or at a restart.
	//   - any other: tried again, with a growing delay.
	// Events that were written and reported as not written come again. A Write
	// that takes longer than half a minute has its context cancelled, should then
	// return what it has, and gets smaller batches. One that panics is tried again.
	Write(ctx context.Context, b Batch) (written int, err error)

	// Close releases everything. It is called once, also where Open failed.
	Close() error
}

// Batch is a run of events of one instance, in order of position.
type Batch struct {
	Log      Identity
	Instance Instance
	Events   []event.Event // at least one; the target's only until Write returns
	// Through is how far the log has been read: the cursor when all Events are
	// written. It is beyond the last event's position where events follow it that
	// the target does not want.
	Through int64
	// Redelivery says that these are dead letters that an operator wants to be
	// tried again, out of turn: a Checkpointer leaves its cursor, which is Through.
	Redelivery bool
}

// After is the cursor when the first n events of the batch are written.
func (b Batch) After(n int) int64 {
	switch {
	case n >= len(b.Events), b.Redelivery:
		return b.Through
	default:
		return b.Events[n].Position - 1
	}
}

// Identity tells one log from every other, and its life before a restore from
// the one after (Epoch).
type Identity struct {
	ID    string `json:"id"`
	Epoch int64  `json:"epoch"`
}

// Instance is where a batch's events are.
type Instance struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Checkpointer is a Target that keeps its cursors itself, in the transaction of
// the rows they count: each event is there exactly once, whatever dies when.
// Without it the cursor is kept beside the log, after each Write.
type Checkpointer interface {
	Target
	// Checkpoint returns the cursor of an instance of a log (by its ids), whatever
	// the epoch. ok is false where nothing of it was ever written. Open has been
	// called.
	Checkpoint(ctx context.Context, log, instance string) (c Cursor, ok bool, err error)
	// SetCheckpoint puts the cursor where an operator wants it, or at the place
	// where a new target starts.
	SetCheckpoint(ctx context.Context, log Identity, instance string, position int64) error
}

// Cursor is how far a target has come in one instance: every event up to
// Position is written, refused or not wanted.
type Cursor struct {
	Epoch    int64
	Position int64
}

// Cleaner is a Target that can delete what is older than a number of days
// (days_to_keep), in batches that hold no lock for long.
type Cleaner interface {
	Target
	// Clean deletes what was recorded more than days ago and returns how many. It
	// is called by the goroutine that calls Write, and comes back soon: more tells
	// that there is more to do.
	Clean(ctx context.Context, days int) (deleted int64, more bool, err error)
}

// RefusedError says that one event will never be taken by the target.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// PauseError says that no event can be taken until something outside changes.
type PauseError struct{ Err error }

func (e *PauseError) Error() string { return e.Err.Error() }
func (e *PauseError) Unwrap() error { return e.Err }

// StopError says that the target must not go on before a person has acted.
type StopError struct{ Err error }

func (e *StopError) Error() string { return e.Err.Error() }
func (e *StopError) Unwrap() error { return e.Err }
