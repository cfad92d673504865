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
	missing := table.Behind(b, cursor.Position)
	if b.Redelivery {
		if missing, err = f.owner.NotRedelivered(ctx, tx, b); err != nil {
			return 0, f.fault("read what was redelivered", err)
		}
	}
	inserted, refused := f.insert.fill(ctx, tx, missing.Events)
	if !table.Committable(refused) {
		return 0, f.fault("insert", refused)
	}
	written = missing.Written(inserted)
	if b.Redelivery {
		if err := f.owner.NoteRedelivered(ctx, tx, b, missing.Positions(inserted)); err != nil {
			return 0, f.fault("note what was redelivered", err)
		}
	} else if err := f.move(ctx, tx, b.Log, b.Instance.ID, max(cursor.Position, b.After(written))); err != nil {
		return 0, f.fault("move the cursor", err)
	}
	if err := tx.Commit(); err != nil {
		return 0, f.fault("commit", err)
	}
	return written, refused
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
		return insertion{}, errors.Join(f.fault("prepare", err), many.Close()) //nolint:sqlclosecheck // the other goes on living
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
