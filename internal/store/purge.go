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
	if l.isClosed() {
		return 0, ErrClosed
	}
	in, err := l.instance(instance)
	if err != nil {
		return 0, err
	}
	what := query.And{}
	if where != nil {
		what = append(what, where)
	}
	if l.isSystem(in) {
		what = append(what, unprotected())
	}
	if dryRun {
		return l.count(ctx, in, what)
	}
	in.maintenance.Lock()
	defer in.maintenance.Unlock()
	upTo := in.current().last
	what = append(what, query.Is(query.Field{Root: query.Position, Name: "position"}, query.Lte, query.IntValue(upTo)))
	n, err := l.count(ctx, in, what)
	if err != nil {
		return 0, err
	}
	filter := any(map[string]any{})
	if where != nil {
		filter = jsontext.Value(where.String())
	}
	err = l.remove(ctx, in, what, typePurged, map[string]any{"instance": in.info().Name, "where": filter, "removed": n})
	return n, err
}

func (l *Log) isSystem(in *instance) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.byName[SystemInstance] == in
}

// count is how many events of an instance match.
func (l *Log) count(ctx context.Context, in *instance, where query.Condition) (int64, error) {
	v, release, err := in.acquire()
	if err != nil {
		return 0, err
	}
	defer release()
	n, err := exec.Count(ctx, where, in.snapshot(v))
	return n, queryError(ctx, err)
}

// remove decides on a removal, records it with its event in system, and carries
// it out; maintenance is held.
func (l *Log) remove(ctx context.Context, in *instance, where query.Condition, eventType string, payload map[string]any) error {
	r := removal{ID: newUUID(l.now()).String(), Instance: in.id, Where: spell(where)}
	actor := actorOf(ctx)
	err := l.submit(ctx, opFunc(func(s *sequencer) (*entry, error) {
		if s.byID[in.uuid] != in {
			return nil, fmt.Errorf("instance %q: %w", in.planned.Name, ErrNotFound)
		}
		e := &entry{control: &control{Removal: &r}}
		s.record(e, eventType, event.Warning, actor, in.id, payload)
		return e, nil
	}))
	if err != nil {
		return err
	}
	if err := l.carryOut(ctx, in, r); err != nil {
		l.kick()
		return fmt.Errorf("the removal is recorded and will be carried out later: %w", err)
	}
	return l.freeWAL()
}

// discard frees what a deleted instance takes on the disk.
func (l *Log) discard(in *instance) error {
	in.maintenance.Lock()
	defer in.maintenance.Unlock()
	if err := l.commit(&edit{}); err != nil {
		return err
	}
	v := in.current()
	for _, s := range v.version.segments {
		s.gone.Store(true)
	}
	for _, r := range v.version.runs {
		r.gone.Store(true)
	}
	rows, bytes := v.headRows(), v.headBytes()
	in.replace(newVersion(), func(v *view) { v.closed, v.open = nil, chunkView{} })
	l.roomMade(int64(rows), bytes)
	if err := l.removeInstance(in); err != nil {
		return err
	}
	return l.freeWAL()
}
