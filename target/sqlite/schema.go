package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

// statements are what the target says to SQLite, with the table's name in its
// place. The name is quoted, and of a form that needs no more than that.
type statements struct {
	quoted               string // the table's name
	clean                string
	schema               []string // the documented table and index
	cursors, redelivered string
}

func newStatements(name string) statements {
	quoted := `"` + name + `"`
	return statements{
		quoted: quoted,
		clean:  `DELETE FROM ` + quoted + ` WHERE id >= ? AND id < ? AND created_at < ?`,
		schema: []string{`CREATE TABLE ` + quoted + ` (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_type TEXT NOT NULL,
    timestamp DATETIME NOT NULL,
    data TEXT NOT NULL,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
)`, `CREATE INDEX "` + table.IndexName("idx_", name, "_type_timestamp") + `" ON ` + quoted + `(event_type, timestamp)`},
		cursors: `CREATE TABLE ` + table.Cursors + ` (
    log_id TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    target TEXT NOT NULL,
    table_name TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    position INTEGER NOT NULL,
    updated_at DATETIME NOT NULL,
    PRIMARY KEY (log_id, instance_id, target, table_name)
)`,
		redelivered: `CREATE TABLE ` + table.Redelivered + ` (
    log_id TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    target TEXT NOT NULL,
    table_name TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (log_id, instance_id, target, table_name, position)
) WITHOUT ROWID`,
	}
}

// The columns a table must have. SQLite keeps what is bound as text as text in
// each of the types named, and compares it as text.
var (
	timeTypes = []string{"DATETIME", "TIMESTAMP", "TEXT"}
	rows      = []table.Documented{
		{Name: "id", Types: []string{"INTEGER"}},
		{Name: "event_type", Types: []string{"TEXT"}},
		{Name: "timestamp", Types: timeTypes},
		{Name: "data", Types: []string{"TEXT"}},
		{Name: "created_at", Types: timeTypes},
	}
	redelivered = []table.Documented{
		{Name: "log_id", Types: []string{"TEXT"}},
		{Name: "instance_id", Types: []string{"TEXT"}},
		{Name: "target", Types: []string{"TEXT"}},
		{Name: "table_name", Types: []string{"TEXT"}},
		{Name: "position", Types: []string{"INTEGER"}},
	}
	cursors = append([]table.Documented{
		{Name: "epoch", Types: []string{"INTEGER"}},
		{Name: "updated_at", Types: []string{"DATETIME"}},
	}, redelivered...)
)

// prepare makes the tables that are missing and compares those that are there,
// in one transaction: another process may be about to do the same.
func (f *file) prepare(ctx context.Context) error {
	tx, err := f.conn.BeginTx(ctx, nil)
	if err != nil {
		return f.fault("open", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit there is nothing to roll back
	if err := f.ensure(ctx, tx, f.owner.Table, rows, f.sql.schema); err != nil {
		return err
	}
	if err := f.ensure(ctx, tx, table.Cursors, cursors, []string{f.sql.cursors}); err != nil {
		return err
	}
	if err := f.ensure(ctx, tx, table.Redelivered, redelivered, []string{f.sql.redelivered}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return f.fault("open", err)
	}
	// Not before: the file of a foreign table stays as it is.
	if _, err := f.conn.ExecContext(ctx, `PRAGMA journal_mode = WAL`); err != nil {
		return f.fault("switch to WAL", err)
	}
	f.insert, err = f.newInsertion(ctx)
	return err
}

func (f *file) ensure(ctx context.Context, tx *sql.Tx, name string, documented []table.Documented, create []string) error {
	kind, columns, err := describe(ctx, tx, name)
	if err != nil {
		return f.fault("read the schema", err)
	}
	switch kind {
	case "table":
		return table.Compare(name, documented, columns)
	case "":
	default:
		return &target.StopError{Err: fmt.Errorf("%s is there and is a %s, not a table; give this target another table_name", name, kind)}
	}
	for _, statement := range create {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return f.fault("create the table "+name, err)
		}
	}
	return nil
}

// describe returns what is there under a name ("" for nothing) and its columns.
func describe(ctx context.Context, tx *sql.Tx, name string) (kind string, columns []table.Column, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce(max(type), '') FROM sqlite_schema WHERE lower(name) = ?`, name).Scan(&kind)
	if err != nil || kind == "" {
		return "", nil, err
	}
	found, err := tx.QueryContext(ctx, `SELECT lower(name), type, hidden <> 0 FROM pragma_table_xinfo(?)`, name)
	if err != nil {
		return "", nil, err
	}
	defer found.Close() //nolint:errcheck // Err says what there is to say
	for found.Next() {
		var c table.Column
		if err := found.Scan(&c.Name, &c.Type, &c.Computed); err != nil {
			return "", nil, err
		}
		c.Type = strings.ToUpper(c.Type)
		if c.Type == "" {
			c.Type = "of no type"
		}
		columns = append(columns, c)
	}
	return kind, columns, found.Err()
}
