package target

import (
	"context"
	"errors"
	"time"
)

// redelivery are the dead letters that an operator wants to be tried again.
type redelivery struct {
	wanted bool
	ids    map[int64]bool // nil = all
	after  int64          // ids up to it have been tried
}

// redeliver tries the next of the dead letters that an operator wants to be tried
// again, some of them, so that they take turns with what is new.
func (d *delivery) redeliver(ctx context.Context) (worked bool, err error) {
	d.mu.Lock()
	again := d.again
	d.mu.Unlock()
	if !again.wanted {
		return false, nil
	}
	letters, _, err := d.state.deadLetters(again.ids, again.after, d.timing.events, d.timing.bytes)
	if err != nil {
		return false, err
	}
	if len(letters) == 0 {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.again.after == again.after { // nobody has asked for more meanwhile
			d.again = redelivery{}
		}
		return false, nil
	}
	done, err := d.rewrite(ctx, letters)
	d.mu.Lock()
	defer d.mu.Unlock()
	if done > 0 && d.again.after == again.after {
		d.again.after = letters[done-1].ID
	}
	return true, err
}

// rewrite writes the dead letters at the front that are of one instance and in
// order. It returns how many are settled: taken or refused again.
func (d *delivery) rewrite(ctx context.Context, letters []DeadLetter) (done int, err error) {
	first := letters[0].Instance
	part := Batch{Log: d.identity, Instance: first, Redelivery: true}
	for i, l := range letters {
		if l.Instance.ID != first.ID || i > 0 && l.Event.Position <= letters[i-1].Event.Position {
			break
		}
		part.Events = append(part.Events, l.Event)
	}
	if n := max(1, d.size); n < len(part.Events) {
		part.Events = part.Events[:n]
	}
	if part.Through, err = d.place(ctx, first.ID); err != nil {
		return 0, err
	}
	written, err := d.write(ctx, part, nil)
	if written > 0 {
		taken := make([]int64, written)
		for i := range taken {
			taken[i] = letters[i].ID
		}
		if err := d.state.commit(record{Taken: taken}, nil); err != nil {
			return 0, err
		}
		d.counted(written)
	}
	refused, is := errors.AsType[*RefusedError](err)
	if !is {
		return written, err
	}
	l := letters[written]
	r := record{Dead: &deadRecord{ID: l.ID, Instance: l.Instance, Position: l.Event.Position, Message: brief(refused), At: time.Now().UTC().Truncate(time.Millisecond)}}
	return written + 1, d.state.refusedAgain(r, l.Event.AppendJSON(nil))
}

// place is the cursor of an instance, 0 if it is gone.
func (d *delivery) place(ctx context.Context, instance string) (int64, error) {
	p := d.reader.places[instance]
	if p == nil || !p.wanted {
		return 0, nil
	}
	if !p.found {
		if err := d.ask(ctx, p); err != nil {
			return 0, err
		}
	}
	return p.cursor, nil
}
