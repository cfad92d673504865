package app

import (
	"encoding/json/jsontext"
	"slices"
	"strings"

	"github.com/firnlog/firn/event"
)

// flat is JSON objects as rows under columns: nested objects become columns
// of their own, payload.geo.city, in the order in which they are first seen.
type flat struct {
	columns []string
	rows    []map[string]jsontext.Value
}

// flatten takes compact JSON objects.
func flatten(objects []jsontext.Value) *flat {
	f := &flat{}
	for _, o := range objects {
		row := map[string]jsontext.Value{}
		f.object(row, "", o)
		f.rows = append(f.rows, row)
	}
	return f
}

func (f *flat) object(row map[string]jsontext.Value, prefix string, o jsontext.Value) {
	for m := event.WalkMembers(o); m.Next(); {
		name := event.Unquoted(m.Key) // at the top the name of a field or a group key, as it was asked for
		if prefix != "" {
			name = string(event.AppendPathKey([]byte(prefix), name))
		}
		if event.KindOf(m.Value) == '{' && len(m.Value) > 2 {
			f.object(row, name, m.Value)
			continue
		}
		if !slices.Contains(f.columns, name) {
			f.columns = append(f.columns, name)
		}
		row[name] = m.Value
	}
}

// cells are the rows as text: strings without quotes, null and what is missing
// as nothing.
func (f *flat) cells() [][]string {
	all := make([][]string, len(f.rows))
	for i, row := range f.rows {
		for _, name := range f.columns {
			all[i] = append(all[i], plain(row[name]))
		}
	}
	return all
}

// table shows the rows; columns of numbers are flush right.
func (f *flat) table() *table {
	t := &table{}
	for _, name := range f.columns {
		numbers := true
		for _, row := range f.rows {
			k := event.KindOf(row[name])
			numbers = numbers && (k == '0' || k == 'n' || k == 0)
		}
		title := strings.ToUpper(name)
		if strings.ContainsAny(name, ".[:") {
			title = name // a path is case-sensitive: it can be copied into a query
		}
		t.columns = append(t.columns, column{title: escape(title), right: numbers, max: 60})
	}
	for _, row := range f.cells() {
		t.add(row...)
	}
	return t
}

// plain is a JSON value as a cell.
func plain(v jsontext.Value) string {
	switch event.KindOf(v) {
	case 0, 'n':
		return ""
	case '"':
		return event.Unquoted(v)
	}
	return string(v)
}

// formulaSafe puts an apostrophe before text that a spreadsheet would run.
func formulaSafe(cell string) string {
	if cell != "" && strings.IndexByte("=+-@\t\r'", cell[0]) >= 0 && !jsontext.Value(cell).IsValid() {
		return "'" + cell
	}
	return cell
}
