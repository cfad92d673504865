package client

import (
	"context"
	"encoding/json/jsontext"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/firnlog/firn/event"
)

// Target is how one of the places is doing where events also go.
type Target struct {
	Name string `json:"name"`
	Type string `json:"type"` // file, sqlite…
	// State is running, retrying, paused or stopped.
	State       string     `json:"state"`
	LagEvents   int64      `json:"lag_events"`
	LagSeconds  float64    `json:"lag_seconds"`
	Delivered   int64      `json:"delivered"` // since the server started
	DeadLetters int64      `json:"dead_letters"`
	LastError   *string    `json:"last_error"`
	LastErrorAt *time.Time `json:"last_error_at"`
}

// DeadLetter is an event that a target refused for good.
type DeadLetter struct {
	ID       int64       `json:"id"` // among those of its target
	Instance string      `json:"instance"`
	Error    string      `json:"error"`
	At       time.Time   `json:"at"` // of the last attempt
	Attempts int         `json:"attempts"`
	Event    event.Event `json:"event"`
}

// Targets lists the targets by name.
func (c *Client) Targets(ctx context.Context) ([]Target, error) {
	var answer struct {
		Targets []Target `json:"targets"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: []string{"v1", "targets"}, repeatable: true}, nil, &answer)
	return answer.Targets, err
}

// DeadLetters lists a page of a target's dead letters, at most limit (0 = the
// server's default). next, given as cursor, continues the list; it is empty at its
// end.
func (c *Client) DeadLetters(ctx context.Context, target, cursor string, limit int) (letters []DeadLetter, next string, err error) {
	query := url.Values{}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var answer struct {
		Letters []DeadLetter `json:"dead_letters"`
		Next    string       `json:"next_cursor"`
	}
	err = c.json(ctx, call{method: http.MethodGet, path: []string{"v1", "targets", target, "dead-letters"}, query: query, repeatable: true}, nil, &answer)
	return answer.Letters, answer.Next, err
}

// RetryOptions say what RetryTarget tries again beside the target.
type RetryOptions struct {
	// KeepDeadLetters leaves the dead letters alone.
	KeepDeadLetters bool
	// DeadLetter, if not 0, is the only dead letter to try again.
	DeadLetter int64
}

// RetryTarget has a target tried at once, and its dead letters again.
func (c *Client) RetryTarget(ctx context.Context, name string, o RetryOptions) (t Target, err error) {
	query := url.Values{}
	if o.KeepDeadLetters {
		query.Set("dead_letters", "false")
	}
	if o.DeadLetter != 0 {
		query.Set("dead_letter", strconv.FormatInt(o.DeadLetter, 10))
	}
	err = c.json(ctx, call{method: http.MethodPost, path: []string{"v1", "targets", name, "retry"}, query: query}, nil, &t)
	return t, err
}

// DiscardDeadLetters drops the dead letter of an id, or, where it is 0, all that
// the target has now, and returns how many. The target gets their events only if it
// is replayed; in the log they stay.
func (c *Client) DiscardDeadLetters(ctx context.Context, target string, letter int64) (discarded int64, err error) {
	query := url.Values{}
	if letter != 0 {
		query.Set("dead_letter", strconv.FormatInt(letter, 10))
	}
	var answer struct {
		Discarded int64 `json:"discarded"`
	}
	err = c.json(ctx, call{method: http.MethodDelete, path: []string{"v1", "targets", target, "dead-letters"}, query: query}, nil, &answer)
	return answer.Discarded, err
}

// Replay says where a target is to go on.
type Replay struct {
	// From is "beginning", "now", or the position behind which to go on, as JSON.
	From jsontext.Value `json:"from"`
	// Instance is the only instance that this is about, by id or name; "" = all.
	Instance string `json:"instance,omitzero"`
}

// ReplayTarget has a target go on elsewhere in the log: events that it has had
// come again, and what is skipped is skipped for good.
func (c *Client) ReplayTarget(ctx context.Context, name string, r Replay) (t Target, err error) {
	err = c.json(ctx, call{method: http.MethodPost, path: []string{"v1", "targets", name, "replay"}}, r, &t)
	return t, err
}
