package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

// statements are what the target says to PostgreSQL, with the table's name in its
// place. The name is quoted, and of a form that needs no more than that.
type statements struct {
	quoted string // the table's name
	schema string // the documented table and index
	copy   string
}

func newStatements(name string) statements {
	quoted := `"` + name + `"`
	return statements{
		quoted: quoted,
		schema: `CREATE TABLE ` + quoted + ` (
    id SERIAL PRIMARY KEY,
    event_type VARCHAR(100) NOT NULL,
    timestamp TIMESTAMP NOT NULL,
    data JSONB NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX "` + table.IndexName("idx_", name, "_type_timestamp") + `" ON ` + quoted + `(event_type, timestamp)`,
		copy: `COPY ` + quoted + ` (event_type, timestamp, data, created_at) FROM STDIN (FORMAT binary)`,
	}
}

const createCursors = `CREATE TABLE ` + table.Cursors + ` (
    log_id TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    target TEXT NOT NULL,
    table_name TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    position BIGINT NOT NULL,
    nuls_escaped BIGINT NOT NULL DEFAULT 0,
    numbers_as_strings BIGINT NOT NULL DEFAULT 0,
    updated_at TIMESTAMP NOT NULL,
    PRIMARY KEY (log_id, instance_id, target, table_name)
)`

const createRedelivered = `CREATE TABLE ` + table.Redelivered + ` (
    log_id TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    target TEXT NOT NULL,
    table_name TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (log_id, instance_id, target, table_name, position)
)`

// The columns a table must have.
var (
	rowColumns = []table.Documented{
		{Name: "id", Types: []string{"integer", "bigint"}},
		{Name: "event_type", Types: []string{"character varying(100)", "character varying", "text"}},
		{Name: "timestamp", Types: []string{"timestamp without time zone", "timestamp(6) without time zone"}},
		{Name: "data", Types: []string{"jsonb"}},
		{Name: "created_at", Types: []string{"timestamp without time zone", "timestamp(6) without time zone"}},
	}
	redeliveredColumns = []table.Documented{
		{Name: "log_id", Types: []string{"text"}},
		{Name: "instance_id", Types: []string{"text"}},
		{Name: "target", Types: []string{"text"}},
		{Name: "table_name", Types: []string{"text"}},
		{Name: "position", Types: []string{"bigint"}},
	}
	cursorColumns = append([]table.Documented{
		{Name: "epoch", Types: []string{"bigint"}},
		{Name: "nuls_escaped", Types: []string{"bigint"}},
		{Name: "numbers_as_strings", Types: []string{"bigint"}},
		{Name: "updated_at", Types: []string{"timestamp without time zone"}},
	}, redeliveredColumns...)
)

// schemaLock is the key of the advisory lock under which tables are made: two
// processes that start at once make them once.
const schemaLock = 0x6669726e // "firn"

// prepare makes the tables that are missing and compares those that are there.
func (d *database) prepare(ctx context.Context) error {
	tx, err := d.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return d.fault("begin", err)
	}
	defer tx.Rollback(ctx) //nolint:errcheck // after Commit there is nothing to roll back
	var encoding string
	if err := tx.QueryRow(ctx, `SELECT current_setting('server_encoding') FROM pg_advisory_xact_lock($1)`, int64(schemaLock)).Scan(&encoding); err != nil {
		return d.fault("lock the schema", err)
	}
	if encoding != "UTF8" {
		return &target.StopError{Err: fmt.Errorf("%s: the database's encoding is %s; events are any UTF-8: create one with ENCODING 'UTF8'", d.server(), encoding)}
	}
	if err := d.ensure(ctx, tx, d.table, rowColumns, d.sql.schema); err != nil {
		return err
	}
	if err := d.ensure(ctx, tx, table.Cursors, cursorColumns, createCursors); err != nil {
		return err
	}
	if err := d.ensure(ctx, tx, table.Redelivered, redeliveredColumns, createRedelivered); err != nil {
		return err
	}
	return d.fault("commit the schema", tx.Commit(ctx))
}

func (d *database) ensure(ctx context.Context, tx pgx.Tx, name string, documented []table.Documented, create string) error {
	kind, columns, err := describe(ctx, tx, name)
	if err != nil {
		return d.fault("read the schema", err)
	}
	switch kind {
	case "r", "p": // a table, or one in partitions
		if name == d.table {
			d.typeLimit = takeLimit(columns)
		}
		return table.Compare(name, documented, columns)
	case "":
	default:
		return &target.StopError{Err: fmt.Errorf("%s is there and is no table; give this target another table_name", name)}
	}
	if name == d.table {
		d.typeLimit = documentedLimit
	}
	_, err = tx.Exec(ctx, create, pgx.QueryExecModeSimpleProtocol)
	if state(err) == duplicateTable { // the index: the table is not there
		return &target.StopError{Err: fmt.Errorf("%s: the name of the index of %s is taken by another table's: %w; give this target another table_name", d.server(), name, plain(err))}
	}
	return d.fault("create the table "+name, err)
}

// documentedLimit is how many characters of an event_type the documented table
// holds.
const documentedLimit = 100

// takeLimit returns how many characters of an event_type a table holds, 0 for any
// number, and makes its column's type the documented one whatever the number.
func takeLimit(columns []table.Column) int {
	for i, c := range columns {
		text, ok := strings.CutPrefix(c.Type, "character varying(")
		if c.Name != "event_type" || !ok {
			continue
		}
		limit, err := strconv.Atoi(strings.TrimSuffix(text, ")"))
		if err == nil {
			columns[i].Type = rowColumns[1].Types[0]
			return limit
		}
	}
	return 0
}

// describe returns the kind of what is there under a name ("" for nothing), as
// pg_class says it, and its columns.
func describe(ctx context.Context, tx pgx.Tx, name string) (kind string, columns []table.Column, err error) {
	found, err := tx.Query(ctx, `SELECT c.relkind::text, coalesce(a.attname::text, ''), coalesce(format_type(a.atttypid, a.atttypmod), ''),
			coalesce(a.attgenerated <> '', false), coalesce(a.attidentity <> '' OR a.atthasdef, false)
		FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.oid = to_regclass($1) ORDER BY a.attnum`, `"`+name+`"`)
	if err != nil {
		return "", nil, err
	}
	defer found.Close()
	for found.Next() {
		var c table.Column
		var counts bool
		if err := found.Scan(&kind, &c.Name, &c.Type, &c.Computed, &counts); err != nil {
			return "", nil, err
		}
		if c.Name == "id" && !counts && slices.Contains(rowColumns[0].Types, c.Type) {
			c.Type += " without a sequence"
		}
		columns = append(columns, c)
	}
	return kind, columns, found.Err()
}
