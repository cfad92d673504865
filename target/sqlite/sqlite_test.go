package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var theLog = target.Identity{ID: "0191f3a0-0000-7000-8000-000000000001", Epoch: 1}

// newTarget makes a target of a file, which is opened where ready is set.
func newTarget(t *testing.T, s Settings) target.Checkpointer {
	t.Helper()
	if s.TableName == "" {
		s.TableName = "event_logs"
	}
	kind := Kind()
	made, err := kind.New(&s, target.Environment{Name: "sqlite", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close() })
	return made.(target.Checkpointer)
}

func opened(t *testing.T, path string) target.Checkpointer {
	t.Helper()
	made := newTarget(t, Settings{Path: path})
	if err := made.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return made
}

// numbered makes events from one position on.
func numbered(from, n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).Add(time.Duration(from+i) * time.Millisecond)
		events[i] = event.Event{
			ID: fmt.Sprint("e", from+i), StreamID: "s", SequenceNumber: int64(from + i), Position: int64(from + i),
			EventType: "message.received", Timestamp: at, RecordedAt: at, Severity: event.Info,
			Payload: []byte(fmt.Sprintf(`{"n":%d}`, from+i)), Metadata: []byte(`{}`),
		}
	}
	return events
}

func batch(events []event.Event) target.Batch {
	return target.Batch{
		Log: theLog, Instance: target.Instance{ID: "0191f3a0-0000-7000-8000-00000000000a", Name: "app"},
		Events: events, Through: events[len(events)-1].Position,
	}
}

func mustWrite(t *testing.T, to target.Target, events []event.Event) {
	t.Helper()
	written, err := to.Write(t.Context(), batch(events))
	if err != nil || written != len(events) {
		t.Fatalf("Write: %d of %d, %v", written, len(events), err)
	}
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

// ask returns a query's rows, each a line of its columns' text.
func ask(t *testing.T, db *sql.DB, query string, args ...any) []string {
	t.Helper()
	found, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for found.Next() {
		values := make([]sql.NullString, len(columns))
		to := make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		if err := found.Scan(to...); err != nil {
			t.Fatal(err)
		}
		var line []string
		for _, v := range values {
			line = append(line, v.String)
		}
		lines = append(lines, strings.Join(line, "|"))
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
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

// TestExactlyOnce writes batches again, as after a death between the commit and
// the word of it, from a second process too, and behind a moved cursor.
func TestExactlyOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	to := opened(t, path)
	events := numbered(1, 200)
	mustWrite(t, to, events[:120])
	mustWrite(t, to, events[:120])
	again := opened(t, path)
	mustWrite(t, again, events[100:150])
	mustWrite(t, to, events[120:200])
	mustWrite(t, again, events[100:200])

	cursor, ok, err := to.Checkpoint(t.Context(), theLog.ID, batch(events).Instance.ID)
	if want := (target.Cursor{Epoch: 1, Position: 200}); err != nil || !ok || cursor != want {
		t.Errorf("Checkpoint = %v %v %v, want %v", cursor, ok, err, want)
	}
	want := []string{"200|200|1|200"}
	got := ask(t, reader(t, path), `SELECT count(*), count(DISTINCT data), min(data->>'n'), max(data->>'n') FROM event_logs`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}

	if err := to.SetCheckpoint(t.Context(), theLog, batch(events).Instance.ID, 190); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, to, events[180:200])
	if got := ask(t, reader(t, path), `SELECT count(*) FROM event_logs`); got[0] != "210" {
		t.Errorf("after the cursor was put back to 190: %s rows, want 210", got[0])
	}
}

// TestCursorsStayApart: another log, another instance, another target and another
// table in one file are other cursors.
func TestCursorsStayApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	to := opened(t, path)
	mustWrite(t, to, numbered(1, 5))
	other := batch(numbered(1, 5))
	other.Log.ID = "0191f3a0-0000-7000-8000-000000000002"
	if n, err := to.Write(t.Context(), other); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	other = batch(numbered(1, 5))
	other.Instance.ID = "0191f3a0-0000-7000-8000-00000000000b"
	if n, err := to.Write(t.Context(), other); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	made, err := Kind().New(&Settings{Path: path, TableName: "others"}, target.Environment{Name: "second"})
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	if err := made.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, made, numbered(1, 5))
	got := ask(t, reader(t, path), `SELECT (SELECT count(*) FROM event_logs), (SELECT count(*) FROM others), (SELECT count(*) FROM firn_cursor)`)
	if diff := cmp.Diff([]string{"15|5|4"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnEarlierLifeOfTheLogStops(t *testing.T) {
	to := opened(t, filepath.Join(t.TempDir(), "events.db"))
	b := batch(numbered(1, 3))
	b.Log.Epoch = 2
	if _, err := to.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	_, err := to.Write(t.Context(), batch(numbered(4, 3)))
	var stop *target.StopError
	if !errors.As(err, &stop) {
		t.Fatalf("Write of epoch 1 behind epoch 2: %v, want a StopError", err)
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
			before := ask(t, db, `SELECT name, sql FROM sqlite_schema`)
			err := newTarget(t, Settings{Path: path}).Open(t.Context())
			var stop *target.StopError
			if !errors.As(err, &stop) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Open: %v\nwant a StopError with %q", err, c.says)
			}
			if diff := cmp.Diff(before, ask(t, db, `SELECT name, sql FROM sqlite_schema`)); diff != "" {
				t.Errorf("the file was touched:\n%s", diff)
			}
		})
	}
}

