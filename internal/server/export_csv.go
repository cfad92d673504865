package server

import (
	"encoding/csv"
	"strconv"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/inert"
)

// csvColumns are the columns of a CSV export, in the order of an event's
// fields.
var csvColumns = []string{"id", "instance_id", "stream_id", "sequence_number", "position", "event_type", "timestamp",
	"recorded_at", "severity", "actor", "subject", "payload", "metadata"}

type csvExport struct {
	out *csv.Writer
	row []string
}

func newCSVExport(out *writer) *csvExport {
	x := &csvExport{out: csv.NewWriter(gathering{out}), row: make([]string, 0, len(csvColumns))}
	_ = x.out.Write(csvColumns) // it is gathered; what fails shows at the next write
	return x
}

// gathering writes into what a writer gathers.
type gathering struct{ *writer }

func (g gathering) Write(b []byte) (int, error) {
	g.buf = append(g.buf, b...)
	return len(b), g.room()
}

func (x *csvExport) write(events []event.Event) error {
	for i := range events {
		e := &events[i]
		x.row = append(x.row[:0], cell(e.ID), e.InstanceID, cell(e.StreamID),
			strconv.FormatInt(e.SequenceNumber, 10), strconv.FormatInt(e.Position, 10), cell(e.EventType),
			event.FormatTime(e.Timestamp), event.FormatTime(e.RecordedAt), e.Severity.String(),
			cell(deref(e.Actor)), cell(deref(e.Subject)), inert.JSON(e.Payload), inert.JSON(e.Metadata))
		if err := x.out.Write(x.row); err != nil {
			return err
		}
	}
	return nil
}

func (x *csvExport) close() error {
	x.out.Flush()
	return x.out.Error()
}

// cell is a text that does nothing but be read: what a terminal would act on is
// escaped, as firn tail does it, and an apostrophe stands before what a
// spreadsheet would run as a formula.
func cell(value string) string {
	if value = inert.Text(value); value == "" {
		return value
	}
	switch value[0] {
	case '=', '+', '-', '@':
		return "'" + value
	}
	return value
}
