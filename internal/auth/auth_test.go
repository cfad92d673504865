package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"encoding/json/jsontext"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSecrets(t *testing.T) {
	form := regexp.MustCompile(`^firn_[0-9A-Za-z]{40}$`)
	seen, counts := map[string]bool{}, map[rune]int{}
	const n = 5000
	for range n {
		s := newSecret()
		if !form.MatchString(s) || !looksLikeSecret(s) || seen[s] {
			t.Fatalf("%q is no secret, or came twice", s)
		}
		seen[s] = true
		for _, r := range s[len(secretPrefix):] {
			counts[r]++
		}
	}
	// Each of the 62 comes about 3226 times; ten standard deviations are 564.
	for _, r := range base62 {
		if c := counts[r]; c < 3226-564 || c > 3226+564 {
			t.Errorf("%q comes %d times of %d", r, c, n*secretRandom)
		}
	}
	for _, s := range []string{"", "firn_", strings.Repeat("x", 45), newSecret() + "x", newSecret()[1:], "firn_" + strings.Repeat("ä", 20)} {
		if looksLikeSecret(s) {
			t.Errorf("%q looks like a secret", s)
		}
	}
}

func TestPermissionSets(t *testing.T) {
	if len(Permissions()) != 9 || len(All().Names()) != 9 {
		t.Fatalf("permissions %v", Permissions())
	}
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfDistinct(rapid.SampledFrom(All().Names()), rapid.ID[string]).Draw(t, "names")
		s, err := ParseSet(names)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range Permissions() {
			if s.Has(p) != slices.Contains(names, string(p)) {
				t.Errorf("%s in %v: %v", p, names, s.Has(p))
			}
		}
		if back, err := ParseSet(s.Names()); err != nil || back != s {
			t.Errorf("%v becomes %v, %v", s.Names(), back.Names(), err)
		}
	})
	if All().Has("") || All().Has("everything") {
		t.Error("a permission that does not exist is held")
	}
	_, err := ParseSet([]string{"events:read", "events:write"})
	var field *FieldError
	if !errors.As(err, &field) || field.Field != "permissions[1]" || !strings.Contains(field.Message, "events:append") {
		t.Errorf("an unknown permission: %v", err)
	}
}

