package query

import (
	"time"

	"github.com/firnlog/firn/event"
)

// Is is the comparison of a field with constants, as if it had been parsed. The
// kinds of values must fit the field (see Compare) and their number the
// operator.
func Is(f Field, op Operator, values ...Value) *Compare {
	c := newCompare(f, op, nil, values...)
	c.pattern = c.Pattern()
	return c
}

// Filter chooses events by lists of values. What is set must hold, of a list one
// value; the zero value chooses every event.
type Filter struct {
	Streams, Types, Categories []string
	Actors, Subjects           []string
	Severities                 []event.Severity
	MinSeverity                event.Severity
	Since                      time.Time // inclusive, of timestamp
	Until                      time.Time // exclusive
	Search                     string
}

// Condition is the filter as a condition, nil for every event.
func (f Filter) Condition() Condition {
	var all And
	is := func(root Root, op Operator, values ...Value) {
		if len(values) > 0 {
			all = append(all, Is(Field{Root: root, Name: root.String()}, op, values...))
		}
	}
	is(StreamID, In, stringValues(f.Streams)...)
	is(EventType, In, stringValues(f.Types)...)
	is(Category, In, stringValues(f.Categories)...)
	is(Actor, In, stringValues(f.Actors)...)
	is(Subject, In, stringValues(f.Subjects)...)
	var severities []Value
	for _, s := range f.Severities {
		severities = append(severities, SeverityValue(s))
	}
	is(Severity, In, severities...)
	if f.MinSeverity != 0 {
		is(Severity, Gte, SeverityValue(f.MinSeverity))
	}
	if !f.Since.IsZero() {
		is(Timestamp, Gte, InstantValue(f.Since))
	}
	if !f.Until.IsZero() {
		is(Timestamp, Lt, InstantValue(f.Until))
	}
	if f.Search != "" {
		all = append(all, NewSearch(f.Search))
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

func stringValues(list []string) []Value {
	values := make([]Value, len(list))
	for i, s := range list {
		values[i] = StringValue(s)
	}
	return values
}
