// Package event defines what an event is: its fields, its severities, its
// limits and the strict, lossless JSON it is read from and written as.
//
// The package knows nothing of how events are stored or asked for.
package event

import (
	"encoding/json/jsontext"
	"strings"
	"time"
)

// DefaultStream is the stream of an event that names none.
const DefaultStream = "default"

// Event is an event as the log holds it. It never changes once stored.
type Event struct {
	// ID is unique in its instance: the caller's, or a UUIDv7 made by the log.
	ID string
	// InstanceID is the UUIDv7 of the instance that holds the event.
	InstanceID string
	// StreamID is the stream's name.
	StreamID string
	// SequenceNumber is the place in the stream: gapless, from 1.
	SequenceNumber int64
	// Position is the place in the instance: strictly increasing from 1.
	Position int64
	// EventType is free text, by convention category.action.
	EventType string
	// Timestamp says when it happened, UTC, to the microsecond.
	Timestamp time.Time
	// RecordedAt says when the log accepted it, UTC, in whole milliseconds.
	RecordedAt time.Time
	// Severity is the importance, 1 to 8.
	Severity Severity
	// Actor is who did it, nil for nobody.
	Actor *string
	// Subject is what was affected, nil for nothing.
	Subject *string
	// Payload and Metadata are compact JSON objects, never nil, byte for byte
	// what the caller sent apart from white space between tokens.
	Payload  jsontext.Value
	Metadata jsontext.Value
}

// Category is the part of the event type before its first dot.
func (e *Event) Category() string { return Category(e.EventType) }

// Category is the part of an event type before its first dot, all of it if
// there is none.
func Category(eventType string) string {
	category, _, _ := strings.Cut(eventType, ".")
	return category
}

// Draft is an event as a caller gives it: what the log adds is not there yet.
// The zero value of every field but EventType is its default.
type Draft struct {
	ID        string    // "" = the log makes a UUIDv7
	StreamID  string    // "" = DefaultStream
	EventType string    // required
	Timestamp time.Time // zero = the log's clock, in whole milliseconds
	Severity  Severity  // 0 = Info
	Actor     *string
	Subject   *string
	Payload   jsontext.Value // nil = {}
	Metadata  jsontext.Value // nil = {}
}
