// Package screen is how events look on a terminal.
package screen

import (
	"strconv"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/inert"
)

// Instant is a time in UTC, to the millisecond, or to the microsecond where it
// has any.
func Instant(t time.Time) string {
	if t.UTC().Nanosecond()/1000%1000 != 0 {
		return t.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// colors of severities.
var colors = map[event.Severity]string{
	event.Debug: "2", event.Notice: "36", event.Warning: "33", event.Error: "31", event.Critical: "1;31", event.Alert: "1;35", event.Emergency: "1;37;41",
}

// Line is an event on one line: what matters first, the payload last. The name of
// its instance is left out where it is "".
func Line(instance string, e *event.Event) string {
	parts := []string{Instant(e.Timestamp), severityCell(e.Severity)}
	if instance != "" {
		parts = append(parts, padded(inert.Text(instance), 12))
	}
	parts = append(parts, padded(inert.Text(e.StreamID)+"#"+strconv.FormatInt(e.SequenceNumber, 10), 12), inert.Text(e.EventType))
	if e.Actor != nil {
		parts = append(parts, "actor="+inert.Text(*e.Actor))
	}
	if e.Subject != nil {
		parts = append(parts, "subject="+inert.Text(*e.Subject))
	}
	if p := string(e.Payload); p != "{}" {
		parts = append(parts, inert.Text(p))
	}
	return strings.TrimRight(strings.Join(parts, "  "), " ")
}

// Paint colours the severity in a line that Line made.
func Paint(line string, s event.Severity) string {
	cell, paint := severityCell(s), colors[s]
	if paint == "" {
		return line
	}
	return strings.Replace(line, cell, "\x1b["+paint+"m"+cell+"\x1b[0m", 1)
}

func severityCell(s event.Severity) string { return padded(s.String(), 9) }

func padded(s string, width int) string {
	if len(s) >= width {
		return s
	}
	return s + strings.Repeat(" ", width-len(s))
}
