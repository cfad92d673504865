package event

import (
	"encoding/json/jsontext"
	"strconv"
)

// AppendJSON appends the event as the log writes it everywhere: one compact
// object with the fields of Event in their order, instants in UTC with three or
// six fraction digits, payload and metadata as they are. The event is trusted:
// payload and metadata must be compact JSON objects or empty, which is written
// as {}.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = AppendQuoted(append(dst, `{"id":`...), e.ID)
	dst = AppendQuoted(append(dst, `,"instance_id":`...), e.InstanceID)
	dst = AppendQuoted(append(dst, `,"stream_id":`...), e.StreamID)
	dst = strconv.AppendInt(append(dst, `,"sequence_number":`...), e.SequenceNumber, 10)
	dst = strconv.AppendInt(append(dst, `,"position":`...), e.Position, 10)
	dst = AppendQuoted(append(dst, `,"event_type":`...), e.EventType)
	dst = AppendMicros(append(dst, `,"timestamp":"`...), e.Timestamp.UnixMicro())
	dst = AppendMillis(append(dst, `","recorded_at":"`...), e.RecordedAt.UnixMilli())
	dst = append(append(dst, `","severity":"`...), e.Severity.String()...)
	dst = appendNullable(append(dst, `","actor":`...), e.Actor)
	dst = appendNullable(append(dst, `,"subject":`...), e.Subject)
	dst = appendObject(append(dst, `,"payload":`...), e.Payload)
	dst = appendObject(append(dst, `,"metadata":`...), e.Metadata)
	return append(dst, '}')
}

// AppendJSON appends the draft as one compact object that ParseBatch takes: the
// fields that are set, under their canonical names. The draft is trusted as an
// Event is; Check makes sure of it.
func (d *Draft) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	if d.ID != "" {
		dst = append(AppendQuoted(append(dst, `"id":`...), d.ID), ',')
	}
	if d.StreamID != "" {
		dst = append(AppendQuoted(append(dst, `"stream_id":`...), d.StreamID), ',')
	}
	dst = AppendQuoted(append(dst, `"event_type":`...), d.EventType)
	if !d.Timestamp.IsZero() {
		dst = append(AppendTime(append(dst, `,"timestamp":"`...), d.Timestamp), '"')
	}
	if d.Severity != 0 {
		dst = append(append(append(dst, `,"severity":"`...), d.Severity.String()...), '"')
	}
	if d.Actor != nil {
		dst = AppendQuoted(append(dst, `,"actor":`...), *d.Actor)
	}
	if d.Subject != nil {
		dst = AppendQuoted(append(dst, `,"subject":`...), *d.Subject)
	}
	if len(d.Payload) > 0 {
		dst = append(append(dst, `,"payload":`...), d.Payload...)
	}
	if len(d.Metadata) > 0 {
		dst = append(append(dst, `,"metadata":`...), d.Metadata...)
	}
	return append(dst, '}')
}

func appendNullable(dst []byte, s *string) []byte {
	if s == nil {
		return append(dst, "null"...)
	}
	return AppendQuoted(dst, *s)
}

func appendObject(dst []byte, v jsontext.Value) []byte {
	if len(v) == 0 {
		return append(dst, "{}"...)
	}
	return append(dst, v...)
}
