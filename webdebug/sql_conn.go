package webdebug

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"
)

// sqlConn has the optional interfaces of a connection. Where the driver's has
// not, it does what database/sql does without.
type sqlConn struct {
	driver.Conn
	sqlTarget
}

// Running a query without a statement is not among them: where a connection
// can, database/sql converts the arguments before it has one. So these have it.
type (
	execConn  struct{ *sqlConn }
	queryConn struct{ *sqlConn }
	bothConn  struct{ *sqlConn }
)

func (t sqlTarget) wrapConn(conn driver.Conn) driver.Conn {
	wrapped := &sqlConn{conn, t}
	_, execs := conn.(driver.ExecerContext)
	_, oldExecs := conn.(driver.Execer) //nolint:staticcheck // drivers of old have it
	_, queries := conn.(driver.QueryerContext)
	_, oldQueries := conn.(driver.Queryer) //nolint:staticcheck // drivers of old have it
	switch execs, queries = execs || oldExecs, queries || oldQueries; {
	case execs && queries:
		return bothConn{wrapped}
	case execs:
		return execConn{wrapped}
	case queries:
		return queryConn{wrapped}
	default:
		return wrapped
	}
}

var (
	_ driver.Pinger             = (*sqlConn)(nil)
	_ driver.ConnPrepareContext = (*sqlConn)(nil)
	_ driver.ConnBeginTx        = (*sqlConn)(nil)
	_ driver.SessionResetter    = (*sqlConn)(nil)
	_ driver.Validator          = (*sqlConn)(nil)
	_ driver.NamedValueChecker  = (*sqlConn)(nil)
)

// Unwrap is the driver's connection.
func (c *sqlConn) Unwrap() driver.Conn { return c.Conn }

func (c *sqlConn) Ping(ctx context.Context) error {
	if p, ok := c.Conn.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c *sqlConn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *sqlConn) IsValid() bool {
	if v, ok := c.Conn.(driver.Validator); ok {
		return v.IsValid()
	}
	return true
}

func (c *sqlConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c execConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.execRecorded(ctx, query, args)
}

func (c bothConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.execRecorded(ctx, query, args)
}

func (c queryConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.queryRecorded(ctx, query, args)
}

func (c bothConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.queryRecorded(ctx, query, args)
}

func (c *sqlConn) execRecorded(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s := from(ctx)
	if s.recording == nil {
		return c.exec(ctx, query, args)
	}
	start := time.Now()
	result, err := c.exec(ctx, query, args)
	c.did(s, query, start, err)
	return result, err
}

func (c *sqlConn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if e, ok := c.Conn.(driver.ExecerContext); ok {
		return e.ExecContext(ctx, query, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return c.Conn.(driver.Execer).Exec(query, values) //nolint:staticcheck // wrapConn has asked
}

func (c *sqlConn) queryRecorded(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s := from(ctx)
	if s.recording == nil {
		return c.query(ctx, query, args)
	}
	start := time.Now()
	rows, err := c.query(ctx, query, args)
	c.did(s, query, start, err)
	return rows, err
}

func (c *sqlConn) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if q, ok := c.Conn.(driver.QueryerContext); ok {
		return q.QueryContext(ctx, query, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return c.Conn.(driver.Queryer).Query(query, values) //nolint:staticcheck // wrapConn has asked
}

// PrepareContext does not record: the statement's runs are.
func (c *sqlConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	var stmt driver.Stmt
	var err error
	if p, ok := c.Conn.(driver.ConnPrepareContext); ok {
		stmt, err = p.PrepareContext(ctx, query)
	} else if stmt, err = c.Prepare(query); err == nil && ctx.Err() != nil {
		_ = stmt.Close()
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return wrapStmt(stmt, c, query), nil
}

// BeginTx begins a transaction whose end is recorded where its beginning was.
func (c *sqlConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	s := from(ctx)
	if s.recording == nil {
		return c.begin(ctx, opts)
	}
	start := time.Now()
	tx, err := c.begin(ctx, opts)
	c.did(s, "BEGIN", start, err)
	if err != nil {
		return nil, err
	}
	return &sqlTx{tx, c.sqlTarget, s}, nil
}

func (c *sqlConn) begin(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if b, ok := c.Conn.(driver.ConnBeginTx); ok {
		return b.BeginTx(ctx, opts)
	}
	if opts.Isolation != 0 {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if opts.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	tx, err := c.Conn.Begin() //nolint:staticcheck // what database/sql calls, too
	if err == nil && ctx.Err() != nil {
		_ = tx.Rollback()
		return nil, ctx.Err()
	}
	return tx, err
}

type sqlTx struct {
	driver.Tx
	sqlTarget
	span Span // what the transaction was begun in
}

func (t *sqlTx) Commit() error {
	start := time.Now()
	err := t.Tx.Commit()
	t.did(t.span, "COMMIT", start, err)
	return err
}

func (t *sqlTx) Rollback() error {
	start := time.Now()
	err := t.Tx.Rollback()
	t.did(t.span, "ROLLBACK", start, err)
	return err
}

// plainValues are arguments for a driver that knows no names and no contexts.
func plainValues(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		if arg.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = arg.Value
	}
	return values, nil
}
