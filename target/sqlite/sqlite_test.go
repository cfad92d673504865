package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/databasetest"
	"github.com/firnlog/firn/target/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

func TestExactlyOnce(t *testing.T) {
	databasetest.Run(t, func(t *testing.T) databasetest.Place {
		path := filepath.Join(t.TempDir(), "events.db")
		db := reader(t, path)
		return databasetest.Place{
			Target: func(t testing.TB, name string, now func() time.Time) target.Checkpointer {
				made, err := open(Settings{Path: path, TableName: "event_logs"}, target.Environment{Name: name})
				if err != nil {
					t.Fatal(err)
				}
				made.(*file).now = now
				return made.(target.Checkpointer)
			},
			Numbers: func(t testing.TB) (numbers []int) {
				found, err := db.QueryContext(t.Context(), `SELECT data->>'n' FROM event_logs ORDER BY id`)
				if err != nil {
					t.Fatal(err)
				}
				defer found.Close()
				for found.Next() {
					numbers = append(numbers, 0)
					if err := found.Scan(&numbers[len(numbers)-1]); err != nil {
						t.Fatal(err)
					}
				}
				if err := found.Err(); err != nil {
					t.Fatal(err)
				}
				return numbers
			},
			Refuse: func(t testing.TB, n int) {
				_, err := db.ExecContext(t.Context(), fmt.Sprintf(`CREATE TRIGGER rule%d BEFORE INSERT ON event_logs
					WHEN %[1]d IN (0, new.data->>'n') BEGIN SELECT raise(ABORT, 'rule'); END`, n))
				if err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

// TestTarget runs the suite of all targets.
func TestTarget(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Place {
		path := filepath.Join(t.TempDir(), "place", "events.db")
		return targettest.Place{
			Target: func(t testing.TB) target.Target {
				made, err := open(Settings{Path: path, TableName: "event_logs"}, target.Environment{Name: "sqlite"})
				if err != nil {
					t.Fatal(err)
				}
				return made
			},
			Want: func(e event.Event) targettest.Record {
				return targettest.Record{Type: e.EventType, Timestamp: e.Timestamp.UTC().Truncate(time.Millisecond), Payload: string(e.Payload)}
			},
			Read: func(t testing.TB) []targettest.Record { return records(t, path) },
			Break: func(t testing.TB) func() {
				away := path + ".away"
				for _, suffix := range []string{"", "-wal", "-shm"} {
					if err := os.Rename(path+suffix, away+suffix); err != nil && !os.IsNotExist(err) {
						t.Fatal(err)
					}
				}
				if err := os.Mkdir(path, 0o700); err != nil { // not even root makes a file there
					t.Fatal(err)
				}
				return func() {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
					for _, suffix := range []string{"", "-wal", "-shm"} {
						if err := os.Rename(away+suffix, path+suffix); err != nil && !os.IsNotExist(err) {
							t.Fatal(err)
						}
					}
				}
			},
		}
	})
}

func records(t testing.TB, path string) (all []targettest.Record) {
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return nil
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found, err := db.QueryContext(t.Context(), `SELECT event_type, timestamp, data FROM event_logs ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var r targettest.Record
		if err := found.Scan(&r.Type, &r.Timestamp, &r.Payload); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// newTarget makes a target of a file, not yet open.
func newTarget(t *testing.T, s Settings) target.Checkpointer {
	t.Helper()
	if s.TableName == "" {
		s.TableName = "event_logs"
	}
	return databasetest.New(t, Kind(), &s)
}

func opened(t *testing.T, path string) target.Checkpointer {
	t.Helper()
	return databasetest.Open(t, Kind(), &Settings{Path: path, TableName: "event_logs"})
}

// reader opens the file as another program does.
func reader(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestTheTableIsTheDocumentedOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "er", "events.db")
	opened(t, path)

	seed := reader(t, filepath.Join(t.TempDir(), "seed.db"))
	for _, statement := range documentedSchema(t) {
		if _, err := seed.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, question := range []string{
		`SELECT * FROM pragma_table_info('event_logs')`,
		`SELECT * FROM pragma_index_info('idx_event_logs_type_timestamp')`,
		`SELECT type, name, tbl_name FROM sqlite_schema WHERE name LIKE '%event_logs%' ORDER BY 1, 2`,
		`SELECT * FROM sqlite_sequence`, // AUTOINCREMENT
	} {
		if diff := cmp.Diff(ask(t, seed, question), ask(t, reader(t, path), question)); diff != "" {
			t.Errorf("%s: the documented schema (-) and the target's (+) differ:\n%s", question, diff)
		}
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", name, info.Mode())
		}
	}
}

func TestRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	to := opened(t, path)
	events := numbered(1, 3)
	events[0].Timestamp = time.Date(2023, 12, 25, 14, 30, 45, 999_999_000, time.FixedZone("", 2*3600))
	events[1].Payload = []byte(`{"z":1e3,"a":"\u0000é\\","n":9223372036854775808,"deep":{"k":[1.10,null]}}`)
	events[2].EventType = `it's "quoted"; DROP TABLE event_logs;--` + "\x00π"
	mustWrite(t, to, events)
	got := ask(t, reader(t, path), `SELECT id, hex(event_type), CAST(timestamp AS TEXT), data, typeof(timestamp), CAST(created_at AS TEXT) FROM event_logs ORDER BY id`)
	received := fmt.Sprintf("%X", "message.received")
	want := []string{
		`1|` + received + `|2023-12-25 12:30:45.999|{"n":1}|text|2026-11-21 12:00:00.001`,
		`2|` + received + `|2026-11-21 12:00:00.002|` + string(events[1].Payload) + `|text|2026-11-21 12:00:00.002`,
		`3|` + fmt.Sprintf("%X", events[2].EventType) + `|2026-11-21 12:00:00.003|{"n":3}|text|2026-11-21 12:00:00.003`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestForeignTables(t *testing.T) {
	for _, c := range []struct{ name, schema, says string }{
		{"audit", `CREATE TABLE event_logs (id INTEGER PRIMARY KEY, user_id TEXT, event_type TEXT, entity_type TEXT, entity_id TEXT, action TEXT, data TEXT, created_at DATETIME)`,
			"column timestamp (DATETIME) is missing; column user_id (TEXT) does not belong there"},
		{"happyview", `CREATE TABLE event_logs (id TEXT, event_type TEXT, severity TEXT, actor_did TEXT, subject TEXT, detail TEXT, created_at TEXT)`,
			"column id is TEXT instead of INTEGER; column timestamp (DATETIME) is missing; column data (TEXT) is missing"},
		{"type", `CREATE TABLE event_logs (id INTEGER PRIMARY KEY, event_type TEXT, timestamp INTEGER, data TEXT, created_at DATETIME)`,
			"column timestamp is INTEGER instead of DATETIME"},
		{"view", `CREATE VIEW event_logs AS SELECT 1`, "is a view, not a table"},
		{"cursors", `CREATE TABLE firn_cursor (position INTEGER)`, "column log_id (TEXT) is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "events.db")
			db := reader(t, path)
			if _, err := db.Exec(c.schema); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			err = newTarget(t, Settings{Path: path}).Open(t.Context())
			if _, stop := errors.AsType[*target.StopError](err); !stop || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Open: %v\nwant a StopError with %q", err, c.says)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was touched (%v)", err)
			}
		})
	}
}

// TestTheFileGoesAway: written rows are never in a file without a name.
func TestTheFileGoesAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	to := opened(t, path)
	mustWrite(t, to, numbered(1, 3))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := to.Write(t.Context(), batch(numbered(4, 3))); err == nil {
		t.Fatal("Write into a file that was removed succeeded")
	}
	if err := to.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, to, numbered(4, 3))
	if got := ask(t, reader(t, path), `SELECT count(*) FROM event_logs`); got[0] != "3" {
		t.Errorf("%s rows in the new file, want 3", got[0])
	}
}

func TestPathsAndNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a?mode=memory&_pragma=x.db", "100%20.db", "#1 ü.db", ":memory:"} {
		t.Chdir(dir)
		opened(t, name)
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%q: %v %v", name, info, err)
		}
	}
	for _, name := range []string{"", "Event", "1a", `a"b`, "a b", "a;drop", strings.Repeat("a", 64), "ä", "firn_cursor"} {
		_, err := Kind().New(&Settings{Path: "x.db", TableName: name}, target.Environment{})
		if err == nil || !strings.HasPrefix(err.Error(), "table_name: ") {
			t.Errorf("table_name %q: %v, want an error of table_name", name, err)
		}
	}
	long := strings.Repeat("a", 63)
	made := newTarget(t, Settings{Path: "long.db", TableName: long})
	if err := made.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestABusyFile: another process that writes is waited for, and does no harm.
func TestABusyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	to := opened(t, path)
	other, err := reader(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if n, err := to.Write(ctx, batch(numbered(1, 3))); err == nil || n != 0 {
		t.Fatalf("Write = %d, %v, while another process holds the file", n, err)
	}
	if _, err := other.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := to.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, to, numbered(1, 3))
}

// TestVersion: SQLite 3.7.0 to 3.51.2 could damage a WAL file when it was reset.
func TestVersion(t *testing.T) {
	version := ask(t, reader(t, filepath.Join(t.TempDir(), "x.db")), `SELECT sqlite_version()`)[0]
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		t.Fatal(err)
	}
	if major*1_000_000+minor*1000+patch < 3_051_003 {
		t.Errorf("the driver's SQLite is %s, want 3.51.3 or later", version)
	}
	t.Log(version)
}
