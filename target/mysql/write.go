package mysql

import (
	"context"
	"strings"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

// Write inserts a batch and moves the cursor in one transaction. The cursor's row
// is locked from the start, so that two processes of one log take turns, and
// events that it has behind it are there already: also those of a commit whose
// outcome was never heard of.
func (d *database) Write(ctx context.Context, b target.Batch) (written int, err error) {
	tx, err := d.conn.BeginTx(ctx, nil)
	if err != nil {
		return 0, d.fault("begin", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit there is nothing to roll back
	cursor, err := d.lock(ctx, tx, b)
	if err != nil {
		return 0, d.fault("lock the cursor", err)
	}
	if err := table.CheckEpoch(cursor, b.Log); err != nil {
		return 0, err
	}
	missing := table.Behind(b, cursor.Position)
	if b.Redelivery {
		if missing, err = d.owner.NotRedelivered(ctx, tx, b); err != nil {
			return 0, d.fault("read what was redelivered", err)
		}
	}
	inserted, refused := d.fill(ctx, tx, missing.Events)
	if !table.Committable(refused) {
		return 0, d.fault("insert", refused)
	}
	written = missing.Written(inserted)
	position := max(cursor.Position, b.After(written))
	if b.Redelivery {
		position = cursor.Position
		if err := d.owner.NoteRedelivered(ctx, tx, b, missing.Positions(inserted)); err != nil {
			return 0, d.fault("note what was redelivered", err)
		}
	}
	if err := d.move(ctx, tx, b, position); err != nil {
		return 0, d.fault("move the cursor", err)
	}
	if err := tx.Commit(); err != nil {
		return 0, d.fault("commit", err)
	}
	return written, refused
}

// placeholders of n rows.
func placeholders(n int) string {
	return strings.Repeat(`(?,?,?,?),`, n-1) + `(?,?,?,?)`
}
