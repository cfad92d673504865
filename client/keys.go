package client

import (
	"context"
	"net/http"
	"time"
)

// Key is an API key without its secret.
type Key struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Prefix      string     `json:"key_prefix"` // the first characters of the secret
	Permissions []string   `json:"permissions"`
	Instances   []string   `json:"instances"` // names; nil = every instance
	CreatedAt   time.Time  `json:"created_at"`
	ExpiresAt   *time.Time `json:"expires_at"`   // nil = never
	LastUsedAt  *time.Time `json:"last_used_at"` // since the server started
	RevokedAt   *time.Time `json:"revoked_at"`
	// Warnings say of a key that has just been made that others have its name.
	Warnings []FieldError `json:"warnings"`
}

// NewKey is a key to make.
type NewKey struct {
	Name        string     `json:"name"`
	Permissions []string   `json:"permissions"`         // such as events:read; at least one
	Instances   []string   `json:"instances,omitempty"` // ids or names; none = every instance
	ExpiresAt   *time.Time `json:"expires_at,omitzero"`
}

// Keys lists the keys that the client's own key may see, newest first.
func (c *Client) Keys(ctx context.Context) ([]Key, error) {
	var answer struct {
		Keys []Key `json:"keys"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: []string{"v1", "keys"}, repeatable: true}, nil, &answer)
	return answer.Keys, err
}

// CreateKey makes a key and returns it with its secret, which nobody can read
// again.
func (c *Client) CreateKey(ctx context.Context, made NewKey) (key Key, secret string, err error) {
	var answer struct {
		Key
		Secret string `json:"key"`
	}
	err = c.json(ctx, call{method: http.MethodPost, path: []string{"v1", "keys"}}, made, &answer)
	return answer.Key, answer.Secret, err
}

// RevokeKey ends a key for good, on connections that are open too.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	return c.json(ctx, call{method: http.MethodDelete, path: []string{"v1", "keys", id}, repeatable: true}, nil, nil)
}
