package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

// Write inserts a batch and moves the cursor in one transaction. The cursor's row
// is locked from the start, so that two processes of one log take turns, and
// events that it has behind it are there already: also those of a commit whose
// outcome was never heard of.
func (d *database) Write(ctx context.Context, b target.Batch) (written int, err error) {
	defer func() {
		if err != nil && d.conn.PgConn().TxStatus() != 'I' && !d.conn.IsClosed() {
			_, _ = d.conn.Exec(ctx, "ROLLBACK") // where that fails, the server does it when the connection ends
		}
	}()
	cursor, err := d.begin(ctx, b)
	if err != nil {
		return 0, err
	}
	there := table.Written(b.Events, cursor.Position)
	inserted, refused := d.insert(ctx, b.Events[there:])
	if !table.Committable(refused) {
		return 0, d.fault("insert", refused)
	}
	written = there + inserted
	c := d.rows.changes(inserted)
	if err := d.commit(ctx, b, max(cursor.Position, b.After(written)), c); err != nil {
		return 0, err
	}
	d.tell(c, b.Instance.Name)
	return written, refused
}

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
		if _, err := d.conn.Exec(ctx, newCursor+forgetRivals, append(key, b.Log.Epoch, b.Events[0].Position-1, d.timestamp())...); err != nil {
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

// insert inserts events from the front as far as they go in.
func (d *database) insert(ctx context.Context, events []event.Event) (inserted int, err error) {
	refused := d.rows.encode(events, d.typeLimit)
	inserted, err = table.Rows{
		Len:   len(d.rows.ends),
		OfOne: d.ofOneRow,
		Insert: func(lo, hi int) error {
			err := d.copy(ctx, &d.rows, lo, hi)
			if err == nil && hi-lo < len(d.rows.ends) { // others follow, and may fail
				_, err = d.conn.Exec(ctx, savepoint)
			}
			return err
		},
		Try: func(row int) error {
			from := &d.rows
			if row == table.Harmless {
				from, row = d.harmless(), 0
			}
			if err := d.copy(ctx, from, row, row+1); err != nil {
				return err
			}
			return d.undo(ctx)
		},
	}.Fill()
	if err == nil && refused != nil {
		return inserted, refused
	}
	return inserted, err
}

// harmless is a row that no type and no length is in the way of.
func (d *database) harmless() *encoder {
	var e encoder
	at := d.now()
	e.encode([]event.Event{{EventType: "firn.probe", Timestamp: at, RecordedAt: at, Payload: []byte(`{}`)}}, 0)
	return &e
}

// copy inserts rows, all or, where a single one may be at fault, none.
func (d *database) copy(ctx context.Context, from *encoder, lo, hi int) error {
	_, err := d.conn.PgConn().CopyFrom(ctx, from.reader(lo, hi), d.sql.copy)
	if err == nil {
		return nil
	}
	if d.ofOneRow(err) {
		if undone := d.undo(ctx); undone != nil {
			return undone
		}
	}
	return err
}

// undo goes back to the savepoint.
func (d *database) undo(ctx context.Context) error {
	_, err := d.conn.Exec(ctx, `ROLLBACK TO SAVEPOINT rows`)
	return err
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
	_, err := d.conn.Exec(ctx, newCursor+replaceCursor, append(d.key(log.ID, instance), log.Epoch, position, d.timestamp())...)
	return d.fault("move the cursor", err)
}

func (d *database) timestamp() time.Time { return d.now().UTC() }

// tellEvery keeps reports of changed values from filling the log.
const tellEvery = time.Minute

// tell reports what JSONB does not hold as it was. The sums are in the cursor's
// row, written with the rows.
func (d *database) tell(c changes, instance string) {
	if c == (changes{}) || d.now().Sub(d.told) < tellEvery {
		return
	}
	d.told = d.now()
	d.logger.Warn("JSONB does not hold these values: kept in another form, counted in "+table.Cursors,
		"target", d.name, "instance", instance, "nuls_escaped", c.nuls, "numbers_as_strings", c.numbers)
}
