package target

import (
	"context"
	"fmt"
	"time"

	firn "github.com/firnlog/firn"
)

// keep makes a cursor durable beside the log, and with it those that were put off.
func (d *delivery) keep(p *place, cursor int64) error {
	if err := d.state.commitIf(d.generation, record{Cursors: d.cursors(p, cursor)}, nil); err != nil {
		return err
	}
	d.saved()
	return nil
}

// cursors are what is to be saved: that of a place and those that were put off.
func (d *delivery) cursors(p *place, cursor int64) map[string]int64 {
	all := make(map[string]int64, 1+len(d.unsaved))
	for other := range d.unsaved {
		all[other.ID] = other.cursor
	}
	all[p.ID] = cursor
	return all
}

func (d *delivery) saved() {
	clear(d.unsaved)
	d.saveAt = time.Time{}
}

// later has a cursor saved that moved though nothing was written: what lies
// between is only looked at again after a crash, so it need not be at once.
func (d *delivery) later(p *place) {
	d.unsaved[p] = true
	if d.saveAt.IsZero() {
		d.saveAt = time.Now().Add(d.timing.lazy)
	}
}

// save makes the cursors durable that were put off, if it is time.
func (d *delivery) save(ctx context.Context, now bool) error {
	if len(d.unsaved) == 0 || !now && time.Now().Before(d.saveAt) {
		return nil
	}
	keeper, checks := d.target.(Checkpointer)
	if !checks {
		for p := range d.unsaved {
			return d.keep(p, p.cursor) // and all others
		}
	}
	for p := range d.unsaved {
		if err := d.checkpoint(ctx, keeper, p, p.cursor); err != nil {
			return err
		}
		delete(d.unsaved, p)
	}
	d.saved()
	return nil
}

// checkpoint tells a target that keeps its cursors itself where it is.
func (d *delivery) checkpoint(ctx context.Context, keeper Checkpointer, p *place, cursor int64) error {
	return d.call(ctx, "SetCheckpoint", func(ctx context.Context) error {
		return keeper.SetCheckpoint(ctx, d.identity, p.ID, cursor)
	}, nil)
}

// of is the log that the cursors are of.
func (s *state) of() Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.begun
}

// lost reports whether something of the state is lost to damage.
func (s *state) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.damaged
}

// start notes where a target begins that was never seen before. An instance that
// is made later is delivered whole.
func (s *state) start(log *firn.Log, identity Identity, spec *Spec) error {
	s.mu.Lock()
	begun := s.begun != nil
	s.mu.Unlock()
	if begun {
		return nil
	}
	cursors := map[string]int64{}
	for _, h := range log.Heads() {
		switch {
		case spec.Start.Beginning:
		case spec.Start.After != 0:
			cursors[h.Instance.ID] = min(spec.Start.After, h.Last)
		default:
			cursors[h.Instance.ID] = h.Last
		}
	}
	return s.commit(record{Begun: &identity, Type: spec.Kind.Name, Cursors: cursors}, nil)
}

// From is where a target is to go on: the beginning of what the log has, the
// events that come from now on, or, with neither, those behind the position After.
type From struct {
	Beginning, Now bool
	After          int64
}

// replay moves the cursors of instances where an operator wants them. A cursor
// beyond an instance's end is an error, and nothing is changed.
func (s *state) replay(heads []firn.Head, identity Identity, from From) error {
	set := map[string]int64{}
	for _, h := range heads {
		switch {
		case from.Beginning:
			set[h.Instance.ID] = 0
		case from.Now:
			set[h.Instance.ID] = h.Last
		case from.After < 0 || from.After > h.Last && len(heads) == 1:
			return fmt.Errorf("%w: position %d is beyond instance %s, whose last position is %d", firn.ErrInvalid, from.After, h.Instance.Name, h.Last)
		default:
			set[h.Instance.ID] = min(from.After, h.Last)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.commitLocked(record{Begun: &identity, Set: set}, nil); err != nil || !s.damaged {
		return err
	}
	s.damaged = false
	return s.rewrite()
}
