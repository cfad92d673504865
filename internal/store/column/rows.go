package column

import (
	"iter"

	"github.com/firnlog/firn/event"
)

// RowOf makes a row of an event. The id is kept only if the caller of the log
// brought it: made tells.
func RowOf(e *event.Event, made bool) Row {
	r := Row{
		Position: e.Position, SequenceNumber: e.SequenceNumber,
		Timestamp: e.Timestamp.UnixMicro(), RecordedAt: e.RecordedAt.UnixMilli(), Severity: e.Severity,
		StreamID: e.StreamID, EventType: e.EventType, ID: e.ID, Actor: e.Actor, Subject: e.Subject,
		Payload: e.Payload, Metadata: e.Metadata,
	}
	if made {
		r.ID = ""
	}
	return r
}

// Rows puts at most so many events together at a time, or one.
const (
	rowsAtOnce  = 4096
	bytesAtOnce = 8 << 20 // what Block.Fit says
)

// Rows yields the events of a block as rows, in the block's order; with keep,
// only those rows. A row is the receiver's until it asks for the next.
func Rows(b Block, keep Bitmap) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		var events []event.Event
		rows := make([]int32, 0, rowsAtOnce)
		some := func(rows []int32) bool {
			ids, err := callerIDs(b, rows)
			if err == nil {
				clear(events) // large texts must not outlive their rows
				events, err = b.Events(events[:0], rows, Need{Payload: true, Metadata: true})
			}
			if err != nil {
				yield(nil, err)
				return false
			}
			for i := range events {
				r := RowOf(&events[i], !ids.Get(i))
				if !yield(&r, nil) {
					return false
				}
			}
			return true
		}
		flush := func() bool {
			for left := rows; len(left) > 0; {
				n, _ := b.Fit(left, bytesAtOnce)
				if !some(left[:n]) {
					return false
				}
				left = left[n:]
			}
			rows = rows[:0]
			return true
		}
		for row := range b.Rows() {
			if keep != nil && !keep.Get(row) {
				continue
			}
			if rows = append(rows, int32(row)); len(rows) == rowsAtOnce && !flush() {
				return
			}
		}
		if len(rows) > 0 {
			flush()
		}
	}
}

// callerIDs has the places in rows whose ids the caller of the log brought.
func callerIDs(b Block, rows []int32) (Bitmap, error) {
	s, ok := b.(*shredded)
	if !ok {
		return FullBitmap(len(rows)), nil
	}
	v, err := s.source.Pick(ColID, rows)
	if err != nil || v.Valid != nil {
		return v.valid(), err
	}
	return FullBitmap(len(rows)), nil
}

func (v *Vector) valid() Bitmap {
	if v == nil {
		return nil
	}
	return v.Valid
}
