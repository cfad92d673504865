package firn

import (
	"context"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/query"
)

// Result answers a query. Stats is what it cost; Lost are the ranges of positions
// that damage to the disk has taken, so that events there may be missing.
type (
	Result = exec.Result
	Stats  = exec.Stats
)

// Query answers q from one snapshot: events appended while it runs are not in
// it. Errors: *query.Error for a cursor that does not fit, ErrNotFound, ErrMemory,
// ErrUnreadable, ErrClosed; context.DeadlineExceeded where QueryTimeout has
// stopped it. A damaged segment is no error: its file is set aside and the
// answer, which comes from the rest, says what it lacks.
func (l *Log) Query(ctx context.Context, q *query.Query) (*Result, error) {
	return l.store.Query(ctx, q)
}

// Scan calls fn with every match in order of position, some thousand at a
// time, from one snapshot, without limit. The slice is fn's only until it
// returns. Where it meets a damaged segment it fails with ErrDamaged, which
// names the range; called again it gives the rest, and InstanceLost the range.
func (l *Log) Scan(ctx context.Context, instance string, where query.Condition, after int64, fn func([]event.Event) error) error {
	return l.store.Scan(ctx, instance, where, after, fn)
}

// LostRange is a range of positions that damage to the disk has taken: the
// Instance's name, First and Last, and the File, which is in quarantine or
// missing; none where the write-ahead log had the events.
type LostRange = store.LostRange

// Lost are the lost ranges of all instances, by name and position. They are
// reported once, when the damage is found, and end when the file is brought back
// or retention passes them.
func (l *Log) Lost() []LostRange { return l.store.Lost() }

// InstanceLost are the lost ranges of one instance.
func (l *Log) InstanceLost(instance string) ([]Gap, error) { return l.store.InstanceLost(instance) }

// Get returns one event by its id. ErrDamaged where it is lost.
func (l *Log) Get(ctx context.Context, instance, id string) (event.Event, error) {
	return l.store.Get(ctx, instance, id)
}
