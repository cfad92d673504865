package sqlite

import (
	"context"
	"database/sql"
	"time"
)

// Clean deletes the rows whose created_at, when the log recorded the event, is
// more than days ago.
func (f *file) Clean(ctx context.Context, days int) (deleted int64, more bool, err error) {
	if err := f.inPlace(); err != nil {
		return 0, false, err
	}
	deleted, more, err = f.swept.Clean(ctx, ranges{f}, f.now().AddDate(0, 0, -days))
	return deleted, more, f.fault("delete old rows", err)
}

// ranges is the table as table.Sweep wants it.
type ranges struct{ f *file }

func (r ranges) Ids(ctx context.Context, low int64) (first, last int64, ok bool, err error) {
	var lowest, highest sql.NullInt64
	err = r.f.conn.QueryRowContext(ctx, `SELECT (SELECT min(id) FROM `+r.f.sql.quoted+` WHERE id >= ?),
		(SELECT max(id) FROM `+r.f.sql.quoted+`)`, low).Scan(&lowest, &highest)
	return lowest.Int64, highest.Int64, lowest.Valid, err
}

func (r ranges) Delete(ctx context.Context, lo, hi int64, before time.Time) (deleted int64, oldest time.Time, err error) {
	result, err := r.f.conn.ExecContext(ctx, r.f.sql.clean,
		lo, hi, before.UTC().Format(timeFormat))
	if err != nil {
		return 0, oldest, err
	}
	if deleted, err = result.RowsAffected(); err != nil {
		return 0, oldest, err
	}
	var text sql.NullString
	err = r.f.conn.QueryRowContext(ctx, `SELECT CAST(min(created_at) AS TEXT) FROM `+r.f.sql.quoted+` WHERE id >= ? AND id < ?`, lo, hi).Scan(&text)
	if err != nil || !text.Valid {
		return deleted, oldest, err
	}
	// A row that somebody else dated in another form is compared again each time.
	oldest, err = time.Parse("2006-01-02 15:04:05", text.String)
	if err != nil {
		oldest = time.Unix(0, 0)
	}
	return deleted, oldest, nil
}
