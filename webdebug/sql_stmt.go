package webdebug

import (
	"context"
	"database/sql/driver"
	"time"
)

// sqlStmt is a prepared statement whose runs are recorded.
type sqlStmt struct {
	driver.Stmt
	conn *sqlConn
	text string
}

var (
	_ driver.StmtExecContext   = (*sqlStmt)(nil)
	_ driver.StmtQueryContext  = (*sqlStmt)(nil)
	_ driver.NamedValueChecker = (*sqlStmt)(nil)
)

// convertingStmt is a statement of a driver that converts by column. It can not
// be any statement: database/sql checks less where there is a converter.
type convertingStmt struct {
	*sqlStmt
	converter driver.ColumnConverter //nolint:staticcheck // drivers of old have it
}

func (s convertingStmt) ColumnConverter(index int) driver.ValueConverter {
	return s.converter.ColumnConverter(index)
}

func wrapStmt(stmt driver.Stmt, conn *sqlConn, text string) driver.Stmt {
	wrapped := &sqlStmt{stmt, conn, text}
	if converter, ok := stmt.(driver.ColumnConverter); ok { //nolint:staticcheck // drivers of old have it
		return convertingStmt{wrapped, converter}
	}
	return wrapped
}

func (s *sqlStmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}

func (s *sqlStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	span := from(ctx)
	if span.recording == nil {
		return s.exec(ctx, args)
	}
	start := time.Now()
	result, err := s.exec(ctx, args)
	s.conn.did(span, s.text, start, err)
	return result, err
}

func (s *sqlStmt) exec(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if e, ok := s.Stmt.(driver.StmtExecContext); ok {
		return e.ExecContext(ctx, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Stmt.Exec(values) //nolint:staticcheck // what database/sql calls, too
}

func (s *sqlStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	span := from(ctx)
	if span.recording == nil {
		return s.query(ctx, args)
	}
	start := time.Now()
	rows, err := s.query(ctx, args)
	s.conn.did(span, s.text, start, err)
	return rows, err
}

func (s *sqlStmt) query(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if q, ok := s.Stmt.(driver.StmtQueryContext); ok {
		return q.QueryContext(ctx, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Stmt.Query(values) //nolint:staticcheck // what database/sql calls, too
}
