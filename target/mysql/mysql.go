// Package mysql writes events into Querybook's table of a MySQL or MariaDB
// database: event_log. Rows go in by INSERTs of many rows, in one transaction with
// the cursor, so each event is there exactly once.
package mysql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

// Settings are the target's block in the configuration.
type Settings struct {
	Host      string        `json:"host"` // a path is a Unix socket's
	Port      int           `json:"port"`
	Username  string        `json:"username"`
	Password  target.Secret `json:"password"`
	Database  string        `json:"database"`
	TLS       string        `json:"tls"`
	TableName string        `json:"table_name"`
}

// Kind is the kind of target `mysql`.
func Kind() target.Kind {
	return target.NewKind("mysql", Settings{Host: "localhost", Port: 3306, TLS: "preferred", TableName: "event_log"}, open)
}

var tlsModes = []string{"false", "true", "skip-verify", "preferred"}

func open(s Settings, env target.Environment) (target.Target, error) {
	switch err := table.CheckName(s.TableName); {
	case err != nil:
		return nil, err
	case s.Host == "":
		return nil, errors.New("host: it is empty; give the server's name, address or socket")
	case s.Port < 1 || s.Port > 65535:
		return nil, fmt.Errorf("port: %d is no port; 1 to 65535", s.Port)
	case s.Database == "":
		return nil, errors.New("database: it is missing; give the name of the database that holds the table")
	case !slices.Contains(tlsModes, s.TLS):
		return nil, fmt.Errorf("tls: %.40q is not one; one of %s", s.TLS, strings.Join(tlsModes, ", "))
	}
	session := make([]byte, 8)
	rand.Read(session)
	d := &database{owner: table.Owner{Target: env.Name, Table: s.TableName}, session: "firn-" + hex.EncodeToString(session), now: time.Now}
	d.sql = newStatements(s.TableName)
	d.config = s.connection()
	return d, nil
}

// connectTimeout is how long a server that does not answer is waited for, and
// lockSeconds for how many a lock that another holds.
const (
	connectTimeout = 10 * time.Second
	lockSeconds    = "10"
)

func (s Settings) connection() *mysql.Config {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName, c.TLSConfig = s.Username, string(s.Password), s.Database, s.TLS
	c.Net, c.Addr = "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	if strings.HasPrefix(s.Host, "/") {
		c.Net, c.Addr = "unix", s.Host
	}
	c.Timeout = connectTimeout
	c.Collation = "utf8mb4_bin"
	c.InterpolateParams = true // one exchange an INSERT
	c.ParseTime = true
	c.Logger = &mysql.NopLogger{} // Write's errors say it
	c.Params = map[string]string{
		// Values that do not fit are errors, never cut; times are UTC.
		"sql_mode":                 "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
		"time_zone":                "'+00:00'",
		"innodb_lock_wait_timeout": lockSeconds,
	}
	return c
}

// database is the target. It has one connection.
type database struct {
	config  *mysql.Config
	owner   table.Owner
	session string // names the connection's lock
	sql     statements
	now     func() time.Time

	db      *sql.DB
	conn    *sql.Conn
	columns columns
	packet  int // bytes of the largest statement the server takes
	insert  insertion
	swept   table.Sweep
}

// Open connects and makes the table and its index if they are missing.
func (d *database) Open(ctx context.Context) error {
	if err := d.connect(ctx); err != nil {
		return err
	}
	if err := d.conn.QueryRowContext(ctx, `SELECT @@max_allowed_packet`).Scan(&d.packet); err != nil {
		return d.fault("set up the session", err)
	}
	if d.config.MaxAllowedPacket != d.packet {
		// The driver asks the server itself, and reads the answer wrongly where it
		// comes in pieces. What is larger with its values escaped it sends unescaped.
		d.config.MaxAllowedPacket = d.packet
		if err := d.connect(ctx); err != nil {
			return err
		}
	}
	if err := d.endFormerSession(ctx); err != nil {
		return d.fault("end the former session", err)
	}
	if _, err := d.conn.ExecContext(ctx, `SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`); err != nil {
		return d.fault("set up the session", err)
	}
	return d.prepare(ctx)
}

func (d *database) connect(ctx context.Context) error {
	d.release()
	connector, err := mysql.NewConnector(d.config)
	if err != nil {
		return errors.New("host, username, database or tls: the MySQL driver does not understand them") // err may quote them
	}
	d.db = sql.OpenDB(connector)
	d.conn, err = d.db.Conn(ctx)
	return d.fault("connect", err)
}

// endFormerSession ends the session of a connection that broke, where the server
// has not noticed: it may hold the cursor's lock. A lock of a name that nobody
// else has tells which it is.
func (d *database) endFormerSession(ctx context.Context) error {
	var former sql.NullInt64
	if err := d.conn.QueryRowContext(ctx, `SELECT IS_USED_LOCK(?)`, d.session).Scan(&former); err != nil {
		return err
	}
	if former.Valid {
		_, err := d.conn.ExecContext(ctx, `KILL `+strconv.FormatInt(former.Int64, 10))
		if err != nil && number(err) != noSuchThread {
			return err
		}
	}
	var got sql.NullInt64
	return d.conn.QueryRowContext(ctx, `SELECT GET_LOCK(?, 5)`, d.session).Scan(&got)
}

// Close closes the connection.
func (d *database) Close() error {
	d.release()
	return nil
}

// release closes the connection. That it cannot say goodbye is no error.
func (d *database) release() {
	if d.conn != nil {
		_ = d.conn.Close()
	}
	if d.db != nil {
		_ = d.db.Close()
	}
	d.conn, d.db, d.swept = nil, nil, table.Sweep{}
}
