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
	if err := f.owner.ForgetRedelivered(ctx, tx, log.ID, instance, position); err != nil {
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
	err = db.QueryRowContext(ctx, `SELECT epoch, position FROM `+table.Cursors+table.WhereKey, f.owner.Key(log, instance)...).Scan(&c.Epoch, &c.Position)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, err
}

func (f *file) move(ctx context.Context, db database, log target.Identity, instance string, position int64) error {
	_, err := db.ExecContext(ctx, `INSERT INTO `+table.Cursors+` (log_id, instance_id, target, table_name, epoch, position, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET epoch = excluded.epoch, position = excluded.position, updated_at = excluded.updated_at`,
		append(f.owner.Key(log.ID, instance), log.Epoch, position, f.now().UTC().Format(timeFormat))...)
	return err
}