func TestKeyOpensAndIsStoredAsHashOnly(t *testing.T) {
	f := newFixture(t, GateOptions{})
	if _, err := f.Anonymous(); err != nil {
		t.Fatalf("before the first key: %v", err)
	}
	k, secret := f.key(Owner(), NewKey{Name: "shop", Permissions: SetOf(EventsRead, EventsAppend), Instances: []string{"b", "a", "b"}, ExpiresAt: f.clock.now().Add(time.Hour)})
	if k.Prefix != secret[:11] || !slices.Equal(k.Instances, []string{"a", "b"}) {
		t.Errorf("made %+v", k)
	}
	sum := sha256.Sum256([]byte(secret))
	text := string(f.store.all[k.ID])
	if !strings.Contains(text, hex.EncodeToString(sum[:])) {
		t.Errorf("the stored key %s has not the SHA-256", text)
	}
	hidden(t, secret, "the stored key", text)
	events := f.store.of(TypeCreated)
	if len(events) != 1 || *events[0].Subject != k.ID || events[0].Actor != nil {
		t.Fatalf("recorded %+v", events)
	}
	want := `{"expires_at":"2026-03-01T13:00:00Z","instances":["a","b"],"key_prefix":"` + k.Prefix + `","name":"shop","permissions":["events:read","events:append"]}`
	if got := string(events[0].Payload); got != want {
		t.Errorf("recorded %s\nwant %s", got, want)
	}
	hidden(t, secret, "the event", string(events[0].Payload))
	hidden(t, secret, "a key printed", fmt.Sprintf("%+v %#v", k, k))

	c := f.enter(secret)
	if !c.May(EventsRead) || c.May(EventsPurge) || !c.Sees("a") || c.Sees("c") || c.Everywhere() || c.Actor() != k.ID {
		t.Error("the caller is not what the key says")
	}
	if got := c.Key().LastUsed(); !got.Equal(f.clock.now()) {
		t.Errorf("last used %v", got)
	}
	if _, err := f.Anonymous(); !errors.Is(err, ErrNoKey) {
		t.Errorf("no key, after the first: %v", err)
	}
	again := NewGate(NewKeys(f.store, KeysOptions{Now: f.clock.now}), GateOptions{})
	if _, err := again.Authenticate(secret, home); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func TestWrongKeys(t *testing.T) {
	f := newFixture(t, GateOptions{})
	if _, err := f.Authenticate(newSecret(), home); !errors.Is(err, ErrWrongKey) {
		t.Errorf("a wrong key while open: %v", err)
	}
	revoked, one := f.key(Owner(), NewKey{})
	_, two := f.key(Owner(), NewKey{ExpiresAt: f.clock.now().Add(time.Minute)})
	if _, err := f.Keys().Revoke(t.Context(), Owner(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(time.Minute)
	for what, secret := range map[string]string{"revoked": one, "expired": two, "unknown": newSecret(), "empty": "", "prefix": one[:11], "hash": string(f.store.all[revoked.ID])} {
		_, err := f.Authenticate(secret, home)
		if !errors.Is(err, ErrWrongKey) {
			t.Errorf("%s: %v", what, err)
		}
		if len(secret) > shownPrefix && looksLikeSecret(secret) {
			hidden(t, secret, "the error", err.Error())
		}
	}
	if _, err := f.Resume(revoked.ID); !errors.Is(err, ErrEnded) {
		t.Errorf("a session of a revoked key: %v", err)
	}
	if err := (Caller{}).Admit(t.Context(), "", "/"); !errors.Is(err, ErrEnded) {
		t.Errorf("nobody: %v", err)
	}
}

func TestNobodyGrantsWhatTheyLack(t *testing.T) {
	f := newFixture(t, GateOptions{})
	anonymous, err := f.Anonymous()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Keys().Create(t.Context(), anonymous, NewKey{Name: "first", Permissions: All()}); !errors.Is(err, ErrFirstKey) {
		t.Errorf("the first key by somebody without one: %v", err)
	}
	soon := f.clock.now().Add(time.Hour)
	some := f.caller(NewKey{Permissions: SetOf(KeysManage, EventsRead), Instances: []string{"a", "b"}, ExpiresAt: soon})
	reader := f.caller(NewKey{Permissions: SetOf(EventsRead)})
	grant := &GrantError{}
	for _, x := range []struct {
		what string
		by   Caller
		key  NewKey
		want any
	}{
		{"the same", some, NewKey{Permissions: SetOf(KeysManage, EventsRead), Instances: []string{"a", "b"}, ExpiresAt: soon}, nil},
		{"less", some, NewKey{Permissions: SetOf(EventsRead), Instances: []string{"b"}, ExpiresAt: soon.Add(-time.Minute)}, nil},
		{"a permission more", some, NewKey{Permissions: SetOf(EventsRead, EventsPurge), Instances: []string{"a"}, ExpiresAt: soon}, &grant},
		{"another instance", some, NewKey{Permissions: SetOf(EventsRead), Instances: []string{"a", "c"}, ExpiresAt: soon}, &grant},
		{"every instance", some, NewKey{Permissions: SetOf(EventsRead), ExpiresAt: soon}, &grant},
		{"longer", some, NewKey{Permissions: SetOf(EventsRead), Instances: []string{"a"}, ExpiresAt: soon.Add(time.Second)}, &grant},
		{"for ever", some, NewKey{Permissions: SetOf(EventsRead), Instances: []string{"a"}}, &grant},
		{"without keys:manage", reader, NewKey{Permissions: SetOf(EventsRead)}, new(*DeniedError)},
		{"anything by the owner", Owner(), NewKey{Permissions: All()}, nil},
		{"no permission", Owner(), NewKey{Permissions: 0}, new(*FieldError)},
		{"beyond all years", Owner(), NewKey{Permissions: All(), ExpiresAt: time.Date(9999, 12, 31, 23, 59, 0, 0, time.FixedZone("", -3600))}, new(*FieldError)},
		{"in the past", Owner(), NewKey{Permissions: All(), ExpiresAt: f.clock.now()}, new(*FieldError)},
	} {
		before := len(f.store.events)
		x.key.Name = x.what
		_, _, err := f.Keys().Create(t.Context(), x.by, x.key)
		if x.want == nil {
			if err != nil {
				t.Errorf("%s: %v", x.what, err)
			}
			continue
		}
		if !errors.As(err, x.want) || len(f.store.events) != before {
			t.Errorf("%s: %v, and %d events", x.what, err, len(f.store.events)-before)
		}
	}
	for _, name := range []string{"", "a\x00b", "\xff", strings.Repeat("x", 129)} {
		if _, _, err := f.Keys().Create(t.Context(), Owner(), NewKey{Name: name, Permissions: All()}); !errors.As(err, new(*FieldError)) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

func TestKeysThatReachFurtherAreNotSeen(t *testing.T) {
	f := newFixture(t, GateOptions{})
	wide, _ := f.key(Owner(), NewKey{})
	other, _ := f.key(Owner(), NewKey{Instances: []string{"b"}})
	own, secret := f.key(Owner(), NewKey{Instances: []string{"a"}})
	c := f.enter(secret)
	if list := f.Keys().List(c); len(list) != 1 || list[0].ID != own.ID {
		t.Errorf("a key for a sees %v", list)
	}
	for _, id := range []string{wide.ID, other.ID, "none"} {
		if _, err := f.Keys().Revoke(t.Context(), c, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("revoking %s: %v", id, err)
		}
	}
	if list := f.Keys().List(Owner()); len(list) != 3 {
		t.Errorf("the owner sees %d keys", len(list))
	}
}

func TestNobodyRevokesWhatTheyCouldNotGrant(t *testing.T) {
	f := newFixture(t, GateOptions{})
	admin, _ := f.key(Owner(), NewKey{})
	more, _ := f.key(Owner(), NewKey{Permissions: SetOf(KeysManage, EventsPurge), Instances: []string{"a"}})
	less, _ := f.key(Owner(), NewKey{Permissions: SetOf(KeysManage)})
	own, secret := f.key(Owner(), NewKey{Permissions: SetOf(KeysManage)})
	c := f.enter(secret)
	for _, k := range []*Key{admin, more} {
		_, err := f.Keys().Revoke(t.Context(), c, k.ID)
		if grant, ok := errors.AsType[*GrantError](err); !ok || !grant.Revoking || !strings.Contains(err.Error(), "events:purge") {
			t.Errorf("revoking %v: %v", k.Permissions.Names(), err)
		}
		if !f.Keys().Ring().find(k.ID).RevokedAt.IsZero() {
			t.Error("it is revoked")
		}
	}
	if n := len(f.store.of(TypeRevoked)); n != 0 {
		t.Errorf("%d revocations are recorded", n)
	}
	for _, k := range []*Key{less, own} { // one's own too
		if _, err := f.Keys().Revoke(t.Context(), c, k.ID); err != nil {
			t.Errorf("revoking %v: %v", k.Permissions.Names(), err)
		}
	}
	if _, err := f.Keys().Revoke(t.Context(), c, more.ID); !errors.Is(err, ErrEnded) {
		t.Errorf("with a key that is revoked: %v", err)
	}
}

func TestRevokingTwiceIsRecordedOnce(t *testing.T) {
	f := newFixture(t, GateOptions{})
	k, _ := f.key(Owner(), NewKey{Name: "shop"})
	for range 2 {
		gone, err := f.Keys().Revoke(t.Context(), Owner(), k.ID)
		if err != nil || gone.RevokedAt.IsZero() {
			t.Errorf("%+v, %v", gone, err)
		}
	}
	events := f.store.of(TypeRevoked)
	if len(events) != 1 || string(events[0].Payload) != `{"name":"shop"}` || *events[0].Subject != k.ID {
		t.Errorf("recorded %+v", events)
	}
	if f.Keys().Ring().Open() {
		t.Error("open again after the last key was revoked")
	}
}

func TestStoredKeysThatCannotBeRead(t *testing.T) {
	f := newFixture(t, GateOptions{})
	_, secret := f.key(Owner(), NewKey{})
	f.store.all["bad"] = jsontext.Value(`{"sha256":"00"}`)
	f.store.all["worse"] = jsontext.Value(`[]`)
	var told []error
	keys := NewKeys(f.store, KeysOptions{Report: func(err error) { told = append(told, err) }})
	if keys.Ring().Open() || len(told) != 1 || keys.Ring().lookUp(secret) == nil {
		t.Errorf("open %v, told %v", keys.Ring().Open(), told)
	}
	lost := NewKeys(newMemory(), KeysOptions{Made: true})
	if lost.Ring().Open() {
		t.Error("a log that has lost its keys is open")
	}
}

func TestUntil(t *testing.T) {
	f := newFixture(t, GateOptions{})
	running, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { f.Run(running) })
	defer wg.Wait()
	defer stop()
	anonymous, err := f.Anonymous()
	if err != nil {
		t.Fatal(err)
	}
	open, cancelOpen := anonymous.Until(t.Context())
	defer cancelOpen()
	k, secret := f.key(Owner(), NewKey{})
	<-open.Done() // the first key ends what is open
	if !errors.Is(context.Cause(open), ErrEnded) {
		t.Errorf("cause %v", context.Cause(open))
	}
	one, cancelOne := f.enter(secret).Until(t.Context())
	defer cancelOne()
	other, cancelOther := f.caller(NewKey{}).Until(t.Context())
	defer cancelOther()
	if _, err := f.Keys().Revoke(t.Context(), Owner(), k.ID); err != nil {
		t.Fatal(err)
	}
	<-one.Done()
	if !errors.Is(context.Cause(one), ErrEnded) || other.Err() != nil {
		t.Errorf("revoked: %v; another: %v", context.Cause(one), other.Err())
	}
	late, cancelLate := Caller{gate: f.Gate, id: k.ID}.Until(t.Context())
	defer cancelLate()
	if !errors.Is(context.Cause(late), ErrEnded) {
		t.Errorf("begun after it was revoked: %v", context.Cause(late))
	}
	always, cancelAlways := Owner().Until(t.Context())
	if always.Err() != nil {
		t.Error("the owner has ended")
	}
	cancelAlways()
	cancelAlways()
}

func TestUntilLeavesNothing(t *testing.T) {
	f := newFixture(t, GateOptions{})
	k, secret := f.key(Owner(), NewKey{})
	var ends []context.CancelFunc
	for range 3 {
		_, end := f.enter(secret).Until(t.Context())
		ends = append(ends, end)
	}
	ends[0]()
	if _, err := f.Keys().Revoke(t.Context(), Owner(), k.ID); err != nil {
		t.Fatal(err)
	}
	for _, end := range ends {
		end()
	}
	if n := len(f.Keys().watches.all); n != 0 {
		t.Errorf("%d callers are still looked after, who have all ended", n)
	}
}

func TestUntilExpires(t *testing.T) {
	f := newFixture(t, GateOptions{})
	c := f.caller(NewKey{ExpiresAt: f.clock.now().Add(30 * time.Millisecond)})
	ctx, cancel := c.Until(t.Context())
	defer cancel()
	if ctx.Err() != nil {
		t.Errorf("before its time: %v", context.Cause(ctx))
	}
	f.clock.advance(time.Minute)
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), ErrEnded) {
		t.Errorf("cause %v", context.Cause(ctx))
	}
}

func TestManyAtOnce(t *testing.T) {
	f := newFixture(t, GateOptions{Rate: 1e6})
	admin := f.caller(NewKey{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				k, secret, err := f.Keys().Create(t.Context(), admin, NewKey{Name: "x", Permissions: SetOf(EventsRead)})
				if err != nil {
					t.Error(err)
					return
				}
				c, err := f.Authenticate(secret, home)
				if err != nil {
					t.Errorf("a key that was just made: %v", err)
					continue
				}
				_, cancel := c.Until(t.Context())
				if err := c.Admit(t.Context(), EventsRead, "/"); err != nil {
					t.Error(err)
				}
				if _, err := f.Keys().Revoke(t.Context(), admin, k.ID); err != nil {
					t.Error(err)
				}
				if err := c.Valid(); !errors.Is(err, ErrEnded) {
					t.Errorf("a key that was just revoked: %v", err)
				}
				cancel()
				_ = f.Keys().List(admin)
			}
		})
	}
	wg.Wait()
	if n := len(f.Keys().List(Owner())); n != 161 {
		t.Errorf("%d keys, want 161", n)
	}
}

func TestStoreThatFails(t *testing.T) {
	f := newFixture(t, GateOptions{})
	k, secret := f.key(Owner(), NewKey{})
	f.store.fail = errors.New("disk full")
	if _, s, err := f.Keys().Create(t.Context(), Owner(), NewKey{Name: "x", Permissions: All()}); !errors.Is(err, f.store.fail) || s != "" {
		t.Errorf("create: %q, %v", s, err)
	}
	if _, err := f.Keys().Revoke(t.Context(), Owner(), k.ID); !errors.Is(err, f.store.fail) {
		t.Errorf("revoke: %v", err)
	}
	if err := f.enter(secret).Valid(); err != nil {
		t.Errorf("a revocation that failed has an effect: %v", err)
	}
	if d := cmp.Diff(1, len(f.Keys().List(Owner()))); d != "" {
		t.Error(d)
	}
}
