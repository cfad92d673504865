package webdebug

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"
)

// WrapDriver is a database/sql driver that records the queries made with the
// context of a request. target and syntax are those of Query: "postgres",
// "sql". All that the driver can do, it still can; where nothing is collected
// it adds nothing. A query's duration is the time until its first rows are
// there.
//
//	sql.Register("sqlite-debug", webdebug.WrapDriver(&sqlite.Driver{}, "sqlite", "sql"))
//
// Code that reaches for the driver's own connection through sql.Conn.Raw finds
// one with a method Unwrap() driver.Conn.
func WrapDriver(d driver.Driver, target, syntax string) driver.Driver {
	return &sqlDriver{d, sqlTarget{target, syntax}}
}

// WrapConnector is WrapDriver for what sql.OpenDB takes.
func WrapConnector(c driver.Connector, target, syntax string) driver.Connector {
	return &sqlConnector{c, sqlTarget{target, syntax}}
}

// sqlTarget records queries.
type sqlTarget struct{ target, syntax string }

// did records a query that began at start. A driver that returns ErrSkip has
// not run it.
func (t sqlTarget) did(s Span, query string, start time.Time, err error) {
	if errors.Is(err, driver.ErrSkip) {
		return
	}
	s.done(Query{Target: t.target, Query: query, Syntax: t.syntax}, start, err)
}

type sqlDriver struct {
	driver.Driver
	sqlTarget
}

// Open opens a connection that records.
func (d *sqlDriver) Open(name string) (driver.Conn, error) {
	conn, err := d.Driver.Open(name)
	if err != nil {
		return nil, err
	}
	return d.wrapConn(conn), nil
}

// OpenConnector is for drivers that know it, and as database/sql does for those
// that do not.
func (d *sqlDriver) OpenConnector(name string) (driver.Connector, error) {
	of, ok := d.Driver.(driver.DriverContext)
	if !ok {
		return &sqlConnector{nameConnector{d.Driver, name}, d.sqlTarget}, nil
	}
	c, err := of.OpenConnector(name)
	if err != nil {
		return nil, err
	}
	return &sqlConnector{c, d.sqlTarget}, nil
}

// nameConnector is a driver and the name of a database.
type nameConnector struct {
	driver driver.Driver
	name   string
}

func (c nameConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.name) }
func (c nameConnector) Driver() driver.Driver                        { return c.driver }

type sqlConnector struct {
	driver.Connector
	sqlTarget
}

// Connect opens a connection that records.
func (c *sqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return c.wrapConn(conn), nil
}

// Close closes a connector that can be closed.
func (c *sqlConnector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
