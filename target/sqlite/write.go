package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

// timeFormat is UTC in a form that compares as text with what SQLite's own
// functions return, such as datetime('now', '-1 day').
const timeFormat = "2006-01-02 15:04:05.000"

// Write inserts a batch and moves the cursor in one transaction. Events that the
// cursor has behind it are there already.
func (f *file) Write(ctx context.Context, b target.Batch) (written int, err error) {
	if err := f.inPlace(); err != nil {
		return 0, err
	}
	tx, err := f.conn.BeginTx(ctx, nil)
	if err != nil {
		return 0, f.fault("begin", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit there is nothing to roll back
	cursor, _, err := f.cursor(ctx, tx, b.Log.ID, b.Instance.ID)
	if err != nil {
		return 0, f.fault("read the cursor", err)
	}
	if err := table.CheckEpoch(cursor, b.Log); err != nil {
		return 0, err
	}
	there := table.Written(b.Events, cursor.Position)
	inserted, refused := f.insert.fill(ctx, tx, b.Events[there:])
	if !table.Committable(refused) {
		return 0, f.fault("insert", refused)
	}
	written = there + inserted
	if err := f.move(ctx, tx, b.Log, b.Instance.ID, max(cursor.Position, b.After(written))); err != nil {
		return 0, f.fault("move the cursor", err)
	}
	if err := tx.Commit(); err != nil {
		return 0, f.fault("commit", err)
	}
	return written, refused
}

// Checkpoint returns the cursor that is in the file.
func (f *file) Checkpoint(ctx context.Context, log, instance string) (c target.Cursor, ok bool, err error) {
	c, ok, err = f.cursor(ctx, f.conn, log, instance)
	return c, ok, f.fault("read the cursor", err)
}

// SetCheckpoint moves the cursor, back or ahead.
func (f *file) SetCheckpoint(ctx context.Context, log target.Identity, instance string, position int64) error {
	return f.fault("move the cursor", f.move(ctx, f.conn, log, instance, position))
}

// database is a connection or a transaction on it.
type database interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (f *file) cursor(ctx context.Context, db database, log, instance string) (c target.Cursor, ok bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT epoch, position FROM `+table.Cursors+`
		WHERE log_id = ? AND instance_id = ? AND target = ? AND table_name = ?`,
		log, instance, f.name, f.table).Scan(&c.Epoch, &c.Position)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, err
}

func (f *file) move(ctx context.Context, db database, log target.Identity, instance string, position int64) error {
	_, err := db.ExecContext(ctx, `INSERT INTO `+table.Cursors+` (log_id, instance_id, target, table_name, epoch, position, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET epoch = excluded.epoch, position = excluded.position, updated_at = excluded.updated_at`,
		log.ID, instance, f.name, f.table, log.Epoch, position, f.now().UTC().Format(timeFormat))
	return err
}

// insertion is the prepared INSERT, for many rows and for one.
type insertion struct {
	many, one *sql.Stmt
	args      []any
}

// rowsPerStatement is how many rows one statement inserts. More are not faster.
const rowsPerStatement = 64

const valuesOfRow = 4

func (f *file) newInsertion(ctx context.Context) (insertion, error) {
	into := `INSERT INTO ` + f.sql.quoted + ` (event_type, timestamp, data, created_at) VALUES `
	many, err := f.conn.PrepareContext(ctx, into+strings.Repeat(`(?, ?, ?, ?), `, rowsPerStatement-1)+`(?, ?, ?, ?)`)
	if err != nil {
		return insertion{}, f.fault("prepare", err)
	}
	one, err := f.conn.PrepareContext(ctx, into+`(?, ?, ?, ?)`)
	if err != nil {
		return insertion{}, errors.Join(f.fault("prepare", err), many.Close())
	}
	return insertion{many: many, one: one, args: make([]any, 0, rowsPerStatement*valuesOfRow)}, nil
}

// Close is harmless on one that was never made.
func (i *insertion) Close() error {
	if i.many == nil {
		return nil
	}
	return errors.Join(i.many.Close(), i.one.Close())
}

// fill inserts events from the front as far as they go in.
func (i *insertion) fill(ctx context.Context, tx *sql.Tx, events []event.Event) (int, error) {
	many, one := tx.StmtContext(ctx, i.many), tx.StmtContext(ctx, i.one)
	return table.Rows{
		Len:   len(events),
		OfOne: ofOneRow,
		Insert: func(lo, hi int) error {
			return savepoint(ctx, tx, func() error { return i.rows(ctx, many, one, events[lo:hi]) }, false)
		},
		Try: func(row int) error {
			e := harmless
			if row != table.Harmless {
				e = events[row]
			}
			return savepoint(ctx, tx, func() error { return i.rows(ctx, many, one, []event.Event{e}) }, true)
		},
	}.Fill()
}

// harmless is a row that no type and no length is in the way of.
var harmless = event.Event{EventType: "firn.probe", Timestamp: time.Unix(0, 0), RecordedAt: time.Unix(0, 0), Payload: []byte(`{}`)}

func (i *insertion) rows(ctx context.Context, many, one *sql.Stmt, events []event.Event) error {
	for len(events) > 0 {
		statement, n := one, 1
		if len(events) >= rowsPerStatement {
			statement, n = many, rowsPerStatement
		}
		i.args = i.args[:0]
		for k := range events[:n] {
			e := &events[k]
			i.args = append(i.args, e.EventType, e.Timestamp.UTC().Format(timeFormat), string(e.Payload), e.RecordedAt.UTC().Format(timeFormat))
		}
		if _, err := statement.ExecContext(ctx, i.args...); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// savepoint runs do so that it leaves nothing where it fails, or where undo is
// asked for.
func savepoint(ctx context.Context, tx *sql.Tx, do func() error, undo bool) error {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT rows`); err != nil {
		return err
	}
	err := do()
	if err != nil || undo {
		if _, back := tx.ExecContext(ctx, `ROLLBACK TO rows`); back != nil {
			// A trigger that rolls back everything is no fault of one row.
			return fmt.Errorf("%w, after %v", back, err) //nolint:errorlint // the first decides
		}
	}
	if _, released := tx.ExecContext(ctx, `RELEASE rows`); released != nil {
		return released
	}
	return err
}
