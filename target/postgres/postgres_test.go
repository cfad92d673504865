package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/databasetest"
	"github.com/firnlog/firn/target/targettest"
)

// server is the PostgreSQL of this package's tests.
var server *databasetest.Server

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(databasetest.Main{M: m, Server: &server, Start: databasetest.Postgres}, databasetest.IgnoreProxies())
}

// What all SQL targets' tests share.
var (
	numbered = databasetest.Numbered
	batch    = databasetest.Batch
)

var databases atomic.Int64

// newDatabase makes a database of a test's own, and settings for it.
func newDatabase(t testing.TB, options string) Settings {
	t.Helper()
	s := Settings{Host: "127.0.0.1", Port: server.Port, Username: databasetest.PostgresUser, Database: fmt.Sprintf("test%d", databases.Add(1)), SSLMode: "disable", TableName: "event_logs"}
	all := s
	all.Database = "postgres"
	exec(t, connect(t, all), "CREATE DATABASE "+s.Database+" "+options)
	return s
}

// connect is another program's connection.
func connect(t testing.TB, s Settings) *pgx.Conn {
	t.Helper()
	config, err := s.connection()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t testing.TB, conn *pgx.Conn, statements string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statements, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

// ask returns a query's rows, each a line of its columns' text.
func ask(t testing.TB, conn *pgx.Conn, query string) []string {
	t.Helper()
	found, err := conn.Query(t.Context(), query, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close()
	var lines []string
	for found.Next() {
		var line []string
		for _, v := range found.RawValues() {
			line = append(line, string(v))
		}
		lines = append(lines, strings.Join(line, "|"))
	}
	if err := found.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return lines
}

func newTarget(t *testing.T, s Settings) target.Checkpointer {
	t.Helper()
	return databasetest.New(t, Kind(), &s)
}

func opened(t *testing.T, s Settings) target.Checkpointer {
	t.Helper()
	return databasetest.Open(t, Kind(), &s)
}

func mustWrite(t *testing.T, to target.Target, events []event.Event) {
	t.Helper()
	databasetest.Write(t, to, batch(events))
}

// place is a new database, which targets reach at a port.
func place(t *testing.T, port int) databasetest.Place {
	t.Helper()
	direct := newDatabase(t, "")
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
		Numbers: func(t testing.TB) []int {
			found, err := connect(t, direct).Query(t.Context(), `SELECT (data->'n')::int FROM event_logs ORDER BY id`)
			if err != nil {
				t.Fatal(err)
			}
			numbers, err := pgx.CollectRows(found, pgx.RowTo[int])
			if err != nil {
				t.Fatal(err)
			}
			return numbers
		},
		Refuse: func(t testing.TB, n int) {
			exec(t, connect(t, direct), fmt.Sprintf(`ALTER TABLE event_logs ADD CONSTRAINT rule%d CHECK (%[1]d <> 0 AND (data->'n')::int <> %[1]d)`, n))
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
		s := newDatabase(t, "")
		conn := connect(t, s)
		admin := s
		admin.Database = "postgres"
		other := connect(t, admin)
		return targettest.Place{
			Target: func(t testing.TB) target.Target {
				made, err := open(s, target.Environment{Name: "postgres"})
				if err != nil {
					t.Fatal(err)
				}
				return made
			},
			Want: func(e event.Event) targettest.Record {
				data, _, err := appendJSONB(nil, e.Payload)
				if err != nil {
					t.Fatal(err)
				}
				r := targettest.Record{Type: strings.ReplaceAll(e.EventType, "\x00", `\u0000`), Timestamp: e.Timestamp.UTC()}
				if err := conn.QueryRow(t.Context(), `SELECT $1::text::jsonb::text`, string(data)).Scan(&r.Payload); err != nil {
					t.Fatal(err)
				}
				return r
			},
			Read: func(t testing.TB) []targettest.Record {
				if ask(t, conn, `SELECT to_regclass('event_logs')`)[0] == "" {
					return nil
				}
				found, err := conn.Query(t.Context(), `SELECT event_type, timestamp, data::text FROM event_logs ORDER BY id`)
				if err != nil {
					t.Fatal(err)
				}
				records, err := pgx.CollectRows(found, pgx.RowToStructByPos[targettest.Record])
				if err != nil {
					t.Fatal(err)
				}
				return records
			},
			Refuses: func(e event.Event) bool {
				return utf8.RuneCountInString(strings.ReplaceAll(e.EventType, "\x00", `\u0000`)) > documentedLimit
			},
			Break: func(t testing.TB) func() {
				exec(t, other, `ALTER DATABASE `+s.Database+` ALLOW_CONNECTIONS false`)
				exec(t, other, `SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '`+s.Database+`' AND application_name LIKE 'firn-%'`)
				return func() { exec(t, other, `ALTER DATABASE `+s.Database+` ALLOW_CONNECTIONS true`) }
			},
		}
	})
}

func TestTheTableIsTheDocumentedOne(t *testing.T) {
	s := newDatabase(t, "")
	opened(t, s)
	documented := newDatabase(t, "")
	exec(t, connect(t, documented), documentedTable)
	for _, question := range []string{
		`SELECT column_name, data_type, character_maximum_length, is_nullable, column_default, ordinal_position
			FROM information_schema.columns WHERE table_name = 'event_logs' ORDER BY ordinal_position`,
		`SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'event_logs' ORDER BY 1`,
	} {
		want := ask(t, connect(t, documented), question)
		if diff := cmp.Diff(want, ask(t, connect(t, s), question)); diff != "" || len(want) == 0 {
			t.Errorf("%s: the documented schema (-) and the target's (+) differ:\n%s", question, diff)
		}
	}
}

// TestRows: the server's clock is not UTC, the rows are.
func TestRows(t *testing.T) {
	s := newDatabase(t, "")
	to := opened(t, s)
	events := numbered(1, 4)
	events[0].Timestamp = time.Date(2023, 12, 25, 14, 30, 45, 999_999_900, time.FixedZone("", 2*3600))
	events[1].Payload = []byte(`{"z":1e3,"a":"é\\\"\n\t😀","n":9223372036854775808,"deep":{"k":[1.10,null]}}`)
	events[2].EventType = `it's "quoted"; DROP TABLE event_logs;-- \N`
	events[3].Timestamp = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	mustWrite(t, to, events)
	got := ask(t, connect(t, s), `SELECT id, event_type, timestamp, data, created_at FROM event_logs ORDER BY id`)
	want := []string{
		`1|message.received|2023-12-25 12:30:45.999999|{"n": 1}|2026-11-21 12:00:00.001`,
		`2|message.received|2026-11-21 12:00:00.002|{"a": "é\\\"\n\t😀", "n": 9223372036854775808, "z": 1000, "deep": {"k": [1.10, null]}}|2026-11-21 12:00:00.002`,
		`3|` + events[2].EventType + `|2026-11-21 12:00:00.003|{"n": 3}|2026-11-21 12:00:00.003`,
		`4|message.received|0001-01-01 00:00:00 BC|{"n": 4}|2026-11-21 12:00:00.004`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
