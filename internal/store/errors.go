package store

import (
	"errors"
	"fmt"
)

// Sentinel errors; package firn gives them to its callers under the same names.
var (
	ErrNotFound   = errors.New("not found")
	ErrExists     = errors.New("already exists")
	ErrInvalid    = errors.New("invalid argument")
	ErrLocked     = errors.New("data directory is in use by another process")
	ErrClosed     = errors.New("log is closed")
	ErrFailed     = errors.New("log refuses appends after a failed write to disk")
	ErrNoSpace    = errors.New("no space left on the disk of the data directory")
	ErrOverloaded = errors.New("too much waiting to be written")
	ErrMemory     = errors.New("query memory is exhausted")
	ErrNewer      = errors.New("data directory was written by a newer version of firn")
	ErrDamaged    = errors.New("data is damaged")
	ErrUnreadable = errors.New("the disk of the data directory cannot be read")
	ErrClockJump  = errors.New("clock has jumped ahead since the last sweep")
)

// SequenceError says that a stream's last number was not the expected one.
type SequenceError struct {
	Stream           string
	Expected, Actual int64
}

func (e *SequenceError) Error() string {
	return fmt.Sprintf("stream %q: expected_sequence %d is not its last number, which is %d", e.Stream, e.Expected, e.Actual)
}

// IDConflictError says that an id is held by an event with other content.
type IDConflictError struct {
	ID    string
	Index int // of the refused event in its batch
}

func (e *IDConflictError) Error() string {
	return fmt.Sprintf("event %d: id %q is held by an event with other content", e.Index, e.ID)
}
