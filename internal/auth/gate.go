package auth

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
)

// Gate decides for every door: who a caller is, and whether an operation is
// admitted. Its methods may be called by many goroutines at once.
type Gate struct {
	keys    *Keys
	record  func(context.Context, event.Draft) error
	report  func(error)
	rates   *limiter[string]     // by key id; nil = none
	signIns *limiter[netip.Addr] // failed ones
	denials denials
}

// GateOptions configures a Gate. The zero value is the default.
type GateOptions struct {
	// Rate is how many operations a second a key may make, with as many at once;
	// 0 = any number.
	Rate float64
	// SignIns is how many wrong keys an address may try at once, and a minute;
	// beyond them it is told to wait. Default 10.
	SignIns int
	// Record stores an event of Firn's own in the instance system. Default:
	// denials are not recorded.
	Record func(context.Context, event.Draft) error
	// Report is told when a denial could not be recorded. Default: nobody is.
	Report func(error)
}

const (
	// signInBurst is the default of GateOptions.SignIns.
	signInBurst = 10
	// trackedMost bounds the addresses and keys that limits are kept for.
	trackedMost = 10_000
	// collectEvery is how often what is left of floods is looked for.
	collectEvery = 10 * time.Second
)

// NewGate makes the gate of some keys.
func NewGate(keys *Keys, opts GateOptions) *Gate {
	g := &Gate{keys: keys, record: opts.Record, report: opts.Report}
	g.denials.byKey = map[string]*flood{}
	if opts.SignIns <= 0 {
		opts.SignIns = signInBurst
	}
	g.signIns = newLimiter[netip.Addr](float64(opts.SignIns)/time.Minute.Seconds(), float64(opts.SignIns), trackedMost)
	if opts.Rate > 0 {
		g.rates = newLimiter[string](opts.Rate, max(1, opts.Rate), trackedMost)
	}
	if g.record == nil {
		g.record = func(context.Context, event.Draft) error { return nil }
	}
	if g.report == nil {
		g.report = func(error) {}
	}
	return g
}

// Keys are the keys that the gate goes by.
func (g *Gate) Keys() *Keys { return g.keys }

// Anonymous is the caller who gave no key: let in while the log is open, else
// ErrNoKey.
func (g *Gate) Anonymous() (Caller, error) {
	if !g.keys.Ring().Open() {
		return Caller{}, ErrNoKey
	}
	return Caller{gate: g}, nil
}

// Authenticate finds the caller of a secret. A wrong one is ErrWrongKey, also
// while the log is open; beyond 10 a minute from an address *RateError. A right
// one is never held up by the wrong ones of others at the same address.
func (g *Gate) Authenticate(secret string, from netip.Addr) (Caller, error) {
	now := g.keys.now()
	k := g.keys.Ring().lookUp(secret)
	if k == nil || !k.usable(now) {
		if again, ok := g.signIns.take(network(from), now); !ok {
			return Caller{}, &RateError{Again: again, SignIn: true}
		}
		return Caller{}, ErrWrongKey
	}
	k.used.Store(now.UnixMilli())
	return Caller{gate: g, id: k.ID}, nil
}

// Resume is the caller of a key that has authenticated before, by its id:
// ErrEnded where that holds no more.
func (g *Gate) Resume(id string) (Caller, error) {
	c := Caller{gate: g, id: id}
	if id == "" {
		return Caller{}, ErrEnded
	}
	if err := c.Valid(); err != nil {
		return Caller{}, err
	}
	c.Key().used.Store(g.keys.now().UnixMilli())
	return c, nil
}

// network is what one party has of addresses: one of IPv4, a /64 of IPv6.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, err := a.Prefix(64)
		if err == nil {
			return p.Addr()
		}
	}
	return a
}

// Admit decides on one operation: nil, or ErrEnded, *RateError, *DeniedError
// (which is recorded, with endpoint as its subject). An empty permission asks
// for a caller only. Doors call it for every request and every frame.
func (c Caller) Admit(ctx context.Context, p Permission, endpoint string) error {
	g, err := c.now()
	if err != nil {
		return err
	}
	if c.id != "" && c.gate.rates != nil {
		if again, ok := c.gate.rates.take(c.id, c.gate.keys.now()); !ok {
			return &RateError{Again: again}
		}
	}
	if p == "" || admitEverything || g.permissions.Has(p) {
		return nil
	}
	return c.Deny(ctx, p, endpoint)
}

// Deny records that the caller lacks a permission, and is the error that says
// so.
func (c Caller) Deny(ctx context.Context, p Permission, endpoint string) error {
	if c.gate != nil && c.id != "" {
		endpoint = strings.ToValidUTF8(endpoint[:min(len(endpoint), maxEndpoint)], "?")
		c.gate.tell(ctx, c.gate.denials.add(denial{key: c.id, permission: p, endpoint: endpoint}, c.gate.keys.now()))
	}
	return &DeniedError{p}
}

// tell records, also when the caller who was denied does not wait for it.
func (g *Gate) tell(ctx context.Context, drafts []event.Draft) {
	ctx = context.WithoutCancel(ctx)
	for _, d := range drafts {
		if err := g.record(ctx, d); err != nil {
			g.report(err)
		}
	}
}

// Run looks after what no request does until ctx ends: it ends open connections
// as soon as their key is revoked, and records what floods of denials have left.
func (g *Gate) Run(ctx context.Context) {
	ticker := time.NewTicker(collectEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			g.tell(ctx, g.denials.collect(g.keys.now(), true))
			return
		case <-ticker.C:
			g.tell(ctx, g.denials.collect(g.keys.now(), false))
		case <-g.keys.Ring().stale:
		}
	}
}
