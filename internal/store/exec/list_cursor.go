package exec

import (
	"context"
	"encoding/json/jsontext"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// lastOfPage is the row that a sorted page ended with, as its cursor tells.
func (e *engine) lastOfPage(ctx context.Context, q *query.Query, cursor query.Cursor) (*candidate, error) {
	last := &candidate{pick: pick{position: cursor.Position}}
	if len(cursor.Keys) == len(q.OrderBy) {
		for i, o := range q.OrderBy {
			last.keys = append(last.keys, cursorKey(o.Field, cursor.Keys[i]))
		}
		return last, nil
	}
	// The keys were too long for a cursor: the event itself has them.
	ev, ok, err := e.eventAt(ctx, cursor.Position)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &query.Error{Path: "cursor", Message: "stands on an event that has been removed; start again without it"}
	}
	for _, o := range q.OrderBy {
		v, ok := query.ValueAt(o.Field, &ev)
		last.keys = append(last.keys, fieldKey(o.Field, v, ok))
	}
	return last, nil
}

// cursorKey reads a key of a cursor.
func cursorKey(f query.Field, key jsontext.Value) sortKey {
	if len(key) == 0 {
		return sortKey{rank: rankMissing}
	}
	v := query.ValueOf(key)
	switch f.Root {
	case query.Timestamp, query.RecordedAt:
		if at, err := time.Parse(time.RFC3339Nano, v.Text); err == nil {
			v = query.InstantValue(at)
		}
	case query.Severity:
		if severity, ok := event.ParseSeverity(v.Text); ok {
			v = query.SeverityValue(severity)
		}
	}
	return fieldKey(f, v, true)
}

// fieldKey is the sort key of what an event holds at a field, in the units of
// the field's column.
func fieldKey(f query.Field, v query.Value, ok bool) sortKey {
	if ok && f.Root == query.RecordedAt && v.Kind == query.Instant {
		return sortKey{rank: rankNumber, num: intNumber(v.Micros / 1000)}
	}
	return keyOf(v, ok)
}

// eventAt is the event at a position.
func (e *engine) eventAt(ctx context.Context, position int64) (ev event.Event, ok bool, err error) {
	for i := range e.snapshot.Blocks {
		ref := &e.snapshot.Blocks[i]
		if position < ref.FirstPosition || position > ref.LastPosition {
			continue
		}
		r, err := e.read(ctx, ref)
		if err != nil {
			return ev, false, err
		}
		defer e.close(r)
		positions, err := r.ints(query.Position)
		if err != nil {
			return ev, false, err
		}
		for row, p := range positions.Ints {
			if p != position {
				continue
			}
			events, err := r.block.Events(nil, []int32{int32(row)}, column.Need{Payload: true, Metadata: true})
			if err != nil {
				return ev, false, err
			}
			return events[0], true, nil
		}
	}
	return ev, false, nil
}
