package firn

import (
	"context"

	"github.com/firnlog/firn/internal/store"
)

// SystemInstance is the name of the instance that records Firn's own activity.
const SystemInstance = store.SystemInstance

// Validation says what happens to events that break their type's schema.
type Validation = store.Validation

// The validations; Warn is the default.
const (
	ValidationOff     = store.ValidationOff
	ValidationWarn    = store.ValidationWarn
	ValidationEnforce = store.ValidationEnforce
)

// Instance is a container of streams: ID, Name, Description, CreatedAt,
// UpdatedAt, RetentionDays (0 = for ever), Validation.
type Instance = store.Instance

// InstanceUpdate changes what is not nil: Name, Description, RetentionDays,
// Validation.
type InstanceUpdate = store.InstanceUpdate

// InstanceStats is what an instance holds.
type InstanceStats = store.InstanceStats

// Stream is a stream with its last number and how many of its events are kept.
type Stream = store.Stream

// WithActor names who asks: the actor of the events that the log records about
// what is done with ctx.
func WithActor(ctx context.Context, actor string) context.Context { return store.WithActor(ctx, actor) }

// CreateInstance makes an instance of a name, description and settings. ErrExists
// if the name is taken.
func (l *Log) CreateInstance(ctx context.Context, in Instance) (Instance, error) {
	return l.store.CreateInstance(ctx, in)
}

// Instances lists all instances by name.
func (l *Log) Instances() []Instance { return l.store.Instances() }

// Instance finds an instance by id, else by name.
func (l *Log) Instance(idOrName string) (Instance, error) { return l.store.Instance(idOrName) }

// UpdateInstance changes an instance's name, description or settings.
func (l *Log) UpdateInstance(ctx context.Context, idOrName string, u InstanceUpdate) (Instance, error) {
	return l.store.UpdateInstance(ctx, idOrName, u)
}

// DeleteInstance removes an instance and all its events, and frees the disk.
func (l *Log) DeleteInstance(ctx context.Context, idOrName string) error {
	return l.store.DeleteInstance(ctx, idOrName)
}

// InstanceStats counts what an instance holds.
func (l *Log) InstanceStats(ctx context.Context, instance string) (InstanceStats, error) {
	return l.store.InstanceStats(ctx, instance)
}

// Streams lists streams in order of name: those with prefix that come after
// the name after, at most limit.
func (l *Log) Streams(ctx context.Context, instance, prefix, after string, limit int) ([]Stream, error) {
	return l.store.Streams(ctx, instance, prefix, after, limit)
}
