package store

import (
	"context"
	"crypto/rand"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"slices"
	"strings"

	"github.com/firnlog/firn/event"
)

// CreateInstance makes an instance. ErrExists if the name is taken.
func (l *Log) CreateInstance(ctx context.Context, want Instance) (Instance, error) {
	var made *instance
	err := l.submit(ctx, opFunc(func(s *sequencer) (*entry, error) {
		in, err := s.newInstance(want)
		if err != nil {
			return nil, err
		}
		e := &entry{}
		s.create(e, in, actorOf(ctx))
		made = in
		return e, nil
	}))
	if err != nil {
		return Instance{}, err
	}
	return made.info(), nil
}

// newInstance makes an instance that is not decided on yet.
func (s *sequencer) newInstance(want Instance) (*instance, error) {
	if err := checkName(want.Name); err != nil {
		return nil, err
	}
	if _, err := parseUUID(want.Name); err == nil {
		return nil, fmt.Errorf("%w: %q is an id, not a name for an instance", ErrInvalid, want.Name)
	}
	if want.Validation == "" {
		want.Validation = ValidationWarn
	}
	if err := checkSettings(&want); err != nil {
		return nil, err
	}
	if s.byName[want.Name] != nil {
		return nil, fmt.Errorf("instance %q: %w", want.Name, ErrExists)
	}
	now := s.log.now()
	u := newUUID(now)
	want.ID, want.CreatedAt, want.UpdatedAt = u.String(), now, now
	var key [16]byte
	rand.Read(key[:])
	return newInstance(newIdentity(u, key), want), nil
}

// create decides on a new instance and adds its record to e.
func (s *sequencer) create(e *entry, in *instance, actor string) {
	s.byID[in.uuid], s.byName[in.meta.Name] = in, in
	s.touched[in] = struct{}{}
	e.control, e.made = &control{Created: recordOf(&in.identity, in.meta)}, in
	if in.meta.Name != SystemInstance {
		s.record(e, typeInstanceCreated, event.Info, actor, in.meta.ID, settingsOf(in.meta))
	}
}

// settingsOf is an instance as the payload of its events.
func settingsOf(m Instance) map[string]any {
	return map[string]any{"name": m.Name, "description": m.Description, "retention_days": m.RetentionDays, "validation": m.Validation}
}

// record adds one of the log's own events to an entry.
func (s *sequencer) record(e *entry, eventType string, severity event.Severity, actor, subject string, payload any) {
	text, err := json.Marshal(payload, json.Deterministic(true))
	if err != nil {
		panic("store: own event: " + err.Error()) // its types can always be written
	}
	d := event.Draft{EventType: eventType, Severity: severity, Payload: jsontext.Value(text)}
	if actor != "" {
		d.Actor = &actor
	}
	if subject != "" {
		d.Subject = &subject
	}
	s.stamp(e, s.byName[SystemInstance], encodeBatch([]event.Draft{d}))
}

func checkSettings(m *Instance) error {
	const maxDescription, maxRetention = 4096, 100_000
	switch m.Validation {
	case ValidationOff, ValidationWarn, ValidationEnforce:
	default:
		return fmt.Errorf("%w: validation %q is not one of off, warn, enforce", ErrInvalid, m.Validation)
	}
	if m.RetentionDays < 0 || m.RetentionDays > maxRetention {
		return fmt.Errorf("%w: retention_days is %d; it is 0 (for ever) to %d", ErrInvalid, m.RetentionDays, maxRetention)
	}
	if len(m.Description) > maxDescription {
		return fmt.Errorf("%w: a description of %d bytes; it has at most %d", ErrInvalid, len(m.Description), maxDescription)
	}
	return nil
}

