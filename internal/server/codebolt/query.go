package codebolt

import (
	"bytes"
	"context"
	"encoding/json/jsontext"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// queryEvents answers a query of the query language, which the document's DSL
// is a part of.
func queryEvents(ctx context.Context, c *conn, r *request) (func(*writer) error, error) {
	text, err := queryText(r.params)
	if err != nil {
		return nil, err
	}
	q, err := query.Parse(text, c.door.opts.Now())
	if err != nil {
		return nil, err
	}
	in, err := c.instance(q.Instance)
	if err != nil {
		return nil, err
	}
	q.Instance = in.ID
	result, err := c.door.log.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	if !c.hold(r, result.Bytes) {
		return nil, errNoMemory
	}
	return func(w *writer) error { return w.result(q, result) }, nil
}

// queryText is the member query of params.
func queryText(params jsontext.Value) (text jsontext.Value, err error) {
	missing := invalid("query", `is missing; ask like {"from": {"instance": "…"}}`)
	if params == nil {
		return nil, missing
	}
	if params.Kind() != '{' {
		return nil, invalid("params", "must be an object")
	}
	dec := jsontext.NewDecoder(bytes.NewReader(params), lenient...)
	err = members(dec, params, func(name string, value jsontext.Value) error {
		if name != "query" {
			return invalid(shown(name), "is not a parameter of this operation; known: query")
		}
		if text != nil {
			return invalid("query", "is given twice")
		}
		text = value
		return nil
	})
	if err == nil && text == nil {
		err = missing
	}
	return text, err
}

func (w *writer) result(q *query.Query, result *firn.Result) error {
	w.raw(`{"result":{`)
	if len(q.Reduce) > 0 {
		w.raw(`"aggregation":`)
		w.buf = append(w.buf, result.Aggregation...)
	} else {
		w.raw(`"events":`)
		if err := w.events(q, result); err != nil {
			return err
		}
	}
	if result.Total != nil {
		w.raw(`,"total":`)
		w.integer(*result.Total)
	}
	if len(q.Reduce) == 0 {
		w.raw(`,"limit":`)
		w.integer(int64(result.Limit))
		w.raw(`,"offset":`)
		w.integer(int64(result.Offset))
	}
	if result.NextCursor != "" {
		w.raw(`,"next_cursor":`)
		w.text(result.NextCursor)
	}
	w.raw("}}")
	return nil
}

func (w *writer) events(q *query.Query, result *firn.Result) error {
	w.raw("[")
	for i := range max(len(result.Events), len(result.Selected)) {
		if err := w.room(); err != nil {
			return err
		}
		if i > 0 {
			w.raw(",")
		}
		if q.Select == nil {
			w.event(&result.Events[i])
		} else {
			w.selected(result.Selected[i])
		}
	}
	w.raw("]")
	return nil
}

// selected writes the selected fields of an event, of which one has another
// case at this door.
func (w *writer) selected(fields jsontext.Value) {
	before := "{"
	for m := event.WalkMembers(fields); m.Next(); before = "," {
		w.raw(before)
		if string(m.Key) == `"instance_id"` {
			w.raw(`"instanceId"`)
		} else {
			w.buf = append(w.buf, m.Key...)
		}
		w.raw(":")
		w.buf = append(w.buf, m.Value...)
	}
	if before == "{" {
		w.raw(before)
	}
	w.raw("}")
}
