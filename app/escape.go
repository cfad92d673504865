package app

import "github.com/firnlog/firn/internal/inert"

// escape makes text inert on a terminal. Text of an event is written by
// strangers.
func escape(s string) string { return inert.Text(s) }

// escapeLines is escape for text of our own that may have several lines.
func escapeLines(s string) string { return inert.Lines(s) }
