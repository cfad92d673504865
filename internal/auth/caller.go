package auth

import (
	"context"
	"slices"
	"time"
)

// Caller is who asks. What a caller may do is looked up each time it is asked,
// so it ends with its key. The zero Caller may do nothing.
type Caller struct {
	gate *Gate
	// id is the key's; empty: without a key, which is enough while the log is
	// open and for the owner of the machine.
	id    string
	owner bool
}

// Owner is the caller who holds the machine: the administration socket and the
// opened directory. It may do everything.
func Owner() Caller { return Caller{owner: true} }

// Actor names the caller in events: the key's id, empty where there is none.
func (c Caller) Actor() string { return c.id }

// Key is the caller's key as it is now, nil where the caller has none.
func (c Caller) Key() *Key {
	if c.gate == nil || c.id == "" {
		return nil
	}
	return c.gate.keys.Ring().find(c.id)
}

// grant is what a caller may do at a moment.
type grant struct {
	permissions Set
	instances   []string // none = every one
	expires     time.Time
}

// in is what the caller may do by a keyring, or ErrEnded.
func (c Caller) in(r *Keyring) (grant, error) {
	switch {
	case c.owner:
		return grant{permissions: All()}, nil
	case c.id == "":
		if !r.Open() {
			return grant{}, ErrEnded
		}
		return grant{permissions: All()}, nil
	}
	k := r.find(c.id)
	if k == nil || !k.usable(c.gate.keys.now()) {
		return grant{}, ErrEnded
	}
	return grant{permissions: k.Permissions, instances: k.Instances, expires: k.ExpiresAt}, nil
}

func (c Caller) now() (grant, error) {
	if c.owner {
		return c.in(nil)
	}
	if c.gate == nil {
		return grant{}, ErrEnded
	}
	return c.in(c.gate.keys.Ring())
}

// Valid is ErrEnded when what the caller came in with holds no more.
func (c Caller) Valid() error {
	_, err := c.now()
	return err
}

// May reports whether the caller has a permission. It asks only; Admit decides.
func (c Caller) May(p Permission) bool {
	g, err := c.now()
	return err == nil && g.permissions.Has(p)
}

// Sees reports whether an instance, given by its id, is there for the caller.
// One that is not must be answered as if it did not exist.
func (c Caller) Sees(instanceID string) bool {
	g, err := c.now()
	return err == nil && (len(g.instances) == 0 || slices.Contains(g.instances, instanceID))
}

// Everywhere reports whether every instance is there for the caller, those to
// come too: only such a caller can make instances.
func (c Caller) Everywhere() bool {
	g, err := c.now()
	return err == nil && len(g.instances) == 0
}

// seesKey reports whether the caller may see and revoke a key: one that reaches
// no further than its own.
func (c Caller) seesKey(k *Key) bool {
	g, err := c.now()
	return err == nil && k.within(g.instances)
}

// lacks are those of some permissions that the caller has not got.
func (c Caller) lacks(some Set) Set {
	g, _ := c.now() // who has ended has none
	return some.Without(g.permissions)
}

// mayGrant refuses a key that could do more than the caller.
func (c Caller) mayGrant(n *NewKey) error {
	g, err := c.now()
	if err != nil {
		return err
	}
	if !c.owner && c.id == "" {
		return ErrFirstKey
	}
	if !g.permissions.Has(KeysManage) {
		return &DeniedError{KeysManage}
	}
	if lacks := n.Permissions.Without(g.permissions); lacks != 0 {
		return &GrantError{Permissions: lacks.Names()}
	}
	if !(&Key{Instances: n.Instances}).within(g.instances) {
		return &GrantError{Instances: true}
	}
	if !g.expires.IsZero() && (n.ExpiresAt.IsZero() || n.ExpiresAt.After(g.expires)) {
		return &GrantError{Expiry: true}
	}
	return nil
}

// Until is ctx that ends, with the cause ErrEnded, when what the caller came in
// with holds no more: what long answers and connections run under. The cancel
// function must be called.
func (c Caller) Until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	switch {
	case c.owner:
		return ctx, func() { cancel(context.Canceled) }
	case c.gate == nil:
		cancel(ErrEnded)
		return ctx, func() {}
	}
	w := &watch{caller: c, cancel: cancel}
	keys := c.gate.keys
	keys.watches.add(w) // before it looks, so that no change is missed
	w.look(keys.Ring())
	return ctx, w.end
}

type callerKey struct{}

// callerContext is a context that holds a caller.
type callerContext struct {
	context.Context
	caller Caller
}

func (c *callerContext) Value(key any) any {
	if _, asked := key.(callerKey); asked {
		return &c.caller
	}
	return c.Context.Value(key)
}

// WithCaller puts the caller into a context, where doors find it.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return &callerContext{Context: ctx, caller: c}
}

// CallerOf is the caller in a context: one who may do nothing where there is
// none.
func CallerOf(ctx context.Context) Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return *c
	}
	return Caller{}
}
