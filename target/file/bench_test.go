package file_test

import (
	"encoding/json/jsontext"
	"fmt"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
)

// BenchmarkWrite writes batches of 1,000 events of about 300 bytes, each on disk
// when Write returns: 200 events a second of log time, ten types.
func BenchmarkWrite(b *testing.B) {
	tgt := open(b, b.TempDir())
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	position := 0
	for b.Loop() {
		events := make([]event.Event, 1000)
		for i := range events {
			position++
			when := begin.Add(time.Duration(position) * 5 * time.Millisecond)
			events[i] = event.Event{EventType: fmt.Sprintf("type.%d", position%10), Timestamp: when, RecordedAt: when,
				Payload: jsontext.Value(fmt.Sprintf(`{"account_id":"acc1","from":"+%d","message":"Hello, world! This is as long as such messages tend to be."}`, position))}
		}
		write(b, tgt, int64(position-999), events...)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "events/s")
}
