package exec

import (
	"context"
	"encoding/json/jsontext"
	"math"
	"slices"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// list answers a query of events.
func (e *engine) list(ctx context.Context, q *query.Query, cursor query.Cursor, paged bool, res *Result) error {
	var (
		found listed
		err   error
		w     = window{q.Offset, q.Limit}
		total = !q.NoTotal
	)
	if paged {
		w.skip = 0
	}
	switch {
	case len(q.OrderBy) == 0 && paged:
		found, err = e.listAfter(ctx, cursor.Position, w, total)
	case len(q.OrderBy) == 0:
		found, err = e.listByPosition(ctx, w, false, total)
	case ordersPositions(q):
		found, err = e.listPositions(ctx, q, cursor, paged, w, total)
	default:
		found, err = e.listSorted(ctx, q, cursor, paged, w, total)
	}
	if err != nil {
		return err
	}
	if total {
		res.Total = &found.total
	}
	events, err := e.fill(ctx, q, found.picks, res)
	if err != nil || !found.more || q.Limit == 0 {
		return err
	}
	next := query.Cursor{
		Kind: query.AppendOrder, Query: q.Fingerprint(e.snapshot.InstanceID), Now: q.Now.UnixMicro(),
		Position: found.picks[len(found.picks)-1].position,
	}
	if len(q.OrderBy) > 0 {
		next.Kind, next.Snapshot, next.Offset = query.Sorted, e.snapshot.LastPosition, int64(q.Offset)
		if paged {
			next.Snapshot, next.Offset = cursor.Snapshot, cursor.Offset
		}
		next.Offset += int64(len(found.picks))
		if next.Keys, err = e.keysOf(ctx, q, found.picks[len(found.picks)-1], events); err != nil {
			return err
		}
	}
	res.NextCursor = next.Encode()
	return nil
}

// ordersPositions reports whether the first orderBy puts the matches in order of
// position, as numbers do within one stream.
func ordersPositions(q *query.Query) bool {
	switch q.OrderBy[0].Field.Root {
	case query.Position:
		return true
	case query.SequenceNumber:
		return ofOneStream(whereOf(q))
	}
	return false
}

// ofOneStream reports whether c holds for events of one stream only.
func ofOneStream(c query.Condition) bool {
	switch c := c.(type) {
	case query.And:
		return slices.ContainsFunc(c, ofOneStream)
	case *query.Compare:
		return c.Field.Root == query.StreamID && (c.Operator == query.Eq || c.Operator == query.In && len(c.Values) == 1)
	}
	return false
}

// listAfter lists matches above a position in rising order. The total counts
// those up to it too.
func (e *engine) listAfter(ctx context.Context, position int64, w window, total bool) (listed, error) {
	return e.listPart(ctx, span{position + 1, math.MaxInt64}, w, false, total)
}

// listPart lists the matches whose positions lie in a part of the log. The
// total counts the others too.
func (e *engine) listPart(ctx context.Context, part span, w window, desc, total bool) (listed, error) {
	all := e.where
	defer func() { e.where = all }()
	e.where = newAllOf([]node{newIntNode(query.Position, []span{part}), all})
	found, err := e.listByPosition(ctx, w, desc, total)
	if err != nil || !total {
		return found, err
	}
	e.where = newAllOf([]node{newNoneOf(newIntNode(query.Position, []span{part})), all})
	others, err := e.count(ctx, e.snapshot.Blocks)
	found.total += others
	return found, err
}

// listPositions lists in order of position where orderBy says so.
func (e *engine) listPositions(ctx context.Context, q *query.Query, cursor query.Cursor, paged bool, w window, total bool) (listed, error) {
	desc := q.OrderBy[0].Desc
	switch {
	case !paged:
		return e.listByPosition(ctx, w, desc, total)
	case desc:
		return e.listPart(ctx, span{math.MinInt64, cursor.Position - 1}, w, true, total)
	}
	return e.listAfter(ctx, cursor.Position, w, total)
}

// listSorted lists in the order of some fields.
func (e *engine) listSorted(ctx context.Context, q *query.Query, cursor query.Cursor, paged bool, w window, total bool) (listed, error) {
	s := &sorter{engine: e, order: q.OrderBy}
	if paged {
		after, err := e.lastOfPage(ctx, q, cursor)
		if err != nil {
			return listed{}, err
		}
		s.after = after
	}
	return s.list(ctx, w, total)
}

// keysOf are the values of orderBy of the last event of a page; events are
// those of the page, where they are whole.
func (e *engine) keysOf(ctx context.Context, q *query.Query, last pick, events []event.Event) (keys []jsontext.Value, err error) {
	if len(events) == 0 {
		if events, err = e.fetch(ctx, []pick{last}, column.Need{Payload: true, Metadata: true}); err != nil {
			return nil, err
		}
	}
	for _, o := range q.OrderBy {
		var key jsontext.Value
		if v, ok := query.ValueAt(o.Field, &events[len(events)-1]); ok {
			key = v.Raw
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// pathsOf are the paths into an object that are selected; nil where the whole of
// it is, or nothing.
func pathsOf(fields []query.Field, root query.Root) (paths [][]query.Step) {
	for _, f := range fields {
		if f.Root != root {
			continue
		}
		if len(f.Path) == 0 {
			return nil
		}
		paths = append(paths, f.Path)
	}
	return paths
}

// fill puts the picked events into the answer. It returns them where they are
// whole.
func (e *engine) fill(ctx context.Context, q *query.Query, picks []pick, res *Result) ([]event.Event, error) {
	need := column.Need{Payload: true, Metadata: true}
	projection := query.NewProjection(q.Select)
	if len(q.Select) > 0 {
		need = column.Need{Payload: projection.Payload(), Metadata: projection.Metadata()}
		for _, f := range q.Select {
			need.Fields.Add(f.Root)
		}
		need.PayloadPaths, need.MetadataPaths = pathsOf(q.Select, query.Payload), pathsOf(q.Select, query.Metadata)
	}
	events, err := e.fetch(ctx, picks, need)
	if err != nil {
		return nil, err
	}
	if len(q.Select) == 0 {
		res.Events = events
		res.Bytes = sizeOf(events)
		return events, nil
	}
	for i := range events {
		selected := projection.Append(nil, &events[i])
		if err := e.account.Charge(int64(len(selected))); err != nil {
			return nil, err
		}
		res.Selected = append(res.Selected, selected)
		res.Bytes += int64(len(selected))
		events[i] = event.Event{}
	}
	return nil, nil
}