// TestARowThatIsRefused: a rule of the user's that one event breaks costs that
// event and no other; one that all break pauses.
func TestARowThatIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	to := opened(t, path)
	db := reader(t, path)
	if _, err := db.Exec(`CREATE TRIGGER rule BEFORE INSERT ON event_logs WHEN new.data = '{"n":77}' BEGIN SELECT raise(ABORT, 'not 77'); END`); err != nil {
		t.Fatal(err)
	}
	events := numbered(1, 200)
	written, err := to.Write(t.Context(), batch(events))
	var refused *target.RefusedError
	if written != 76 || !errors.As(err, &refused) || !strings.Contains(err.Error(), "not 77") {
		t.Fatalf("Write = %d, %v; want 76 and a RefusedError of the rule", written, err)
	}
	written, err = to.Write(t.Context(), batch(events[76:77]))
	if written != 0 || !errors.As(err, &refused) {
		t.Fatalf("Write of the one = %d, %v; want a RefusedError: the table takes others", written, err)
	}
	mustWrite(t, to, events[77:])
	if got := ask(t, db, `SELECT count(*) FROM event_logs`); got[0] != "199" {
		t.Errorf("%s rows, want 199", got[0])
	}
	if _, err := db.Exec(`CREATE TRIGGER never BEFORE INSERT ON event_logs BEGIN SELECT raise(ABORT, 'closed'); END`); err != nil {
		t.Fatal(err)
	}
	written, err = to.Write(t.Context(), batch(numbered(201, 20)))
	var pause *target.PauseError
	if written != 0 || !errors.As(err, &pause) {
		t.Errorf("Write into a table that takes none = %d, %v; want a PauseError", written, err)
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

func TestClean(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	to := opened(t, path)
	events := numbered(1, 30_000)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	to.(*file).now = func() time.Time { return now }
	for i := range events {
		events[i].RecordedAt = now.AddDate(0, 0, -10)
		if i%3 == 0 {
			events[i].RecordedAt = now.AddDate(0, 0, -5)
		}
		events[i].Timestamp = now.AddDate(-50, 0, 0) // an event's own time ages nothing
	}
	mustWrite(t, to, events)
	clean := func(days int) (all int64) {
		t.Helper()
		for more := true; more; {
			var n int64
			var err error
			if n, more, err = to.(target.Cleaner).Clean(t.Context(), days); err != nil {
				t.Fatal(err)
			}
			all += n
		}
		return all
	}
	if n := clean(11); n != 0 {
		t.Errorf("Clean(11) deleted %d, want none", n)
	}
	if n := clean(7); n != 20_000 {
		t.Errorf("Clean(7) deleted %d, want 20000", n)
	}
	now = now.AddDate(0, 0, 3)
	if n := clean(7); n != 10_000 {
		t.Errorf("Clean(7), three days later, deleted %d, want 10000", n)
	}
	mustWrite(t, to, numbered(30_001, 10))
	if n := clean(7); n != 0 {
		t.Errorf("Clean(7) deleted %d of today's rows", n)
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
