package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	driver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/databasetest"
	"github.com/firnlog/firn/target/mysql"
	"github.com/firnlog/firn/target/postgres"
	"github.com/firnlog/firn/target/sqlite"
)

// sqlTargets are the servers that the SQL targets need.
type sqlTargets struct {
	dir      string
	postgres *postgresEngine
	mariadb  *databasetest.Server
}

// targetsSQL measures the SQL targets.
func targetsSQL(ctx context.Context, c config, r *report) error {
	s := &sqlTargets{dir: filepath.Join(c.dir, "targets-sql")}
	e, err := openPostgres(ctx, filepath.Join(s.dir, "server"))
	if err != nil {
		return err
	}
	defer e.Close()
	s.postgres = e.(*postgresEngine)
	if s.mariadb, err = databasetest.MariaDB(); err != nil {
		return err
	}
	defer s.mariadb.Remove()
	for _, run := range s.runs() {
		if err := run.row(ctx, c, min(c.events, 200_000), r); err != nil {
			return fmt.Errorf("%s: %w", run.name, err)
		}
	}
	return nil
}

func (s *sqlTargets) runs() []targetRun {
	return []targetRun{
		{"sqlite", "≥ 50,000 events/s", "one prepared INSERT a row",
			func() (target.Target, error) { return newTarget(sqlite.Kind(), s.sqliteSettings("events.db")) }, s.bareSQLite},
		{"postgres", "≥ 0.60", "bare COPY into the same table",
			func() (target.Target, error) { return newTarget(postgres.Kind(), s.postgresSettings("event_logs")) }, s.barePostgres},
		{"mysql", "≥ 0.60", "a bare INSERT of a batch into the same table",
			func() (target.Target, error) { return newTarget(mysql.Kind(), s.mysqlSettings("event_log")) }, s.bareMySQL},
	}
}

func (s *sqlTargets) sqliteSettings(name string) *sqlite.Settings {
	return &sqlite.Settings{Path: filepath.Join(s.dir, name), TableName: "event_logs"}
}

func newTarget(kind target.Kind, settings any) (target.Target, error) {
	return kind.New(settings, target.Environment{Name: kind.Name})
}

func (s *sqlTargets) postgresSettings(table string) *postgres.Settings {
	c := s.postgres.conn.Config()
	return &postgres.Settings{Host: c.Host, Port: int(c.Port), Username: c.User, Database: c.Database, SSLMode: "disable", TableName: table}
}

func (s *sqlTargets) mysqlSettings(table string) *mysql.Settings {
	return &mysql.Settings{Host: "127.0.0.1", Port: s.mariadb.Port, Username: databasetest.MariaDBUser, Password: databasetest.MariaDBPassword,
		Database: "mysql", TLS: "false", TableName: table}
}

// emptyTable has a target make its table, which the bare way then fills.
func emptyTable(ctx context.Context, kind target.Kind, settings any) error {
	t, err := newTarget(kind, settings)
	if err != nil {
		return err
	}
	defer t.Close()
	return t.Open(ctx)
}

const (
	sqliteTime = "2006-01-02 15:04:05.000"
	mysqlTime  = "2006-01-02 15:04:05.000000"
)

func (s *sqlTargets) bareSQLite(ctx context.Context) (write func([]event.Event) error, end func(), err error) {
	settings := s.sqliteSettings("bare.db")
	if err := emptyTable(ctx, sqlite.Kind(), settings); err != nil {
		return nil, nil, err
	}
	db, err := sql.Open("sqlite", "file:"+settings.Path+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(1)
	insert, err := db.PrepareContext(ctx, `INSERT INTO event_logs (event_type, timestamp, data, created_at) VALUES (?, ?, ?, ?)`)
	if err != nil {
		return nil, nil, err
	}
	return func(events []event.Event) error {
		return inTransaction(ctx, db, func(tx *sql.Tx) error {
			insert := tx.StmtContext(ctx, insert)
			for _, e := range events {
				_, err := insert.ExecContext(ctx, e.EventType, e.Timestamp.Format(sqliteTime), string(e.Payload), e.RecordedAt.Format(sqliteTime))
				if err != nil {
					return err
				}
			}
			return nil
		})
	}, func() { db.Close() }, nil
}

func (s *sqlTargets) barePostgres(ctx context.Context) (write func([]event.Event) error, end func(), err error) {
	if err := emptyTable(ctx, postgres.Kind(), s.postgresSettings("bare_logs")); err != nil {
		return nil, nil, err
	}
	return func(events []event.Event) error {
		_, err := s.postgres.conn.CopyFrom(ctx, pgx.Identifier{"bare_logs"}, []string{"event_type", "timestamp", "data", "created_at"},
			pgx.CopyFromSlice(len(events), func(i int) ([]any, error) {
				e := &events[i]
				return []any{e.EventType, e.Timestamp, []byte(e.Payload), e.RecordedAt}, nil
			}))
		return err
	}, func() {}, nil
}

func (s *sqlTargets) bareMySQL(ctx context.Context) (write func([]event.Event) error, end func(), err error) {
	if err := emptyTable(ctx, mysql.Kind(), s.mysqlSettings("bare_log")); err != nil {
		return nil, nil, err
	}
	config := driver.NewConfig()
	config.User, config.Passwd, config.DBName = databasetest.MariaDBUser, databasetest.MariaDBPassword, "mysql"
	config.Net, config.Addr, config.InterpolateParams, config.Collation = "tcp", s.mariadb.Address(), true, "utf8mb4_bin"
	connector, err := driver.NewConnector(config)
	if err != nil {
		return nil, nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return func(events []event.Event) error {
		return inTransaction(ctx, db, func(tx *sql.Tx) error {
			var args []any
			for _, e := range events {
				args = append(args, e.Timestamp.Format(mysqlTime), nil, e.EventType, string(e.Payload))
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO bare_log (created_at, uid, event_type, event_data) VALUES `+
				strings.Repeat(`(?,?,?,?),`, len(events)-1)+`(?,?,?,?)`, args...)
			return err
		})
	}, func() { db.Close() }, nil
}

func inTransaction(ctx context.Context, db *sql.DB, insert func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := insert(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
