package store

import (
	"context"
	"encoding/json/jsontext"
	"fmt"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/query"
)

// Purge deletes the events that match where (nil = every event) and records it;
// with dryRun it only counts them. The protected types of system stay.
func (l *Log) Purge(ctx context.Context, instance string, where query.Condition, dryRun bool) (int64, error) {
	p, err := l.preparePurge(instance, where)
	if err != nil {
		return 0, err
	}
	if dryRun {
		return l.count(ctx, p.in, p.where)
	}
	p.in.maintenance.Lock()
	defer p.in.maintenance.Unlock()
	if err := p.decide(ctx, l, p.in.id); err != nil {
		return p.count, err
	}
	return p.count, l.finish(ctx, p.in, p.removal)
}

// BeginPurge is Purge that returns once it is decided and recorded, under an id
// that is the subject of the record; it is carried out in the background, after a
// crash too.
func (l *Log) BeginPurge(ctx context.Context, instance string, where query.Condition) (id string, err error) {
	p, err := l.preparePurge(instance, where)
	if err != nil {
		return "", err
	}
	p.in.maintenance.Lock()
	defer p.in.maintenance.Unlock()
	if err := p.decide(ctx, l, p.removal.ID); err != nil {
		return "", err
	}
	l.kick()
	return p.removal.ID, nil
}

// purge is a purge on its way.
type purge struct {
	in      *instance
	given   query.Condition // by the caller, nil = every event
	where   query.And       // without what is protected
	removal removal
	count   int64
}

func (l *Log) preparePurge(instance string, where query.Condition) (*purge, error) {
	if l.isClosed() {
		return nil, ErrClosed
	}
	in, err := l.instance(instance)
	if err != nil {
		return nil, err
	}
	p := &purge{in: in, given: where, where: query.And{}}
	if where != nil {
		p.where = append(p.where, where)
	}
	if l.isSystem(in) {
		p.where = append(p.where, unprotected())
	}
	p.removal = l.newRemoval(in)
	return p, nil
}

// decide counts what there is now to purge and decides on it; maintenance is
// held.
func (p *purge) decide(ctx context.Context, l *Log, subject string) (err error) {
	upTo := query.Is(query.Field{Root: query.Position, Name: "position"}, query.Lte, query.IntValue(p.in.current().last))
	what := append(p.where, upTo)
	if p.count, err = l.countLocked(ctx, p.in, what); err != nil {
		return err
	}
	filter := any(map[string]any{})
	if p.given != nil {
		filter = jsontext.Value(p.given.String())
	}
	p.removal.Where = spell(what)
	return l.decide(ctx, p.in, p.removal, typePurged, subject, map[string]any{"instance": p.in.info().Name, "where": filter, "removed": p.count})
}

func (l *Log) isSystem(in *instance) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.byName[SystemInstance] == in
}

// count is how many events of an instance match.
func (l *Log) count(ctx context.Context, in *instance, where query.Condition) (n int64, err error) {
	err = l.tryAgain(in, func() (err error) {
		n, err = l.countOnce(ctx, in, where)
		return err
	})
	return n, err
}

// countLocked is count with maintenance held.
func (l *Log) countLocked(ctx context.Context, in *instance, where query.Condition) (n int64, err error) {
	for range mostMended {
		if n, err = l.countOnce(ctx, in, where); err == nil {
			return n, nil
		}
		var again bool
		if again, err = l.mendLocked(in, err); !again {
			break
		}
	}
	return n, err
}

func (l *Log) countOnce(ctx context.Context, in *instance, where query.Condition) (int64, error) {
	v, release, err := in.acquire()
	if err != nil {
		return 0, err
	}
	defer release()
	n, err := exec.Count(ctx, where, in.snapshot(v))
	return n, queryError(ctx, err)
}

func (l *Log) newRemoval(in *instance) removal {
	return removal{ID: newUUID(l.now()).String(), Instance: in.id}
}

// decide makes a removal happen: it is recorded, with its event in system.
func (l *Log) decide(ctx context.Context, in *instance, r removal, eventType, subject string, payload map[string]any) error {
	actor := actorOf(ctx)
	return l.makingRoom(true, func() error {
		return l.submit(ctx, opFunc(func(s *sequencer) (*entry, error) {
			if s.byID[in.uuid] != in {
				return nil, fmt.Errorf("instance %q: %w", in.planned.Name, ErrNotFound)
			}
			e := &entry{control: &control{Removal: &r}}
			s.record(e, eventType, event.Warning, actor, subject, payload)
			return e, nil
		}))
	})
}

// finish carries a removal out that was decided on; maintenance is held.
func (l *Log) finish(ctx context.Context, in *instance, r removal) error {
	if err := l.makingRoom(true, func() error { return l.carryOut(ctx, in, r) }); err != nil {
		l.kick()
		return fmt.Errorf("the removal is recorded and will be carried out later: %w", err)
	}
	return l.freeWAL(ctx)
}

// discard frees what a deleted instance takes on the disk.
func (l *Log) discard(ctx context.Context, in *instance) error {
	in.maintenance.Lock()
	defer in.maintenance.Unlock()
	if err := l.makingRoom(true, func() error { return l.commit(&edit{}) }); err != nil {
		return err
	}
	v := in.current()
	for _, s := range v.version.segments {
		s.gone.Store(true)
	}
	for _, r := range v.version.runs {
		r.gone.Store(true)
	}
	rows, bytes := v.headRows(), int64(0)
	v.chunks(func(c *chunkView) bool {
		bytes += c.memory + c.chunk.leave()
		return true
	})
	in.replace(newVersion(), func(v *view) { v.closed, v.open = nil, chunkView{} })
	l.roomMade(int64(rows), bytes)
	if err := l.removeInstance(in); err != nil {
		return err
	}
	return l.freeWAL(ctx)
}
