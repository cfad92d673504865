package exec

import (
	"context"
	"time"

	"github.com/firnlog/firn/query"
)

// Run answers q from the snapshot s. Errors: *query.Error for a cursor that
// does not fit the query, ErrMemory beyond the budget, ErrTooManyValues, and
// the context's error.
func Run(ctx context.Context, q *query.Query, s Snapshot, m *Memory) (*Result, error) {
	start := time.Now()
	cursor, paged, err := q.CheckCursor(s.InstanceID)
	if err != nil {
		return nil, err
	}
	if paged && cursor.Kind == query.Sorted {
		s = s.until(cursor.Snapshot)
	}
	e, err := newEngine(whereOf(q), s, m)
	if err != nil {
		return nil, err
	}
	defer e.account.close()
	if paged && cursor.Kind == query.Sorted {
		e.restrict(0, cursor.Snapshot)
	}
	res := &Result{Limit: q.Limit, Offset: q.Offset}
	if len(q.Reduce) > 0 {
		err = e.reduce(ctx, q, res)
	} else {
		err = e.list(ctx, q, cursor, paged, res)
	}
	if err != nil {
		return nil, err
	}
	res.Stats = e.cost.stats(&s)
	res.Stats.Elapsed = time.Since(start)
	return res, nil
}

// whereOf is the condition of a query and its stream.
func whereOf(q *query.Query) query.Condition {
	if q.Stream == nil {
		return q.Where
	}
	stream := query.Is(query.Field{Root: query.StreamID, Name: "stream_id"}, query.Eq, query.StringValue(*q.Stream))
	if q.Where == nil {
		return stream
	}
	return query.And{stream, q.Where}
}

// until is the snapshot as it was when last was its last position.
func (s Snapshot) until(last int64) Snapshot {
	n := len(s.Blocks)
	for n > 0 && s.Blocks[n-1].FirstPosition > last {
		n--
	}
	s.Blocks, s.LastPosition = s.Blocks[:n], min(s.LastPosition, last)
	return s
}
