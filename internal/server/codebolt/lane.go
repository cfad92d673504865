package codebolt

import (
	"context"
	"errors"
	"sync"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
)

// Appends that arrive while one is being written are stored as one batch with
// the next, up to so many requests and bytes: a client that does not wait for
// answers keeps its order and does not pay for a sync per event.
const (
	groupRequests = 1_000
	groupBytes    = 8 << 20
)

// lane runs the operations of a connection that change something, in the order
// of their arrival, until c.writes is closed. What has arrived is done, also
// where its client has gone.
func (c *conn) lane(ctx context.Context) {
	var group []*request
	held := int64(0)
	flush := func() {
		if len(group) == 0 {
			return
		}
		c.guard(group, func() { c.appendGroup(ctx, c.stillAdmitted(group)) })
		group, held = nil, 0
	}
	for r := range c.writes {
		for more := true; more; {
			if r.batch == nil {
				flush()
				for _, r := range c.stillAdmitted([]*request{r}) {
					c.run(ctx, r)
				}
			} else {
				group, held = append(group, r), held+r.held
			}
			if len(group) >= groupRequests || held >= groupBytes {
				break
			}
			select {
			case r, more = <-c.writes:
			default:
				more = false
			}
		}
		flush()
	}
}

// stillAdmitted fails requests whose caller has lost the key while they waited.
func (c *conn) stillAdmitted(requests []*request) []*request {
	err := c.caller.Valid()
	if err == nil {
		return requests
	}
	for _, r := range requests {
		c.fail(r, err)
	}
	return nil
}

// appendGroup stores appends: those for one instance as one batch, those for
// several beside each other.
func (c *conn) appendGroup(ctx context.Context, group []*request) {
	byInstance := map[string][]*request{}
	var missing []*request
	for _, r := range group {
		in, err := c.instance(r.batch.instance)
		switch {
		case err == nil:
			byInstance[in.ID] = append(byInstance[in.ID], r)
		case errors.Is(err, firn.ErrNotFound):
			missing = append(missing, r) // perhaps one creates it
		default:
			c.fail(r, err)
		}
	}
	var parts sync.WaitGroup
	defer parts.Wait()
	for id, requests := range byInstance {
		if len(byInstance) == 1 {
			c.appendTogether(ctx, id, requests)
			break
		}
		parts.Go(func() { c.guard(requests, func() { c.appendTogether(ctx, id, requests) }) })
	}
	for _, r := range missing {
		c.appendAlone(ctx, r)
	}
}

// appendTogether stores appends for one instance as one batch. Where one of
// them is refused, each is tried on its own, in order: each is atomic, and no
// fault is of another.
func (c *conn) appendTogether(ctx context.Context, instanceID string, requests []*request) {
	if len(requests) == 1 {
		c.appendAlone(ctx, requests[0])
		return
	}
	n := 0
	for _, r := range requests {
		n += len(r.batch.events)
	}
	if n > c.door.opts.Limits.BatchEvents {
		for _, r := range requests {
			c.appendAlone(ctx, r)
		}
		return
	}
	all := make([]event.Draft, 0, n)
	for _, r := range requests {
		all = append(all, r.batch.events...)
	}
	var faults []firn.Fault
	receipts, err := c.door.log.Append(ctx, firn.AppendRequest{Instance: instanceID, Events: all, Checked: true, Warn: func(told []firn.Fault) { faults = told }})
	if refusesOne(err) {
		for _, r := range requests {
			c.appendAlone(ctx, r)
		}
		return
	}
	first := 0
	for _, r := range requests {
		if err != nil {
			c.fail(r, err)
			continue
		}
		n := len(r.batch.events)
		c.succeed(r, r.batch.stored(receipts[first:first+n:first+n], instanceID, among(faults, first, n)))
		first += n
	}
}

// refusesOne reports whether an error is of one event, and nothing was stored.
func refusesOne(err error) bool {
	var invalid *event.InvalidError
	var conflict *firn.IDConflictError
	var refused *firn.PayloadError
	return errors.As(err, &invalid) || errors.As(err, &conflict) || errors.As(err, &refused) || errors.Is(err, firn.ErrInvalid)
}

func (c *conn) appendAlone(ctx context.Context, r *request) {
	b := r.batch
	in, err := c.instance(b.instance)
	create := errors.Is(err, firn.ErrNotFound) && b.autoCreate
	if create {
		err = c.mayCreate(ctx, r)
	}
	if err != nil {
		c.fail(r, err)
		return
	}
	target := in.ID
	if create {
		target = b.instance
	}
	var faults []firn.Fault
	receipts, err := c.door.log.Append(ctx, firn.AppendRequest{Instance: target, Events: b.events, AutoCreate: create, Checked: true, Warn: func(told []firn.Fault) { faults = told }})
	if err == nil && create {
		in, err = c.door.log.Instance(target)
	}
	if conflict, ok := errors.AsType[*firn.IDConflictError](err); ok && b.single {
		err = invalid("id", "%.200q is held by an event with other content", conflict.ID)
	}
	if refused, ok := errors.AsType[*firn.PayloadError](err); ok && b.single {
		err = invalid(refused.Faults[0].Path, "%s", refused.Faults[0].Message)
	}
	if err != nil {
		c.fail(r, err)
		return
	}
	c.succeed(r, b.stored(receipts, in.ID, faults))
}

// mayCreate refuses callers who cannot make instances.
func (c *conn) mayCreate(ctx context.Context, r *request) error {
	if err := c.caller.Admit(ctx, auth.InstancesManage, r.endpoint()); err != nil {
		return err
	}
	if !c.caller.Everywhere() {
		return c.caller.Deny(ctx, auth.InstancesManage, r.endpoint())
	}
	return nil
}
