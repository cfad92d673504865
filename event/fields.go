package event

import (
	"strings"

	"github.com/firnlog/firn/internal/spelling"
)

// field is a top-level field of an event's JSON.
type field uint8

const (
	fieldUnknown field = iota
	fieldID
	fieldStream
	fieldType
	fieldTimestamp
	fieldSeverity
	fieldActor
	fieldSubject
	fieldPayload
	fieldMetadata
	// The fields that only the log sets.
	fieldInstance
	fieldSequence
	fieldPosition
	fieldRecordedAt
	fieldCategory
	fieldCount
)

// byLog reports whether only the log sets a field.
func (f field) byLog() bool { return f >= fieldInstance }

// spellings are the names of the fields in JSON: the canonical one first, then
// those of the documents that Firn implements and the camelCase ones.
var spellings = [fieldCount][]string{
	fieldID:         {"id"},
	fieldStream:     {"stream_id", "streamId"},
	fieldType:       {"event_type", "eventType", "type"},
	fieldTimestamp:  {"timestamp", "created_at", "createdAt"},
	fieldSeverity:   {"severity", "importance"},
	fieldActor:      {"actor", "actor_did", "actorDid", "uid"},
	fieldSubject:    {"subject"},
	fieldPayload:    {"payload", "data", "detail", "event_data", "eventData"},
	fieldMetadata:   {"metadata"},
	fieldInstance:   {"instance_id", "instanceId"},
	fieldSequence:   {"sequence_number", "sequenceNumber"},
	fieldPosition:   {"position"},
	fieldRecordedAt: {"recorded_at", "recordedAt"},
	fieldCategory:   {"category"},
}

// fieldNamed finds a field by one of its spellings.
func fieldNamed(name string) field {
	switch name {
	case "id":
		return fieldID
	case "stream_id", "streamId":
		return fieldStream
	case "event_type", "eventType", "type":
		return fieldType
	case "timestamp", "created_at", "createdAt":
		return fieldTimestamp
	case "severity", "importance":
		return fieldSeverity
	case "actor", "actor_did", "actorDid", "uid":
		return fieldActor
	case "subject":
		return fieldSubject
	case "payload", "data", "detail", "event_data", "eventData":
		return fieldPayload
	case "metadata":
		return fieldMetadata
	case "instance_id", "instanceId":
		return fieldInstance
	case "sequence_number", "sequenceNumber":
		return fieldSequence
	case "position":
		return fieldPosition
	case "recorded_at", "recordedAt":
		return fieldRecordedAt
	case "category":
		return fieldCategory
	}
	return fieldUnknown
}

// unknownField is the message about a key that is no field: with the nearest
// one that is, or with the way out.
func unknownField(name string) string {
	message := shownText(name) + " is no field of an event; "
	if near := nearestField(name); near != "" {
		return message + `did you mean "` + near + `"?`
	}
	return message + `put it into "payload" or "metadata"`
}

// nearestField is the spelling of a field a caller may set that differs least
// from name, "" if none is near.
func nearestField(name string) string {
	if len(name) > 32 {
		return ""
	}
	wanted := folded(name)
	nearest, least := "", 7 // in half edits; up to three
	for f := fieldID; f < fieldInstance; f++ {
		for _, name := range spellings[f] {
			known := folded(name)
			distance := 2 * spelling.Distance(wanted, known)
			if strings.HasPrefix(known, wanted) && len(wanted) > 2 || strings.HasPrefix(wanted, known) && len(known) > 3 {
				distance = min(distance, 1)
			}
			if distance < least && distance <= max(len(known), len(wanted)) {
				nearest, least = name, distance
			}
		}
	}
	return nearest
}

// folded is a name without case and separators.
func folded(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(name))
}
