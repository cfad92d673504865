package auth

import (
	"crypto/subtle"
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/firnlog/firn/internal/inert"
)

// Key is an API key, without its secret.
type Key struct {
	ID          string // UUIDv7
	Name        string
	Prefix      string // the first characters of the secret, to tell keys apart
	Permissions Set
	Instances   []string  // ids; none = every instance, also those to come
	CreatedAt   time.Time // whole milliseconds, UTC, as all of these
	ExpiresAt   time.Time // zero = never
	RevokedAt   time.Time // zero = not

	hash hash
	used *atomic.Int64 // milliseconds since the epoch; shared by all snapshots
}

// LastUsed is when the key was last used since this process began; zero = not.
func (k *Key) LastUsed() time.Time {
	if ms := k.used.Load(); ms != 0 {
		return time.UnixMilli(ms).UTC()
	}
	return time.Time{}
}

// usable reports whether the key opens anything at a time.
func (k *Key) usable(at time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || at.Before(k.ExpiresAt))
}

// within reports whether the key reaches no instance that one for these does
// not. None means every instance.
func (k *Key) within(instances []string) bool {
	if len(instances) == 0 {
		return true
	}
	if len(k.Instances) == 0 {
		return false
	}
	return !slices.ContainsFunc(k.Instances, func(id string) bool { return !slices.Contains(instances, id) })
}

// keyDocument is a key as it is stored.
type keyDocument struct {
	Name        string     `json:"name"`
	Prefix      string     `json:"key_prefix"`
	SHA256      string     `json:"sha256"`
	Permissions []string   `json:"permissions"`
	Instances   []string   `json:"instances,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
	RevokedAt   *time.Time `json:"revoked_at,omitempty"`
}

func (k *Key) document() jsontext.Value {
	d := keyDocument{
		Name: k.Name, Prefix: k.Prefix, SHA256: hex.EncodeToString(k.hash[:]),
		Permissions: k.Permissions.Names(), Instances: k.Instances, CreatedAt: k.CreatedAt,
		ExpiresAt: unlessZero(k.ExpiresAt), RevokedAt: unlessZero(k.RevokedAt),
	}
	text, err := json.Marshal(&d, json.Deterministic(true))
	if err != nil {
		panic("auth: key document: " + err.Error()) // its types can always be written
	}
	return text
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// writable reports whether a time has a spelling in JSON, in UTC.
func writable(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 0 && year <= 9999
}

// decodeKey reads a stored key. A permission that this version does not know
// allows nothing.
func decodeKey(id string, text jsontext.Value) (*Key, error) {
	var d keyDocument
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("stored key %s: %w", id, err)
	}
	k := &Key{ID: id, Name: d.Name, Prefix: d.Prefix, Instances: d.Instances, CreatedAt: d.CreatedAt.UTC(), used: new(atomic.Int64)}
	for _, name := range d.Permissions {
		k.Permissions |= SetOf(Permission(name))
	}
	if d.ExpiresAt != nil {
		k.ExpiresAt = d.ExpiresAt.UTC()
	}
	if d.RevokedAt != nil {
		k.RevokedAt = d.RevokedAt.UTC()
	}
	if !writable(k.CreatedAt) || !writable(k.ExpiresAt) || !writable(k.RevokedAt) {
		return nil, fmt.Errorf("stored key %s: a time is damaged", id)
	}
	sum, err := hex.DecodeString(d.SHA256)
	if err != nil || len(sum) != len(k.hash) {
		return nil, fmt.Errorf("stored key %s: its hash is damaged", id)
	}
	k.hash = hash(sum)
	return k, nil
}

// opens compares in constant time.
func (k *Key) opens(h hash) bool { return subtle.ConstantTimeCompare(k.hash[:], h[:]) == 1 }

const maxName = 128 // characters

func checkKeyName(name string) error {
	n := utf8.RuneCountInString(name)
	switch {
	case !utf8.ValidString(name):
		return &FieldError{"name", "must be UTF-8"}
	case n == 0:
		return &FieldError{"name", "is missing; a key needs a name to tell it by"}
	case n > maxName:
		return &FieldError{"name", fmt.Sprintf("has %d characters; the most is %d", n, maxName)}
	}
	if fault := inert.Name(name); fault != "" {
		return &FieldError{"name", fault}
	}
	return nil
}
