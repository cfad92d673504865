package server

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// filterParams are the parameters that lists, tails, exports and purges share.
// They are sugar: each becomes one condition of the query language.
func filterParams(more ...param) []param {
	return append([]param{
		{name: "stream", kind: list, about: "Only these streams."},
		{name: "type", kind: list, about: "Only these event types."},
		{name: "category", kind: list, about: "Only these categories, the part of the type before its first dot."},
		{name: "severity", kind: severities, about: "Only these severities, by name or by importance 1–8."},
		{name: "min_severity", kind: severity, about: "Only this severity and what is more important."},
		{name: "actor", kind: list, about: "Only these actors."},
		{name: "subject", kind: list, about: "Only these subjects."},
		{name: "since", about: "Only timestamps from here on, this one included: RFC 3339, epoch milliseconds, or relative (now-15m)."},
		{name: "until", about: "Only timestamps before this one."},
		{name: "q", about: "Only events with this text in type, subject, actor or a string of the payload, in any case."},
		{name: "where", kind: jsonText, about: "A condition, or a list of them, in the query language."},
	}, more...)
}

// condition is one condition as JSON and the parameter that it came from.
type condition struct {
	param string
	text  []byte
}

// conditions turns the filters that are given into conditions.
func (p params) conditions() ([]condition, error) {
	var all []condition
	add := func(param string, text []byte) { all = append(all, condition{param, text}) }
	for _, f := range []struct{ param, field string }{
		{"stream", "stream_id"}, {"type", "event_type"}, {"category", "category"},
		{"severity", "severity"}, {"actor", "actor"}, {"subject", "subject"},
	} {
		if !p.has(f.param) {
			continue
		}
		values := strings.Split(p[f.param], ",")
		if slices.Contains(values, "") {
			return nil, malformed(f.param, "has an empty item; a value that holds a comma is asked for by where")
		}
		add(f.param, compareAny(f.field, values))
	}
	for _, f := range []struct{ param, field, operator string }{
		{"min_severity", "severity", "gte"}, {"since", "timestamp", "gte"}, {"until", "timestamp", "lt"},
	} {
		if p.has(f.param) {
			add(f.param, fmt.Appendf(nil, `{"field":"%s","operator":"%s","value":%s}`, f.field, f.operator, scalar(p[f.param])))
		}
	}
	if p.has("q") {
		add("q", append(event.AppendQuoted([]byte(`{"search":`), p["q"]), '}'))
	}
	if p.has("where") {
		where := jsontext.Value(p["where"])
		if err := where.Compact(); err != nil {
			return nil, malformed("where", "is not valid JSON: %s", jsonFault(p["where"], err))
		}
		if where.Kind() == '[' {
			where = slices.Concat([]byte(`{"and":`), where, []byte("}"))
		}
		add("where", where)
	}
	return all, nil
}

func jsonFault(text string, err error) string {
	var broken *jsontext.SyntacticError
	if errors.As(err, &broken) {
		return fmt.Sprintf("%s at %s", broken.Err, event.Place([]byte(text), int(broken.ByteOffset)))
	}
	return "it cannot be read"
}

// compareAny is the condition that a field is one of some values.
func compareAny(field string, values []string) []byte {
	if len(values) == 1 {
		return fmt.Appendf(nil, `{"field":"%s","operator":"eq","value":%s}`, field, literal(field, values[0]))
	}
	text := fmt.Appendf(nil, `{"field":"%s","operator":"in","value":[`, field)
	for i, value := range values {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, literal(field, value)...)
	}
	return append(text, "]}"...)
}

// literal is a value as JSON: a string, for severities a number where it is
// one.
func literal(field, value string) []byte {
	if field == "severity" {
		return scalar(value)
	}
	return event.AppendQuoted(nil, value)
}

// scalar is a number where the text is a whole one, else a string.
func scalar(value string) []byte {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return strconv.AppendInt(nil, n, 10)
	}
	return event.AppendQuoted(nil, value)
}

// filterQuery is the query that the filters of a request mean. more are further
// members of it as JSON, each with its comma in front.
func (s *Server) filterQuery(r *request, more string) (*query.Query, error) {
	all, err := r.params.conditions()
	if err != nil {
		return nil, err
	}
	text := event.AppendQuoted([]byte(`{"from":{"instance":`), r.PathValue("instance"))
	text = append(text, `},"where":[`...)
	for i, c := range all {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, c.text...)
	}
	text = append(append(append(text, ']'), more...), '}')
	q, err := query.Parse(text, s.opts.Now())
	return q, blame(err, all)
}

// blame names the parameter that a fault of the query came from.
func blame(err error, all []condition) error {
	var bad *query.Error
	if !errors.As(err, &bad) {
		return err
	}
	rest, ok := strings.CutPrefix(bad.Path, "where[")
	if !ok {
		return err
	}
	number, rest, ok := strings.Cut(rest, "]")
	i, fault := strconv.Atoi(number)
	if !ok || fault != nil || i >= len(all) {
		return err
	}
	if all[i].param != "where" {
		return malformed(all[i].param, "%s", bad.Message)
	}
	return malformed("where"+strings.TrimPrefix(rest, ".and"), "%s", bad.Message)
}
