package targettest_test

import (
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target/targettest"
)

// TestHostileEventsAreAllowed: the log would take every one of them.
func TestHostileEventsAreAllowed(t *testing.T) {
	types := map[string]bool{}
	for _, e := range targettest.Hostile() {
		d := event.Draft{ID: e.ID, EventType: e.EventType, Timestamp: e.Timestamp, Severity: e.Severity,
			Actor: e.Actor, Subject: e.Subject, Payload: e.Payload, Metadata: e.Metadata}
		if err := d.Check(event.Limits{}); err != nil {
			t.Errorf("%.50q: %v", e.EventType, err)
		}
		if string(d.Payload) != string(e.Payload) {
			t.Errorf("%.50q: the payload is not compact", e.EventType)
		}
		if types[e.EventType] {
			t.Errorf("%.50q is there twice", e.EventType)
		}
		types[e.EventType] = true
	}
}
