// Package auth says who may do what: API keys and their permissions, the gate
// that every door asks before it does anything, and the limits of how often one
// may ask. It knows no HTTP and no store; keys are documents of whoever keeps
// them.
package auth

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"uuid"

	"github.com/firnlog/firn/event"
)

// DocumentKind is the kind of the documents that keys are stored as; their
// names are the keys' ids.
const DocumentKind = "api_key"

// Events of the instance system.
const (
	TypeCreated = "api_key.created"
	TypeRevoked = "api_key.revoked"
	TypeDenied  = "auth.permission_denied"
)

// Store keeps keys. *firn.Log is one.
type Store interface {
	// PutDocument stores a document together with the event that records it.
	PutDocument(ctx context.Context, kind, name string, value jsontext.Value, record event.Draft) error
	// Documents are all of a kind, by name.
	Documents(kind string) map[string]jsontext.Value
	// DocumentsChanged is closed at the next change of any document.
	DocumentsChanged() <-chan struct{}
}

// Keys are the keys of a log: what is stored, and the keyring made of it. Its
// methods may be called by many goroutines at once.
type Keys struct {
	store  Store
	now    func() time.Time
	report func(error)
	// lost says that keys were made of which nothing is stored.
	lost bool

	changing  sync.Mutex // one change at a time
	reloading sync.Mutex
	ring      ring
	watches   watches // told of each new ring
}

// KeysOptions configures Keys. The zero value is the default.
type KeysOptions struct {
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Report is told of stored keys that cannot be read. Default: nobody is.
	Report func(error)
	// Made says that keys are known to have been made, whatever is stored: a log
	// that has lost its keys must not be open for that.
	Made bool
}

// NewKeys reads the stored keys.
func NewKeys(store Store, opts KeysOptions) *Keys {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Report == nil {
		opts.Report = func(error) {}
	}
	k := &Keys{store: store, now: opts.Now, report: opts.Report, lost: opts.Made, watches: watches{all: map[*watch]struct{}{}}}
	k.reload(nil)
	return k
}

// Ring is the keyring in force. It is never older than the last change that was
// acknowledged.
func (k *Keys) Ring() *Keyring {
	r := k.ring.Load()
	select {
	case <-r.stale:
		return k.reload(r)
	default:
		return r
	}
}

// reload makes the keyring anew, unless somebody else just did.
func (k *Keys) reload(old *Keyring) *Keyring {
	k.reloading.Lock()
	defer k.reloading.Unlock()
	if now := k.ring.Load(); now != old {
		return now
	}
	stale := k.store.DocumentsChanged() // before reading, so that no change is missed
	r, err := newKeyring(k.store.Documents(DocumentKind), k.lost, old)
	if err != nil {
		k.report(err)
	}
	r.stale = stale
	k.ring.Store(r)
	k.watches.look(r)
	return r
}

// NewKey is a key to be made.
type NewKey struct {
	Name        string
	Permissions Set
	Instances   []string  // ids; none = every instance
	ExpiresAt   time.Time // zero = never
}

// Create makes a key and returns it with its secret, which nobody can ever read
// again. It is recorded in the same act. Errors: *FieldError, *GrantError,
// *DeniedError, ErrFirstKey, ErrEnded; any other means that it is unknown
// whether the key is there, and nobody has its secret.
func (k *Keys) Create(ctx context.Context, by Caller, n NewKey) (*Key, string, error) {
	if err := k.check(&n); err != nil {
		return nil, "", err
	}
	k.changing.Lock()
	defer k.changing.Unlock()
	if err := by.mayGrant(&n); err != nil {
		return nil, "", err
	}
	secret := newSecret()
	made := &Key{
		ID: uuid.NewV7().String(), Name: n.Name, Prefix: secret[:shownPrefix], Permissions: n.Permissions,
		Instances: slices.Clone(n.Instances), CreatedAt: k.instant(k.now()), ExpiresAt: k.instant(n.ExpiresAt),
		hash: hashOf(secret), used: new(atomic.Int64),
	}
	payload := map[string]any{"name": made.Name, "permissions": made.Permissions.Names(), "key_prefix": made.Prefix}
	if len(made.Instances) > 0 {
		payload["instances"] = made.Instances
	}
	if !made.ExpiresAt.IsZero() {
		payload["expires_at"] = made.ExpiresAt
	}
	if err := k.put(ctx, by, made, TypeCreated, payload); err != nil {
		return nil, "", fmt.Errorf("make an API key: %w", err)
	}
	return made, secret, nil
}

func (k *Keys) check(n *NewKey) error {
	if err := checkKeyName(n.Name); err != nil {
		return err
	}
	if n.Permissions == 0 {
		return &FieldError{"permissions", "are missing; a key needs at least one"}
	}
	if !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(k.now()) {
		return &FieldError{"expires_at", "must be in the future"}
	}
	if !writable(n.ExpiresAt) {
		return &FieldError{"expires_at", "must be before the year 10000"}
	}
	slices.Sort(n.Instances)
	n.Instances = slices.Compact(n.Instances)
	return nil
}

// instant is a time as it is stored.
func (k *Keys) instant(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Millisecond)
}

// Revoke ends a key for good: whoever uses it is out within a second, on open
// connections too. Revoking twice is harmless and recorded once. ErrNotFound
// also for keys that the caller may not see, *GrantError for those that may do
// more than the caller: nobody takes what they could not give.
func (k *Keys) Revoke(ctx context.Context, by Caller, id string) (*Key, error) {
	k.changing.Lock()
	defer k.changing.Unlock()
	if err := by.Valid(); err != nil {
		return nil, err
	}
	old := k.Ring().find(id)
	if old == nil || !by.seesKey(old) {
		return nil, ErrNotFound
	}
	if lacks := by.lacks(old.Permissions); lacks != 0 {
		return nil, &GrantError{Permissions: lacks.Names(), Revoking: true}
	}
	if !old.RevokedAt.IsZero() {
		return old, nil
	}
	gone := *old
	gone.RevokedAt = k.instant(k.now())
	if err := k.put(ctx, by, &gone, TypeRevoked, map[string]any{"name": gone.Name}); err != nil {
		return nil, fmt.Errorf("revoke an API key: %w", err)
	}
	return &gone, nil
}

// List lists the keys that the caller may see, revoked and expired ones too,
// newest first.
func (k *Keys) List(by Caller) []*Key {
	return slices.DeleteFunc(slices.Clone(k.Ring().keys), func(one *Key) bool { return !by.seesKey(one) })
}

// Namesakes are the other keys of a key's name that are still good, of those that
// the caller may see, newest first.
func (k *Keys) Namesakes(by Caller, of *Key) []*Key {
	now := k.now()
	return slices.DeleteFunc(k.List(by), func(one *Key) bool { return one.ID == of.ID || one.Name != of.Name || !one.usable(now) })
}

// put stores a key with its event and puts it in force.
func (k *Keys) put(ctx context.Context, by Caller, key *Key, eventType string, payload map[string]any) error {
	text, err := json.Marshal(payload, json.Deterministic(true))
	if err != nil {
		return err
	}
	record := event.Draft{EventType: eventType, Severity: event.Info, Subject: &key.ID, Payload: text}
	if actor := by.Actor(); actor != "" {
		record.Actor = &actor
	}
	if err := k.store.PutDocument(ctx, DocumentKind, key.ID, key.document(), record); err != nil {
		return err
	}
	k.Ring()
	return nil
}
