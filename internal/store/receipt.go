package store

import (
	"time"

	"github.com/firnlog/firn/event"
)

// receipts says where each event of the batch is.
func (a *appendOp) receipts() []Receipt {
	out := make([]Receipt, a.batch.len())
	for i := range out {
		if r, ok := a.first[i]; ok {
			out[i] = r
			continue
		}
		if j, ok := a.same[i]; ok {
			out[i] = out[j]
			out[i].Duplicate = true
			continue
		}
		at := i
		if a.place != nil {
			at = a.place[i]
		}
		out[i] = a.written.receipt(at, &a.to.identity)
	}
	return out
}

// receipt is event i's.
func (b *stampedBatch) receipt(i int, in *identity) Receipt {
	raw, _ := b.raw(i)
	r := Receipt{
		ID: string(raw.id), StreamID: b.streams[b.streamOf(i)].name, SequenceNumber: b.sequence(i),
		Position: b.first + int64(i), RecordedAt: millis(b.recordedAt),
	}
	r.Timestamp = r.RecordedAt
	if raw.flags&hasTimestamp != 0 {
		r.Timestamp = time.UnixMicro(raw.timestamp).UTC()
	}
	if r.ID == "" {
		r.ID = in.codec.ID(r.Position, b.recordedAt)
	}
	return r
}

// receiptOf is the receipt of an event that was there already.
func receiptOf(e *event.Event) Receipt {
	return Receipt{
		ID: e.ID, StreamID: e.StreamID, SequenceNumber: e.SequenceNumber, Position: e.Position,
		Timestamp: e.Timestamp, RecordedAt: e.RecordedAt, Duplicate: true,
	}
}
