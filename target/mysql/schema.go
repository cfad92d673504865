package mysql

import (
	"context"
	"fmt"
	"strings"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

// statements are what the target says to MySQL, with the table's name in its
// place. The name is quoted, and of a form that needs no more than that.
type statements struct {
	quoted string // the table's name
	schema string
	insert string
	clean  string
}

// The table has Querybook's columns and index. Three types are wider: times keep
// their fractions; the type is not closed; the data is text, because MariaDB's
// JSON nests 31 deep at most.
func newStatements(name string) statements {
	quoted := "`" + name + "`"
	return statements{
		quoted: quoted,
		schema: `CREATE TABLE IF NOT EXISTS ` + quoted + ` (
    id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
    created_at DATETIME(6) NULL,
    uid INTEGER NULL,
    event_type VARCHAR(256) NULL,
    event_data LONGTEXT NULL,
    INDEX ` + table.IndexName("ix_", name, "_event_type") + ` (event_type)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
		insert: `INSERT INTO ` + quoted + ` (created_at, uid, event_type, event_data) VALUES `,
		clean:  `DELETE FROM ` + quoted + ` WHERE id >= ? AND id < ? AND created_at < ?`,
	}
}

const createCursors = `CREATE TABLE IF NOT EXISTS ` + table.Cursors + ` (
    log_id VARCHAR(64) NOT NULL,
    instance_id VARCHAR(64) NOT NULL,
    target VARCHAR(255) NOT NULL,
    table_name VARCHAR(64) NOT NULL,
    epoch BIGINT NOT NULL,
    position BIGINT NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    PRIMARY KEY (log_id, instance_id, target, table_name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`

const createRedelivered = `CREATE TABLE IF NOT EXISTS ` + table.Redelivered + ` (
    log_id VARCHAR(64) NOT NULL,
    instance_id VARCHAR(64) NOT NULL,
    target VARCHAR(255) NOT NULL,
    table_name VARCHAR(64) NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (log_id, instance_id, target, table_name, position)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`

// The columns a table must have.
var (
	integers   = []string{"int", "bigint"}
	rowColumns = []table.Documented{
		{Name: "id", Types: []string{"int auto_increment", "bigint auto_increment", "int unsigned auto_increment", "bigint unsigned auto_increment"}},
		{Name: "created_at", Types: []string{"datetime"}},
		{Name: "uid", Types: integers},
		{Name: "event_type", Types: []string{"enum", "varchar", "text"}},
		{Name: "event_data", Types: []string{"json", "longtext", "mediumtext"}},
	}
	redeliveredColumns = []table.Documented{
		{Name: "log_id", Types: []string{"varchar"}},
		{Name: "instance_id", Types: []string{"varchar"}},
		{Name: "target", Types: []string{"varchar"}},
		{Name: "table_name", Types: []string{"varchar"}},
		{Name: "position", Types: []string{"bigint"}},
	}
	cursorColumns = append([]table.Documented{
		{Name: "epoch", Types: []string{"bigint"}},
		{Name: "updated_at", Types: []string{"datetime"}},
	}, redeliveredColumns...)
)

// columns is what a table that is there holds of a value.
type columns struct {
	fractions int      // digits of a second in created_at
	typeLimit int      // characters of an event_type
	types     []string // the members of an ENUM; nil = any
}

// prepare makes the tables that are missing and compares those that are there.
func (d *database) prepare(ctx context.Context) error {
	if err := d.ensure(ctx, d.owner.Table, rowColumns, d.sql.schema); err != nil {
		return err
	}
	if err := d.ensure(ctx, table.Cursors, cursorColumns, createCursors); err != nil {
		return err
	}
	return d.ensure(ctx, table.Redelivered, redeliveredColumns, createRedelivered)
}

func (d *database) ensure(ctx context.Context, name string, documented []table.Documented, create string) error {
	there, err := d.compare(ctx, name, documented)
	if there || err != nil {
		return err
	}
	if _, err := d.conn.ExecContext(ctx, create); err != nil {
		return d.fault("create the table "+name, err)
	}
	// Another process may have made it in between.
	if there, err = d.compare(ctx, name, documented); err == nil && !there {
		return fmt.Errorf("the table %s was made, and is not there", name)
	}
	return err
}

// compare reports whether the table is there, and an error where it is another.
func (d *database) compare(ctx context.Context, name string, documented []table.Documented) (there bool, err error) {
	var kind, engine string
	found, err := d.conn.QueryContext(ctx, `SELECT t.table_type, coalesce(t.engine, ''), lower(c.column_name), c.data_type, c.column_type,
			coalesce(c.datetime_precision, 0), coalesce(c.character_maximum_length, 0), coalesce(c.character_set_name, ''), lower(c.extra)
		FROM information_schema.tables t, information_schema.columns c
		WHERE t.table_schema = DATABASE() AND t.table_name = ? AND c.table_schema = DATABASE() AND c.table_name = ?
		ORDER BY c.ordinal_position`, name, name) // named twice: else the server opens every table there is
	if err != nil {
		return false, d.fault("read the schema", err)
	}
	defer found.Close() //nolint:errcheck // Err says what there is to say
	var all []table.Column
	var c columns
	for found.Next() {
		var col column
		if err := found.Scan(&kind, &engine, &col.name, &col.data, &col.full, &col.precision, &col.length, &col.charset, &col.extra); err != nil {
			return false, d.fault("read the schema", err)
		}
		col.note(&c)
		all = append(all, col.described())
	}
	if err := found.Err(); err != nil {
		return false, d.fault("read the schema", err)
	}
	switch {
	case len(all) == 0:
		return false, nil
	case kind != "BASE TABLE":
		return true, &target.StopError{Err: fmt.Errorf("%s is there and is no table but a %s; give this target another table_name", name, strings.ToLower(kind))}
	case engine != "InnoDB":
		return true, &target.StopError{Err: fmt.Errorf("the table %s is kept by %s, which has no transactions: ALTER TABLE %s ENGINE=InnoDB, or give this target another table_name", name, engine, name)}
	}
	if name == d.owner.Table {
		d.columns = c
	}
	return true, table.Compare(name, documented, all)
}

// column is a column as information_schema describes it.
type column struct {
	name, data, full, charset, extra string
	precision                        int
	length                           int64
}

// described is a column as table.Compare wants it.
func (c column) described() table.Column {
	t := table.Column{Name: c.name, Type: c.data, Computed: strings.Contains(c.extra, "generated")}
	if strings.Contains(c.full, "unsigned") {
		t.Type += " unsigned"
	}
	if strings.Contains(c.extra, "auto_increment") {
		t.Type += " auto_increment"
	}
	if c.data != "enum" && c.charset != "" && c.charset != "utf8mb4" {
		t.Type += " of " + c.charset
	}
	return t
}

// note remembers what the rows must keep to.
func (c column) note(to *columns) {
	switch {
	case c.name == "created_at":
		to.fractions = c.precision
	case c.name == "event_type" && c.data == "enum":
		to.types = members(c.full)
	case c.name == "event_type":
		to.typeLimit = int(min(c.length, 1<<31-1))
	}
}

// members reads the members of an ENUM from its type, enum('A','B').
func members(full string) []string {
	var all []string
	for rest := full; ; {
		_, after, ok := strings.Cut(rest, "'")
		if !ok {
			return all
		}
		var member strings.Builder
		for i := 0; ; i++ {
			switch {
			case i >= len(after):
				return all
			case after[i] != '\'':
				member.WriteByte(after[i])
				continue
			case i+1 < len(after) && after[i+1] == '\'': // a quote in a member is two
				member.WriteByte('\'')
				i++
				continue
			}
			all, rest = append(all, member.String()), after[i+1:]
			break
		}
	}
}
