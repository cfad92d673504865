package app

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mapping says which field of a foreign record becomes which field of an
// event. What is not mapped goes to the payload, in its order. The zero value
// takes records that are events already, Firn's own export among them.
type mapping struct {
	TypeField     string `group:"mapping" placeholder:"FIELD" help:"The field that holds the event type."`
	TimeField     string `group:"mapping" placeholder:"FIELD" help:"The field that says when it happened."`
	StreamField   string `group:"mapping" placeholder:"FIELD" help:"The field that names the stream."`
	IDField       string `group:"mapping" name:"id-field" placeholder:"FIELD" help:"The field that holds a unique id."`
	SeverityField string `group:"mapping" placeholder:"FIELD" help:"The field that holds the severity."`
	ActorField    string `group:"mapping" placeholder:"FIELD" help:"The field that says who did it."`
	SubjectField  string `group:"mapping" placeholder:"FIELD" help:"The field that says what was affected."`

	Type   string `group:"mapping" placeholder:"TYPE" help:"Event type of records without one."`
	Stream string `group:"mapping" placeholder:"NAME" help:"Stream of records without one (default: default)."`

	TimeFormat string `group:"mapping" placeholder:"FORMAT" help:"How times are written: rfc3339 (the default; numbers are epoch milliseconds), unix, unixmilli, unixmicro, unixnano, or a layout of Go such as '2006-01-02 15:04:05' (UTC)."`
}

// foreign reports whether records are mapped, rather than events as they are.
func (m *mapping) foreign() bool {
	fields := *m
	fields.Stream, fields.TimeFormat = "", "" // these are said of either
	return fields != mapping{}
}

// split reports whether records are needed as members.
func (m *mapping) split() bool { return m.foreign() || m.TimeFormat != "" }

// retime is an event as it is, but for its time, which is in the given format.
func (m *mapping) retime(record []member) (jsontext.Value, error) {
	out := object{}
	for _, f := range record {
		value := f.value
		if slices.Contains([]string{"timestamp", "created_at", "createdAt"}, f.key) {
			var err error
			if value, err = m.asTime(value); err != nil {
				return nil, fmt.Errorf("field %q: %w", f.key, err)
			}
		}
		if value != nil {
			out.put(f.key, value)
		}
	}
	return out.close(), nil
}

// member is one field of a record.
type member struct {
	key   string
	value jsontext.Value
}

// members reads a JSON object's members, strictly: duplicate keys, invalid
// UTF-8 and anything behind the object are errors.
func members(line []byte) ([]member, error) {
	d := jsontext.NewDecoder(bytes.NewReader(line))
	if d.PeekKind() != '{' {
		if _, err := d.ReadValue(); err != nil {
			return nil, plainJSONError(err)
		}
		return nil, errors.New("not a JSON object")
	}
	_, _ = d.ReadToken() // the brace that was seen
	var all []member
	for d.PeekKind() != '}' {
		key, err := d.ReadToken()
		if err != nil {
			return nil, plainJSONError(err)
		}
		name := key.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, plainJSONError(err)
		}
		all = append(all, member{name, value.Clone()})
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, plainJSONError(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more text behind the object; every event stands on a line of its own")
	}
	return all, nil
}

// plainJSONError says what is wrong with JSON without the library's name.
func plainJSONError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("invalid JSON: the line ends in the middle of a value")
	}
	return errors.New("invalid JSON: " + strings.TrimPrefix(strings.TrimPrefix(err.Error(), "jsontext: "), "invalid JSON: "))
}

// event turns a foreign record into the JSON of one event. It does not check
// the event: its parser does.
func (m *mapping) event(record []member) (jsontext.Value, error) {
	out := object{}
	payload := object{}
	mapped := m.fields()
	for _, f := range record {
		i := slices.IndexFunc(mapped, func(t mappedField) bool { return t.from == f.key })
		if i < 0 {
			payload.put(f.key, f.value)
			continue
		}
		value, err := mapped[i].convert(f.value)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", f.key, err)
		}
		if value != nil {
			out.put(mapped[i].to, value)
			mapped[i].found = true
		}
	}
	for _, t := range mapped {
		if !t.found && t.otherwise != "" {
			out.put(t.to, quote(t.otherwise))
		} else if !t.found && t.to == "event_type" {
			return nil, m.noType(record)
		}
	}
	out.put("payload", payload.close())
	return out.close(), nil
}

func (m *mapping) noType(record []member) error {
	var names []string
	for _, f := range record {
		names = append(names, f.key)
	}
	if m.TypeField == "" {
		return fmt.Errorf("no event type: say with --type-field which field holds it, or give all one type with --type; its fields: %s", strings.Join(names, ", "))
	}
	return fmt.Errorf("no field %q to take the event type from; give such records a type with --type; its fields: %s", m.TypeField, strings.Join(names, ", "))
}

