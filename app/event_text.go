package app

import (
	"strconv"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
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
func instant(t time.Time) string {
	if t.UTC().Nanosecond()/1000%1000 != 0 {
		return t.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

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

// colors of severities on a terminal.
var colors = map[event.Severity]string{
	event.Debug: "2", event.Notice: "36", event.Warning: "33", event.Error: "31", event.Critical: "1;31", event.Alert: "1;35", event.Emergency: "1;37;41",
}

// eventLine is an event on one line of a terminal, for `firn tail`: what
// matters first, the payload last, cut at width (0 = never).
func eventLine(e *event.Event, width int, color bool) string {
	severity := padded(e.Severity.String(), 9)
	paint := colors[e.Severity]
	parts := []string{instant(e.Timestamp), severity, padded(escape(e.StreamID)+"#"+strconv.FormatInt(e.SequenceNumber, 10), 12), escape(e.EventType)}
	if e.Actor != nil {
		parts = append(parts, "actor="+escape(*e.Actor))
	}
	if e.Subject != nil {
		parts = append(parts, "subject="+escape(*e.Subject))
	}
	if p := unlessEmpty(string(e.Payload)); p != "" {
		parts = append(parts, escape(p))
	}
	line := strings.TrimRight(strings.Join(parts, "  "), " ")
	if width > 0 {
		line = cut(line, width)
	}
	if color && paint != "" {
		line = strings.Replace(line, severity, "\x1b["+paint+"m"+severity+"\x1b[0m", 1)
	}
	return line
}

func padded(s string, width int) string {
	if len(s) >= width {
		return s
	}
	return s + strings.Repeat(" ", width-len(s))
}
