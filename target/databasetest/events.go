package databasetest

import (
	"fmt"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// Log is the log that the batches of Batch are of.
var Log = target.Identity{ID: "0191f3a0-0000-7000-8000-000000000001", Epoch: 1}

// Noon is when Numbered's events begin.
var Noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Numbered makes n events whose positions begin at from; that of position 7 has
// the payload {"n":7} and is of Noon and 7 milliseconds.
func Numbered(from, n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		at := Noon.Add(time.Duration(from+i) * time.Millisecond)
		events[i] = event.Event{
			ID: fmt.Sprint("e", from+i), StreamID: "s", SequenceNumber: int64(from + i), Position: int64(from + i),
			EventType: "message.received", Timestamp: at, RecordedAt: at, Severity: event.Info,
			Payload: []byte(fmt.Sprintf(`{"n":%d}`, from+i)), Metadata: []byte(`{}`),
		}
	}
	return events
}

// Batch is a batch of events of the instance app of Log.
func Batch(events []event.Event) target.Batch {
	return target.Batch{
		Log: Log, Instance: target.Instance{ID: "0191f3a0-0000-7000-8000-00000000000a", Name: "app"},
		Events: events, Through: events[len(events)-1].Position,
	}
}
