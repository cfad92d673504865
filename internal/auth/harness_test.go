package auth

import (
	"context"
	"encoding/json/jsontext"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/firnlog/firn/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a Store of a test; it keeps the events too.
type memory struct {
	mu      sync.Mutex
	all     map[string]jsontext.Value
	events  []event.Draft
	changed chan struct{}
	fail    error
}

func newMemory() *memory {
	return &memory{all: map[string]jsontext.Value{}, changed: make(chan struct{})}
}

func (m *memory) PutDocument(_ context.Context, kind, name string, value jsontext.Value, record event.Draft) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	if kind != DocumentKind {
		return fmt.Errorf("kind %q", kind)
	}
	m.all[name] = value.Clone()
	m.events = append(m.events, record)
	close(m.changed)
	m.changed = make(chan struct{})
	return nil
}

func (m *memory) Documents(string) map[string]jsontext.Value {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.all)
}

func (m *memory) DocumentsChanged() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *memory) record(_ context.Context, d event.Draft) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.events = append(m.events, d)
	return nil
}

// of are the recorded events of a type.
func (m *memory) of(eventType string) []event.Draft {
	m.mu.Lock()
	defer m.mu.Unlock()
	var some []event.Draft
	for _, d := range m.events {
		if d.EventType == eventType {
			some = append(some, d)
		}
	}
	return some
}

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type fixture struct {
	*Gate
	t     *testing.T
	store *memory
	clock *clock
	told  []error
}

func newFixture(t *testing.T, opts GateOptions) *fixture {
	f := &fixture{t: t, store: newMemory(), clock: &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	opts.Record = f.store.record
	opts.Report = func(err error) { f.told = append(f.told, err) }
	f.Gate = NewGate(NewKeys(f.store, KeysOptions{Now: f.clock.now, Report: opts.Report}), opts)
	return f
}

// key makes a key and returns it with its secret.
func (f *fixture) key(by Caller, n NewKey) (*Key, string) {
	f.t.Helper()
	if n.Name == "" {
		n.Name = "test"
	}
	if n.Permissions == 0 {
		n.Permissions = All()
	}
	k, secret, err := f.Keys().Create(f.t.Context(), by, n)
	if err != nil {
		f.t.Fatal(err)
	}
	return k, secret
}

// caller is the caller of a new key.
func (f *fixture) caller(n NewKey) Caller {
	f.t.Helper()
	_, secret := f.key(Owner(), n)
	return f.enter(secret)
}

var home = netip.MustParseAddr("127.0.0.1")

func (f *fixture) enter(secret string) Caller {
	f.t.Helper()
	c, err := f.Authenticate(secret, home)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// hidden fails the test if a text holds a secret.
func hidden(t *testing.T, secret, what, text string) {
	t.Helper()
	if strings.Contains(text, secret) || strings.Contains(text, secret[shownPrefix:]) {
		t.Errorf("%s holds the secret: %s", what, text)
	}
}
