package main

import (
	"context"
	"database/sql"
	"os"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

// sqliteEngine is SQLite as an embedded event log: WAL, synchronous=FULL, one
// transaction a batch, three indexes, payload as JSON text.
type sqliteEngine struct {
	db      *sql.DB
	path    string
	version string
}

func openSQLite(path string) (engine, error) {
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	e := &sqliteEngine{db: db, path: path}
	for _, s := range []string{
		`create table events (position integer primary key, stream text not null, event_type text not null,
			timestamp text not null, severity text not null, actor text, payload text not null, metadata text not null)`,
		`create index by_stream on events(stream, position)`,
		`create index by_type on events(event_type)`,
		`create index by_time on events(timestamp)`,
	} {
		if _, err := db.Exec(s); err != nil {
			return nil, err
		}
	}
	return e, db.QueryRow(`select sqlite_version()`).Scan(&e.version)
}

func (e *sqliteEngine) Version() string {
	return "SQLite " + e.version + " (in process, WAL, synchronous=FULL, 3 indexes, JSON text)"
}

func (e *sqliteEngine) Load(ctx context.Context, batches [][]byte) (time.Duration, error) {
	var took time.Duration
	for _, b := range batches {
		rs, err := rows(b)
		if err != nil {
			return 0, err
		}
		start := time.Now()
		if err := e.insert(ctx, rs); err != nil {
			return 0, err
		}
		took += time.Since(start)
	}
	return took, nil
}

func (e *sqliteEngine) insert(ctx context.Context, rs []row) error {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	stmt, err := tx.PrepareContext(ctx, `insert into events(stream, event_type, timestamp, severity, actor, payload, metadata) values (?,?,?,?,?,?,?)`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, r := range rs {
		if _, err := stmt.ExecContext(ctx, r.Stream, r.Type, r.Timestamp.Format("2006-01-02 15:04:05.000000"), r.Severity, r.Actor, string(r.Payload), string(r.Metadata)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (e *sqliteEngine) Settle(ctx context.Context) error {
	_, err := e.db.ExecContext(ctx, `pragma wal_checkpoint(truncate)`)
	return err
}

func (e *sqliteEngine) Ask(ctx context.Context, q question) (string, error) {
	return askSQL(ctx, e.db, expand(q.sql, `payload->>'$.?'`, `payload->>'$.?'`), q.shape)
}

func (e *sqliteEngine) Bytes() (int64, error) {
	info, err := os.Stat(e.path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (e *sqliteEngine) Close() error { return e.db.Close() }
