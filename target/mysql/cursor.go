package mysql

import (
	"context"
	"database/sql"
	"errors"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

const (
	selectCursor = `SELECT epoch, position FROM ` + table.Cursors + table.WhereKey
	newCursor    = `INSERT INTO ` + table.Cursors + ` (log_id, instance_id, target, table_name, epoch, position, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)`
	moveCursor   = `UPDATE ` + table.Cursors + ` SET epoch = ?, position = ?, updated_at = ?` + table.WhereKey
	// Another process's row stays as it is, and is locked.
	forgetRivals  = ` ON DUPLICATE KEY UPDATE target = ` + table.Cursors + `.target`
	replaceCursor = ` ON DUPLICATE KEY UPDATE epoch = VALUES(epoch), position = VALUES(position), updated_at = VALUES(updated_at)`
)

// lock locks the cursor's row until the transaction's end, and makes it first if
// there is none.
func (d *database) lock(ctx context.Context, tx *sql.Tx, b target.Batch) (cursor target.Cursor, err error) {
	key := d.owner.Key(b.Log.ID, b.Instance.ID)
	lock := func() error {
		return tx.QueryRowContext(ctx, selectCursor+` FOR UPDATE`, key...).Scan(&cursor.Epoch, &cursor.Position)
	}
	err = lock()
	if !errors.Is(err, sql.ErrNoRows) {
		return cursor, err
	}
	_, err = tx.ExecContext(ctx, newCursor+forgetRivals, append(key, b.Log.Epoch, b.After(0), d.now().UTC())...)
	if err != nil {
		return cursor, err
	}
	return cursor, lock()
}

// Checkpoint returns the cursor that is in the database.
func (d *database) Checkpoint(ctx context.Context, log, instance string) (c target.Cursor, ok bool, err error) {
	err = d.conn.QueryRowContext(ctx, selectCursor, d.owner.Key(log, instance)...).Scan(&c.Epoch, &c.Position)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, d.fault("read the cursor", err)
}

// SetCheckpoint moves the cursor, back or ahead.
func (d *database) SetCheckpoint(ctx context.Context, log target.Identity, instance string, position int64) error {
	tx, err := d.conn.BeginTx(ctx, nil)
	if err != nil {
		return d.fault("begin", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit there is nothing to roll back
	_, err = tx.ExecContext(ctx, newCursor+replaceCursor, append(d.owner.Key(log.ID, instance), log.Epoch, position, d.now().UTC())...)
	if err != nil {
		return d.fault("move the cursor", err)
	}
	if err := d.owner.ForgetRedelivered(ctx, tx, log.ID, instance, position); err != nil {
		return d.fault("move the cursor", err)
	}
	return d.fault("move the cursor", tx.Commit())
}

// move moves the cursor that lock has locked.
func (d *database) move(ctx context.Context, tx *sql.Tx, b target.Batch, position int64) error {
	_, err := tx.ExecContext(ctx, moveCursor,
		append([]any{b.Log.Epoch, position, d.now().UTC()}, d.owner.Key(b.Log.ID, b.Instance.ID)...)...)
	return err
}
