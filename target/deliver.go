package target

import (
	"context"
	"errors"
	"fmt"
	"time"

	firn "github.com/firnlog/firn"
)

// deliver writes the front of a batch and makes it durable that it is written.
func (d *delivery) deliver(ctx context.Context, b *batch) error {
	if !b.place.found {
		if err := d.ask(ctx, b.place); err != nil || d.current != b {
			return err
		}
	}
	if err := d.tellGaps(ctx, b); err != nil {
		return err
	}
	if len(b.events) == 0 {
		d.current = nil
		d.reader.move(b.place, b.through, time.Time{})
		d.later(b.place)
		return nil
	}
	if dead, _ := d.state.counts(); dead >= d.timing.letters {
		return &PauseError{fmt.Errorf("there are %d dead letters: see why (firn targets dead-letters %s), then have them tried again (firn targets retry %[2]s) or discard them (firn targets discard %[2]s)", dead, d.spec.Name)}
	}
	part := d.front(b)
	if cursorFirst {
		if err := d.keep(b.place, part.Through); err != nil {
			return err
		}
	}
	written, err := d.write(ctx, part, func() { d.readAhead(ctx) })
	if written > 0 {
		if err := d.took(b, part, written); err != nil {
			return err
		}
	}
	refused, is := errors.AsType[*RefusedError](err)
	if is {
		err = d.bury(ctx, b, refused)
	}
	if err == nil {
		d.works(ctx)
	}
	return err
}

// front is what of a batch is written next.
func (d *delivery) front(b *batch) Batch {
	n := min(len(b.events), max(1, d.size))
	part := Batch{Log: d.identity, Instance: b.place.Instance, Events: b.events[:n:n], Through: b.through}
	if n < len(b.events) {
		part.Through = b.events[n].Position - 1
	}
	return part
}

// write calls the target's Write and makes sure of what it says.
func (d *delivery) write(ctx context.Context, part Batch, during func()) (int, error) {
	began := time.Now()
	written := 0
	err := d.call(ctx, "Write", func(ctx context.Context) error {
		n, err := d.target.Write(ctx, part)
		if n < 0 || n > len(part.Events) || n < len(part.Events) == (err == nil) {
			why := "no error"
			if err != nil {
				why = err.Error() // as text: nothing of what it says is believed
			}
			return fmt.Errorf("the target says that it wrote %d of %d events, and: %s", n, len(part.Events), why)
		}
		written = n
		return err
	}, during)
	if d.hung != nil {
		written = 0 // it may still change
	}
	d.pace(time.Since(began), written == len(part.Events))
	return written, err
}

// pace gives a target smaller batches where it is slow, and larger ones where it
// is not.
func (d *delivery) pace(took time.Duration, whole bool) {
	switch {
	case took > d.timing.brisk:
		d.size = max(1, d.size/2)
	case whole:
		d.size = min(d.timing.events, d.size*2)
	}
}

// took makes it durable that the first events of a part are written.
func (d *delivery) took(b *batch, part Batch, written int) error {
	if err := d.advance(b, part.After(written), written); err != nil {
		return err
	}
	d.counted(written)
	return nil
}

// advance makes it durable that the target is done with the first n events of a
// batch.
func (d *delivery) advance(b *batch, cursor int64, n int) error {
	if _, checks := d.target.(Checkpointer); !checks && !cursorFirst {
		if err := d.keep(b.place, cursor); err != nil {
			return err
		}
	}
	d.advanced(b, cursor, n)
	return nil
}

// advanced notes that the target is done with the first n events of a batch.
func (d *delivery) advanced(b *batch, cursor int64, n int) {
	since := b.events[n-1].RecordedAt
	if b.events = b.events[n:]; len(b.events) > 0 {
		since = b.events[0].RecordedAt
	} else if d.current == b {
		d.current = nil
	}
	d.reader.move(b.place, cursor, since)
}

// bury makes a dead letter of the first event of a batch and goes on behind it.
func (d *delivery) bury(ctx context.Context, b *batch, why *RefusedError) error {
	e := &b.events[0]
	cursor := b.through
	if len(b.events) > 1 {
		cursor = b.events[1].Position - 1
	}
	r := record{Dead: &deadRecord{Instance: b.place.Instance, Position: e.Position, Message: brief(why), At: time.Now().UTC().Truncate(time.Millisecond)}}
	checkpoints, checks := d.target.(Checkpointer)
	if !checks {
		r.Cursors = d.cursors(b.place, cursor)
	}
	if err := d.state.commitIf(d.generation, r, e.AppendJSON(nil)); err != nil {
		return err
	}
	d.announcer.deadLettered(ctx, b.place.Instance, e, r.Dead.Message)
	last := len(b.events) == 1
	d.advanced(b, cursor, 1)
	if !checks {
		d.saved()
	} else if last { // no rows come that would move its cursor
		return d.checkpoint(ctx, checkpoints, b.place, cursor)
	}
	return nil
}

// tellGaps records what of a batch's range the target will never have, before
// the cursor passes it.
func (d *delivery) tellGaps(ctx context.Context, b *batch) error {
	for _, lost := range []bool{false, true} {
		var gaps []firn.Gap
		for _, g := range b.gaps {
			if g.Lost == lost {
				gaps = append(gaps, *g.Gap)
			}
		}
		why := "removed"
		if lost {
			why = "damaged"
		}
		if err := d.announcer.lost(ctx, b.place.Instance, gaps, why); err != nil {
			return fmt.Errorf("record that events of instance %s are missing: %w", b.place.Name, err)
		}
	}
	b.gaps = nil
	return nil
}

// ask finds out where a target that keeps its cursors itself is in an instance.
func (d *delivery) ask(ctx context.Context, p *place) error {
	keeper := d.target.(Checkpointer)
	start, _, pending := d.state.cursor(p.ID)
	if pending {
		if err := d.checkpoint(ctx, keeper, p, start); err != nil {
			return err
		}
		if err := d.state.commitIf(d.generation, record{Checkpoint: []string{p.ID}}, nil); err != nil {
			return err
		}
	}
	var c Cursor
	var known bool
	err := d.call(ctx, "Checkpoint", func(ctx context.Context) (err error) {
		c, known, err = keeper.Checkpoint(ctx, d.identity.ID, p.ID)
		return err
	}, nil)
	if d.hung != nil || err != nil {
		return err
	}
	switch {
	case !known:
		c.Position = start
	case c.Epoch != d.identity.Epoch:
		return d.otherLog(Identity{ID: d.identity.ID, Epoch: c.Epoch})
	}
	if c.Position > p.last {
		return aheadOfLog(d.spec.Name, p.Name, c.Position, p.last)
	}
	d.resume(p, c.Position)
	return nil
}

// resume has a place go on behind a cursor that the target has told: that of what
// was read already, if it is within that.
func (d *delivery) resume(p *place, cursor int64) {
	d.reader.mu.Lock()
	p.found = true
	d.reader.mu.Unlock()
	if b := d.current; b != nil && b.place == p && cursor >= p.cursor && cursor < b.through {
		n := 0
		for n < len(b.events) && b.events[n].Position <= cursor {
			n++
		}
		if n > 0 { // an unknown outcome was a success
			d.counted(n)
			d.advanced(b, cursor, n)
		}
		return
	}
	if b := d.current; b != nil && b.place == p {
		if cursor == b.through {
			d.counted(len(b.events))
		}
		d.current = nil
	}
	if d.ahead != nil && d.ahead.place == p {
		d.ahead = nil
	}
	d.reader.rewind(p, cursor)
}
