// Package firn is an event log in a directory: append-only, durable before it
// acknowledges, strictly ordered per stream, queryable and live. It is what the
// firn server is made of, for programs that want the log without a server.
package firn

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store"
)

// Log is an open log. Its methods may be called by many goroutines at once.
type Log struct {
	store   *store.Log
	catalog Validator // nil = nothing is validated
}

// Open opens the log in dir/log, makes it if there is none, and recovers what
// a crash left. One process has a log open: another gets ErrLocked. A directory
// of a newer version is ErrNewer.
func Open(dir string, opts Options) (*Log, error) {
	s, err := store.Open(dir, opts.store())
	if err != nil {
		return nil, err
	}
	return &Log{store: s, catalog: opts.Catalog}, nil
}

// Close waits for what is being written, then closes. Closing twice is harmless.
func (l *Log) Close() error { return l.store.Close() }

// Failed is closed when a write to disk has failed for good and appends are
// refused; Err then says why. Reading goes on.
func (l *Log) Failed() <-chan struct{} { return l.store.Failed() }

// Err is the failure that Failed tells of, nil while there is none.
func (l *Log) Err() error { return l.store.Err() }

// AppendRequest is a batch for one instance, all of it or nothing.
type AppendRequest struct {
	Instance string // id or name
	Events   []event.Draft
	// ExpectedSequence, if not nil, is the last number the stream must have (0
	// = the stream never had an event). All events must be of one stream.
	ExpectedSequence *int64
	// AutoCreate makes a missing instance of that name.
	AutoCreate bool
	// Checked says that every event has passed event.Draft's Check, or comes
	// from the parser of package event, which does as much. Append checks them
	// where it is not set.
	Checked bool
	// Warn, if not nil, is called at most once, before Append returns: when the
	// batch is stored although payloads break the schemas of their types, as
	// ValidationWarn has it. It gets at most MaxFaults, and one that says where
	// validation has stopped if there may be more. Without it such an instance's
	// events are not validated: nobody would be told.
	Warn func([]Fault)
}

// Receipt says where an event is stored.
type Receipt = store.Receipt

// Append stores a batch, all of it or nothing, in the order given. When it
// returns without error every event is on disk (fsync) and visible to the next
// query and every subscription. Errors: *event.InvalidError, *PayloadError,
// *SequenceError, *IDConflictError, ErrNotFound, ErrInvalid, ErrOverloaded, ErrNoSpace, ErrFailed
// before the batch was written, and ErrClosed leave nothing stored; any other
// error means unknown: retry with the same ids.
//
// An event whose ID the instance holds already is not stored again: its Receipt
// is that of the first, marked Duplicate. The ids are looked up before
// ExpectedSequence, and before an event is refused for its payload, so a retry of
// a success is a success.
func (l *Log) Append(ctx context.Context, r AppendRequest) ([]Receipt, error) {
	if !r.Checked {
		events, err := l.check(r.Events)
		if err != nil {
			return nil, err
		}
		r.Events = events
	}
	faults, err := l.validate(ctx, &r)
	if err != nil {
		return nil, err
	}
	receipts, err := l.store.Append(ctx, store.AppendRequest{
		Instance: r.Instance, Events: r.Events, ExpectedSequence: r.ExpectedSequence, AutoCreate: r.AutoCreate,
	})
	if err == nil && len(faults) > 0 {
		r.Warn(faults)
	}
	return receipts, err
}

// check makes sure of events that were given in Go and returns them as they are
// stored; the caller's are left as they are.
func (l *Log) check(given []event.Draft) ([]event.Draft, error) {
	limits := l.store.Limits()
	if len(given) > limits.BatchEvents {
		return nil, &event.InvalidError{
			Index: -1, Code: event.CodeTooManyEvents, Offset: -1,
			Message: fmt.Sprintf("has %d events; the most is %d", len(given), limits.BatchEvents),
		}
	}
	events := slices.Clone(given)
	for i := range events {
		err := events[i].Check(limits)
		if bad, ok := errors.AsType[*event.InvalidError](err); ok {
			bad.Index = i
		}
		if err != nil {
			return nil, err
		}
	}
	return events, nil
}

// Record appends one of Firn's own events (server.started, api_key.created and
// so on: docs/event-types.md) to the instance system, where Append refuses them.
func (l *Log) Record(ctx context.Context, d event.Draft) (Receipt, error) {
	if err := d.Check(l.store.Limits()); err != nil {
		return Receipt{}, err
	}
	return l.store.Record(ctx, d)
}

// Identity tells this log from every other. The epoch changes when the log is
// restored from a backup: a cursor of another epoch may be of events that are not
// there any more.
func (l *Log) Identity() (id string, epoch int64) { return l.store.Identity() }
