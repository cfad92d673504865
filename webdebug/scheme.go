package webdebug

import (
	"encoding/json/jsontext"
	"fmt"
	"strconv"
	"time"

	"github.com/firnlog/firn/event"
)

// MaxNesting is how deep the events of a scheme nest; an event of the scheme
// itself is at level 1.
const MaxNesting = 32

// Version is the version of the schemes that this package writes.
const Version = 1

// Scheme is what happened in one request. Its JSON is the protocol's: both
// dialects are read, the snake_case one is written.
type Scheme struct {
	ID      string  // the request's, a UUID
	Version int     // of the protocol
	Events  []Event // oldest first
}

// Event is something that happened in a request.
type Event struct {
	// Type is one of the protocol's (log, query, request, response, middleware,
	// template, email, event, access_check) or one's own.
	Type string
	// Payload is a JSON object whose keys depend on the type. None is written
	// as {}.
	Payload jsontext.Value
	// Tags are flags ("is_production") or values of a filter ("db:mysql").
	Tags []string
	// Importance is 1 to 8, or 0 where it is not known.
	Importance Importance
	// Time is when it began, in whole milliseconds; zero where it is not known.
	Time time.Time
	// Duration is how long it took, in whole milliseconds; nil where it was not
	// measured.
	Duration *time.Duration
	// Success is false where it failed; nil where nothing is said.
	Success *bool
	// CalledFrom is the place in the code that made it happen, DefinedIn the
	// place of what ran. Nil where they are not known.
	CalledFrom, DefinedIn *Location
	// Nested are the events that happened inside, oldest first.
	Nested []Event
}

// Importance says how much an event matters, as the levels of a log do.
type Importance int

// The levels.
const (
	Debug     Importance = 1
	Info      Importance = 2
	Notice    Importance = 3
	Warning   Importance = 4
	Error     Importance = 5
	Critical  Importance = 6
	Alert     Importance = 7
	Emergency Importance = 8
)

// Location is a place in the application's code.
type Location struct {
	File string // from the project's root, which it starts with: /cmd/shop/main.go
	Line int    // from 1; 0 where it is not known
	// Pos and PosEnd are the first and last character in the line, both
	// included; 0 where they are not known.
	Pos, PosEnd int
}

// MarshalJSON writes the scheme in the snake_case dialect. Its error is of a
// nesting deeper than MaxNesting.
func (s Scheme) MarshalJSON() ([]byte, error) {
	if depth(s.Events) > MaxNesting {
		return nil, fmt.Errorf("scheme %s: events nest deeper than %d", s.ID, MaxNesting)
	}
	return s.append(nil), nil
}

func depth(events []Event) int {
	deepest := 0
	for i := range events {
		deepest = max(deepest, 1+depth(events[i].Nested))
	}
	return deepest
}

func (s *Scheme) append(dst []byte) []byte {
	dst = event.AppendQuoted(append(dst, `{"id":`...), s.ID)
	dst = strconv.AppendInt(append(dst, `,"version":`...), int64(s.Version), 10)
	dst = appendEvents(append(dst, `,"events":`...), s.Events)
	return append(dst, '}')
}

func appendEvents(dst []byte, events []Event) []byte {
	dst = append(dst, '[')
	for i := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = events[i].append(dst)
	}
	return append(dst, ']')
}

func (e *Event) append(dst []byte) []byte {
	dst = event.AppendQuoted(append(dst, `{"type":`...), e.Type)
	dst = append(dst, `,"payload":`...)
	if len(e.Payload) == 0 {
		dst = append(dst, `{}`...)
	}
	dst = append(dst, e.Payload...)
	if len(e.Tags) > 0 {
		dst = appendTexts(append(dst, `,"tags":`...), e.Tags)
	}
	if e.Importance != 0 {
		dst = strconv.AppendInt(append(dst, `,"importance":`...), int64(e.Importance), 10)
	}
	if !e.Time.IsZero() {
		dst = strconv.AppendInt(append(dst, `,"time":`...), e.Time.UnixMilli(), 10)
	}
	if e.Duration != nil {
		dst = strconv.AppendInt(append(dst, `,"duration":`...), e.Duration.Milliseconds(), 10)
	}
	if e.Success != nil {
		dst = strconv.AppendBool(append(dst, `,"success":`...), *e.Success)
	}
	if e.CalledFrom != nil {
		dst = e.CalledFrom.append(append(dst, `,"called_from":`...))
	}
	if e.DefinedIn != nil {
		dst = e.DefinedIn.append(append(dst, `,"defined_in":`...))
	}
	if len(e.Nested) > 0 {
		dst = appendEvents(append(dst, `,"nested":`...), e.Nested)
	}
	return append(dst, '}')
}

func (l *Location) append(dst []byte) []byte {
	dst = event.AppendQuoted(append(dst, `{"file":`...), l.File)
	for _, n := range [...]struct {
		key   string
		value int
	}{{`,"line":`, l.Line}, {`,"pos":`, l.Pos}, {`,"pos_end":`, l.PosEnd}} {
		if n.value == 0 {
			break // the protocol wants each only with the one before
		}
		dst = strconv.AppendInt(append(dst, n.key...), int64(n.value), 10)
	}
	return append(dst, '}')
}

func appendTexts(dst []byte, texts []string) []byte {
	dst = append(dst, '[')
	for i, text := range texts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = event.AppendQuoted(dst, text)
	}
	return append(dst, ']')
}
