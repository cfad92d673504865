package client

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Instance is a container of streams.
type Instance struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Description   string    `json:"description"`
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
	RetentionDays int       `json:"retention_days"` // 0 = for ever
	// ProtectedDays is for how many days at least protected events are kept; 0 for
	// all instances but system.
	ProtectedDays int    `json:"protected_days"`
	Validation    string `json:"validation"` // off, warn or enforce
}

// NewInstance is an instance to make; only Name is required.
type NewInstance struct {
	Name          string `json:"name"`
	Description   string `json:"description,omitzero"`
	RetentionDays int    `json:"retention_days,omitzero"`
	Validation    string `json:"validation,omitzero"`
}

// InstanceUpdate changes what is not nil.
type InstanceUpdate struct {
	Name          *string `json:"name,omitzero"`
	Description   *string `json:"description,omitzero"`
	RetentionDays *int    `json:"retention_days,omitzero"`
	Validation    *string `json:"validation,omitzero"`
}

// InstanceStats is what an instance holds.
type InstanceStats struct {
	Events         int64            `json:"events"`
	Streams        int64            `json:"streams"`
	BytesOnDisk    int64            `json:"bytes_on_disk"`
	FirstPosition  int64            `json:"first_position"`
	LastPosition   int64            `json:"last_position"`
	FirstTimestamp *time.Time       `json:"first_timestamp"` // nil = no events
	LastTimestamp  *time.Time       `json:"last_timestamp"`
	ByType         map[string]int64 `json:"by_type"`
	BySeverity     map[string]int64 `json:"by_severity"`
}

// Stream is a stream with its last number and how many events are kept.
type Stream struct {
	Name         string `json:"stream_id"`
	LastSequence int64  `json:"last_sequence_number"`
	Events       int64  `json:"events"`
}

// Instances lists all instances by name.
func (c *Client) Instances(ctx context.Context) ([]Instance, error) {
	var answer struct {
		Instances []Instance `json:"instances"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: []string{"v1", "instances"}, repeatable: true}, nil, &answer)
	return answer.Instances, err
}

// Instance finds an instance by id, else by name.
func (c *Client) Instance(ctx context.Context, idOrName string) (in Instance, err error) {
	err = c.json(ctx, call{method: http.MethodGet, path: []string{"v1", "instances", idOrName}, repeatable: true}, nil, &in)
	return in, err
}

// CreateInstance makes an instance.
func (c *Client) CreateInstance(ctx context.Context, made NewInstance) (in Instance, err error) {
	err = c.json(ctx, call{method: http.MethodPost, path: []string{"v1", "instances"}}, made, &in)
	return in, err
}

// UpdateInstance changes an instance.
func (c *Client) UpdateInstance(ctx context.Context, idOrName string, u InstanceUpdate) (in Instance, err error) {
	err = c.json(ctx, call{method: http.MethodPatch, path: []string{"v1", "instances", idOrName}, repeatable: u.Name == nil}, u, &in)
	return in, err
}

// DeleteInstance removes an instance and all its events.
func (c *Client) DeleteInstance(ctx context.Context, idOrName string) error {
	return c.json(ctx, call{method: http.MethodDelete, path: []string{"v1", "instances", idOrName}}, nil, nil)
}

// InstanceStats counts what an instance holds.
func (c *Client) InstanceStats(ctx context.Context, idOrName string) (stats InstanceStats, err error) {
	err = c.json(ctx, call{method: http.MethodGet, path: []string{"v1", "instances", idOrName, "stats"}, repeatable: true}, nil, &stats)
	return stats, err
}

// Streams lists a page of streams whose names begin with prefix, at most limit
// (0 = the server's default). next, given as cursor, continues the list; it is
// empty at its end.
func (c *Client) Streams(ctx context.Context, instance, prefix, cursor string, limit int) (streams []Stream, next string, err error) {
	query := url.Values{}
	for name, value := range map[string]string{"prefix": prefix, "cursor": cursor} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var answer struct {
		Streams []Stream `json:"streams"`
		Next    string   `json:"next_cursor"`
	}
	err = c.json(ctx, call{method: http.MethodGet, path: []string{"v1", "instances", instance, "streams"}, query: query, repeatable: true}, nil, &answer)
	return answer.Streams, answer.Next, err
}

// json sends given as JSON, if not nil, and reads the answer into answer, if
// not nil.
func (c *Client) json(ctx context.Context, what call, given, answer any) error {
	if given != nil {
		text, err := json.Marshal(given)
		if err != nil {
			return err
		}
		what.body, what.kind = text, "application/json"
	}
	text, err := c.ask(ctx, what)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s /%s: %w: %w", what.method, strings.Join(what.path, "/"), errAnswer, err)
	}
	return nil
}
