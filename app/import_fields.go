package app

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firnlog/firn/internal/spelling"
)

// checkedRecords is how many records may be without a field that a flag names
// before that is taken for a typing error.
const checkedRecords = 1000

// named are the flags that name a field, and the fields.
func (m *mapping) named() [][2]string {
	all := [][2]string{
		{"--type-field", m.TypeField}, {"--time-field", m.TimeField}, {"--stream-field", m.StreamField}, {"--id-field", m.IDField},
		{"--severity-field", m.SeverityField}, {"--actor-field", m.ActorField}, {"--subject-field", m.SubjectField},
	}
	return slices.DeleteFunc(all, func(f [2]string) bool { return f[1] == "" })
}

// inHeader refuses a field that a CSV file has no column for.
func (m *mapping) inHeader(header []string) error {
	for _, f := range m.named() {
		if !slices.Contains(header, f[1]) {
			return usagef("%s %s: there is no such column%s", f[0], f[1], instead(f[1], header))
		}
	}
	return nil
}

// instead says which field may have been meant, or which there are.
func instead(name string, known []string) string {
	if near, ok := spelling.Nearest(name, known); ok {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	const shown = 20
	more := ""
	if len(known) > shown {
		known, more = known[:shown], ", …"
	}
	return "; there are: " + strings.Join(known, ", ") + more
}

// fieldWatch looks whether the records of a file have the fields that flags
// name. A nil one looks at nothing.
type fieldWatch struct {
	missing [][2]string // flag and field, not seen yet
	seen    []string    // the names of fields, in the order of their coming
	records int
	lenient bool
}

func (c *importCommand) watch() *fieldWatch {
	return &fieldWatch{missing: c.mapping.named(), lenient: !c.CheckFields}
}

func (w *fieldWatch) undecided() bool {
	return w != nil && !w.lenient && len(w.missing) > 0 && w.records < checkedRecords
}

// saw takes notice of a record's fields.
func (w *fieldWatch) saw(record []member) {
	if w == nil || len(w.missing) == 0 {
		return
	}
	const kept = 200 // names to suggest
	w.records++
	for _, f := range record {
		w.missing = slices.DeleteFunc(w.missing, func(m [2]string) bool { return m[1] == f.key })
		if len(w.seen) < kept && !slices.Contains(w.seen, f.key) {
			w.seen = append(w.seen, f.key)
		}
	}
}

// check is an error when the records so far, enough of them or all there are,
// never had a field.
func (w *fieldWatch) check(ended bool) error {
	if w == nil || w.lenient || len(w.missing) == 0 || w.records == 0 || !ended && w.records < checkedRecords {
		return nil
	}
	m, records := w.missing[0], w.records
	w.missing = nil // it is said once
	return &absentField{flag: m[0], field: m[1], records: records, all: ended, seen: w.seen}
}

// warn names the fields that no record had.
func (w *fieldWatch) warn(env *environment, name string) {
	if w == nil || w.records == 0 {
		return
	}
	for _, m := range w.missing {
		env.say(fmt.Sprintf("firn: %s: %s %s: no record has such a field%s", name, m[0], m[1], instead(m[1], w.seen)))
	}
}

// absentField is a flag that names a field that no record has.
type absentField struct {
	flag, field string
	records     int
	all         bool // of the file
	seen        []string
}

func (e *absentField) Error() string {
	which := "none of the first " + counted(int64(e.records), "record") + " has such a field"
	if e.all {
		which = "no record has such a field"
	}
	return fmt.Sprintf("%s %s: %s%s", e.flag, e.field, which, instead(e.field, e.seen))
}
