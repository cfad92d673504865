package postgres

import (
	"context"
	"time"
)

// Clean deletes the rows whose created_at, when the log recorded the event, is
// more than days ago.
func (d *database) Clean(ctx context.Context, days int) (deleted int64, more bool, err error) {
	deleted, more, err = d.swept.Clean(ctx, ranges{d}, d.now().AddDate(0, 0, -days))
	return deleted, more, d.fault("delete old rows", err)
}

// ranges is the table as table.Sweep wants it.
type ranges struct{ d *database }

func (r ranges) Ids(ctx context.Context, low int64) (first, last int64, ok bool, err error) {
	var lowest, highest *int64
	err = r.d.conn.QueryRow(ctx, `SELECT (SELECT min(id) FROM `+r.d.sql.quoted+` WHERE id >= $1), (SELECT max(id) FROM `+r.d.sql.quoted+`)`,
		low).Scan(&lowest, &highest)
	if err != nil || lowest == nil || highest == nil {
		return 0, 0, false, err
	}
	return *lowest, *highest, true, nil
}

func (r ranges) Delete(ctx context.Context, lo, hi int64, before time.Time) (deleted int64, oldest time.Time, err error) {
	result, err := r.d.conn.Exec(ctx, `DELETE FROM `+r.d.sql.quoted+` WHERE id >= $1 AND id < $2 AND created_at < $3::timestamptz AT TIME ZONE 'UTC'`,
		lo, hi, before)
	if err != nil {
		return 0, oldest, err
	}
	var left *time.Time
	err = r.d.conn.QueryRow(ctx, `SELECT min(created_at) FROM `+r.d.sql.quoted+` WHERE id >= $1 AND id < $2`, lo, hi).Scan(&left)
	if left != nil {
		oldest = *left
	}
	return result.RowsAffected(), oldest, err
}
