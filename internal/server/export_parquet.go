package server

import (
	"github.com/parquet-go/parquet-go"

	"github.com/firnlog/firn/event"
)

// parquetRow is an event as a row: the fields of an event as columns, payload
// and metadata as their JSON text.
type parquetRow struct {
	ID             string  `parquet:"id"`
	InstanceID     string  `parquet:"instance_id,dict"`
	StreamID       string  `parquet:"stream_id,dict"`
	SequenceNumber int64   `parquet:"sequence_number,delta"`
	Position       int64   `parquet:"position,delta"`
	EventType      string  `parquet:"event_type,dict"`
	Timestamp      int64   `parquet:"timestamp,timestamp(microsecond:utc)"`
	RecordedAt     int64   `parquet:"recorded_at,timestamp(millisecond:utc)"`
	Severity       string  `parquet:"severity,dict"`
	Actor          *string `parquet:"actor,optional,dict"`
	Subject        *string `parquet:"subject,optional"`
	Payload        string  `parquet:"payload"`
	Metadata       string  `parquet:"metadata"`
}

// A row group is closed at the first of these, so that an export holds little
// in memory whatever the size of its events.
const (
	groupRows  = 50_000
	groupBytes = 16 << 20
)

type parquetExport struct {
	out         *parquet.GenericWriter[parquetRow]
	rows        []parquetRow
	count, size int // of the row group so far
}

func newParquetExport(out *writer) *parquetExport {
	return &parquetExport{out: parquet.NewGenericWriter[parquetRow](out,
		parquet.Compression(&parquet.Zstd), parquet.CreatedBy("firn", "export", "1"))}
}

func (x *parquetExport) write(events []event.Event) error {
	x.rows = x.rows[:0]
	for i := range events {
		e := &events[i]
		x.rows = append(x.rows, parquetRow{
			ID: e.ID, InstanceID: e.InstanceID, StreamID: e.StreamID,
			SequenceNumber: e.SequenceNumber, Position: e.Position, EventType: e.EventType,
			Timestamp: e.Timestamp.UnixMicro(), RecordedAt: e.RecordedAt.UnixMilli(), Severity: e.Severity.String(),
			Actor: e.Actor, Subject: e.Subject, Payload: string(e.Payload), Metadata: string(e.Metadata),
		})
		x.size += 128 + len(e.Payload) + len(e.Metadata)
	}
	if _, err := x.out.Write(x.rows); err != nil {
		return err
	}
	clear(x.rows)
	x.count += len(events)
	if x.count < groupRows && x.size < groupBytes {
		return nil
	}
	x.count, x.size = 0, 0
	return x.out.Flush()
}

func (x *parquetExport) close() error { return x.out.Close() }
