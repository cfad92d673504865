// Package null is the target that writes nothing: its events are counted and
// gone. It shows that delivery works, and how fast.
package null

import (
	"context"

	"github.com/firnlog/firn/target"
)

// Kind is the kind of target "null". It has no settings.
func Kind() target.Kind {
	return target.NewKind("null", struct{}{}, func(struct{}, target.Environment) (target.Target, error) {
		return null{}, nil
	})
}

type null struct{}

// Open does nothing.
func (null) Open(context.Context) error { return nil }

// Write takes everything.
func (null) Write(_ context.Context, b target.Batch) (int, error) { return len(b.Events), nil }

// Close does nothing.
func (null) Close() error { return nil }
