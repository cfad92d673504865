package store

import (
	"unsafe"

	"github.com/firnlog/firn/internal/store/column"
)

// rowMaker makes rows of events, one at a time and without memory for each.
type rowMaker struct {
	row            column.Row
	actor, subject string
}

// of is event i of a batch as columns take it. It is valid until the next one is
// made; its texts are the batch's.
func (m *rowMaker) of(b *stampedBatch, i int) (*column.Row, error) {
	raw, err := b.raw(i)
	if err != nil {
		return nil, err
	}
	m.row = column.Row{
		Position: b.first + int64(i), SequenceNumber: b.sequence(i),
		Timestamp: b.recordedAt * 1000, RecordedAt: b.recordedAt,
		Severity: raw.severity, StreamID: b.streams[b.streamOf(i)].name,
		EventType: textOf(raw.eventType), ID: textOf(raw.id),
		Payload: raw.payload, Metadata: raw.metadata,
	}
	if raw.flags&hasTimestamp != 0 {
		m.row.Timestamp = raw.timestamp
	}
	if raw.flags&hasActor != 0 {
		m.actor = textOf(raw.actor)
		m.row.Actor = &m.actor
	}
	if raw.flags&hasSubject != 0 {
		m.subject = textOf(raw.subject)
		m.row.Subject = &m.subject
	}
	return &m.row, nil
}

// textOf is a part of a stamped record, which nobody changes, as a string.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
