package column

import (
	"fmt"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// Events implements Block.
func (b *shredded) Events(dst []event.Event, rows []int32, need Need) ([]event.Event, error) {
	for _, row := range rows {
		if row < 0 || int(row) >= b.rows {
			return dst, fmt.Errorf("column: row %d of a block of %d", row, b.rows)
		}
	}
	if len(rows) == 0 {
		return dst, nil
	}
	from := len(dst)
	dst = append(dst, make([]event.Event, len(rows))...)
	out := dst[from:]
	if err := b.envelopes(out, rows, need.Fields); err != nil {
		return dst[:from], err
	}
	if need.Payload {
		err := b.texts(query.Payload, rows, need.PayloadPaths, func(i int, text []byte) { out[i].Payload = text })
		if err != nil {
			return dst[:from], err
		}
	}
	if need.Metadata {
		err := b.texts(query.Metadata, rows, need.MetadataPaths, func(i int, text []byte) { out[i].Metadata = text })
		if err != nil {
			return dst[:from], err
		}
	}
	return dst, nil
}

// envelopes fills in all that is wanted but payload and metadata.
func (b *shredded) envelopes(out []event.Event, rows []int32, fields Fields) error {
	for i := range out {
		out[i].InstanceID = b.meta.InstanceID
	}
	p := newPicks(b.source, int(ColID)+1)
	for c := range ColID + 1 {
		if fields.has(c) {
			p.rows[c] = rows
		}
	}
	if err := p.read(); err != nil {
		return err
	}
	for c := range ColID + 1 {
		if fields.has(c) {
			b.fill(out, c, p.vectors[c])
		}
	}
	return nil
}

// fill fills in one column of the envelope. Ids come last.
func (b *shredded) fill(out []event.Event, c Col, v *Vector) {
	for i := range out {
		e := &out[i]
		switch c {
		case ColPosition:
			e.Position = v.Ints[i]
		case ColSequence:
			e.SequenceNumber = v.Ints[i]
		case ColTimestamp:
			e.Timestamp = time.UnixMicro(v.Ints[i]).UTC()
		case ColRecorded:
			e.RecordedAt = time.UnixMilli(v.Ints[i]).UTC()
		case ColSeverity:
			e.Severity = event.Severity(v.Ints[i])
		case ColStream:
			e.StreamID = v.Text(i)
		case ColType:
			e.EventType = v.Text(i)
		case ColActor:
			e.Actor = v.textOrNil(i)
		case ColSubject:
			e.Subject = v.textOrNil(i)
		case ColID:
			switch {
			case v.IsValid(i):
				e.ID = v.Text(i)
			case b.meta.MakeID != nil:
				e.ID = b.meta.MakeID(e.Position, e.RecordedAt.UnixMilli())
			}
		}
	}
}

func (v *Vector) textOrNil(row int) *string {
	if !v.IsValid(row) {
		return nil
	}
	s := v.Text(row)
	return &s
}
