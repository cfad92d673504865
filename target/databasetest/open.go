package databasetest

import (
	"database/sql"
	"log/slog"
	"strings"
	"testing"

	"github.com/firnlog/firn/target"
)

// New makes a target of a kind, named as the kind and not yet open, and closes it
// when the test ends. Settings points to the kind's settings.
func New(t testing.TB, kind target.Kind, settings any) target.Checkpointer {
	t.Helper()
	made, err := kind.New(settings, target.Environment{Name: kind.Name, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close() })
	return made.(target.Checkpointer)
}

// Open makes a target as New does, and opens it.
func Open(t testing.TB, kind target.Kind, settings any) target.Checkpointer {
	t.Helper()
	made := New(t, kind, settings)
	if err := made.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return made
}

// Ask returns a query's rows, each a line of its columns' text, NULL as that word.
func Ask(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	found, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close() //nolint:errcheck // Err says what there is to say
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values, to := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		to[i] = &values[i]
	}
	var lines []string
	for found.Next() {
		if err := found.Scan(to...); err != nil {
			t.Fatal(err)
		}
		line := make([]string, len(values))
		for i, v := range values {
			if line[i] = v.String; !v.Valid {
				line[i] = "NULL"
			}
		}
		lines = append(lines, strings.Join(line, "|"))
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// WantNoSecrets wants errors, by what was done, and none of the texts in them.
func WantNoSecrets(t testing.TB, errs map[string]error, secrets ...string) {
	t.Helper()
	for what, err := range errs {
		if err == nil {
			t.Errorf("%s: no error", what)
			continue
		}
		for _, secret := range secrets {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %q is in: %v", what, secret, err)
			}
		}
		t.Logf("%s: %T %v", what, err, err)
	}
}
