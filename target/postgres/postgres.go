// Package postgres writes events into a table of a PostgreSQL database: the
// documented event_logs, with the payload as JSONB. Rows go in by COPY, in one
// transaction with the cursor, so each event is there exactly once.
package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/table"
)

// Settings are the target's block in the configuration. DSN is a connection
// string or URL of PostgreSQL's, in place of the other settings of the connection.
type Settings struct {
	Host      string        `json:"host"` // "" = localhost; a directory is a Unix socket's
	Port      int           `json:"port"` // 0 = 5432
	Username  string        `json:"username"`
	Password  target.Secret `json:"password"`
	Database  string        `json:"database"` // "" = named as the user
	SSLMode   string        `json:"sslmode"`  // "" = prefer
	DSN       target.Secret `json:"dsn"`
	TableName string        `json:"table_name"`
}

// Kind is the kind of target `postgres`, also known as `postgresql`.
func Kind() target.Kind {
	kind := target.NewKind("postgres", Settings{TableName: "event_logs"}, open)
	kind.Aliases = []string{"postgresql"}
	return kind
}

var sslModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

func open(s Settings, env target.Environment) (target.Target, error) {
	if err := table.CheckName(s.TableName); err != nil {
		return nil, err
	}
	config, err := s.connection()
	if err != nil {
		return nil, err
	}
	// QueryExecModeExec prepares nothing, so that a pooler may stand between.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	session := make([]byte, 8)
	rand.Read(session)
	config.RuntimeParams["application_name"] = "firn-" + hex.EncodeToString(session)
	logger := env.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &database{config: config, table: s.TableName, name: env.Name, sql: newStatements(s.TableName), logger: logger, now: time.Now}, nil
}

// connection reads the settings of the connection, and reaches for nothing.
func (s Settings) connection() (*pgx.ConnConfig, error) {
	if s.DSN != "" {
		if s.Host != "" || s.Port != 0 || s.Username != "" || s.Password != "" || s.Database != "" || s.SSLMode != "" {
			return nil, errors.New("dsn: it says everything about the connection; with it, leave host, port, username, password, database and sslmode out")
		}
		config, err := pgx.ParseConfig(string(s.DSN))
		if err != nil {
			return nil, errors.New("dsn: it is neither a postgres:// URL nor a list of keyword=value as PostgreSQL reads them") // err quotes it
		}
		return config, nil
	}
	switch {
	case s.Port < 0 || s.Port > 65535:
		return nil, fmt.Errorf("port: %d is no port; 1 to 65535", s.Port)
	case s.SSLMode != "" && !slices.Contains(sslModes, s.SSLMode):
		return nil, fmt.Errorf("sslmode: %.40q is not one; one of %s", s.SSLMode, strings.Join(sslModes, ", "))
	}
	for member, value := range map[string]string{"host": s.Host, "username": s.Username, "password": string(s.Password), "database": s.Database} {
		if strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("%s: it holds a NUL", member)
		}
	}
	words := []string{keyword("host", orElse(s.Host, "localhost")), keyword("port", strconv.Itoa(max(s.Port, 0)))}
	if s.Port == 0 {
		words[1] = "port=5432"
	}
	for _, w := range [][2]string{{"user", s.Username}, {"password", string(s.Password)}, {"dbname", s.Database}, {"sslmode", s.SSLMode}} {
		if w[1] != "" {
			words = append(words, keyword(w[0], w[1]))
		}
	}
	config, err := pgx.ParseConfig(strings.Join(words, " "))
	if err != nil {
		return nil, errors.New("host, username, database or sslmode: the PostgreSQL driver does not understand them") // err quotes them
	}
	return config, nil
}

func keyword(name, value string) string {
	return name + "='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// database is the target. It has one connection.
type database struct {
	config      *pgx.ConnConfig
	table, name string
	sql         statements
	logger      *slog.Logger
	now         func() time.Time

	conn      *pgx.Conn
	session   uint32 // the server's process of the last connection, 0 where it is known to be gone
	typeLimit int    // characters of an event_type; 0 = no limit
	rows      encoder
	swept     table.Sweep
	told      time.Time // when changed values were last reported
}

// connectTimeout is how long a server that does not answer is waited for.
const connectTimeout = 10 * time.Second

// Open connects and makes the table and its index if they are missing.
func (d *database) Open(ctx context.Context) error {
	d.release(ctx)
	connecting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(connecting, d.config)
	if err != nil {
		return d.fault("connect", err)
	}
	d.conn = conn
	if err := d.endFormerSession(ctx); err != nil {
		return d.fault("end the former session", err)
	}
	d.session = conn.PgConn().PID()
	if _, err := conn.Exec(ctx, sessionSettings, pgx.QueryExecModeSimpleProtocol); err != nil {
		return d.fault("set up the session", err)
	}
	return d.prepare(ctx)
}

// sessionSettings: times are UTC, a lock that another holds is waited for no
// longer than a word of it is worth, and a session whose client is gone lets go
// of its locks soon.
const sessionSettings = `SET timezone = 'UTC'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '20s';
SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3`

// endFormerSession ends the session of a connection that broke, where the server
// has not noticed: it may hold the cursor's lock.
func (d *database) endFormerSession(ctx context.Context) error {
	if d.session == 0 {
		return nil
	}
	_, err := d.conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = $2 AND pid <> pg_backend_pid()`,
		int64(d.session), d.config.RuntimeParams["application_name"])
	return err
}

// Close closes the connection.
func (d *database) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	d.release(ctx)
	return nil
}

// release closes the connection. That it cannot say goodbye is no error.
func (d *database) release(ctx context.Context) {
	d.swept = table.Sweep{}
	if d.conn == nil {
		return
	}
	if !d.conn.IsClosed() && d.conn.Close(ctx) == nil {
		d.session = 0
	}
	d.conn = nil
}

// server names the server in errors.
func (d *database) server() string {
	if strings.HasPrefix(d.config.Host, "/") {
		return d.config.Host
	}
	return net.JoinHostPort(d.config.Host, strconv.Itoa(int(d.config.Port)))
}
