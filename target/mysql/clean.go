package mysql

import (
	"context"
	"database/sql"
	"time"
)

// Clean deletes the rows whose created_at is more than days ago. In this table
// that is when the event happened, as Querybook has it.
func (d *database) Clean(ctx context.Context, days int) (deleted int64, more bool, err error) {
	deleted, more, err = d.swept.Clean(ctx, ranges{d}, d.now().AddDate(0, 0, -days))
	return deleted, more, d.fault("delete old rows", err)
}

// ranges is the table as table.Sweep wants it.
type ranges struct{ d *database }

func (r ranges) Ids(ctx context.Context, low int64) (first, last int64, ok bool, err error) {
	var lowest, highest sql.NullInt64
	err = r.d.conn.QueryRowContext(ctx, `SELECT (SELECT min(id) FROM `+r.d.sql.quoted+` WHERE id >= ?), (SELECT max(id) FROM `+r.d.sql.quoted+`)`,
		low).Scan(&lowest, &highest)
	return lowest.Int64, highest.Int64, lowest.Valid && highest.Valid, err
}

func (r ranges) Delete(ctx context.Context, lo, hi int64, before time.Time) (deleted int64, oldest time.Time, err error) {
	result, err := r.d.conn.ExecContext(ctx, r.d.sql.clean,
		lo, hi, before.UTC().Format(timeFormat))
	if err != nil {
		return 0, oldest, err
	}
	if deleted, err = result.RowsAffected(); err != nil {
		return 0, oldest, err
	}
	var left sql.NullTime
	err = r.d.conn.QueryRowContext(ctx, `SELECT min(created_at) FROM `+r.d.sql.quoted+` WHERE id >= ? AND id < ?`, lo, hi).Scan(&left)
	return deleted, left.Time, err
}
