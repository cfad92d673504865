package query

import (
	"encoding/json/jsontext"
	"strconv"
	"time"

	"github.com/firnlog/firn/event"
)

// Value is a JSON value, or an instant, in the forms that comparison needs. It
// is a constant of a query or what an event holds at a field.
type Value struct {
	Kind   ValueKind
	Text   string // String: the decoded string
	Num    Number // Numeric
	Bool   bool   // Boolean
	Micros int64  // Instant: microseconds since the epoch
	// Raw is the compact JSON text of a value of any kind. A constant of
	// Severity given by name keeps its name here.
	Raw jsontext.Value

	relative string // the spelling of a time that was relative: now-1d
}

// ValueKind is the type of a JSON value, with instants apart.
type ValueKind uint8

// The kinds of values. Instant is used only where the field is a time.
const (
	Null ValueKind = iota + 1
	Boolean
	Numeric
	String
	Array
	Object
	Instant
)

// ValueOf reads compact, valid JSON text, such as a value of a payload. The
// value keeps the text.
func ValueOf(text jsontext.Value) Value {
	v := Value{Raw: text}
	switch event.KindOf(text) {
	case 'n', 0:
		v.Kind = Null
	case 't', 'f':
		v.Kind, v.Bool = Boolean, text[0] == 't'
	case '"':
		v.Kind, v.Text = String, event.Unquoted(text)
	case '[':
		v.Kind = Array
	case '{':
		v.Kind = Object
	default:
		v.Kind = Numeric
		v.Num, _ = ParseNumber([]byte(text)) // valid text
	}
	return v
}

// StringValue is the string s.
func StringValue(s string) Value {
	return Value{Kind: String, Text: s, Raw: event.AppendQuoted(nil, s)}
}

// IntValue is the number i.
func IntValue(i int64) Value {
	return Value{Kind: Numeric, Num: IntNumber(i), Raw: strconv.AppendInt(nil, i, 10)}
}

// SeverityValue is the severity s as a constant: its importance.
func SeverityValue(s event.Severity) Value {
	v := IntValue(int64(s))
	v.Raw = event.AppendQuoted(nil, s.String())
	return v
}

// InstantValue is the instant t, cut to the microsecond.
func InstantValue(t time.Time) Value { return microsValue(t.UnixMicro()) }

func microsValue(micros int64) Value {
	text := make([]byte, 0, 32)
	text = append(event.AppendMicros(append(text, '"'), micros), '"')
	return Value{Kind: Instant, Micros: micros, Raw: text}
}

// Equal reports whether v and w are of one type and equal: numbers by value,
// arrays and objects deeply, without regard to the order of keys.
func (v Value) Equal(w Value) bool {
	if v.Kind != w.Kind {
		return false
	}
	switch v.Kind {
	case Boolean:
		return v.Bool == w.Bool
	case Numeric:
		return v.Num.Compare(w.Num) == 0
	case String:
		return v.Text == w.Text
	case Instant:
		return v.Micros == w.Micros
	case Array, Object:
		return string(Canonical(v.Raw)) == string(Canonical(w.Raw))
	}
	return true
}

// key is one text for all values equal to v.
func (v Value) key() string {
	switch v.Kind {
	case Null:
		return "n"
	case Boolean:
		return strconv.FormatBool(v.Bool)
	case Numeric:
		return string(v.Num.append([]byte{'#'}))
	case String:
		return `"` + v.Text
	case Instant:
		return string(strconv.AppendInt([]byte{'@'}, v.Micros, 10))
	}
	return string(Canonical(v.Raw))
}
