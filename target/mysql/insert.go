package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

// insertion is what INSERTs are made of, kept from one batch to the next.
type insertion struct {
	args      []any
	statement string // of rows rows
	rows      int
}

const (
	// rowsPerStatement and bytesPerStatement bound an INSERT. Larger ones are not
	// faster.
	rowsPerStatement  = 1000
	bytesPerStatement = 1 << 20
	// rowOverhead is what a row takes in a statement beside type and data.
	rowOverhead = 128
)

// fill inserts events from the front as far as they go in.
func (d *database) fill(ctx context.Context, tx *sql.Tx, events []event.Event) (inserted int, err error) {
	good, refused := len(events), error(nil)
	for i := range events {
		if err := d.check(&events[i]); err != nil {
			good, refused = i, &target.RefusedError{Err: err}
			break
		}
	}
	inserted, err = table.Rows{
		Len:    good,
		OfOne:  ofOneRow,
		Plain:  plain,
		Insert: func(lo, hi int) error { return d.within(ctx, tx, events[lo:hi], false) },
		Try: func(row int) error {
			if row == table.Harmless {
				return d.within(ctx, tx, []event.Event{d.harmless()}, true)
			}
			return d.within(ctx, tx, events[row:row+1], true)
		},
	}.Fill()
	if err == nil {
		err = refused
	}
	return inserted, err
}

// check says why a row will never go in, where that is known beforehand.
func (d *database) check(e *event.Event) error {
	switch {
	case d.columns.types != nil && !slices.Contains(d.columns.types, e.EventType):
		return fmt.Errorf("its event_type %.80q is not one of the column event_type's, which are %q", e.EventType, d.columns.types)
	case d.columns.types == nil && len(e.EventType) > d.columns.typeLimit && utf8.RuneCountInString(e.EventType) > d.columns.typeLimit:
		return fmt.Errorf("its event_type has %d characters; the column event_type holds %d", utf8.RuneCountInString(e.EventType), d.columns.typeLimit)
	case len(e.Payload)+len(e.EventType)+rowOverhead > d.packet:
		return fmt.Errorf("its payload has %d bytes; the server takes statements of %d (max_allowed_packet)", len(e.Payload), d.packet)
	}
	return nil
}

// harmless is a row that no type and no length is in the way of.
func (d *database) harmless() event.Event {
	e := event.Event{EventType: "firn.probe", Timestamp: d.now(), Payload: []byte(`{}`)}
	if len(d.columns.types) > 0 {
		e.EventType = d.columns.types[0]
	}
	return e
}

// within inserts events so that nothing is left of them where one fails, or where
// undo is asked for.
func (d *database) within(ctx context.Context, tx *sql.Tx, events []event.Event, undo bool) error {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT firn_rows`); err != nil {
		return err
	}
	err := d.rows(ctx, tx, events)
	if undo || err != nil && ofOneRow(err) {
		if _, back := tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT firn_rows`); back != nil {
			return back
		}
	}
	return err
}

// rows inserts events in statements of a bounded size.
func (d *database) rows(ctx context.Context, tx *sql.Tx, events []event.Event) error {
	most := min(bytesPerStatement, d.packet/2-rowOverhead) // every character may be escaped
	for len(events) > 0 {
		n, size := 0, 0
		for n < len(events) && n < rowsPerStatement {
			size += len(events[n].Payload) + len(events[n].EventType) + rowOverhead
			if n > 0 && size > most {
				break
			}
			n++
		}
		d.insert.args = d.insert.args[:0]
		for i := range events[:n] {
			d.insert.args = d.row(d.insert.args, &events[i])
		}
		if d.insert.rows != n {
			d.insert.statement, d.insert.rows = d.sql.insert+placeholders(n), n
		}
		if _, err := tx.ExecContext(ctx, d.insert.statement, d.insert.args...); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// timeFormat is cut to the digits that the column keeps: the server would round.
const timeFormat = "2006-01-02 15:04:05.000000"

func (d *database) row(args []any, e *event.Event) []any {
	at := e.Timestamp.UTC().Format(timeFormat)
	at = strings.TrimSuffix(at[:len(at)-6+d.columns.fractions], ".")
	return append(args, at, uid(e.Actor), e.EventType, string(e.Payload))
}

// uid is the actor where it is a number of Querybook's users, else NULL.
func uid(actor *string) any {
	if actor == nil {
		return nil
	}
	n, err := strconv.ParseInt(*actor, 10, 32)
	if err != nil || strconv.FormatInt(n, 10) != *actor {
		return nil
	}
	return n
}
