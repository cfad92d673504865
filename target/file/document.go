package file

import (
	"strconv"

	"github.com/firnlog/firn/event"
)

// appendDocument appends the content of an event's file: type, timestamp and
// data as whatshooked's readers know them, then the event's other fields, a
// member a line. The same event gives the same bytes.
func appendDocument(dst []byte, e *event.Event) []byte {
	dst = event.AppendQuoted(append(dst, "{\n  \"type\": "...), e.EventType)
	dst = event.AppendTime(append(dst, ",\n  \"timestamp\": \""...), e.Timestamp)
	dst = appendObject(append(dst, "\",\n  \"data\": "...), e.Payload)
	dst = event.AppendQuoted(append(dst, ",\n  \"id\": "...), e.ID)
	dst = event.AppendQuoted(append(dst, ",\n  \"instance_id\": "...), e.InstanceID)
	dst = event.AppendQuoted(append(dst, ",\n  \"stream_id\": "...), e.StreamID)
	dst = strconv.AppendInt(append(dst, ",\n  \"sequence_number\": "...), e.SequenceNumber, 10)
	dst = strconv.AppendInt(append(dst, ",\n  \"position\": "...), e.Position, 10)
	dst = event.AppendMillis(append(dst, ",\n  \"recorded_at\": \""...), e.RecordedAt.UnixMilli())
	dst = append(append(dst, "\",\n  \"severity\": \""...), e.Severity.String()...)
	dst = appendNullable(append(dst, "\",\n  \"actor\": "...), e.Actor)
	dst = appendNullable(append(dst, ",\n  \"subject\": "...), e.Subject)
	dst = appendObject(append(dst, ",\n  \"metadata\": "...), e.Metadata)
	return append(dst, "\n}\n"...)
}

func appendNullable(dst []byte, s *string) []byte {
	if s == nil {
		return append(dst, "null"...)
	}
	return event.AppendQuoted(dst, *s)
}

func appendObject(dst, object []byte) []byte {
	if len(object) == 0 {
		return append(dst, "{}"...)
	}
	return append(dst, object...)
}
