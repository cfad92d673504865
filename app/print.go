package app

import (
	"bufio"
	"encoding/csv"
	"encoding/json/jsontext"
	"io"
)

// print writes a result: the table where a person reads, the objects where a
// program does.
func (env *environment) print(form string, t *table, objects []jsontext.Value) error {
	switch form {
	case "table":
		return env.printTable(t)
	case "csv":
		f := flatten(objects)
		return writeCSV(env.out, f.columns, f.cells())
	case "json":
		return env.printJSON(jsonList(objects))
	default:
		return env.printLines(objects)
	}
}

// printTable writes a table, and on standard error what had no room in it.
func (env *environment) printTable(t *table) error {
	t.wide = t.wide || env.wide
	note, err := t.print(env.out, env.tableWidth())
	if err == nil && note != "" {
		env.say(note)
	}
	return err
}

// printLines writes NDJSON.
func (env *environment) printLines(objects []jsontext.Value) error {
	w := bufio.NewWriter(env.out)
	for _, o := range objects {
		w.WriteString(env.safe(o))
		w.WriteByte('\n')
	}
	return w.Flush()
}

// printJSON writes one value, indented where a person reads it.
func (env *environment) printJSON(v jsontext.Value) error {
	if env.outTerminal {
		v = v.Clone()
		if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
			return err
		}
	}
	_, err := io.WriteString(env.out, env.safe(v)+"\n")
	return err
}

// safe is JSON as it is for a program. On a terminal, what could drive it is
// escaped: \u escapes mean the same JSON.
func (env *environment) safe(v jsontext.Value) string {
	if !env.outTerminal {
		return string(v)
	}
	return escapeLines(string(v))
}

func writeCSV(w io.Writer, header []string, rows [][]string) error {
	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return err
	}
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = formulaSafe(cell)
		}
		if err := out.Write(safe); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
