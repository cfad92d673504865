package codebolt

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/auth"
)

// operation is one of the nine.
type operation struct {
	// permission is what the caller must hold (docs/access.md), for the instance that
	// the operation names.
	permission auth.Permission
	// ordered operations change something. Those of a connection run in the
	// order of their arrival, the others beside them.
	ordered bool
	// run does it and returns what writes the answer's data. Appends have none:
	// they are done in groups.
	run    func(ctx context.Context, c *conn, r *request) (func(*writer) error, error)
	single bool // it appends one event, not a list
}

var operations = map[string]*operation{
	"eventLog.createInstance":   {permission: auth.InstancesManage, ordered: true, run: createInstance},
	"eventLog.getInstance":      {permission: auth.EventsRead, run: getInstance},
	"eventLog.listInstances":    {permission: auth.EventsRead, run: listInstances},
	"eventLog.updateInstance":   {permission: auth.InstancesManage, ordered: true, run: updateInstance},
	"eventLog.deleteInstance":   {permission: auth.InstancesManage, ordered: true, run: deleteInstance},
	"eventLog.appendEvent":      {permission: auth.EventsAppend, ordered: true, single: true},
	"eventLog.appendEvents":     {permission: auth.EventsAppend, ordered: true},
	"eventLog.queryEvents":      {permission: auth.EventsRead, run: queryEvents},
	"eventLog.getInstanceStats": {permission: auth.EventsRead, run: getInstanceStats},
}

var operationNames = strings.Join(slices.Sorted(maps.Keys(operations)), ", ")

// instance finds an instance by id, else by name. One that the caller must not
// see is not there.
func (c *conn) instance(idOrName string) (firn.Instance, error) {
	in, err := c.door.log.Instance(idOrName)
	if err == nil && !c.caller.Sees(in.ID) {
		return firn.Instance{}, fmt.Errorf("instance %.200q: %w", idOrName, firn.ErrNotFound)
	}
	return in, err
}

// ofInstance are the params of the operations that name an instance only.
type ofInstance struct {
	InstanceID *string `json:"instanceId"`
}

func (c *conn) instanceOf(r *request) (firn.Instance, error) {
	var p ofInstance
	if err := decode(r.params, &p); err != nil {
		return firn.Instance{}, err
	}
	if p.InstanceID == nil {
		return firn.Instance{}, noInstance()
	}
	return c.instance(*p.InstanceID)
}

func noInstance() error {
	return invalid("instanceId", "is missing; give the id or the name of an instance")
}

func createInstance(ctx context.Context, c *conn, r *request) (func(*writer) error, error) {
	var p struct {
		Name        *string `json:"name"`
		Description *string `json:"description"`
	}
	if err := decode(r.params, &p); err != nil {
		return nil, err
	}
	if p.Name == nil {
		return nil, invalid("name", "is missing; an instance needs a name")
	}
	if !c.caller.Everywhere() { // it would not see what it made
		return nil, c.caller.Deny(ctx, auth.InstancesManage, r.endpoint())
	}
	want := firn.Instance{Name: *p.Name}
	if p.Description != nil {
		want.Description = *p.Description
	}
	made, err := c.door.log.CreateInstance(ctx, want)
	return writeInstance(made), err
}

func writeInstance(in firn.Instance) func(*writer) error {
	return func(w *writer) error {
		w.raw(`{"instance":`)
		w.instance(in)
		w.raw("}")
		return nil
	}
}

func getInstance(_ context.Context, c *conn, r *request) (func(*writer) error, error) {
	in, err := c.instanceOf(r)
	return writeInstance(in), err
}

func listInstances(_ context.Context, c *conn, r *request) (func(*writer) error, error) {
	if err := decode(r.params, &struct{}{}); err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(slices.Clone(c.door.log.Instances()), func(in firn.Instance) bool { return !c.caller.Sees(in.ID) })
	return func(w *writer) error {
		w.raw(`{"instances":[`)
		for i, in := range all {
			if err := w.room(); err != nil {
				return err
			}
			if i > 0 {
				w.raw(",")
			}
			w.instance(in)
		}
		w.raw("]}")
		return nil
	}, nil
}

func updateInstance(ctx context.Context, c *conn, r *request) (func(*writer) error, error) {
	var p struct {
		InstanceID  *string `json:"instanceId"`
		Name        *string `json:"name"`
		Description *string `json:"description"`
	}
	if err := decode(r.params, &p); err != nil {
		return nil, err
	}
	if p.InstanceID == nil {
		return nil, noInstance()
	}
	in, err := c.instance(*p.InstanceID)
	if err != nil {
		return nil, err
	}
	changed, err := c.door.log.UpdateInstance(ctx, in.ID, firn.InstanceUpdate{Name: p.Name, Description: p.Description})
	return writeInstance(changed), err
}

// deleteInstance answers with the instance as it was.
func deleteInstance(ctx context.Context, c *conn, r *request) (func(*writer) error, error) {
	in, err := c.instanceOf(r)
	if err != nil {
		return nil, err
	}
	return writeInstance(in), c.door.log.DeleteInstance(ctx, in.ID)
}

func getInstanceStats(ctx context.Context, c *conn, r *request) (func(*writer) error, error) {
	in, err := c.instanceOf(r)
	if err != nil {
		return nil, err
	}
	stats, err := c.door.log.InstanceStats(ctx, in.ID)
	return func(w *writer) error {
		w.raw(`{"instanceId":`)
		w.text(in.ID)
		w.raw(`,"name":`)
		w.text(in.Name)
		w.raw(`,"eventCount":`)
		w.integer(stats.Events)
		w.raw(`,"createdAt":`)
		w.instant(in.CreatedAt)
		w.raw(`,"updatedAt":`)
		w.instant(in.UpdatedAt)
		w.raw("}")
		return nil
	}, err
}