// mappedField is one field of an event and where it comes from.
type mappedField struct {
	to, from  string
	otherwise string // value of records without the field
	convert   func(jsontext.Value) (jsontext.Value, error)
	found     bool
}

func (m *mapping) fields() []mappedField {
	typeField := m.TypeField
	if typeField == "" && m.Type == "" {
		typeField = "event_type"
	}
	all := []mappedField{
		{to: "event_type", from: typeField, otherwise: m.Type, convert: asText},
		{to: "stream_id", from: m.StreamField, otherwise: m.Stream, convert: asText},
		{to: "timestamp", from: m.TimeField, convert: m.asTime},
		{to: "id", from: m.IDField, convert: asText},
		{to: "severity", from: m.SeverityField, convert: asSeverity},
		{to: "actor", from: m.ActorField, convert: asText},
		{to: "subject", from: m.SubjectField, convert: asText},
	}
	return slices.DeleteFunc(all, func(f mappedField) bool { return f.from == "" && f.otherwise == "" && f.to != "event_type" })
}

// asText takes strings as they are and numbers and booleans as they are
// written. null and the empty string are no value.
func asText(v jsontext.Value) (jsontext.Value, error) {
	switch v.Kind() {
	case 'n':
		return nil, nil
	case '"':
		if string(v) == `""` {
			return nil, nil
		}
		return v, nil
	case '0', 't', 'f':
		return quote(string(v)), nil
	default:
		return nil, errors.New("is an object or an array, where a text is needed")
	}
}

// asTime takes null and the empty string for no time.
func (m *mapping) asTime(v jsontext.Value) (jsontext.Value, error) {
	text, err := asText(v)
	if err != nil || text == nil || m.TimeFormat == "" || m.TimeFormat == "rfc3339" {
		if v.Kind() == '0' {
			return v, nil
		}
		return text, err
	}
	s, err := jsontext.AppendUnquote(nil, text)
	if err != nil {
		return nil, err
	}
	at, err := parseTime(string(s), m.TimeFormat)
	if err != nil {
		return nil, err
	}
	return quote(at.UTC().Format(time.RFC3339Nano)), nil
}

func parseTime(s, format string) (time.Time, error) {
	units := map[string]time.Duration{"unix": time.Second, "unixmilli": time.Millisecond, "unixmicro": time.Microsecond, "unixnano": time.Nanosecond}
	unit, numeric := units[format]
	if !numeric {
		at, err := time.ParseInLocation(format, s, time.UTC)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is not a time of the form %q", s, format)
		}
		return at, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		perSecond := int64(time.Second / unit)
		return time.Unix(n/perSecond, n%perSecond*int64(unit)), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != f || f > 1e18 || f < -1e18 {
		return time.Time{}, fmt.Errorf("%q is not a number (%s)", s, format)
	}
	seconds := f * unit.Seconds()
	whole := int64(seconds)
	return time.Unix(whole, int64((seconds-float64(whole))*1e9)), nil
}

// severities are the names that other systems give to severities of ours.
var severities = map[string]string{
	"trace": "debug", "verbose": "debug", "information": "info", "informational": "info", "warn": "warning",
	"err": "error", "severe": "error", "fatal": "critical", "crit": "critical", "panic": "emergency", "emerg": "emergency",
}

// asSeverity takes the names of ours and of others in any case, and 1 to 8.
func asSeverity(v jsontext.Value) (jsontext.Value, error) {
	if v.Kind() == '0' {
		names := []string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}
		n, err := strconv.Atoi(string(v))
		if err != nil || n < 1 || n > len(names) {
			return nil, fmt.Errorf("%s is no severity: a number must be 1 (debug) to 8 (emergency)", v)
		}
		return quote(names[n-1]), nil
	}
	text, err := asText(v)
	if err != nil || text == nil {
		return text, err
	}
	s, err := jsontext.AppendUnquote(nil, text)
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(string(s))
	if ours, ok := severities[name]; ok {
		name = ours
	}
	return quote(name), nil
}

// object is a JSON object being written.
type object struct{ text []byte }

func (o *object) put(key string, value jsontext.Value) {
	if o.text == nil {
		o.text = append(o.text, '{')
	} else {
		o.text = append(o.text, ',')
	}
	o.text = append(append(append(o.text, quote(key)...), ':'), value...)
}

func (o *object) close() jsontext.Value {
	if o.text == nil {
		return jsontext.Value("{}")
	}
	return append(o.text, '}')
}
