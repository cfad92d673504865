package client

import (
	"encoding/json/jsontext"
	"net/url"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
)

// Filter selects events. Every field that is set must hold; one of a list must.
// The zero value selects all.
type Filter struct {
	Streams     []string
	Types       []string
	Categories  []string // the part of a type before its first dot
	Severities  []event.Severity
	MinSeverity event.Severity
	Actors      []string
	Subjects    []string
	Since       time.Time // timestamps from here on
	Until       time.Time // timestamps before
	Search      string    // a text in type, subject, actor or payload, in any case
	// Where is a condition of the query language, or a list of them.
	Where jsontext.Value
}

// values are the filter as parameters. Values that a list with commas cannot
// hold go into where.
func (f *Filter) values() url.Values {
	v := url.Values{}
	var where []string
	if len(f.Where) > 0 {
		where = append(where, string(f.Where))
	}
	severities := make([]string, len(f.Severities))
	for i, s := range f.Severities {
		severities[i] = s.String()
	}
	for _, list := range []struct {
		param, field string
		values       []string
	}{
		{"stream", "stream_id", f.Streams}, {"type", "event_type", f.Types}, {"category", "category", f.Categories},
		{"severity", "severity", severities}, {"actor", "actor", f.Actors}, {"subject", "subject", f.Subjects},
	} {
		if len(list.values) == 0 {
			continue
		}
		if plain(list.values) {
			v.Set(list.param, strings.Join(list.values, ","))
			continue
		}
		where = append(where, isOneOf(list.field, list.values))
	}
	if f.MinSeverity != 0 {
		v.Set("min_severity", f.MinSeverity.String())
	}
	if !f.Since.IsZero() {
		v.Set("since", event.FormatTime(f.Since))
	}
	if !f.Until.IsZero() {
		v.Set("until", event.FormatTime(f.Until))
	}
	if f.Search != "" {
		v.Set("q", f.Search)
	}
	if text := joined(where); text != "" {
		v.Set("where", text)
	}
	return v
}

// plain reports whether values can stand in a list with commas.
func plain(values []string) bool {
	for _, value := range values {
		if value == "" || strings.Contains(value, ",") {
			return false
		}
	}
	return true
}

func isOneOf(field string, values []string) string {
	text := []byte(`{"field":"` + field + `","operator":"in","value":[`)
	for i, value := range values {
		if i > 0 {
			text = append(text, ',')
		}
		text = event.AppendQuoted(text, value)
	}
	return string(append(text, "]}"...))
}

// joined is one condition that holds where all do.
func joined(where []string) string {
	if len(where) < 2 {
		return strings.Join(where, "")
	}
	for i, text := range where {
		if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "[") {
			where[i] = `{"and":` + text + `}`
		}
	}
	return "[" + strings.Join(where, ",") + "]"
}
