// Package sqlite writes events into a table of a SQLite file: the documented
// event_logs. The cursor is in the same file and the same transaction as the rows,
// so each event is there exactly once.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"

	_ "modernc.org/sqlite" // the driver
)

// Settings are the target's block in the configuration.
type Settings struct {
	Path      string `json:"path"`
	TableName string `json:"table_name"`
}

// Kind is the kind of target `sqlite`.
func Kind() target.Kind {
	return target.NewKind("sqlite", Settings{Path: "./data/events.db", TableName: "event_logs"}, open)
}

func open(s Settings, env target.Environment) (target.Target, error) {
	if s.Path == "" {
		return nil, errors.New("path: it is empty; give the path of the database's file")
	}
	if err := table.CheckName(s.TableName); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(s.Path)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	return &file{path: path, owner: table.Owner{Target: env.Name, Table: s.TableName}, sql: newStatements(s.TableName), now: time.Now}, nil
}

// file is the target. Everything it does with the database it does on one
// connection.
type file struct {
	path  string
	owner table.Owner
	sql   statements
	now   func() time.Time

	db     *sql.DB
	conn   *sql.Conn
	insert insertion
	opened os.FileInfo // the file behind conn
	swept  table.Sweep
}

// busyTimeout is how long another process that writes to the file is waited for.
const busyTimeout = 2 * time.Second

// Open makes the file, the table and its index if they are missing.
func (f *file) Open(ctx context.Context) error {
	if err := f.release(); err != nil {
		return err
	}
	if err := f.create(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", f.dsn())
	if err != nil {
		return f.fault("open", err)
	}
	f.db = db
	if f.conn, err = db.Conn(ctx); err != nil {
		return f.fault("open", err)
	}
	if err := f.prepare(ctx); err != nil {
		return err
	}
	f.opened, err = os.Stat(f.path)
	return err
}

// create makes the file for its owner alone, before SQLite would make it for all.
func (f *file) create() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return &target.PauseError{Err: err}
	}
	made, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return &target.PauseError{Err: err}
	}
	return made.Close()
}

// dsn names the file in a way that no character of its path can be mistaken for
// an option.
func (f *file) dsn() string {
	options := url.Values{
		"_txlock":       {"immediate"},
		"_busy_timeout": {strconv.FormatInt(busyTimeout.Milliseconds(), 10)},
		"_synchronous":  {"FULL"},
	}
	return (&url.URL{Scheme: "file", Path: f.path, RawQuery: options.Encode()}).String()
}

// Close closes the file.
func (f *file) Close() error { return f.release() }

func (f *file) release() error {
	var errs []error
	errs = append(errs, f.insert.Close())
	if f.conn != nil {
		errs = append(errs, f.conn.Close())
	}
	if f.db != nil {
		errs = append(errs, f.db.Close())
	}
	f.insert, f.conn, f.db, f.opened = insertion{}, nil, nil, nil
	f.swept = table.Sweep{}
	return errors.Join(errs...)
}

// inPlace notices that the file was taken away or replaced: what is written
// then would go to a file without a name.
func (f *file) inPlace() error {
	now, err := os.Stat(f.path)
	switch {
	case err != nil:
		return err
	case !os.SameFile(now, f.opened):
		return fmt.Errorf("%s was replaced by another file", f.path)
	}
	return nil
}
