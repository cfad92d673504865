package webdebug_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/webdebug"
)

// journal is what a driver was asked to do.
type journal struct {
	mu    sync.Mutex
	calls []string
}

func (j *journal) note(call string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls = append(j.calls, call)
}

var errQuery = errors.New("no such table")

// fault is the error of a query that asks for one.
func fault(query string) error {
	if strings.Contains(query, "missing") {
		return errQuery
	}
	return nil
}

// oldDriver can only what every driver must.
type oldDriver struct{ *journal }

func (d oldDriver) Open(name string) (driver.Conn, error) {
	if name == "" {
		return nil, errQuery
	}
	return &oldConn{d.journal}, nil
}

type oldConn struct{ *journal }

func (c *oldConn) Prepare(query string) (driver.Stmt, error) {
	c.note("Prepare " + query)
	return &oldStmt{c.journal, query}, nil
}
func (c *oldConn) Close() error              { return nil }
func (c *oldConn) Begin() (driver.Tx, error) { c.note("Begin"); return oldTx{c.journal}, nil }

type oldTx struct{ *journal }

func (t oldTx) Commit() error   { t.note("Commit"); return nil }
func (t oldTx) Rollback() error { t.note("Rollback"); return nil }

type oldStmt struct {
	*journal
	query string
}

func (s *oldStmt) Close() error  { return nil }
func (s *oldStmt) NumInput() int { return strings.Count(s.query, "?") }
func (s *oldStmt) Exec(args []driver.Value) (driver.Result, error) {
	s.note("Stmt.Exec")
	return driver.RowsAffected(1), fault(s.query)
}
func (s *oldStmt) Query(args []driver.Value) (driver.Rows, error) {
	s.note("Stmt.Query")
	return noRows{}, fault(s.query)
}

type noRows struct{}

func (noRows) Columns() []string         { return nil }
func (noRows) Close() error              { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }

// convertingDriver is an old one that converts by column and executes directly.
type convertingDriver struct{ *journal }

func (d convertingDriver) Open(string) (driver.Conn, error) {
	return &convertingConn{oldConn(d)}, nil
}

type convertingConn struct{ oldConn }

func (c *convertingConn) Prepare(query string) (driver.Stmt, error) {
	return &convertingStmt{oldStmt{c.journal, query}}, nil
}
func (c *convertingConn) Exec(query string, _ []driver.Value) (driver.Result, error) {
	c.note("Exec")
	return driver.RowsAffected(1), fault(query)
}
func (c *convertingConn) Query(query string, _ []driver.Value) (driver.Rows, error) {
	c.note("Query")
	return noRows{}, fault(query)
}

type convertingStmt struct{ oldStmt }

func (s *convertingStmt) ColumnConverter(int) driver.ValueConverter {
	s.note("ColumnConverter")
	return driver.String
}

// queryingDriver and executingDriver run some queries directly. Statements of
// the first take arguments that nobody else does.
type (
	queryingDriver  struct{ *journal }
	executingDriver struct{ *journal }
	queryingConn    struct{ oldConn }
	executingConn   struct{ oldConn }
	openStmt        struct{ oldStmt }
)

func (d queryingDriver) Open(string) (driver.Conn, error) {
	return &queryingConn{oldConn(d)}, nil
}
func (d executingDriver) Open(string) (driver.Conn, error) {
	return &executingConn{oldConn(d)}, nil
}
func (c *queryingConn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	c.note("QueryContext")
	return noRows{}, fault(query)
}
func (c *queryingConn) Prepare(query string) (driver.Stmt, error) {
	return &openStmt{oldStmt{c.journal, query}}, nil
}
func (c *executingConn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	c.note("ExecContext")
	return driver.RowsAffected(1), fault(query)
}
func (s *openStmt) CheckNamedValue(v *driver.NamedValue) error {
	v.Value = "any"
	return nil
}

// newDriver can all there is.
type newDriver struct{ *journal }

func (d newDriver) Open(string) (driver.Conn, error) { panic("OpenConnector is there") }
func (d newDriver) OpenConnector(name string) (driver.Connector, error) {
	if name == "" {
		return nil, errQuery
	}
	return &newConnector{d}, nil
}

type newConnector struct{ newDriver }

func (c *newConnector) Connect(context.Context) (driver.Conn, error) {
	return &newConn{oldConn{c.journal}}, nil
}
func (c *newConnector) Driver() driver.Driver { return c.newDriver }
func (c *newConnector) Close() error          { c.note("Connector.Close"); return nil }

type newConn struct{ oldConn }

