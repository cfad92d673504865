package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"os"
	"time"

	"github.com/marcboeker/go-duckdb/v2"
)

// duckEngine is DuckDB in process: the appender, flushed a batch, JSON text.
type duckEngine struct {
	connector *duckdb.Connector
	db        *sql.DB
	path      string
	version   string
}

func openDuckDB(path string) (engine, error) {
	c, err := duckdb.NewConnector(path, nil)
	if err != nil {
		return nil, err
	}
	e := &duckEngine{connector: c, db: sql.OpenDB(c), path: path}
	if _, err := e.db.Exec(`create table events (position bigint, stream varchar, event_type varchar,
		timestamp timestamp, severity varchar, actor varchar, payload varchar, metadata varchar)`); err != nil {
		return nil, err
	}
	return e, e.db.QueryRow(`select version()`).Scan(&e.version)
}

func (e *duckEngine) Version() string {
	return "DuckDB " + e.version + " (in process, appender flushed a batch, not synced a batch, JSON text)"
}

func (e *duckEngine) Load(ctx context.Context, batches [][]byte) (time.Duration, error) {
	conn, err := e.connector.Connect(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	a, err := duckdb.NewAppenderFromConn(conn, "", "events")
	if err != nil {
		return 0, err
	}
	defer a.Close()
	var took time.Duration
	position := int64(0)
	for _, b := range batches {
		rs, err := rows(b)
		if err != nil {
			return 0, err
		}
		start := time.Now()
		for _, r := range rs {
			position++
			var actor driver.Value
			if r.Actor != nil {
				actor = *r.Actor
			}
			if err := a.AppendRow(position, r.Stream, r.Type, r.Timestamp, r.Severity, actor, string(r.Payload), string(r.Metadata)); err != nil {
				return 0, err
			}
		}
		if err := a.Flush(); err != nil {
			return 0, err
		}
		took += time.Since(start)
	}
	return took, nil
}

func (e *duckEngine) Settle(ctx context.Context) error {
	_, err := e.db.ExecContext(ctx, `checkpoint`)
	return err
}

func (e *duckEngine) Ask(ctx context.Context, q question) (string, error) {
	return askSQL(ctx, e.db, expand(q.sql, `cast(payload->>'$.?' as double)`, `payload->>'$.?'`), q.shape)
}

func (e *duckEngine) Bytes() (int64, error) {
	info, err := os.Stat(e.path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (e *duckEngine) Close() error { return e.db.Close() }
