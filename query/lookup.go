package query

import (
	"encoding/json/jsontext"

	"github.com/firnlog/firn/event"
)

// Lookup finds the value at a path of compact JSON text; ok is false where
// there is none. The null of JSON is a value. A step [] finds nothing: see
// Elements.
func Lookup(v jsontext.Value, path []Step) (found jsontext.Value, ok bool) {
	for _, step := range path {
		var inner []byte
		switch {
		case step.Each:
			return nil, false
		case step.IsIndex:
			inner, ok = event.Element(v, step.Index)
		default:
			inner, ok = event.Member(v, step.Key)
		}
		if !ok {
			return nil, false
		}
		v = inner
	}
	return v, len(v) > 0
}

// Elements are the elements that a path ending in [] names: none where the path
// before it holds no array.
func Elements(v jsontext.Value, path []Step) []jsontext.Value {
	array, ok := Lookup(v, path[:len(path)-1])
	if !ok || event.KindOf(array) != '[' {
		return nil
	}
	var list []jsontext.Value
	for e := event.WalkElements(array); e.Next(); {
		list = append(list, e.Value)
	}
	return list
}

// ValueAt is what e holds at a field: Instant for Timestamp and RecordedAt, a
// Numeric importance (with the name as its text, unless the query said
// importance) for Severity. ok is false where it holds nothing; a null actor or
// subject is nothing.
func ValueAt(f Field, e *event.Event) (v Value, ok bool) {
	switch f.Root {
	case ID:
		return StringValue(e.ID), true
	case InstanceID:
		return StringValue(e.InstanceID), true
	case StreamID:
		return StringValue(e.StreamID), true
	case SequenceNumber:
		return IntValue(e.SequenceNumber), true
	case Position:
		return IntValue(e.Position), true
	case EventType:
		return StringValue(e.EventType), true
	case Category:
		return StringValue(e.Category()), true
	case Timestamp:
		return InstantValue(e.Timestamp), true
	case RecordedAt:
		return InstantValue(e.RecordedAt), true
	case Severity:
		if f.Importance {
			return IntValue(int64(e.Severity)), true
		}
		return SeverityValue(e.Severity), true
	case Actor:
		return optionalValue(e.Actor)
	case Subject:
		return optionalValue(e.Subject)
	case Payload:
		return valueIn(e.Payload, f.Path)
	case Metadata:
		return valueIn(e.Metadata, f.Path)
	}
	return Value{}, false
}

func optionalValue(s *string) (Value, bool) {
	if s == nil {
		return Value{}, false
	}
	return StringValue(*s), true
}

func valueIn(text jsontext.Value, path []Step) (Value, bool) {
	if v, ok := Lookup(text, path); ok {
		return ValueOf(v), true
	}
	return Value{}, false
}

// textAt is ValueAt for the fields that are strings, without an allocation.
func textAt(r Root, e *event.Event) (s string, ok bool) {
	switch r {
	case ID:
		return e.ID, true
	case InstanceID:
		return e.InstanceID, true
	case StreamID:
		return e.StreamID, true
	case EventType:
		return e.EventType, true
	case Category:
		return e.Category(), true
	case Actor:
		if e.Actor != nil {
			return *e.Actor, true
		}
	case Subject:
		if e.Subject != nil {
			return *e.Subject, true
		}
	}
	return "", false
}

// text reports whether the field is a string, or missing.
func (r Root) text() bool {
	switch r {
	case ID, InstanceID, StreamID, EventType, Category, Actor, Subject:
		return true
	}
	return false
}