func (c *newConn) Ping(context.Context) error         { c.note("Ping"); return nil }
func (c *newConn) ResetSession(context.Context) error { c.note("ResetSession"); return nil }
func (c *newConn) IsValid() bool                      { c.note("IsValid"); return true }
func (c *newConn) CheckNamedValue(v *driver.NamedValue) error {
	c.note("Conn.CheckNamedValue")
	return nil
}
func (c *newConn) BeginTx(_ context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.note("BeginTx")
	if o.ReadOnly {
		return nil, errQuery
	}
	return oldTx{c.journal}, nil
}
func (c *newConn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	c.note("PrepareContext")
	return &newStmt{oldStmt{c.journal, query}}, nil
}
func (c *newConn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	if strings.Contains(query, "prepare me") {
		return nil, driver.ErrSkip
	}
	c.note("ExecContext")
	return driver.RowsAffected(1), fault(query)
}
func (c *newConn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	c.note("QueryContext")
	return noRows{}, fault(query)
}

type newStmt struct{ oldStmt }

func (s *newStmt) CheckNamedValue(v *driver.NamedValue) error {
	s.note("Stmt.CheckNamedValue")
	return nil
}
func (s *newStmt) ExecContext(context.Context, []driver.NamedValue) (driver.Result, error) {
	s.note("Stmt.ExecContext")
	return driver.RowsAffected(1), fault(s.query)
}
func (s *newStmt) QueryContext(context.Context, []driver.NamedValue) (driver.Rows, error) {
	s.note("Stmt.QueryContext")
	return noRows{}, fault(s.query)
}

