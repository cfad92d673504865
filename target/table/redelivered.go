package table

import (
	"context"
	"database/sql"

	"github.com/firnlog/firn/target"
)

// The words that name one target's rows in the tables of Firn's own, where the
// database writes its parameters as question marks: SQLite and MySQL.
const (
	WhereKey          = ` WHERE log_id = ? AND instance_id = ? AND target = ? AND table_name = ?`
	selectRedelivered = `SELECT position FROM ` + Redelivered + WhereKey + ` AND position BETWEEN ? AND ?`
	insertRedelivered = `INSERT INTO ` + Redelivered + ` (log_id, instance_id, target, table_name, position) VALUES (?, ?, ?, ?, ?)`
	forgetRedelivered = `DELETE FROM ` + Redelivered + WhereKey + ` AND position > ?`
)

// Owner is the target and the table that rows of Firn's own are of.
type Owner struct{ Target, Table string }

// Key is the parameters of WhereKey.
func (o Owner) Key(log, instance string) []any { return []any{log, instance, o.Target, o.Table} }

// NotRedelivered returns the dead letters of a batch that are not in the table.
func (o Owner) NotRedelivered(ctx context.Context, tx *sql.Tx, b target.Batch) (Missing, error) {
	there := map[int64]bool{}
	found, err := tx.QueryContext(ctx, selectRedelivered,
		append(o.Key(b.Log.ID, b.Instance.ID), b.Events[0].Position, b.Events[len(b.Events)-1].Position)...)
	if err != nil {
		return Missing{}, err
	}
	defer found.Close() //nolint:errcheck // Err says what there is to say
	for found.Next() {
		var position int64
		if err := found.Scan(&position); err != nil {
			return Missing{}, err
		}
		there[position] = true
	}
	return Except(b, there), found.Err()
}

// NoteRedelivered remembers dead letters in the transaction of their rows.
func (o Owner) NoteRedelivered(ctx context.Context, tx *sql.Tx, b target.Batch, positions []int64) error {
	for _, position := range positions {
		if _, err := tx.ExecContext(ctx, insertRedelivered, append(o.Key(b.Log.ID, b.Instance.ID), position)...); err != nil {
			return err
		}
	}
	return nil
}

// ForgetRedelivered forgets those behind a cursor that was moved: what comes
// again may become a dead letter again.
func (o Owner) ForgetRedelivered(ctx context.Context, tx *sql.Tx, log, instance string, cursor int64) error {
	_, err := tx.ExecContext(ctx, forgetRedelivered, append(o.Key(log, instance), cursor)...)
	return err
}
