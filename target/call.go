package target

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// errHung says that an earlier call of the target has not returned yet.
var errHung = errors.New("an earlier call of it has not returned")

// call runs fn, which calls the target, with a deadline, and during, which does
// not, beside it. A call that does not return soon after its context is cancelled
// is left behind, and until it returns every further one fails with errHung: a
// target's methods are never called two at a time. So nothing that a target does
// holds up anything but itself. A panic is an error.
//
// When run ends, the call may go on for a moment, so that what is nearly written
// need not come again.
func (d *delivery) call(run context.Context, what string, fn func(context.Context) error, during func()) error {
	if during == nil {
		during = func() {}
	}
	if d.returned(); d.hung != nil {
		return errHung
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(run), d.timing.call)
	defer cancel()
	ending := context.AfterFunc(run, func() {
		select {
		case <-ctx.Done():
		case <-time.After(d.timing.drain):
			cancel()
		}
	})
	defer ending()
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = errors.New("it ended its goroutine") // unless it returns
		err = d.guarded(ctx, what, fn)
	}()
	during()
	select {
	case <-done:
		return err
	case <-ctx.Done():
	}
	left := d.timing.grace
	if run.Err() != nil {
		left = min(left, d.timing.drain)
	}
	grace := time.NewTimer(left)
	defer grace.Stop()
	select {
	case <-done:
		if err != nil && ctx.Err() != nil && run.Err() == nil {
			return fmt.Errorf("%s took longer than %s: %w", what, d.timing.call, err)
		}
		return err
	case <-grace.C:
		d.hung = done
		return fmt.Errorf("%s hangs: it has not returned %s after it was told to", what, left)
	}
}

// guarded turns a panic into an error.
func (d *delivery) guarded(ctx context.Context, what string, fn func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			d.logger.Error("a target panicked", "in", what, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%s panicked: %v", what, p)
		}
	}()
	return fn(ctx)
}
