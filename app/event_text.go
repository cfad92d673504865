package app

import (
	"strconv"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/screen"
)

// eventColumns are the fields of an event in a table. Columns in which nothing
// stands are left out.
var eventColumns = []struct {
	column
	cell func(*event.Event) string
}{
	{column{title: "TIMESTAMP"}, func(e *event.Event) string { return instant(e.Timestamp) }},
	{column{title: "STREAM", max: 28, spare: true}, func(e *event.Event) string { return e.StreamID }},
	{column{title: "SEQ", right: true}, func(e *event.Event) string { return strconv.FormatInt(e.SequenceNumber, 10) }},
	{column{title: "SEVERITY", spare: true}, func(e *event.Event) string { return e.Severity.String() }},
	{column{title: "TYPE", max: 32}, func(e *event.Event) string { return e.EventType }},
	{column{title: "ACTOR", max: 24, spare: true}, func(e *event.Event) string { return text(e.Actor) }},
	{column{title: "SUBJECT", max: 24, spare: true}, func(e *event.Event) string { return text(e.Subject) }},
	{column{title: "PAYLOAD"}, func(e *event.Event) string { return unlessEmpty(string(e.Payload)) }},
}

// eventTable is events as a table.
func eventTable(events []event.Event) *table {
	t := &table{}
	var cells []func(*event.Event) string
	for _, c := range eventColumns {
		used := false
		for i := range events {
			cell := c.cell(&events[i])
			used = used || cell != "" && cell != nullCell
		}
		if used {
			t.columns = append(t.columns, c.column)
			cells = append(cells, c.cell)
		}
	}
	for i := range events {
		row := make([]string, len(cells))
		for j, cell := range cells {
			row[j] = cell(&events[i])
		}
		t.add(row...)
	}
	return t
}

// instant is a time in UTC, to the millisecond, or to the microsecond where it
// has any.
func instant(t time.Time) string { return screen.Instant(t) }

// nullCell is how null looks in a table, apart from an empty text.
const nullCell = "–"

func text(s *string) string {
	switch {
	case s == nil:
		return nullCell
	case *s == "":
		return `""`
	}
	return *s
}

func unlessEmpty(object string) string {
	if object == "{}" {
		return ""
	}
	return object
}

// eventLine is an event on one line of a terminal, for `firn tail`, cut at width
// (0 = never).
func eventLine(e *event.Event, width int, color bool) string {
	line := screen.Line("", e)
	if width > 0 {
		line = cut(line, width)
	}
	if color {
		line = screen.Paint(line, e.Severity)
	}
	return line
}
