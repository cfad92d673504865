package event_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
)

// sample is a batch of n events of about 310 bytes, as bench/ makes them: ten
// types, nested and missing fields.
func sample(n int, spaced bool) []byte {
	body := []byte{'['}
	colon, comma := ":", ","
	if spaced {
		colon, comma = ": ", ", "
	}
	for i := range n {
		if i > 0 {
			body = append(body, comma...)
		}
		line := fmt.Sprintf(`{"stream_id"~"user-%d"^"event_type"~"%s"^"timestamp"~"2026-01-31T15:%02d:%02d.%03dZ"^"severity"~"info"^"actor"~"user-%d"^`+
			`"payload"~{"path"~"/api/v1/items/%d"^"status"~%d^"duration_ms"~%d.%d^"ok"~true^"geo"~{"city"~"Zürich"^"country"~"CH"}^"tags"~["a"^"b"]}^`+
			`"metadata"~{"source"~"web"^"version"~"1.14.2"^"request_id"~"%016x"}}`,
			i%1000, []string{"user.login", "message.received", "API", "order.created"}[i%4], i%60, i%60, i%1000, i%1000,
			i, 200+i%300, i%900, i%10, uint64(i)*0x9E3779B97F4A7C15)
		for _, c := range []byte(line) {
			switch c {
			case '~':
				body = append(body, colon...)
			case '^':
				body = append(body, comma...)
			default:
				body = append(body, c)
			}
		}
	}
	return append(body, ']')
}

func BenchmarkParseBatch(b *testing.B) {
	for _, c := range []struct {
		name   string
		spaced bool
	}{{"compact", false}, {"spaced", true}} {
		b.Run(c.name, func(b *testing.B) {
			const n = 1000
			body := sample(n, c.spaced)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := event.ParseBatch(body, event.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/event")
			b.ReportMetric(float64(len(body))/n, "bytes/event")
		})
	}
}

func BenchmarkParseLine(b *testing.B) {
	body := sample(1, false)
	line := body[1 : len(body)-1]
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.ParseLine(line, event.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendLine(b *testing.B) {
	body := sample(1, false)
	line := body[1 : len(body)-1]
	var p event.Parser
	drafts := make([]event.Draft, 0, 1)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if drafts, err = p.AppendLine(drafts[:0], line); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	drafts, err := event.ParseBatch(sample(1, false), event.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	d := drafts[0]
	e := event.Event{
		ID: "019b76da-a800-7987-87f5-258f9424cf0e", InstanceID: "019b76da-a800-7987-87f5-258f9424cf0e", StreamID: d.StreamID,
		SequenceNumber: 123, Position: 4567, EventType: d.EventType, Timestamp: d.Timestamp, RecordedAt: time.Now(),
		Severity: d.Severity, Actor: d.Actor, Payload: d.Payload, Metadata: d.Metadata,
	}
	buf := e.AppendJSON(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}

func BenchmarkWalk(b *testing.B) {
	drafts, err := event.ParseBatch(sample(1, false), event.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	payload := drafts[0].Payload
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		for m := event.WalkMembers(payload); m.Next(); {
			_ = m.Value
		}
	}
}
