package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
)

// postgresEngine is a PostgreSQL server of our own on a free port: one COPY a
// batch, JSONB, three indexes, fsync on.
type postgresEngine struct {
	db      *sql.DB
	conn    *pgx.Conn
	server  *exec.Cmd
	dir     string
	version string
}

func openPostgres(ctx context.Context, dir string) (_ engine, err error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	owner, err := ownDirectory(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "bench", "-A", "trust", "--locale=C", "-E", "UTF8")
	initdb.SysProcAttr, initdb.Dir = owner, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	e := &postgresEngine{dir: data}
	e.server = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-h", "127.0.0.1", "-p", strconv.Itoa(port),
		"-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB", "-c", "max_parallel_workers_per_gather=2")
	e.server.SysProcAttr, e.server.Dir = owner, dir
	if err := e.server.Start(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			e.Close()
		}
	}()
	url := fmt.Sprintf("postgres://bench@127.0.0.1:%d/postgres?sslmode=disable", port)
	if e.conn, err = dialPostgres(ctx, url); err != nil {
		return nil, err
	}
	if e.db, err = sql.Open("pgx", url); err != nil {
		return nil, err
	}
	for _, s := range []string{
		`create table events (position bigserial primary key, stream text not null, event_type text not null,
			timestamp timestamptz not null, severity text not null, actor text, payload jsonb not null, metadata jsonb not null)`,
		`create index on events(stream, position)`, `create index on events(event_type)`, `create index on events(timestamp)`,
	} {
		if _, err := e.conn.Exec(ctx, s); err != nil {
			return nil, err
		}
	}
	return e, e.conn.QueryRow(ctx, `show server_version`).Scan(&e.version)
}

func postgresBin() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(found) > 0 {
		return found[len(found)-1], nil
	}
	p, err := exec.LookPath("postgres")
	if err != nil {
		return "", fmt.Errorf("PostgreSQL's server is not installed (apt-get install postgresql): %w", err)
	}
	return filepath.Dir(p), nil
}

// ownDirectory gives dir to the user postgres when we are root, whom
// PostgreSQL refuses to run as.
func ownDirectory(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if d == dir {
			if err := os.Chown(d, uid, gid); err != nil {
				return nil, err
			}
			continue
		}
		if err := os.Chmod(d, 0o711); err != nil {
			return nil, err
		}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// dialPostgres connects as soon as the server is up.
func dialPostgres(ctx context.Context, url string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (e *postgresEngine) Version() string {
	return "PostgreSQL " + e.version + " (server on loopback, COPY a batch, JSONB, 3 indexes)"
}

func (e *postgresEngine) Load(ctx context.Context, batches [][]byte) (time.Duration, error) {
	columns := []string{"stream", "event_type", "timestamp", "severity", "actor", "payload", "metadata"}
	var took time.Duration
	for _, b := range batches {
		rs, err := rows(b)
		if err != nil {
			return 0, err
		}
		start := time.Now()
		_, err = e.conn.CopyFrom(ctx, pgx.Identifier{"events"}, columns, pgx.CopyFromSlice(len(rs), func(i int) ([]any, error) {
			r := rs[i]
			return []any{r.Stream, r.Type, r.Timestamp, r.Severity, r.Actor, []byte(r.Payload), []byte(r.Metadata)}, nil
		}))
		if err != nil {
			return 0, err
		}
		took += time.Since(start)
	}
	return took, nil
}

func (e *postgresEngine) Settle(ctx context.Context) error {
	for _, s := range []string{`vacuum analyze events`, `checkpoint`} {
		if _, err := e.conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (e *postgresEngine) Ask(ctx context.Context, q question) (string, error) {
	return askSQL(ctx, e.db, expand(q.sql, `(payload->>'?')::float8`, `payload->>'?'`), q.shape)
}

func (e *postgresEngine) Bytes() (n int64, err error) {
	return n, e.conn.QueryRow(context.Background(), `select pg_total_relation_size('events')`).Scan(&n)
}

func (e *postgresEngine) Close() error {
	if e.db != nil {
		e.db.Close()
	}
	if e.conn != nil {
		e.conn.Close(context.Background())
	}
	if err := e.server.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	return e.server.Wait()
}
