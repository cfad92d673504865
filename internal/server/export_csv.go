package server

import (
	"encoding/csv"
	"strconv"

	"github.com/firnlog/firn/event"
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
		x.row = append(x.row[:0], inert(e.ID), e.InstanceID, inert(e.StreamID),
			strconv.FormatInt(e.SequenceNumber, 10), strconv.FormatInt(e.Position, 10), inert(e.EventType),
			event.FormatTime(e.Timestamp), event.FormatTime(e.RecordedAt), e.Severity.String(),
			inert(deref(e.Actor)), inert(deref(e.Subject)), string(e.Payload), string(e.Metadata))
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

// inert puts an apostrophe before a text that a spreadsheet would run as a
// formula.
func inert(value string) string {
	if value == "" {
		return value
	}
	switch value[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		return "'" + value
	}
	return value
}
