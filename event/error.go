package event

import "strconv"

// Code says in one word what is wrong with an event, for programs.
type Code string

// The codes of InvalidError.
const (
	CodeInvalidJSON     Code = "invalid_json"     // the grammar of RFC 8259 is broken
	CodeInvalidUTF8     Code = "invalid_utf8"     // a string that is no UTF-8
	CodeLoneSurrogate   Code = "lone_surrogate"   // a \u escape of half a character
	CodeDuplicateKey    Code = "duplicate_key"    // a key twice in one object
	CodeTooDeep         Code = "too_deep"         // nesting over MaxDepth
	CodeNumberRange     Code = "number_range"     // a literal over MaxNumber or MaxExponent
	CodeEventTooLarge   Code = "event_too_large"  // over Limits.EventBytes
	CodeBatchTooLarge   Code = "batch_too_large"  // over Limits.BatchBytes
	CodeTooManyEvents   Code = "too_many_events"  // over Limits.BatchEvents
	CodeUnknownField    Code = "unknown_field"    // a key that is no field of an event
	CodeServerField     Code = "server_field"     // a field that only the log sets
	CodeTwoSpellings    Code = "two_spellings"    // one field under two of its names
	CodeMissingField    Code = "missing_field"    // no event_type
	CodeWrongType       Code = "wrong_type"       // a field of another JSON type
	CodeEmpty           Code = "empty"            // a text that must not be empty
	CodeTooLong         Code = "too_long"         // a text over its limit
	CodeInvalidTime     Code = "invalid_time"     // a timestamp that is none
	CodeInvalidSeverity Code = "invalid_severity" // a severity that is none
)

// InvalidError says why an event or a batch of them is refused. Nothing of it
// has been kept.
type InvalidError struct {
	// Index is the event's place in its batch, from 0; -1 if the error is about
	// the batch or about an event given on its own.
	Index int
	// Path is where in the event the fault is, such as
	// payload.geo["dotted.key"][2]; "" is the event itself.
	Path string
	// Code is what is wrong, for programs.
	Code Code
	// Message is what is wrong and what would be right, for people: one line,
	// safe to show to whoever sent the event.
	Message string
	// Offset is the byte of the given text at which the fault was noticed; -1
	// if there is no text or no such place.
	Offset int
}

// Error is one line such as: events[3].payload.geo: duplicate key "city".
func (e *InvalidError) Error() string {
	buf := make([]byte, 0, 64+len(e.Path)+len(e.Message))
	if e.Index >= 0 {
		buf = append(buf, "events["...)
		buf = strconv.AppendInt(buf, int64(e.Index), 10)
		buf = append(buf, ']')
		if e.Path != "" && e.Path[0] != '[' {
			buf = append(buf, '.')
		}
	}
	buf = append(buf, e.Path...)
	if len(buf) > 0 {
		buf = append(buf, ": "...)
	}
	return string(append(buf, e.Message...))
}
