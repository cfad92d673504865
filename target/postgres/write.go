package postgres

import (
	"context"
	"time"

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
	missing := table.Behind(b, cursor.Position)
	if b.Redelivery {
		if missing, err = d.notRedelivered(ctx, b); err != nil {
			return 0, d.fault("read what was redelivered", err)
		}
	}
	inserted, refused := d.insert(ctx, missing.Events)
	if !table.Committable(refused) {
		return 0, d.fault("insert", refused)
	}
	written = missing.Written(inserted)
	position := max(cursor.Position, b.After(written))
	if b.Redelivery {
		position = cursor.Position
		if err := d.noteRedelivered(ctx, b, missing.Positions(inserted)); err != nil {
			return 0, d.fault("note what was redelivered", err)
		}
	}
	c := d.rows.changes(inserted)
	if err := d.commit(ctx, b, position, c); err != nil {
		return 0, err
	}
	d.tell(c, b.Instance.Name)
	return written, refused
}

// insert inserts events from the front as far as they go in.
func (d *database) insert(ctx context.Context, events []event.Event) (inserted int, err error) {
	refused := d.rows.encode(events, d.typeLimit)
	inserted, err = table.Rows{
		Len:   len(d.rows.ends),
		OfOne: d.ofOneRow,
		Plain: plain,
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
	_ = e.encode([]event.Event{{EventType: "firn.probe", Timestamp: at, RecordedAt: at, Payload: []byte(`{}`)}}, 0)
	return &e
}

// copy inserts rows, all or, where a single one may be at fault, none.
func (d *database) copy(ctx context.Context, from *encoder, lo, hi int) error {
	_, err := d.conn.PgConn().CopyFrom(ctx, from.reader(lo, hi), d.sql.copy)
	if err == nil {
		return nil
	}
	from.lent = true
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
