package firn

import (
	"context"
	"io"
	"time"

	"github.com/firnlog/firn/internal/store"
	"github.com/firnlog/firn/query"
)

// Purge deletes the events that match where and records it; with dryRun it
// only counts them. It returns how many, and the disk is freed when it returns,
// but for what a running query still reads.
func (l *Log) Purge(ctx context.Context, instance string, where query.Condition, dryRun bool) (int64, error) {
	return l.store.Purge(ctx, instance, where, dryRun)
}

// BeginPurge is Purge that returns once it is decided and recorded; the events
// go in the background, after a crash too. The id it returns is the subject of
// the record.
func (l *Log) BeginPurge(ctx context.Context, instance string, where query.Condition) (id string, err error) {
	return l.store.BeginPurge(ctx, instance, where)
}

// Protected reports whether events of a type in the instance system survive
// purge and are kept for a year at least.
func Protected(eventType string) bool { return store.Protected(eventType) }

// SystemRetention is the retention in days that is in force for the instance
// system: that of Options, else the setting that is stored.
func (l *Log) SystemRetention() int { return l.store.SystemRetention() }

// ProtectedDays is for how many days the protected events of the instance system
// are kept at least, however short its retention: a year, or what Options say
// where that is longer.
func (l *Log) ProtectedDays() int { return l.store.ProtectedDays() }

// RetentionPreview counts the events that retention would remove at a time.
func (l *Log) RetentionPreview(ctx context.Context, instance string, asOf time.Time) (int64, error) {
	return l.store.RetentionPreview(ctx, instance, asOf)
}

// ApplyRetention removes what is older than its instance's retention and frees
// the disk. The server calls it at start and hourly. Where the clock is more than
// a day ahead of the last sweep and of everything the log has recorded, nothing
// is removed and the error is ErrClockJump, until ConfirmClock is called.
func (l *Log) ApplyRetention(ctx context.Context) error { return l.store.ApplyRetention(ctx) }

// ConfirmClock is an operator's word that the clock is right: the next
// ApplyRetention goes by it.
func (l *Log) ConfirmClock(ctx context.Context) error { return l.store.ConfirmClock(ctx) }

// Seal moves everything in memory into segments. Queries give the same answers
// before and after.
func (l *Log) Seal(ctx context.Context) error { return l.store.Seal(ctx) }

// Problem is one finding of Verify: the File and a Message with the exact range
// of positions or bytes.
type Problem = store.Problem

// VerifyReport is what Verify read and found.
type VerifyReport = store.VerifyReport

// Verify reads everything and checks every checksum and number. Damaged segments
// are set aside; what was found to be lost earlier is a problem too.
func (l *Log) Verify(ctx context.Context, progress func(done, total int64)) (VerifyReport, error) {
	return l.store.Verify(ctx, progress)
}

// Backup writes a consistent copy of the log to w as a tar stream, while
// appends go on.
func (l *Log) Backup(ctx context.Context, w io.Writer) error { return l.store.Backup(ctx, w) }

// Restore makes the log in dir (which must hold none) from a backup. The
// restored log has a new epoch.
func Restore(ctx context.Context, dir string, r io.Reader) error {
	return store.Restore(ctx, dir, r, store.Options{})
}

// LogStats are figures for metrics.
type LogStats = store.LogStats

// Stats returns the log's figures.
func (l *Log) Stats() LogStats { return l.store.Stats() }

// Health is what is not as it should be, short of a failure for good (Failed).
type Health = store.Health

// Health says how the log is.
func (l *Log) Health() Health { return l.store.Health() }
