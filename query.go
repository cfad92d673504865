package firn

import (
	"context"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/query"
)

// Result answers a query. Stats is what it cost.
type (
	Result = exec.Result
	Stats  = exec.Stats
)

// Query answers q from one snapshot: events appended while it runs are not in
// it. Errors: *query.Error for a cursor that does not fit, ErrNotFound, ErrMemory,
// ErrClosed; context.DeadlineExceeded where QueryTimeout has stopped it.
func (l *Log) Query(ctx context.Context, q *query.Query) (*Result, error) {
	return l.store.Query(ctx, q)
}

// Scan calls fn with every match in order of position, some thousand at a
// time, from one snapshot, without limit. The slice is fn's only until it
// returns.
func (l *Log) Scan(ctx context.Context, instance string, where query.Condition, after int64, fn func([]event.Event) error) error {
	return l.store.Scan(ctx, instance, where, after, fn)
}

// Get returns one event by its id.
func (l *Log) Get(ctx context.Context, instance, id string) (event.Event, error) {
	return l.store.Get(ctx, instance, id)
}
