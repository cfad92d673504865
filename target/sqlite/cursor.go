package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

// Checkpoint returns the cursor that is in the file.
func (f *file) Checkpoint(ctx context.Context, log, instance string) (c target.Cursor, ok bool, err error) {
	c, ok, err = f.cursor(ctx, f.conn, log, instance)
	return c, ok, f.fault("read the cursor", err)
}

// SetCheckpoint moves the cursor, back or ahead.
func (f *file) SetCheckpoint(ctx context.Context, log target.Identity, instance string, position int64) error {
	tx, err := f.conn.BeginTx(ctx, nil)
	if err != nil {
		return f.fault("begin", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit there is nothing to roll back
	if err := f.move(ctx, tx, log, instance, position); err != nil {
		return f.fault("move the cursor", err)
	}
	// What comes again may become a dead letter again.
	_, err = tx.ExecContext(ctx, forgetRedelivered, append(f.key(log.ID, instance), position)...)
	if err != nil {
		return f.fault("move the cursor", err)
	}
	return f.fault("move the cursor", tx.Commit())
}

// database is a connection or a transaction on it.
type database interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (f *file) cursor(ctx context.Context, db database, log, instance string) (c target.Cursor, ok bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT epoch, position FROM `+table.Cursors+whereKey, f.key(log, instance)...).Scan(&c.Epoch, &c.Position)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, err
}

func (f *file) move(ctx context.Context, db database, log target.Identity, instance string, position int64) error {
	_, err := db.ExecContext(ctx, `INSERT INTO `+table.Cursors+` (log_id, instance_id, target, table_name, epoch, position, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET epoch = excluded.epoch, position = excluded.position, updated_at = excluded.updated_at`,
		append(f.key(log.ID, instance), log.Epoch, position, f.now().UTC().Format(timeFormat))...)
	return err
}

const (
	whereKey          = ` WHERE log_id = ? AND instance_id = ? AND target = ? AND table_name = ?`
	selectRedelivered = `SELECT position FROM ` + table.Redelivered + whereKey + ` AND position BETWEEN ? AND ?`
	insertRedelivered = `INSERT INTO ` + table.Redelivered + ` (log_id, instance_id, target, table_name, position) VALUES (?, ?, ?, ?, ?)`
	forgetRedelivered = `DELETE FROM ` + table.Redelivered + whereKey + ` AND position > ?`
)

func (f *file) key(log, instance string) []any { return []any{log, instance, f.name, f.table} }

// notRedelivered returns the dead letters of a batch that are not in the table.
func (f *file) notRedelivered(ctx context.Context, tx *sql.Tx, b target.Batch) (table.Missing, error) {
	there := map[int64]bool{}
	found, err := tx.QueryContext(ctx, selectRedelivered,
		append(f.key(b.Log.ID, b.Instance.ID), b.Events[0].Position, b.Events[len(b.Events)-1].Position)...)
	if err != nil {
		return table.Missing{}, err
	}
	defer found.Close() //nolint:errcheck // Err says what there is to say
	for found.Next() {
		var position int64
		if err := found.Scan(&position); err != nil {
			return table.Missing{}, err
		}
		there[position] = true
	}
	return table.Except(b, there), found.Err()
}

// noteRedelivered remembers dead letters with their rows.
func (f *file) noteRedelivered(ctx context.Context, tx *sql.Tx, b target.Batch, positions []int64) error {
	for _, position := range positions {
		_, err := tx.ExecContext(ctx, insertRedelivered,
			append(f.key(b.Log.ID, b.Instance.ID), position)...)
		if err != nil {
			return err
		}
	}
	return nil
}
