package columntest

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
)

// Rows draws the events of one instance in order of position.
func Rows(t *rapid.T, most int) []column.Row {
	rows := make([]column.Row, rapid.IntRange(1, most).Draw(t, "rows"))
	sequences := map[string]int64{}
	position, recorded := rapid.Int64Range(1, 1000).Draw(t, "first"), int64(1_700_000_000_000)
	for i := range rows {
		r := &rows[i]
		r.StreamID = rapid.SampledFrom([]string{"default", "a", "user-1", "日本"}).Draw(t, "stream")
		sequences[r.StreamID]++
		position += rapid.Int64Range(1, 2).Draw(t, "step")
		recorded += rapid.Int64Range(0, 5).Draw(t, "ms")
		r.Position, r.SequenceNumber, r.RecordedAt = position, sequences[r.StreamID], recorded
		r.Timestamp = rapid.Int64Range(-1e15, 4e15).Draw(t, "timestamp")
		r.Severity = event.Severity(rapid.IntRange(1, 8).Draw(t, "severity"))
		r.EventType = rapid.SampledFrom([]string{"message.received", "login", "a.b.c", "x"}).Draw(t, "type")
		if rapid.Bool().Draw(t, "has id") {
			r.ID = fmt.Sprintf("id-%d", position)
		}
		if rapid.Bool().Draw(t, "has actor") {
			actor := rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(t, "actor")
			r.Actor = &actor
		}
		if rapid.Bool().Draw(t, "has subject") {
			subject := rapid.StringN(0, 5, 20).Draw(t, "subject")
			r.Subject = &subject
		}
		r.Payload = Object(t, "payload")
		if rapid.Bool().Draw(t, "has metadata") {
			r.Metadata = Object(t, "metadata")
		}
	}
	return rows
}
