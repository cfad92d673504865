package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

const (
	begin        = `BEGIN ISOLATION LEVEL READ COMMITTED`
	checkNow     = `SET CONSTRAINTS ALL IMMEDIATE` // what a commit would refuse, an insert refuses
	whereCursor  = ` WHERE log_id = $1 AND instance_id = $2 AND target = $3 AND table_name = $4`
	selectCursor = `SELECT epoch, position FROM ` + table.Cursors + whereCursor
	newCursor    = `INSERT INTO ` + table.Cursors + ` (log_id, instance_id, target, table_name, epoch, position, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7::timestamptz AT TIME ZONE 'UTC')`
	forgetRivals  = ` ON CONFLICT DO NOTHING`
	replaceCursor = ` ON CONFLICT (log_id, instance_id, target, table_name)
		DO UPDATE SET epoch = excluded.epoch, position = excluded.position, updated_at = excluded.updated_at`
	moveCursor = `UPDATE ` + table.Cursors + ` SET epoch = $5, position = $6, updated_at = $7::timestamptz AT TIME ZONE 'UTC',
		nuls_escaped = nuls_escaped + $8, numbers_as_strings = numbers_as_strings + $9` + whereCursor
	savepoint = `SAVEPOINT rows`
)

func (d *database) key(log, instance string) []any { return []any{log, instance, d.name, d.table} }

// begin begins the transaction and locks the cursor.
func (d *database) begin(ctx context.Context, b target.Batch) (target.Cursor, error) {
	key := d.key(b.Log.ID, b.Instance.ID)
	cursor, err := d.lock(ctx, key, begin, checkNow)
	if errors.Is(err, pgx.ErrNoRows) {
		if _, err := d.conn.Exec(ctx, newCursor+forgetRivals, append(key, b.Log.Epoch, b.After(0), d.timestamp())...); err != nil {
			return cursor, d.fault("make the cursor", err)
		}
		cursor, err = d.lock(ctx, key)
	}
	if err != nil {
		return cursor, d.fault("lock the cursor", err)
	}
	return cursor, table.CheckEpoch(cursor, b.Log)
}

// lock runs statements, locks the cursor and sets the first savepoint, in one
// exchange with the server.
func (d *database) lock(ctx context.Context, key []any, statements ...string) (cursor target.Cursor, err error) {
	var batch pgx.Batch
	for _, s := range statements {
		batch.Queue(s)
	}
	batch.Queue(selectCursor+` FOR UPDATE`, key...)
	batch.Queue(savepoint)
	results := d.conn.SendBatch(ctx, &batch)
	for range statements {
		if _, err := results.Exec(); err != nil {
			return cursor, errors.Join(err, results.Close())
		}
	}
	if err = results.QueryRow().Scan(&cursor.Epoch, &cursor.Position); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		_ = results.Close()
		return cursor, err
	}
	if closed := results.Close(); closed != nil {
		return cursor, closed
	}
	return cursor, err
}

// commit moves the cursor and commits, in one exchange with the server.
func (d *database) commit(ctx context.Context, b target.Batch, position int64, c changes) error {
	var batch pgx.Batch
	batch.Queue(moveCursor, append(d.key(b.Log.ID, b.Instance.ID), b.Log.Epoch, position, d.timestamp(), c.nuls, c.numbers)...)
	batch.Queue(`COMMIT`)
	results := d.conn.SendBatch(ctx, &batch)
	moved, err := results.Exec()
	if err != nil {
		_ = results.Close()
		return d.fault("move the cursor", err)
	}
	done, err := results.Exec()
	if err = errors.Join(err, results.Close()); err != nil {
		return d.fault("commit", err)
	}
	if moved.RowsAffected() != 1 || done.String() != "COMMIT" {
		return fmt.Errorf("PostgreSQL at %s: commit: %d cursors moved, answer %q", d.server(), moved.RowsAffected(), done)
	}
	return nil
}

// Checkpoint returns the cursor that is in the database.
func (d *database) Checkpoint(ctx context.Context, log, instance string) (c target.Cursor, ok bool, err error) {
	err = d.conn.QueryRow(ctx, selectCursor, d.key(log, instance)...).Scan(&c.Epoch, &c.Position)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, d.fault("read the cursor", err)
}

// SetCheckpoint moves the cursor, back or ahead.
func (d *database) SetCheckpoint(ctx context.Context, log target.Identity, instance string, position int64) error {
	return d.fault("move the cursor", pgx.BeginFunc(ctx, d.conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, newCursor+replaceCursor, append(d.key(log.ID, instance), log.Epoch, position, d.timestamp())...)
		if err != nil {
			return err
		}
		// What comes again may become a dead letter again.
		_, err = tx.Exec(ctx, `DELETE FROM `+table.Redelivered+whereCursor+` AND position > $5`, append(d.key(log.ID, instance), position)...)
		return err
	}))
}

// notRedelivered returns the dead letters of a batch that are not in the table.
func (d *database) notRedelivered(ctx context.Context, b target.Batch) (table.Missing, error) {
	found, err := d.conn.Query(ctx, `SELECT position FROM `+table.Redelivered+whereCursor+` AND position BETWEEN $5 AND $6`,
		append(d.key(b.Log.ID, b.Instance.ID), b.Events[0].Position, b.Events[len(b.Events)-1].Position)...)
	if err != nil {
		return table.Missing{}, err
	}
	there := map[int64]bool{}
	positions, err := pgx.CollectRows(found, pgx.RowTo[int64])
	for _, position := range positions {
		there[position] = true
	}
	return table.Except(b, there), err
}

// noteRedelivered remembers dead letters with their rows.
func (d *database) noteRedelivered(ctx context.Context, b target.Batch, positions []int64) error {
	_, err := d.conn.Exec(ctx, `INSERT INTO `+table.Redelivered+` (log_id, instance_id, target, table_name, position)
		SELECT $1, $2, $3, $4, unnest($5::bigint[])`, append(d.key(b.Log.ID, b.Instance.ID), positions)...)
	return err
}

func (d *database) timestamp() time.Time { return d.now().UTC() }
