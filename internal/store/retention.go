package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

const (
	day = 24 * time.Hour
	// defaultProtectedDays is how long the protected types of system are kept at
	// least.
	defaultProtectedDays = 365
	// clockJump is how far the clock may be ahead of what the log has seen before
	// retention waits for an operator's word.
	clockJump = day
)

// expired is the condition of the events that retention removes at a time; nil
// where the instance keeps everything.
func (l *Log) expired(in *instance, now time.Time) query.Condition {
	days := l.retentionDays(in)
	if days == 0 {
		return nil
	}
	before := func(days int) query.Condition {
		at := now.Add(-time.Duration(days) * day).Truncate(time.Millisecond)
		age := query.Field{Root: query.RecordedAt, Name: "recorded_at"}
		if retainByTimestamp {
			age = query.Field{Root: query.Timestamp, Name: "timestamp"}
		}
		return query.Is(age, query.Lt, query.InstantValue(at))
	}
	if !l.isSystem(in) {
		return before(days)
	}
	return query.And{before(days), query.Or{unprotected(), before(max(days, l.opts.ProtectedDays))}}
}

// RetentionPreview counts the events that retention would remove at a time.
func (l *Log) RetentionPreview(ctx context.Context, instance string, asOf time.Time) (int64, error) {
	if l.isClosed() {
		return 0, ErrClosed
	}
	in, err := l.instance(instance)
	if err != nil {
		return 0, err
	}
	where := l.expired(in, asOf)
	if where == nil {
		return 0, nil
	}
	return l.count(ctx, in, where)
}

// ApplyRetention removes what is older than its instance's retention and frees
// the disk. A clock that has jumped ahead makes it wait: ErrClockJump.
func (l *Log) ApplyRetention(ctx context.Context) error {
	if l.isClosed() {
		return ErrClosed
	}
	now := l.now()
	if err := l.checkClock(now); err != nil {
		l.report(event.Error, "retention waits: %v", err)
		return err
	}
	var errs []error
	for _, in := range l.all() {
		if err := l.retain(ctx, in, now); err != nil && !errors.Is(err, ErrNotFound) {
			errs = append(errs, fmt.Errorf("retention of instance %q: %w", in.info().Name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return l.swept(now)
}

// retain applies the retention of one instance.
func (l *Log) retain(ctx context.Context, in *instance, now time.Time) error {
	where := l.expired(in, now)
	if where == nil {
		return nil
	}
	in.maintenance.Lock()
	defer in.maintenance.Unlock()
	days := l.retentionDays(in)
	longest := days
	if l.isSystem(in) {
		longest = max(days, l.opts.ProtectedDays)
	}
	if err := l.expireLost(in, now.Add(-time.Duration(longest)*day).UnixMilli()); err != nil {
		return err
	}
	// What comes later stays, whatever the clock says until this is carried out.
	where = query.And{where, query.Is(query.Field{Root: query.Position, Name: "position"}, query.Lte, query.IntValue(in.current().last))}
	n, err := l.countLocked(ctx, in, where)
	if err != nil || n == 0 {
		return err
	}
	r := l.newRemoval(in)
	r.Where = spell(where)
	err = l.decide(ctx, in, r, typeRetentionApplied, in.id, map[string]any{
		"instance": in.info().Name, "retention_days": days, "removed": n,
		"before": now.Add(-time.Duration(days) * day).Format(time.RFC3339Nano),
	})
	if err != nil {
		return err
	}
	return l.finish(ctx, in, r)
}

// retentionDays is the retention that is in force for an instance: what is
// stored, unless Options.SystemRetention stands above it.
func (l *Log) retentionDays(in *instance) int {
	if l.opts.SystemRetention != nil && l.isSystem(in) {
		return *l.opts.SystemRetention
	}
	return in.info().RetentionDays
}

// SystemRetention is the retention in days that is in force for the instance
// system.
func (l *Log) SystemRetention() int {
	l.mu.RLock()
	in := l.byName[SystemInstance]
	l.mu.RUnlock()
	return l.retentionDays(in)
}

// ProtectedDays is for how many days the protected types of the instance system
// are kept at least.
func (l *Log) ProtectedDays() int { return l.opts.ProtectedDays }

// sweep is what is known of the clock from the last sweep of this process.
type sweep struct {
	wall    time.Time     // the log's clock
	elapsed time.Duration // since the process knows of the log
}

// checkClock refuses a clock that is more than a day ahead of the last sweep,
// counted from there by a clock that does not jump, and of all that the log has
// recorded.
func (l *Log) checkClock(now time.Time) error {
	l.mu.RLock()
	seen := l.sweep.wall.Add(time.Since(l.started) - l.sweep.elapsed)
	l.mu.RUnlock()
	for _, in := range l.all() {
		if at := millis(in.current().recorded); at.After(seen) && !at.After(now) {
			seen = at
		}
	}
	if ahead := now.Sub(seen); ahead > clockJump {
		return fmt.Errorf("%w: it says %s, which is %s after what the log has last seen; confirm that it is right", ErrClockJump, now.Format(time.RFC3339), ahead.Round(time.Minute))
	}
	return nil
}

// ConfirmClock is an operator's word that the clock is right.
func (l *Log) ConfirmClock(ctx context.Context) error {
	if l.isClosed() {
		return ErrClosed
	}
	return l.swept(l.now())
}

// swept notes that the clock was right at a sweep.
func (l *Log) swept(now time.Time) error {
	err := l.makingRoom(true, func() error { return l.commit(&edit{Sweep: now.UnixMilli()}) })
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep = sweep{wall: now, elapsed: time.Since(l.started)}
	return nil
}
