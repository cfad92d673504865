package auth

import (
	"encoding/json/jsontext"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
)

// Keyring is all keys at one moment. It never changes; a change makes another.
type Keyring struct {
	byHash map[hash]*Key
	byID   map[string]*Key
	keys   []*Key // newest first
	made   bool

	// stale is closed when what is stored has changed since.
	stale <-chan struct{}
}

// newKeyring reads stored keys. One that cannot be read opens nothing, and
// counts as made.
func newKeyring(stored map[string]jsontext.Value, made bool, before *Keyring) (*Keyring, error) {
	r := &Keyring{byHash: map[hash]*Key{}, byID: map[string]*Key{}, made: made || len(stored) > 0}
	var errs []error
	for id, text := range stored {
		k, err := decodeKey(id, text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if old := before.find(id); old != nil {
			k.used = old.used
		}
		r.byHash[k.hash], r.byID[id] = k, k
		r.keys = append(r.keys, k)
	}
	slices.SortFunc(r.keys, func(a, b *Key) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
	return r, errors.Join(errs...)
}

// Open reports whether no key was ever made, so that none is needed.
func (r *Keyring) Open() bool { return !r.made }

func (r *Keyring) find(id string) *Key {
	if r == nil {
		return nil
	}
	return r.byID[id]
}

// lookUp finds the key of a secret, revoked and expired ones too. What takes
// time in it depends on the SHA-256 of what was given only.
func (r *Keyring) lookUp(secret string) *Key {
	if !looksLikeSecret(secret) {
		return nil
	}
	h := hashOf(secret)
	if k := r.byHash[h]; k != nil && k.opens(h) {
		return k
	}
	return nil
}

// ring holds the keyring that is in force.
type ring = atomic.Pointer[Keyring]
