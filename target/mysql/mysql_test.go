package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/databasetest"
	"github.com/firnlog/firn/target/targettest"
)

// server is the MariaDB of this package's tests.
var server *databasetest.Server

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(databasetest.Main{M: m, Server: &server, Start: databasetest.MariaDB}, databasetest.IgnoreProxies())
}

// What all SQL targets' tests share.
var (
	numbered = databasetest.Numbered
	batch    = databasetest.Batch
	ask      = databasetest.Ask
)

func mustWrite(t *testing.T, to target.Target, events []event.Event) {
	t.Helper()
	databasetest.Write(t, to, batch(events))
}

var databases atomic.Int64

// newDatabase makes a database of a test's own, and settings for it.
func newDatabase(t testing.TB) Settings {
	t.Helper()
	s := Settings{
		Host: "127.0.0.1", Port: server.Port, Username: databasetest.MariaDBUser, Password: databasetest.MariaDBPassword,
		Database: "information_schema", TLS: "false", TableName: "event_log",
	}
	all := connect(t, s)
	s.Database = fmt.Sprintf("test%d", databases.Add(1))
	exec(t, all, "CREATE DATABASE "+s.Database)
	return s
}

// connect is another program's connection: with the server's own settings but
// for the characters.
func connect(t testing.TB, s Settings) *sql.DB {
	t.Helper()
	c := s.connection()
	c.Params, c.ParseTime = nil, false
	db, err := sql.Open("mysql", c.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func exec(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func newTarget(t testing.TB, s Settings) target.Checkpointer {
	t.Helper()
	return databasetest.New(t, Kind(), &s)
}

func opened(t testing.TB, s Settings) target.Checkpointer {
	t.Helper()
	return databasetest.Open(t, Kind(), &s)
}

// place is a new database, which targets reach at a port.
func place(t *testing.T, port int) databasetest.Place {
	t.Helper()
	direct := newDatabase(t)
	proxied := direct
	proxied.Port = port
	return databasetest.Place{
		Target: func(t testing.TB, name string, now func() time.Time) target.Checkpointer {
			made, err := open(proxied, target.Environment{Name: name})
			if err != nil {
				t.Fatal(err)
			}
			made.(*database).now = now
			return made.(target.Checkpointer)
		},
		Numbers: func(t testing.TB) (numbers []int) {
			for _, line := range ask(t, connect(t, direct), `SELECT json_value(event_data, '$.n') FROM event_log ORDER BY id`) {
				n := 0
				if _, err := fmt.Sscan(line, &n); err != nil {
					t.Fatal(err)
				}
				numbers = append(numbers, n)
			}
			return numbers
		},
		Refuse: func(t testing.TB, n int) {
			exec(t, connect(t, direct), fmt.Sprintf(`ALTER TABLE event_log ADD CONSTRAINT rule%d CHECK (%[1]d <> 0 AND coalesce(json_value(event_data, '$.n'), 0) <> %[1]d)`, n))
		},
	}
}

func TestExactlyOnce(t *testing.T) {
	databasetest.Run(t, func(t *testing.T) databasetest.Place { return place(t, server.Port) })
}

func TestFaults(t *testing.T) { databasetest.Faults(t, server, place) }

// TestTarget runs the suite of all targets.
func TestTarget(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Place {
		s := newDatabase(t)
		db := connect(t, s)
		db.SetMaxIdleConns(0) // the suite counts goroutines
		own := s
		own.Username, own.Password = "own_"+s.Database, ""
		user := own.Username + "@'127.0.0.1'"
		exec(t, db, `CREATE USER `+user)
		exec(t, db, `GRANT ALL ON `+s.Database+`.* TO `+user)
		return targettest.Place{
			Target: func(t testing.TB) target.Target {
				made, err := open(own, target.Environment{Name: "mysql"})
				if err != nil {
					t.Fatal(err)
				}
				return made
			},
			Read: func(t testing.TB) (all []targettest.Record) {
				if ask(t, db, `SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'event_log'`)[0] == "0" {
					return nil
				}
				found, err := db.QueryContext(t.Context(), `SELECT event_type, created_at, event_data FROM event_log ORDER BY id`)
				if err != nil {
					t.Fatal(err)
				}
				defer found.Close()
				for found.Next() {
					var r targettest.Record
					var at string
					if err := found.Scan(&r.Type, &at, &r.Payload); err != nil {
						t.Fatal(err)
					}
					if r.Timestamp, err = time.Parse("2006-01-02 15:04:05", at); err != nil {
						t.Fatal(err)
					}
					all = append(all, r)
				}
				if err := found.Err(); err != nil {
					t.Fatal(err)
				}
				return all
			},
			Break: func(t testing.TB) func() {
				exec(t, db, `ALTER USER `+user+` ACCOUNT LOCK`)
				exec(t, db, `KILL USER `+user)
				for ask(t, db, `SELECT count(*) FROM information_schema.processlist WHERE user = '`+own.Username+`'`)[0] != "0" {
					t.Log("its connection is still there")
				}
				return func() { exec(t, db, `ALTER USER `+user+` ACCOUNT UNLOCK`) }
			},
		}
	})
}

func TestTheTable(t *testing.T) {
	s := newDatabase(t)
	opened(t, s)
	db := connect(t, s)
	want := []string{
		"id|int(11)|NO|auto_increment|PRI", "created_at|datetime(6)|YES||", "uid|int(11)|YES||", "event_type|varchar(256)|YES||MUL", "event_data|longtext|YES||",
	}
	got := ask(t, db, `SELECT column_name, column_type, is_nullable, extra, column_key FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name = 'event_log' ORDER BY ordinal_position`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	got = ask(t, db, `SELECT index_name, column_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'event_log' ORDER BY 1`)
	if diff := cmp.Diff([]string{"ix_event_log_event_type|event_type", "PRIMARY|id"}, got); diff != "" {
		t.Errorf("indexes (-want +got):\n%s", diff)
	}
}
