package firn

import "github.com/firnlog/firn/internal/store"

// Sentinel errors. Ask with errors.Is; details are in the text.
var (
	ErrNotFound   = store.ErrNotFound   // an instance or event that is not there
	ErrExists     = store.ErrExists     // an instance of that name
	ErrInvalid    = store.ErrInvalid    // a name, a setting
	ErrLocked     = store.ErrLocked     // another process has the directory
	ErrClosed     = store.ErrClosed     // the log is closed
	ErrFailed     = store.ErrFailed     // appends are refused after a failed write to disk
	ErrNoSpace    = store.ErrNoSpace    // the disk is full
	ErrOverloaded = store.ErrOverloaded // too much waits to be written
	ErrMemory     = store.ErrMemory     // the budget of queries is used up
	ErrNewer      = store.ErrNewer      // a newer version wrote the directory
	ErrDamaged    = store.ErrDamaged    // bytes on disk are not what was written
	ErrUnreadable = store.ErrUnreadable // the disk cannot be read; ask again later
	ErrClockJump  = store.ErrClockJump  // retention waits for ConfirmClock
)

// SequenceError says that a stream's last number was not the expected one.
type SequenceError = store.SequenceError

// IDConflictError says that an id is held by an event with other content.
type IDConflictError = store.IDConflictError