// use does all that a database/sql user does, and returns what came of it.
func use(ctx context.Context, db *sql.DB) (outcome []string) {
	say := func(what string, err error) {
		if err != nil {
			what += ": " + err.Error()
		}
		outcome = append(outcome, what)
	}
	exec := func(query string, args ...any) {
		_, err := db.ExecContext(ctx, query, args...)
		say(query, err)
	}
	say("ping", db.PingContext(ctx))
	exec("INSERT ?", 1)
	exec("INSERT ? prepare me", []byte("x"))
	exec("INSERT @name", sql.Named("name", 1))
	exec("INSERT missing")
	exec("INSERT ?", struct{}{})
	rows, err := db.QueryContext(ctx, "SELECT ?", "x") //nolint:rowserrcheck,sqlclosecheck // see finish
	say("query", err)
	say("rows", finish(rows))
	if stmt, err := db.PrepareContext(ctx, "UPDATE ?"); err == nil {
		_, err = stmt.ExecContext(ctx, true)
		say("stmt exec", err)
		rows, err := stmt.QueryContext(ctx, 1.5) //nolint:rowserrcheck,sqlclosecheck // see finish
		say("stmt query", err)
		say("rows", finish(rows))
		say("stmt close", stmt.Close()) //nolint:sqlclosecheck // its error is compared
	}
	for _, o := range []*sql.TxOptions{nil, {ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
		tx, err := db.BeginTx(ctx, o)
		if say("begin", err); err == nil {
			_, err = tx.ExecContext(ctx, "DELETE")
			say("in tx", err)
			say("commit", tx.Commit())
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if say("begin", err); err == nil {
		say("rollback", tx.Rollback())
	}
	return outcome
}

// finish closes rows, if there are any.
func finish(rows *sql.Rows) error {
	if rows == nil {
		return nil
	}
	return errors.Join(rows.Close(), rows.Err())
}

// open opens a database whose driver is wrapped or not.
func open(t *testing.T, d driver.Driver, wrap bool) *sql.DB {
	t.Helper()
	if wrap {
		d = webdebug.WrapDriver(d, "mysql", "sql")
	}
	var connector driver.Connector = byName{d}
	if c, ok := d.(driver.DriverContext); ok {
		var err error
		if connector, err = c.OpenConnector("x"); err != nil {
			t.Fatal(err)
		}
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

type byName struct{ d driver.Driver }

func (c byName) Connect(context.Context) (driver.Conn, error) { return c.d.Open("x") }
func (c byName) Driver() driver.Driver                        { return c.d }

// TestDriverIsTheSame: database/sql does with a wrapped driver exactly what it
// does with the driver, recorded or not, and comes to the same.
func TestDriverIsTheSame(t *testing.T) {
	for name, make := range map[string]func(*journal) driver.Driver{
		"old":        func(j *journal) driver.Driver { return oldDriver{j} },
		"converting": func(j *journal) driver.Driver { return convertingDriver{j} },
		"querying":   func(j *journal) driver.Driver { return queryingDriver{j} },
		"executing":  func(j *journal) driver.Driver { return executingDriver{j} },
		"new":        func(j *journal) driver.Driver { return newDriver{j} },
	} {
		t.Run(name, func(t *testing.T) {
			var bare, quiet, recorded journal
			want := use(t.Context(), open(t, make(&bare), false))
			if diff := cmp.Diff(want, use(t.Context(), open(t, make(&quiet), true))); diff != "" {
				t.Errorf("not recorded, the outcome differs (-bare +wrapped):\n%s", diff)
			}
			newApp(t, webdebug.Options{}).run(get("/"), func(_ http.ResponseWriter, r *http.Request) {
				if diff := cmp.Diff(want, use(r.Context(), open(t, make(&recorded), true))); diff != "" {
					t.Errorf("recorded, the outcome differs (-bare +wrapped):\n%s", diff)
				}
			})
			for _, j := range []*journal{&quiet, &recorded} {
				if diff := cmp.Diff(bare.calls, j.calls); diff != "" {
					t.Errorf("calls (-bare +wrapped):\n%s", diff)
				}
			}
		})
	}
}

func TestQueriesAreRecorded(t *testing.T) {
	db := open(t, newDriver{new(journal)}, true)
	_, scheme := newApp(t, webdebug.Options{}).run(get("/"), func(_ http.ResponseWriter, r *http.Request) { use(r.Context(), db) })
	var got []string
	for _, e := range scheme.Events {
		if e.Type != "query" {
			continue
		}
		text := string(e.Payload)
		if !*e.Success {
			text += " failed: " + string(e.Nested[0].Payload)
		}
		got = append(got, text)
		if e.CalledFrom == nil || e.CalledFrom.File != "/webdebug/sql_test.go" || e.Duration == nil {
			t.Errorf("%s: called from %+v, duration %v", text, e.CalledFrom, e.Duration)
		}
	}
	var want []string
	for _, query := range []string{
		"INSERT ?", "INSERT ? prepare me", "INSERT @name", "INSERT missing", "INSERT ?", "SELECT ?", "UPDATE ?", "UPDATE ?",
		"BEGIN", "DELETE", "COMMIT", "BEGIN", "BEGIN", "DELETE", "COMMIT", "BEGIN", "ROLLBACK",
	} {
		want = append(want, `{"target":"mysql","query":"`+query+`","syntax":"sql"}`)
	}
	want[3] += ` failed: {"message":"no such table"}`
	want[11] += ` failed: {"message":"no such table"}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

func TestConnector(t *testing.T) {
	j := new(journal)
	c := webdebug.WrapConnector(&newConnector{newDriver{j}}, "postgres", "sql")
	db := sql.OpenDB(c)
	if _, ok := db.Driver().(newDriver); !ok {
		t.Errorf("the driver is %T", db.Driver())
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Raw(func(c any) error {
		if inner, ok := c.(interface{ Unwrap() driver.Conn }); !ok {
			t.Errorf("the connection is %T", c)
		} else if _, ok := inner.Unwrap().(*newConn); !ok {
			t.Errorf("below is %T", inner.Unwrap())
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	_ = conn.Close()
	if err := db.Close(); err != nil || !slices.Contains(j.calls, "Connector.Close") {
		t.Errorf("Close: %v, %q", err, j.calls)
	}
	for _, d := range []driver.Driver{oldDriver{j}, newDriver{j}} {
		wrapped := webdebug.WrapDriver(d, "x", "")
		connector, err := wrapped.(driver.DriverContext).OpenConnector("")
		if err == nil {
			_, err = connector.Connect(t.Context())
		}
		if !errors.Is(err, errQuery) {
			t.Errorf("%T: %v", d, err)
		}
	}
	if _, err := webdebug.WrapDriver(oldDriver{j}, "x", "").Open(""); !errors.Is(err, errQuery) {
		t.Error(err)
	}
}

// TestCancelledContext: a driver that knows no contexts is not asked, or what
// it began is undone, as database/sql does.
func TestCancelledContext(t *testing.T) {
	j := new(journal)
	conn, err := webdebug.WrapDriver(convertingDriver{j}, "x", "sql").Open("x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, execErr := conn.(driver.ExecerContext).ExecContext(ctx, "x", nil)
	_, queryErr := conn.(driver.QueryerContext).QueryContext(ctx, "x", nil)
	_, prepareErr := conn.(driver.ConnPrepareContext).PrepareContext(ctx, "x")
	_, beginErr := conn.(driver.ConnBeginTx).BeginTx(ctx, driver.TxOptions{})
	for _, err := range []error{execErr, queryErr, prepareErr, beginErr} {
		if err != context.Canceled { //nolint:errorlint // exactly, as database/sql has it
			t.Errorf("got %v", err)
		}
	}
	if diff := cmp.Diff([]string{"Begin", "Rollback"}, j.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
