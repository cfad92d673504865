package auth

import (
	"encoding/binary"
	"encoding/json/v2"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
)

func TestFailedSignIns(t *testing.T) {
	f := newFixture(t, GateOptions{})
	_, secret := f.key(Owner(), NewKey{})
	evil := netip.MustParseAddr("203.0.113.7")
	for i := range signInBurst {
		if _, err := f.Authenticate(newSecret(), evil); !errors.Is(err, ErrWrongKey) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	var rate *RateError
	if _, err := f.Authenticate(newSecret(), evil); !errors.As(err, &rate) || !rate.SignIn || rate.Again <= 0 || rate.Again > 6*time.Second {
		t.Fatalf("the eleventh: %v", err)
	}
	if _, err := f.Authenticate(newSecret(), home); !errors.Is(err, ErrWrongKey) {
		t.Errorf("another address: %v", err)
	}
	if _, err := f.Authenticate(secret, evil); err != nil {
		t.Errorf("a right key from there: %v", err)
	}
	f.clock.advance(rate.Again)
	if _, err := f.Authenticate(newSecret(), evil); !errors.Is(err, ErrWrongKey) {
		t.Errorf("after %s: %v", rate.Again, err)
	}
	// A /64 is one party, mapped addresses are what they map.
	six := netip.MustParseAddr("2001:db8::1")
	for range signInBurst {
		_, _ = f.Authenticate(newSecret(), six)
	}
	if _, err := f.Authenticate(newSecret(), netip.MustParseAddr("2001:db8::2")); !errors.As(err, &rate) {
		t.Errorf("a neighbour's address: %v", err)
	}
	if network(netip.MustParseAddr("::ffff:203.0.113.7")) != evil {
		t.Error("a mapped address is another")
	}
}

// TestSignInsOption lets more of them be tried.
func TestSignInsOption(t *testing.T) {
	f := newFixture(t, GateOptions{SignIns: 12})
	evil := netip.MustParseAddr("203.0.113.7")
	for i := range 12 {
		if _, err := f.Authenticate(newSecret(), evil); !errors.Is(err, ErrWrongKey) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	var rate *RateError
	if _, err := f.Authenticate(newSecret(), evil); !errors.As(err, &rate) || rate.Again > 5*time.Second {
		t.Errorf("the thirteenth: %v", err)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := newLimiter[uint32](1, 2, 100)
	for i := range uint32(10_000) {
		l.take(i, now)
	}
	if len(l.buckets) > 100 {
		t.Fatalf("%d buckets", len(l.buckets))
	}
	if _, ok := l.take(0, now); !ok {
		t.Error("one who was there first is held up by the others")
	}
	if _, ok := l.take(5_000, now); ok {
		t.Error("what has no bucket of its own is not limited")
	}
	now = now.Add(time.Minute)
	if _, ok := l.take(20_000, now); !ok || len(l.buckets) != 1 {
		t.Errorf("full buckets are kept: %d", len(l.buckets))
	}
	if _, ok := l.take(20_000, now.Add(-time.Hour)); !ok {
		t.Error("a clock that goes back takes tokens away")
	}
}

func TestRateOfAKey(t *testing.T) {
	f := newFixture(t, GateOptions{Rate: 5})
	one, other := f.caller(NewKey{}), f.caller(NewKey{})
	for i := range 5 {
		if err := one.Admit(t.Context(), EventsRead, "/"); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	var rate *RateError
	if err := one.Admit(t.Context(), EventsRead, "/"); !errors.As(err, &rate) || rate.SignIn || rate.Again != 200*time.Millisecond {
		t.Errorf("the sixth: %v", err)
	}
	if err := other.Admit(t.Context(), EventsRead, "/"); err != nil {
		t.Errorf("another key: %v", err)
	}
	f.clock.advance(200 * time.Millisecond)
	if err := one.Admit(t.Context(), EventsRead, "/"); err != nil {
		t.Errorf("after 200 ms: %v", err)
	}
}

type denied struct {
	Required string `json:"required_permission"`
	User     string `json:"user_id"`
	Count    int    `json:"count"`
}

// denialsOf counts the denials that the recorded events tell of.
func denialsOf(t *testing.T, events []event.Draft) int {
	t.Helper()
	n := 0
	for _, d := range events {
		var p denied
		if err := json.Unmarshal(d.Payload, &p); err != nil {
			t.Fatal(err)
		}
		n += max(1, p.Count)
	}
	return n
}

func TestDenialIsRecorded(t *testing.T) {
	f := newFixture(t, GateOptions{})
	c := f.caller(NewKey{Permissions: SetOf(EventsRead)})
	err := c.Admit(t.Context(), EventsPurge, "/v1/instances/shop/events")
	var d *DeniedError
	if !errors.As(err, &d) || d.Permission != EventsPurge {
		t.Fatal(err)
	}
	events := f.store.of(TypeDenied)
	if len(events) != 1 {
		t.Fatalf("recorded %v", events)
	}
	e := events[0]
	want := `{"required_permission":"events:purge","user_id":"` + c.Actor() + `"}`
	if e.Severity != event.Error || *e.Subject != "/v1/instances/shop/events" || *e.Actor != c.Actor() || string(e.Payload) != want {
		t.Errorf("recorded %+v with %s", e, e.Payload)
	}
}

func TestFloodsOfDenialsAreFewEvents(t *testing.T) {
	f := newFixture(t, GateOptions{})
	c, other := f.caller(NewKey{Permissions: SetOf(EventsRead)}), f.caller(NewKey{Permissions: SetOf(EventsRead)})
	const n = 100_000
	for i := range n {
		_ = c.Admit(t.Context(), EventsPurge, "/"+string(binary.AppendUvarint(nil, uint64(i))))
		if i%1000 == 0 {
			f.clock.advance(time.Second)
		}
	}
	_ = other.Admit(t.Context(), EventsAppend, "/")
	if len(f.store.of(TypeDenied)) > 40 {
		t.Errorf("%d events tell of %d denials", len(f.store.of(TypeDenied)), n)
	}
	f.tell(t.Context(), f.denials.collect(f.clock.now(), false))
	f.clock.advance(denialWindow)
	f.tell(t.Context(), f.denials.collect(f.clock.now(), false))
	if got := denialsOf(t, f.store.of(TypeDenied)); got != n+1 {
		t.Errorf("the events tell of %d denials, and there were %d", got, n+1)
	}
	if len(f.denials.byKey) != 0 {
		t.Error("what has passed is kept")
	}
	f.store.fail = errors.New("disk full")
	_ = c.Admit(t.Context(), EventsPurge, "/")
	if len(f.told) != 1 {
		t.Errorf("a denial that cannot be recorded is told of %d times", len(f.told))
	}
}
