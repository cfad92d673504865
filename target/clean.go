package target

import (
	"context"
	"time"
)

// clean has a Cleaner delete a batch of what is too old, if it is time: batches
// of old rows and of new events take turns.
func (d *delivery) clean(ctx context.Context) {
	cleaner, can := d.target.(Cleaner)
	now := time.Now()
	if !can || d.spec.DaysToKeep <= 0 || now.Before(d.cleanAt) {
		return
	}
	var deleted int64
	var more bool
	err := d.call(ctx, "Clean", func(ctx context.Context) (err error) {
		deleted, more, err = cleaner.Clean(ctx, d.spec.DaysToKeep)
		return err
	}, nil)
	switch {
	case err != nil:
		d.logger.Warn("a target did not delete what is too old", "target", d.spec.Name, "error", brief(err))
		d.cleanAt = now.Add(d.timing.unclean)
	case more:
		d.cleanAt = now
	default:
		d.cleanAt = now.Add(d.timing.clean)
	}
	if d.hung == nil && deleted > 0 {
		d.logger.Info("a target deleted what is too old", "target", d.spec.Name, "deleted", deleted)
	}
}
