// Package slogfirn is a log/slog handler that writes to a Firn event log.
//
// It never blocks the program that logs and never fails it: records go into a
// bounded queue, a goroutine appends them in batches, and what does not fit is
// counted and reported as an event of its own (TypeDropped).
//
//	h := slogfirn.New(func(ctx context.Context, events []event.Draft) error {
//		_, err := c.Append(ctx, "shop", events, client.AppendOptions{})
//		return err
//	}, slogfirn.Options{Stream: "api"})
//	defer h.Close(ctx)
//	slog.SetDefault(slog.New(h))
//
// A record becomes an event of type "log": its time is the timestamp, its level
// the severity, its message payload.msg, its attributes fields of the payload,
// its groups objects in it. A duration is a number of nanoseconds, as in slog's
// own JSON.
package slogfirn

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/firnlog/firn/event"
)

// TypeDropped is the type of the event that tells of records that were lost
// because the queue was full: payload.dropped is how many.
const TypeDropped = "log.dropped"

// Append stores events, all of them or none, in order. It is called by one
// goroutine at a time and may take its time. After an error the same events,
// with the same ids, are tried again with growing pauses, until it succeeds or
// the handler is closed; so an event is stored once even where an answer was
// lost. Two errors are not tried again: an *event.InvalidError drops the event
// it names, an error with a method Permanent() bool that returns true drops the
// batch.
type Append func(ctx context.Context, events []event.Draft) error

// Options configures a handler. The zero value is the default.
type Options struct {
	// Level is the lowest level that is logged. Default slog.LevelInfo.
	Level slog.Leveler
	// Type is the event type of records. Default "log".
	Type string
	// Stream is the stream of records. Default event.DefaultStream.
	Stream string
	// AddSource puts the place of the call into metadata.source.
	AddSource bool
	// Queue is how many records wait at most; more are dropped and counted.
	// Default 10,000.
	Queue int
	// Batch is how many records are appended at once at most. Default 1,000.
	Batch int
	// Delay is how long a record waits for others to join its batch.
	// Default 200 ms.
	Delay time.Duration
	// OnError is told of every failed append, from the handler's goroutine. It
	// must not log through the handler. Default: nothing is told; see Stats.
	OnError func(error)
}

func (o Options) withDefaults() Options {
	if o.Level == nil {
		o.Level = slog.LevelInfo
	}
	if o.Type == "" {
		o.Type = "log"
	}
	if o.Queue <= 0 {
		o.Queue = 10_000
	}
	if o.Batch <= 0 {
		o.Batch = 1_000
	}
	if o.Delay <= 0 {
		o.Delay = 200 * time.Millisecond
	}
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	return o
}

// Stats are a handler's figures since it was made.
type Stats struct {
	Stored  int64 // records that the log has acknowledged
	Dropped int64 // records lost: the queue was full, or the log refused them
	Waiting int   // records in the queue
	Retries int64 // failed appends that were or will be tried again
}

// Handler is a slog.Handler. Handlers made from one another by WithAttrs and
// WithGroup share one queue; closing one closes all.
type Handler struct {
	queue *queue
	opts  Options
	scope *scope // attributes and groups of With…
}

var _ slog.Handler = (*Handler)(nil)

// New makes a handler and starts its goroutine, which Close ends.
func New(appendEvents Append, o Options) *Handler {
	o = o.withDefaults()
	return &Handler{queue: startQueue(appendEvents, o), opts: o}
}

// Enabled reports whether records of a level are logged.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.opts.Level.Level()
}

// Handle queues a record. It never waits and always returns nil: a record for
// which there is no room is dropped and counted.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	h.queue.put(h.draft(r))
	return nil
}

// WithAttrs is a handler whose records have these attributes too.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &Handler{h.queue, h.opts, &scope{parent: h.scope, attrs: attrs}}
}

// WithGroup is a handler whose records have their further attributes in an
// object of that name.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Handler{h.queue, h.opts, &scope{parent: h.scope, group: name}}
}

// Flush waits until every record that was handled before is stored, or until
// the context ends, whose error it then returns.
func (h *Handler) Flush(ctx context.Context) error { return h.queue.flush(ctx) }

// Close stores what waits, until the context ends, and stops the handler's
// goroutine. Records that are handled from now on, and those that could not be
// stored in time, are dropped and counted; then the context's error is
// returned. Closing twice is harmless.
func (h *Handler) Close(ctx context.Context) error { return h.queue.close(ctx) }

// Stats returns the handler's figures.
func (h *Handler) Stats() Stats {
	q := h.queue
	return Stats{Stored: q.stored.Load(), Dropped: q.dropped.Load(), Waiting: len(q.records), Retries: q.retries.Load()}
}

// counters are what a queue counts.
type counters struct {
	stored, dropped, retries atomic.Int64
}
