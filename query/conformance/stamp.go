package conformance

import (
	"encoding/json/jsontext"
	"fmt"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
)

// stamp makes events of data, as a log that holds stored would number them.
func stamp(t *testing.T, stored, data []eventData) []event.Event {
	t.Helper()
	last := make(map[string]int64)
	for _, d := range stored {
		last[d.stream()]++
	}
	events := make([]event.Event, len(data))
	for i, d := range data {
		position := len(stored) + i + 1
		e := d.event(t, position)
		last[e.StreamID]++
		e.SequenceNumber = last[e.StreamID]
		events[i] = e
	}
	return events
}

func (d eventData) stream() string {
	if d.StreamID == "" {
		return event.DefaultStream
	}
	return d.StreamID
}

func (d eventData) event(t *testing.T, position int) event.Event {
	t.Helper()
	e := event.Event{
		ID: d.ID, InstanceID: InstanceID, StreamID: d.stream(), EventType: d.EventType,
		Position: int64(position), Severity: event.Info, Actor: d.Actor, Subject: d.Subject,
		Payload: object(t, d.Payload), Metadata: object(t, d.Metadata),
	}
	if e.ID == "" {
		e.ID = fmt.Sprintf("e%d", position)
	}
	if d.Severity != "" {
		severity, ok := event.ParseSeverity(d.Severity)
		if !ok {
			t.Fatalf("event %d: severity %q", position, d.Severity)
		}
		e.Severity = severity
	}
	e.RecordedAt = parseTime(t, d.RecordedAt, time.Date(2025, 1, 1, 0, 0, position, 0, time.UTC))
	e.Timestamp = parseTime(t, d.Timestamp, e.RecordedAt)
	return e
}

func parseTime(t *testing.T, text string, otherwise time.Time) time.Time {
	t.Helper()
	if text == "" {
		return otherwise
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

func object(t *testing.T, v jsontext.Value) jsontext.Value {
	t.Helper()
	if len(v) == 0 {
		return jsontext.Value("{}")
	}
	v = v.Clone()
	if err := v.Compact(); err != nil {
		t.Fatal(err)
	}
	return v
}
