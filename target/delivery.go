package target

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/store/vfs"
)

// delivery brings the log to one target. Its fields are of the goroutine of run,
// but for those under mu.
type delivery struct {
	spec     Spec
	target   Target
	log      *firn.Log
	identity Identity
	timing   timing
	logger   *slog.Logger
	fsys     vfs.FS
	dir      string // of its state

	state      *state // nil until it is read
	generation int64  // of the state's cursors, as the reader has them
	reader     *reader
	opened     bool
	current    *batch // being delivered
	ahead      *batch // read while current is written
	size       int    // of the next write
	unsaved    map[*place]bool
	saveAt     time.Time // when unsaved must be saved
	cleanAt    time.Time
	failures   int             // in a row
	hung       <-chan struct{} // closed when the call that was left behind returns
	announcer  announcer

	kick chan struct{} // an operator wants something

	mu     sync.Mutex
	status Status // without what the reader and the state know
	shared *state // state, for operators
	retry  bool   // an operator wants it tried now
	again  redelivery
}

// run delivers until ctx ends, and then lets the target go.
func (d *delivery) run(ctx context.Context) {
	defer d.finish(ctx)
	for ctx.Err() == nil {
		worked, err := d.step(ctx)
		switch {
		case errors.Is(err, firn.ErrClosed), ctx.Err() != nil:
			return
		case errors.Is(err, errOvertaken):
		case err != nil:
			d.failed(ctx, err)
		case !worked:
			d.rest(ctx)
		}
	}
}

// step does what is next. Worked says that there may be more.
func (d *delivery) step(ctx context.Context) (worked bool, err error) {
	if err := d.begin(ctx); err != nil {
		return false, err
	}
	if err := d.news(ctx); err != nil {
		return false, err
	}
	if d.asked() {
		d.opened = false // what Open found may be what has been mended, such as a column's width
	}
	if !d.opened {
		if err := d.call(ctx, "Open", d.target.Open, nil); err != nil {
			return false, err
		}
		d.opened = true
		d.ready(ctx)
	}
	d.announcer.flush(ctx, time.Now())
	d.clean(ctx)
	if worked, err := d.redeliver(ctx); worked || err != nil {
		return worked, err
	}
	if d.current == nil {
		d.current, d.ahead = d.ahead, nil
	}
	if d.current == nil {
		if d.current, err = d.readNext(ctx); err != nil {
			return false, err
		}
	}
	if d.current == nil {
		if d.fails() { // it has everything, as it says now that it can be asked
			d.works(ctx)
		}
		return false, d.save(ctx, false)
	}
	return true, d.deliver(ctx, d.current)
}

// begin reads the state, and notes where the target begins where it was never
// seen before.
func (d *delivery) begin(ctx context.Context) error {
	if d.state == nil {
		s, err := openState(d.fsys, filepath.Join(d.dir, d.spec.Name))
		if err != nil {
			return fmt.Errorf("the target's state in %s: %w", filepath.Join(filepath.Base(d.dir), d.spec.Name), err)
		}
		d.share(s)
	}
	if d.state.lost() {
		return &StopError{fmt.Errorf("damage to the disk has taken a part of the target's cursors or dead letters in %s; "+
			"say where to go on: firn targets replay %s --from beginning, now or a position", filepath.Join(filepath.Base(d.dir), d.spec.Name), d.spec.Name)}
	}
	if err := d.state.start(d.log, d.identity, &d.spec); err != nil {
		return err
	}
	if of := d.state.of(); of != d.identity {
		return d.otherLog(of)
	}
	if _, generation := d.state.counts(); d.reader == nil || generation != d.generation {
		d.restart(generation)
	}
	return ctx.Err()
}

// otherLog stops a target whose cursors are of another log, or of this one before
// it was restored.
func (d *delivery) otherLog(of Identity) error {
	what := fmt.Sprintf("this log is another one than that of the target's cursors (%s, not %s)", d.identity.ID, of.ID)
	if of.ID == d.identity.ID {
		what = fmt.Sprintf("the log was restored from a backup (it is in epoch %d, and the target's cursors are of epoch %d), so that events which the target has had may be missing or others now", d.identity.Epoch, of.Epoch)
	}
	return &StopError{fmt.Errorf("%s; say where to go on: firn targets replay %s --from beginning, now or a position", what, d.spec.Name)}
}