// Instances lists all instances by name.
func (l *Log) Instances() []Instance {
	l.mu.RLock()
	all := make([]*instance, 0, len(l.byID))
	for _, in := range l.byID {
		all = append(all, in)
	}
	l.mu.RUnlock()
	out := make([]Instance, len(all))
	for i, in := range all {
		out[i] = in.info()
	}
	slices.SortFunc(out, func(a, b Instance) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Instance finds an instance by id, else by name.
func (l *Log) Instance(idOrName string) (Instance, error) {
	in, err := l.instance(idOrName)
	if err != nil {
		return Instance{}, err
	}
	return in.info(), nil
}

// instance finds an instance by id, else by name.
func (l *Log) instance(idOrName string) (*instance, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if u, err := parseUUID(idOrName); err == nil {
		if in := l.byID[u]; in != nil {
			return in, nil
		}
	}
	if in := l.byName[idOrName]; in != nil {
		return in, nil
	}
	return nil, fmt.Errorf("instance %q: %w", idOrName, ErrNotFound)
}

// UpdateInstance changes an instance's name, description or settings.
func (l *Log) UpdateInstance(ctx context.Context, idOrName string, u InstanceUpdate) (Instance, error) {
	var to Instance
	err := l.submit(ctx, opFunc(func(s *sequencer) (*entry, error) {
		in, err := s.resolve(idOrName)
		if err != nil {
			return nil, err
		}
		from := in.planned
		if to, err = s.updated(in, u); err != nil || to == from {
			return nil, err
		}
		to.UpdatedAt = s.log.now()
		e := &entry{control: &control{Updated: recordOf(&in.identity, to)}}
		s.update(e, in, from, to, actorOf(ctx))
		return e, nil
	}))
	if err != nil {
		return Instance{}, err // where nobody waited, the sequencer may be at it still
	}
	return to, nil
}

// updated is what an update makes of an instance.
func (s *sequencer) updated(in *instance, u InstanceUpdate) (Instance, error) {
	to := in.planned
	if u.Name != nil && *u.Name != to.Name {
		if err := checkName(*u.Name); err != nil {
			return to, err
		}
		if in == s.byName[SystemInstance] {
			return to, fmt.Errorf("%w: the instance %q keeps its name", ErrInvalid, SystemInstance)
		}
		if s.byName[*u.Name] != nil {
			return to, fmt.Errorf("instance %q: %w", *u.Name, ErrExists)
		}
		to.Name = *u.Name
	}
	if u.Description != nil {
		to.Description = *u.Description
	}
	if u.RetentionDays != nil {
		to.RetentionDays = *u.RetentionDays
	}
	if u.Validation != nil {
		to.Validation = *u.Validation
	}
	return to, checkSettings(&to)
}

// update decides on a change of an instance and adds its events to e.
func (s *sequencer) update(e *entry, in *instance, from, to Instance, actor string) {
	delete(s.byName, from.Name)
	s.byName[to.Name] = in
	s.touched[in] = struct{}{}
	in.planned = to
	s.record(e, typeInstanceUpdated, event.Info, actor, to.ID, settingsOf(to))
	overruled := in == s.byName[SystemInstance] && s.log.opts.SystemRetention != nil
	if from.RetentionDays != to.RetentionDays && !overruled {
		s.record(e, typeRetentionChanged, event.Warning, actor, to.ID, map[string]any{"instance": to.Name, "from": from.RetentionDays, "to": to.RetentionDays})
	}
}

// DeleteInstance removes an instance and all its events, and frees the disk.
func (l *Log) DeleteInstance(ctx context.Context, idOrName string) error {
	var gone *instance
	decide := opFunc(func(s *sequencer) (*entry, error) {
		in, err := s.resolve(idOrName)
		if err != nil {
			return nil, err
		}
		if in == s.byName[SystemInstance] {
			return nil, fmt.Errorf("%w: the instance %q cannot be deleted", ErrInvalid, SystemInstance)
		}
		e := &entry{control: &control{Deleted: in.id}}
		delete(s.byID, in.uuid)
		delete(s.byName, in.planned.Name)
		s.touched[in] = struct{}{}
		s.record(e, typeInstanceDeleted, event.Warning, actorOf(ctx), in.id, map[string]any{"name": in.planned.Name})
		gone = in
		return e, nil
	})
	if err := l.makingRoom(true, func() error { return l.submit(ctx, decide) }); err != nil {
		return err
	}
	return l.discard(ctx, gone)
}

type actorKey struct{}

// WithActor names who asks: the actor of the events that the log records about
// what is done with ctx.
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

func actorOf(ctx context.Context) string {
	actor, _ := ctx.Value(actorKey{}).(string)
	return actor
}
