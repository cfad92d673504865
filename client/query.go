package client

import (
	"context"
	"encoding/json/jsontext"
	"net/http"

	"github.com/firnlog/firn/event"
)

// Query is a query of the query language, member for member; what is zero is
// left out. Where it has no room, use QueryJSON.
type Query struct {
	From     From           `json:"from"`
	Where    jsontext.Value `json:"where,omitzero"` // a condition or a list of them
	Select   []string       `json:"select,omitzero"`
	OrderBy  []OrderBy      `json:"orderBy,omitzero"`
	Limit    *int           `json:"limit,omitzero"` // nil = 1,000
	Offset   int            `json:"offset,omitzero"`
	Cursor   string         `json:"cursor,omitzero"`
	Total    *bool          `json:"total,omitzero"`
	Reduce   []Reduce       `json:"reduce,omitzero"`
	GroupBy  []string       `json:"groupBy,omitzero"`
	Timezone string         `json:"timezone,omitzero"`
}

// From names what is asked.
type From struct {
	Instance string `json:"instance"`
	Stream   string `json:"stream,omitzero"`
}

// OrderBy is one key of the order: a field and "asc" or "desc".
type OrderBy struct {
	Field     string `json:"field"`
	Direction string `json:"direction,omitzero"`
}

// Reduce is one reduction: count, sum, avg, min, max, collect, count_distinct,
// p50, p90, p95, p99, first, last.
type Reduce struct {
	As    string `json:"as"`
	Type  string `json:"type"`
	Field string `json:"field,omitzero"`
}

// Result answers a query.
type Result struct {
	// Events are the matches as JSON: whole events, or what select named.
	Events []jsontext.Value `json:"events"`
	// Aggregation is the answer of a reduce.
	Aggregation jsontext.Value `json:"aggregation"`
	// Total counts all matches; nil where the query did not want it.
	Total      *int64 `json:"total"`
	Limit      int    `json:"limit"`
	Offset     int    `json:"offset"`
	NextCursor string `json:"next_cursor"` // empty on the last page
	Stats      Stats  `json:"stats"`
}

// Stats is what a query cost.
type Stats struct {
	RowsScanned     int64   `json:"rows_scanned"`
	SegmentsScanned int     `json:"segments_scanned"`
	SegmentsSkipped int     `json:"segments_skipped"`
	BytesRead       int64   `json:"bytes_read"`
	ElapsedMillis   float64 `json:"elapsed_ms"`
}

// Decode reads the events of a result of a query without select.
func (r *Result) Decode() ([]event.Event, error) {
	events := make([]event.Event, len(r.Events))
	for i, text := range r.Events {
		var err error
		if events[i], err = decodeEvent(text); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// Query answers a query.
func (c *Client) Query(ctx context.Context, q Query) (*Result, error) { return c.query(ctx, q) }

// QueryJSON answers a query given as the JSON of the query language.
func (c *Client) QueryJSON(ctx context.Context, q jsontext.Value) (*Result, error) {
	return c.query(ctx, q)
}

func (c *Client) query(ctx context.Context, q any) (*Result, error) {
	var r Result
	err := c.json(ctx, call{method: http.MethodPost, path: []string{"v1", "query"}, repeatable: true}, q, &r)
	if err != nil {
		return nil, err
	}
	return &r, nil
}
