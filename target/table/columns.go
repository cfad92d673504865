package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firnlog/firn/target"
)

// Column is a column of a table that is there.
type Column struct {
	Name string
	Type string // as the target spells types, to compare with Documented.Types
	// Computed says that the database makes the value from others, so that a row
	// without it is whole.
	Computed bool
}

// Documented is a column that a target's rows need.
type Documented struct {
	Name string
	// Types are those whose values read as the documented one's do, that one first.
	Types []string
}

// Compare returns nil if a table that is there is the documented one, and
// otherwise a *target.StopError that names every column that differs. Columns
// that the database computes do not count.
func Compare(name string, documented []Documented, there []Column) error {
	var differences []string
	for _, d := range documented {
		i := slices.IndexFunc(there, func(c Column) bool { return c.Name == d.Name })
		switch {
		case i < 0:
			differences = append(differences, fmt.Sprintf("%s (%s) is missing", d.Name, d.Types[0]))
		case !slices.Contains(d.Types, there[i].Type):
			differences = append(differences, fmt.Sprintf("%s is %s instead of %s", d.Name, there[i].Type, d.Types[0]))
		}
	}
	for _, c := range there {
		if !c.Computed && !slices.ContainsFunc(documented, func(d Documented) bool { return d.Name == c.Name }) {
			differences = append(differences, fmt.Sprintf("%s (%s) does not belong there", c.Name, c.Type))
		}
	}
	if differences == nil {
		return nil
	}
	return &target.StopError{Err: fmt.Errorf(
		"the table %s is there and is another one: column %s. It is left untouched; rename it, or give this target another table_name",
		name, strings.Join(differences, "; column "))}
}
