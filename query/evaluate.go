package query

import (
	"encoding/json/jsontext"
	"slices"

	"github.com/firnlog/firn/event"
)

// Answer is what a query yields, without what it cost.
type Answer struct {
	// Events are the matches of a query without Select and Reduce.
	Events []event.Event
	// Selected are the matches of a query with Select, each a JSON object: see
	// Projection.
	Selected []jsontext.Value
	// Aggregation is the JSON of a query with Reduce: see Evaluate.
	Aggregation jsontext.Value
	Total       *int64 // nil where the query has NoTotal
	NextCursor  string // empty on the last page
}

// Evaluate answers q from events, which are those of one instance in order of
// position. It is what a query means: plain, and slow. Errors: *Error for a
// cursor that does not fit, ErrTooManyValues.
//
// An aggregation is {"value": v} where q.Single, else {"values": {as: v, …}};
// with GroupBy it is a list of such objects with "group": {name: value, …} in
// front. The values are spelled so:
//
//   - count, count_distinct: an integer.
//   - sum, avg: as Tally spells them.
//   - min, max and the percentiles: numbers as Number.String spells them, strings
//     with as few escapes as JSON allows, times as in events, a severity by name.
//   - first, last, collect: as the event spells the value.
//   - Of nothing: count 0, collect [], all others null.
//   - Values of group keys: as Canonical spells them, times and severities as in
//     events, buckets as Bucket.Format does; null where missing or null.
func Evaluate(q *Query, events []event.Event) (*Answer, error) {
	instance := ""
	if len(events) > 0 {
		instance = events[0].InstanceID
	}
	cursor, paged, err := q.CheckCursor(instance)
	if err != nil {
		return nil, err
	}
	var matches []*event.Event
	snapshot := int64(0)
	for i := range events {
		e := &events[i]
		if paged && cursor.Kind == Sorted && e.Position > cursor.Snapshot {
			break
		}
		snapshot = e.Position
		if (q.Stream == nil || *q.Stream == e.StreamID) && Match(q.Where, e) {
			matches = append(matches, e)
		}
	}
	answer := &Answer{}
	if !q.NoTotal {
		total := int64(len(matches))
		answer.Total = &total
	}
	if len(q.Reduce) > 0 {
		answer.Aggregation, err = aggregate(q, matches)
		return answer, err
	}
	rows := sortRows(q, matches)
	before := min(q.Offset, len(rows))
	if paged {
		if before, err = rowsBefore(q, rows, cursor); err != nil {
			return nil, err
		}
	}
	page := rows[before:]
	if len(page) > q.Limit {
		page = page[:q.Limit]
		if q.Limit > 0 {
			next := Cursor{Query: q.Fingerprint(instance), Now: q.Now.UnixMicro()}
			answer.NextCursor = page[q.Limit-1].cursor(q, next, snapshot, before+q.Limit).Encode()
		}
	}
	answer.fill(q, page)
	return answer, nil
}

func (a *Answer) fill(q *Query, page []row) {
	projection := NewProjection(q.Select)
	for _, r := range page {
		if len(q.Select) > 0 {
			a.Selected = append(a.Selected, projection.Append(nil, r.event))
		} else {
			a.Events = append(a.Events, *r.event)
		}
	}
}

// row is an event with its values of orderBy.
type row struct {
	event *event.Event
	keys  []found
}

func sortRows(q *Query, matches []*event.Event) []row {
	rows := make([]row, len(matches))
	for i, e := range matches {
		rows[i].event = e
		for _, o := range q.OrderBy {
			v, ok := ValueAt(o.Field, e)
			rows[i].keys = append(rows[i].keys, found{v, ok})
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return compareRows(q, a.keys, a.event.Position, b.keys, b.event.Position)
	})
	return rows
}

// compareRows orders by the keys, then by position in the direction of the
// first key.
func compareRows(q *Query, a []found, aPosition int64, b []found, bPosition int64) int {
	for i, o := range q.OrderBy {
		if c := compareFound(a[i], b[i], o.Desc); c != 0 {
			return c
		}
	}
	c := compareInts(aPosition, bPosition)
	if len(q.OrderBy) > 0 && q.OrderBy[0].Desc {
		return -c
	}
	return c
}

// rowsBefore is how many rows come before the page that a cursor starts.
func rowsBefore(q *Query, rows []row, cursor Cursor) (int, error) {
	if cursor.Kind == AppendOrder {
		return slices.IndexFunc(append(rows, row{event: &event.Event{Position: cursor.Position + 1}}),
			func(r row) bool { return r.event.Position > cursor.Position }), nil
	}
	if len(cursor.Keys) == 0 {
		i := slices.IndexFunc(rows, func(r row) bool { return r.event.Position == cursor.Position })
		if i < 0 {
			return 0, &Error{Path: "cursor", Message: "stands on an event that has been removed; start again without it"}
		}
		return i + 1, nil
	}
	keys := make([]found, len(cursor.Keys))
	for i, key := range cursor.Keys {
		keys[i] = sortKeyOf(q.OrderBy[i].Field, key)
	}
	n := 0
	for n < len(rows) && compareRows(q, rows[n].keys, rows[n].event.Position, keys, cursor.Position) <= 0 {
		n++
	}
	return n, nil
}

// sortKeyOf reads a key of a cursor.
func sortKeyOf(f Field, key jsontext.Value) found {
	if len(key) == 0 {
		return found{}
	}
	v := ValueOf(key)
	if micros, err := event.ParseTime(v.Text); err == nil && f.Root.Time() {
		v = microsValue(micros)
	}
	if severity, ok := event.ParseSeverity(v.Text); ok && f.Root == Severity {
		v = SeverityValue(severity)
	}
	return found{v, true}
}

// cursor completes the cursor behind r.
func (r row) cursor(q *Query, c Cursor, snapshot int64, offset int) Cursor {
	c.Kind, c.Position = AppendOrder, r.event.Position
	if len(q.OrderBy) == 0 {
		return c
	}
	c.Kind, c.Snapshot, c.Offset = Sorted, snapshot, int64(offset)
	for _, key := range r.keys {
		if key.ok {
			c.Keys = append(c.Keys, key.Raw)
		} else {
			c.Keys = append(c.Keys, nil)
		}
	}
	return c
}