// restart reads the log anew from the cursors.
func (d *delivery) restart(generation int64) {
	if d.reader != nil {
		d.reader.close()
	}
	d.generation = generation
	d.current, d.ahead = nil, nil
	clear(d.unsaved)
	r := &reader{log: d.log, spec: &d.spec, timing: d.timing, watch: d.log.Watch(), places: map[string]*place{}}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reader = r
}

// news takes in what has happened to the instances.
func (d *delivery) news(ctx context.Context) error {
	gone, err := d.reader.news(time.Now(), d.locate)
	for _, p := range gone {
		if p.behind() {
			_ = d.announcer.lost(ctx, p.Instance, []firn.Gap{{First: p.cursor + 1, Last: p.last}}, "deleted") // which reports it
		}
		d.drop(p)
	}
	return err
}

// drop forgets a place whose instance is gone.
func (d *delivery) drop(p *place) {
	if d.current != nil && d.current.place == p {
		d.current = nil
	}
	if d.ahead != nil && d.ahead.place == p {
		d.ahead = nil
	}
	delete(d.unsaved, p)
	if err := d.state.commit(record{Forget: []string{p.ID}}, nil); err != nil {
		d.logger.Warn("the cursor of a deleted instance is not forgotten", "target", d.spec.Name, "error", err)
	}
}

// locate finds out where a target is in an instance from what is beside the log.
// For a Checkpointer that is only where it begins: it is asked before its first
// event.
func (d *delivery) locate(p *place) error {
	cursor, _, _ := d.state.cursor(p.ID)
	if _, checks := d.target.(Checkpointer); checks {
		if d.reader.mu.Lock(); !p.bound {
			p.cursor, p.bound = min(cursor, p.last), true
		}
		d.reader.mu.Unlock()
		return nil
	}
	if cursor > p.last {
		return aheadOfLog(d.spec.Name, p.Name, cursor, p.last)
	}
	d.reader.mu.Lock()
	defer d.reader.mu.Unlock()
	p.cursor, p.read, p.found = cursor, cursor, true
	return nil
}

// readNext reads a batch of the place whose turn it is. Nil: nothing is new.
func (d *delivery) readNext(ctx context.Context) (*batch, error) {
	for ctx.Err() == nil {
		p := d.reader.next()
		if p == nil {
			return nil, nil
		}
		if !p.found {
			if err := d.ask(ctx, p); err != nil {
				d.reader.queue(p)
				return nil, err
			}
		}
		b, err := d.reader.batch(ctx, p)
		if err != nil {
			d.reader.queue(p)
		}
		if b != nil || err != nil {
			return b, err
		}
	}
	return nil, context.Cause(ctx)
}

// readAhead reads what comes after current, while that is written.
func (d *delivery) readAhead(ctx context.Context) {
	if d.ahead != nil {
		return
	}
	p := d.reader.next()
	switch {
	case p == nil:
	case !p.found:
		d.reader.queue(p) // asking is a call, and one is under way
	default:
		b, err := d.reader.batch(ctx, p)
		if d.ahead = b; err != nil {
			d.reader.queue(p) // the error comes again when it is its turn
		}
	}
}

// rest waits until there is something to do.
func (d *delivery) rest(ctx context.Context) {
	d.wait(ctx, d.reader.watch.News(), d.due(time.Now()))
}

// due is how long nothing needs to be done but what is asked for.
func (d *delivery) due(now time.Time) time.Duration {
	wait := 24 * time.Hour
	for _, at := range []time.Time{d.saveAt, d.cleanAt, d.announcer.due()} {
		if !at.IsZero() {
			wait = min(wait, max(0, at.Sub(now)))
		}
	}
	return wait
}

// wait waits for news, an operator, or until a time has passed.
func (d *delivery) wait(ctx context.Context, news <-chan struct{}, long time.Duration) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-news:
	case <-d.kick:
	case <-d.hung:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// finish saves what can be saved soon and lets the target go.
func (d *delivery) finish(ctx context.Context) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.timing.drain)
	defer cancel()
	if d.reader != nil {
		if d.opened && d.hung == nil {
			if err := d.save(ending, true); err != nil && !errors.Is(err, errOvertaken) {
				d.logger.Warn("the target's cursors are not saved: some events will come again", "target", d.spec.Name, "error", err)
			}
		}
		d.reader.close()
	}
	err := d.call(ending, "Close", func(context.Context) error { return d.target.Close() }, nil)
	if err != nil {
		d.logger.Warn("a target was not closed well", "target", d.spec.Name, "error", err)
	}
}
