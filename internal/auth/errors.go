package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors that doors branch on. None of them, and nothing else in this package,
// ever holds a secret.
var (
	// ErrNoKey: there are keys, and the caller gave none.
	ErrNoKey = errors.New("an API key is needed")
	// ErrWrongKey: what the caller gave is no key, or one that is revoked or has
	// expired. It is an error also while the log is open.
	ErrWrongKey = errors.New("the API key is wrong, revoked or has expired")
	// ErrEnded: what the caller came in with holds no more: the key was revoked
	// or has expired, or the log was open and has a key now.
	ErrEnded = errors.New("the API key was revoked or has expired, or one is needed now")
	// ErrNotFound: there is no such key among those that the caller may see.
	ErrNotFound = errors.New("no such API key")
	// ErrFirstKey: keys cannot be made by callers who need none themselves.
	ErrFirstKey = errors.New("the first API key is made on the machine itself: firn keys create NAME")
)

// DeniedError says that the caller's key lacks a permission.
type DeniedError struct{ Permission Permission }

func (e *DeniedError) Error() string {
	return "the API key lacks the permission " + string(e.Permission)
}

// GrantError says that a caller would give away, or take from others, what it
// has not got itself.
type GrantError struct {
	Permissions []string // that it lacks
	Instances   bool     // it would reach more instances
	Expiry      bool     // it would live longer
	Revoking    bool     // it is about a key to be revoked
}

func (e *GrantError) Error() string {
	switch {
	case e.Revoking:
		return "nobody revokes a key that may do more than their own: this one also has " + strings.Join(e.Permissions, ", ")
	case len(e.Permissions) > 0:
		return "nobody grants what they lack: " + strings.Join(e.Permissions, ", ")
	case e.Instances:
		return "nobody grants what they lack: a key that is for some instances makes keys for these, or some of these"
	default:
		return "nobody grants what they lack: a key that expires makes keys that expire no later"
	}
}

// RateError says that a caller came too often, and when to come again.
type RateError struct {
	Again  time.Duration
	SignIn bool // it is about failed sign-ins of an address
}

func (e *RateError) Error() string {
	what := "too many requests with this API key"
	if e.SignIn {
		what = "too many wrong API keys from this address"
	}
	return fmt.Sprintf("%s; again in %s", what, e.Again.Round(time.Second))
}

// FieldError says what is wrong with a field of a key that is to be made.
type FieldError struct{ Field, Message string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }
