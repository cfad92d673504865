package app

import (
	"encoding/json/jsontext"
	"slices"
	"strings"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// flat is JSON objects as rows under columns: nested objects become columns
// of their own, payload.geo.city, in the order in which they are first seen.
type flat struct {
	columns []string
	pinned  int // of the columns, which were asked for
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
	for i, name := range f.columns {
		numbers := true
		for _, row := range f.rows {
			k := event.KindOf(row[name])
			numbers = numbers && (k == '0' || k == 'n' || k == 0)
		}
		title := strings.ToUpper(name)
		if strings.ContainsAny(name, ".[:") {
			title = name // a path is case-sensitive: it can be copied into a query
		}
		t.columns = append(t.columns, column{title: escape(title), right: numbers, max: 60, spare: i >= f.pinned, whole: name == "id"})
	}
	for _, row := range f.rows {
		var cells []string
		for _, name := range f.columns {
			cells = append(cells, tableCell(row[name]))
		}
		t.add(cells...)
	}
	return t
}

// tableCell is a JSON value as a cell for a person, who sees null, the empty
// text and what is missing apart.
func tableCell(v jsontext.Value) string {
	switch {
	case event.KindOf(v) == 'n':
		return nullCell
	case string(v) == `""`:
		return `""`
	}
	return plain(v)
}

// arrange puts the columns of the fields that were asked for first, in the
// order in which they were; one that no row has is there, too.
func (f *flat) arrange(asked []string) *flat {
	var all []string
	for _, name := range asked {
		found := false
		for _, column := range f.columns {
			if within(column, name) && !slices.Contains(all, column) {
				all, found = append(all, column), true
			}
		}
		if !found && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	f.pinned = len(all)
	for _, column := range f.columns {
		if !slices.Contains(all, column) {
			all = append(all, column)
		}
	}
	f.columns = all
	return f
}

// within reports whether a column is the field that was asked for or a part of
// it, however it is spelled.
func within(column, asked string) bool {
	if column == asked {
		return true
	}
	c, err := query.ParseField(column)
	if err != nil {
		return false
	}
	a, err := query.ParseField(asked)
	if err != nil {
		return false
	}
	part, ok := strings.CutPrefix(c.String(), a.String())
	return ok && (part == "" || part[0] == '.' || part[0] == '[')
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
