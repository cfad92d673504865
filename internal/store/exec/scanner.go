package exec

import (
	"context"
	"math"
	"slices"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// Scanner is a Scan in steps, each over the snapshot of its time: it holds no
// block between them, but reads ahead where there is room, so that a step costs
// little. It is used by one goroutine.
type Scanner struct {
	where  query.Condition
	memory *Memory // of a step
	kept   *Memory // of what all scanners keep between steps

	after int64 // what follows is about the events behind this position
	ahead []event.Event
	bytes int64 // kept for ahead
	// rows are the matches of a block that are not made yet, in order of
	// position; they belong to the block of which at is a copy.
	rows []int32
	at   BlockRef
}

// aheadBytes is how much a scanner reads ahead.
const aheadBytes = 2 << 20

// NewScanner scans the matches of where (nil = every event) within the budget
// memory. What it reads ahead is taken from kept, where there is room.
func NewScanner(where query.Condition, memory, kept *Memory) *Scanner {
	return &Scanner{where: where, memory: memory, kept: kept}
}

// Reset forgets what was read ahead. It is called when the snapshots to come
// lack events of those before.
func (s *Scanner) Reset() {
	s.kept.Release(s.bytes + int64(len(s.rows))*4)
	s.ahead, s.bytes, s.rows, s.at = nil, 0, nil, BlockRef{}
}

// Next returns the next matches above after and up to until, at most most of
// them, and the position up to which these are all; without a match in the next
// block it is the end of that. snapshot is only called where what was read ahead
// is used up. The events are the caller's.
func (s *Scanner) Next(ctx context.Context, snapshot func() Snapshot, after, until int64, most int) (events []event.Event, position int64, err error) {
	if after != s.after {
		s.Reset()
		s.after = after
	}
	if len(s.ahead) == 0 {
		end, err := s.read(ctx, snapshot(), after, until, most)
		if err != nil {
			return nil, after, err
		}
		if len(s.ahead) == 0 {
			s.after = end
			return nil, end, nil
		}
	}
	n := min(most, len(s.ahead))
	for n > 0 && s.ahead[n-1].Position > until {
		n--
	}
	if n == 0 {
		return nil, until, nil // s.after stays: what is ahead begins beyond until
	}
	if events = s.ahead; n < len(events) {
		events = slices.Clone(s.ahead[:n])
		clear(s.ahead[:n]) // or what is ahead would hold them
		s.ahead = s.ahead[n:]
	} else {
		s.ahead = nil
	}
	s.after = events[n-1].Position
	if freed := min(s.bytes, sizeOf(events)); len(s.ahead) > 0 {
		s.kept.Release(freed)
		s.bytes -= freed
	} else {
		s.kept.Release(s.bytes)
		s.bytes = 0
	}
	return events, s.after, nil
}

// read fills ahead. Where the next block has no match it returns its end.
func (s *Scanner) read(ctx context.Context, snap Snapshot, after, until int64, most int) (end int64, err error) {
	i := 0
	for i < len(snap.Blocks) && snap.Blocks[i].LastPosition <= after {
		i++
	}
	if i == len(snap.Blocks) || snap.Blocks[i].FirstPosition > until {
		return until, nil
	}
	ref := &snap.Blocks[i]
	e, err := newEngine(s.where, snap, s.memory)
	if err != nil {
		return after, err
	}
	defer e.account.close()
	rows := s.rows
	if len(rows) == 0 || !sameRows(&s.at, ref) {
		s.Reset()
		e.restrict(after+1, math.MaxInt64)
		if rows, err = guarded(func() ([]int32, error) { return e.rowsByPosition(ctx, ref) }); err != nil {
			return after, err
		}
	} else {
		s.kept.Release(int64(len(rows)) * 4)
		s.rows = nil
	}
	if len(rows) == 0 {
		return min(ref.LastPosition, until), nil
	}
	s.ahead, err = guarded(func() ([]event.Event, error) { return s.fetch(ctx, e, ref, rows, most) })
	if err != nil {
		return after, err
	}
	if rows = rows[len(s.ahead):]; ref.Segment != "" && s.kept.TryAcquire(int64(len(rows))*4) {
		s.rows, s.at = rows, *ref
	}
	return after, nil
}

// sameRows reports whether two blocks have the same rows in the same places.
func sameRows(a, b *BlockRef) bool {
	return a.Segment == b.Segment && a.Segment != "" && a.Rows == b.Rows && a.FirstPosition == b.FirstPosition && a.LastPosition == b.LastPosition
}

// fetch makes the events of the first of rows: as many as there is room for, at
// most most where there is none to keep more.
func (s *Scanner) fetch(ctx context.Context, e *engine, ref *BlockRef, rows []int32, most int) ([]event.Event, error) {
	r, err := e.read(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer e.close(r)
	if s.kept.TryAcquire(aheadBytes) {
		s.bytes = aheadBytes
	} else {
		rows = rows[:min(len(rows), most)]
	}
	var events []event.Event
	n, _, err := r.chunk(rows)
	if err == nil {
		events, err = r.block.Events(nil, rows[:n], column.Need{Payload: true, Metadata: true})
	}
	held := min(s.bytes, sizeOf(events))
	s.kept.Release(s.bytes - held)
	s.bytes = held
	return events, err
}
