package client

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/firnlog/firn/event"
)

// ListOptions says how Events pages. The zero value is the default.
type ListOptions struct {
	// Latest begins with the latest event instead of the first.
	Latest bool
	// PageSize is how many events are fetched at a time. Default 1,000, the
	// most 10,000.
	PageSize int
}

// Events iterates over the matching events in append order, fetching page
// after page as the loop goes on. The loop ends after the first error.
func (c *Client) Events(ctx context.Context, instance string, f Filter, opts ListOptions) iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {
		query := f.values()
		if opts.Latest {
			query.Set("order", "desc")
		}
		if opts.PageSize > 0 {
			query.Set("limit", strconv.Itoa(opts.PageSize))
		}
		for {
			var page struct {
				Events []wireEvent `json:"events"`
				Next   string      `json:"next_cursor"`
			}
			err := c.json(ctx, call{method: http.MethodGet, path: []string{"v1", "instances", instance, "events"}, query: query, repeatable: true}, nil, &page)
			if err != nil {
				yield(event.Event{}, err)
				return
			}
			for i := range page.Events {
				e, err := page.Events[i].event()
				if !yield(e, err) || err != nil {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}

// Event returns one event by its id.
func (c *Client) Event(ctx context.Context, instance, id string) (event.Event, error) {
	var wire wireEvent
	err := c.json(ctx, call{method: http.MethodGet, path: []string{"v1", "instances", instance, "events", id}, repeatable: true}, nil, &wire)
	if err != nil {
		return event.Event{}, err
	}
	return wire.event()
}

// Purge deletes the events that match the filter, which must not be empty, and
// returns how many; with dryRun it only counts them.
func (c *Client) Purge(ctx context.Context, instance string, f Filter, dryRun bool) (int64, error) {
	query := f.values()
	if len(query) == 0 {
		return 0, errors.New("purge: the filter is empty; to delete everything, delete the instance")
	}
	if dryRun {
		query.Set("dry_run", "true")
	}
	var answer struct {
		Count int64 `json:"count"`
	}
	err := c.json(ctx, call{method: http.MethodDelete, path: []string{"v1", "instances", instance, "events"}, query: query, repeatable: dryRun}, nil, &answer)
	return answer.Count, err
}

// Format is a format of Export.
type Format string

// The formats of Export.
const (
	NDJSON  Format = "ndjson"
	CSV     Format = "csv"
	Parquet Format = "parquet"
)

// Export streams every matching event in append order. A reader that ends with
// an error other than io.EOF has not had all of it. The caller closes it.
func (c *Client) Export(ctx context.Context, instance string, format Format, f Filter) (io.ReadCloser, error) {
	query := f.values()
	query.Set("format", string(format))
	response, err := c.do(ctx, call{method: http.MethodGet, path: []string{"v1", "instances", instance, "export"}, query: query, repeatable: true})
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// wireEvent is an event as the server writes it.
type wireEvent struct {
	ID             string         `json:"id"`
	InstanceID     string         `json:"instance_id"`
	StreamID       string         `json:"stream_id"`
	SequenceNumber int64          `json:"sequence_number"`
	Position       int64          `json:"position"`
	EventType      string         `json:"event_type"`
	Timestamp      string         `json:"timestamp"`
	RecordedAt     string         `json:"recorded_at"`
	Severity       string         `json:"severity"`
	Actor          *string        `json:"actor"`
	Subject        *string        `json:"subject"`
	Payload        jsontext.Value `json:"payload"`
	Metadata       jsontext.Value `json:"metadata"`
}

func (w *wireEvent) event() (event.Event, error) {
	var times [2]time.Time
	for i, text := range []string{w.Timestamp, w.RecordedAt} {
		t, err := parseTime(text)
		if err != nil {
			return event.Event{}, fmt.Errorf("event %s: %w: %w", w.ID, errAnswer, err)
		}
		times[i] = t
	}
	severity, ok := event.ParseSeverity(w.Severity)
	if !ok {
		return event.Event{}, fmt.Errorf("event %s: severity %q: %w", w.ID, w.Severity, errAnswer)
	}
	return event.Event{ID: w.ID, InstanceID: w.InstanceID, StreamID: w.StreamID, SequenceNumber: w.SequenceNumber,
		Position: w.Position, EventType: w.EventType, Timestamp: times[0], RecordedAt: times[1], Severity: severity,
		Actor: w.Actor, Subject: w.Subject, Payload: w.Payload, Metadata: w.Metadata}, nil
}

// decodeEvent reads one event.
func decodeEvent(text []byte) (event.Event, error) {
	var wire wireEvent
	if err := json.Unmarshal(text, &wire); err != nil {
		return event.Event{}, fmt.Errorf("event: %w: %w", errAnswer, err)
	}
	return wire.event()
}
