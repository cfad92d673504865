package event

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// MarshalJSON is AppendJSON for encoding/json. Marshal of encoding/json/v2
// respells the strings of payload and metadata ("\/" becomes "/") unless told
// jsontext.PreserveRawStrings(true); AppendJSON is always exact.
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// UnmarshalJSON reads an event as the log writes it, for clients. Fields that
// are not there become zero, payload and metadata {}; fields that this version
// does not know are ignored, as a newer log may write them. Payload and metadata
// keep their text.
func (e *Event) UnmarshalJSON(text []byte) error {
	v, bad := compactValue(text, unlimited, true, -1)
	if bad != nil {
		return bad
	}
	read := Event{}
	v = slices.Clone(v) // the caller's text is the caller's
	for m := WalkMembers(v); m.Next(); {
		name := Unquoted(m.Key)
		if err := read.setField(name, m.Value); err != nil {
			return fmt.Errorf("event: field %s: %w", shownText(name), err)
		}
	}
	if read.Payload == nil {
		read.Payload = []byte("{}")
	}
	if read.Metadata == nil {
		read.Metadata = []byte("{}")
	}
	*e = read
	return nil
}

// unlimited is for text that a log has accepted already, whatever its limits.
var unlimited = Limits{EventBytes: int(^uint(0) >> 1), BatchBytes: int(^uint(0) >> 1)}

// setField sets the field of a canonical name to a value.
func (e *Event) setField(name string, v []byte) (err error) {
	switch name {
	case "id":
		e.ID, err = stringOf(v)
	case "instance_id":
		e.InstanceID, err = stringOf(v)
	case "stream_id":
		e.StreamID, err = stringOf(v)
	case "sequence_number":
		e.SequenceNumber, err = strconv.ParseInt(string(v), 10, 64)
	case "position":
		e.Position, err = strconv.ParseInt(string(v), 10, 64)
	case "event_type":
		e.EventType, err = stringOf(v)
	case "timestamp":
		e.Timestamp, err = timeOf(v)
	case "recorded_at":
		e.RecordedAt, err = timeOf(v)
	case "severity":
		e.Severity, err = severityOf(v)
	case "actor":
		e.Actor, err = nullableOf(v)
	case "subject":
		e.Subject, err = nullableOf(v)
	case "payload":
		e.Payload, err = objectOf(v)
	case "metadata":
		e.Metadata, err = objectOf(v)
	}
	return err
}

func stringOf(v []byte) (string, error) {
	if KindOf(v) != '"' {
		return "", fmt.Errorf("must be a string, is %s", kindName(v))
	}
	return Unquoted(v), nil
}

func nullableOf(v []byte) (*string, error) {
	if KindOf(v) == 'n' {
		return nil, nil
	}
	s, err := stringOf(v)
	return &s, err
}

func timeOf(v []byte) (time.Time, error) {
	s, err := stringOf(v)
	if err != nil {
		return time.Time{}, err
	}
	micros, err := ParseTime(s)
	return time.UnixMicro(micros).UTC(), err
}

func severityOf(v []byte) (Severity, error) {
	name, err := stringOf(v)
	if err != nil {
		return 0, err
	}
	s, ok := ParseSeverity(name)
	if !ok {
		return 0, fmt.Errorf("%s is no severity; one of %s", shownText(name), SeverityNames)
	}
	return s, nil
}

func objectOf(v []byte) ([]byte, error) {
	if KindOf(v) != '{' {
		return nil, fmt.Errorf("must be an object, is %s", kindName(v))
	}
	return v, nil
}
