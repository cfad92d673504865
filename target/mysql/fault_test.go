package mysql

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/databasetest"
)

// querybookTable is Querybook's own, as its migrations leave it.
const querybookTable = `CREATE TABLE event_log (
  id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
  created_at DATETIME NULL,
  uid INTEGER NULL,
  event_type ENUM('API','WEBSOCKET','VIEW','CLICK') NULL,
  event_data JSON NULL,
  INDEX ix_event_log_event_type (event_type)
) DEFAULT CHARACTER SET utf8mb4`

func ptr(s string) *string { return &s }

// TestQuerybooksOwnTable takes the types of its ENUM; others are dead letters, and
// so is what its JSON does not take.
func TestQuerybooksOwnTable(t *testing.T) {
	s := newDatabase(t)
	db := connect(t, s)
	exec(t, db, querybookTable)
	to := opened(t, s)
	events := numbered(1, 8)
	for i := range events {
		events[i].EventType = []string{"API", "WEBSOCKET", "VIEW", "CLICK"}[i%4]
	}
	events[0].Timestamp = time.Date(2023, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	events[0].Actor, events[1].Actor = ptr("12"), ptr("0")
	events[2].EventType = "api"
	events[4].EventType = "message.received"
	events[5].Payload = []byte(`{"deep":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`)
	var refused []int64
	for rest := events; len(rest) > 0; {
		written, err := to.Write(t.Context(), batch(rest))
		rest = rest[written:]
		if err == nil {
			break
		}
		if _, is := errors.AsType[*target.RefusedError](err); !is {
			t.Fatal(err)
		}
		t.Log(err)
		refused = append(refused, rest[0].Position)
		rest = rest[1:]
	}
	if diff := cmp.Diff([]int64{3, 5, 6}, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	want := []string{
		`1|2023-12-31 23:59:59|12|API|{"n":1}`,
		`2|2026-11-21 12:00:00|0|WEBSOCKET|{"n":2}`,
		`4|2026-11-21 12:00:00|NULL|CLICK|{"n":4}`,
		`7|2026-11-21 12:00:00|NULL|VIEW|{"n":7}`,
		`8|2026-11-21 12:00:00|NULL|CLICK|{"n":8}`,
	}
	got := ask(t, db, `SELECT json_value(event_data, '$.n') AS n, created_at, uid, event_type, event_data FROM event_log ORDER BY id`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestQuerybooksQuestions are those its page names: how often a feature was used,
// which result was clicked, how often a page was viewed and clicked.
func TestQuerybooksQuestions(t *testing.T) {
	s := newDatabase(t)
	to := opened(t, s)
	events := numbered(1, 6)
	for i, e := range []struct{ eventType, data string }{
		{"CLICK", `{"path":"/env/datadoc/1/","component":"DATADOC_PAGE","element":"FORMAT_BUTTON","aux":{}}`},
		{"CLICK", `{"path":"/env/datadoc/2/","component":"DATADOC_PAGE","element":"FORMAT_BUTTON","aux":{}}`},
		{"VIEW", `{"path":"/env/","component":"LANDING_PAGE"}`},
		{"CLICK", `{"path":"/env/","component":"LANDING_PAGE","element":"SEARCH"}`},
		{"API", `{"method":"PUT","route":"/table/<schema_name>/<table_name>/sync/","params":{"schema_name":"a","table_name":"b"}}`},
		{"WEBSOCKET", `{"route":"/query_execution/connect","args":[],"kwargs":{}}`},
	} {
		events[i].EventType, events[i].Payload, events[i].Actor = e.eventType, []byte(e.data), ptr("12")
	}
	mustWrite(t, to, events)
	db := connect(t, s)
	for question, want := range map[string][]string{
		`SELECT count(*) FROM event_log WHERE event_type = 'CLICK' AND json_value(event_data, '$.element') = 'FORMAT_BUTTON'`: {"2"},
		`SELECT event_type, count(*) FROM event_log WHERE json_value(event_data, '$.path') = '/env/' GROUP BY 1 ORDER BY 1`:   {"CLICK|1", "VIEW|1"},
		`SELECT uid, count(*) FROM event_log WHERE created_at >= '2026-11-21' GROUP BY uid`:                                   {"12|6"},
	} {
		if diff := cmp.Diff(want, ask(t, db, question)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", question, diff)
		}
	}
}

func TestUID(t *testing.T) {
	for actor, want := range map[string]any{
		"12": int64(12), "0": int64(0), "-1": int64(-1), "2147483647": int64(2147483647),
		"2147483648": nil, "": nil, "did:plc:x": nil, "007": nil, "+7": nil, "1e3": nil, " 1": nil, "१": nil,
	} {
		if got := uid(&actor); got != want {
			t.Errorf("uid of %q = %v, want %v", actor, got, want)
		}
	}
	if got := uid(nil); got != nil {
		t.Errorf("uid of nobody = %v", got)
	}
}

func TestForeignTables(t *testing.T) {
	for _, c := range []struct{ name, schema, says string }{
		{"another", `CREATE TABLE event_log (id INT PRIMARY KEY, message TEXT)`,
			"column id is int instead of int auto_increment; column created_at (datetime) is missing; column uid (int) is missing; column event_type (enum) is missing; column event_data (json) is missing; column message"},
		{"without transactions", strings.Replace(querybookTable, ") DEFAULT", ") ENGINE=MyISAM DEFAULT", 1), "is kept by MyISAM"},
		{"latin1", `CREATE TABLE event_log (id INT AUTO_INCREMENT PRIMARY KEY, created_at DATETIME, uid INT, event_type VARCHAR(20), event_data LONGTEXT) CHARACTER SET latin1`,
			"column event_data is longtext of latin1 instead of json"},
		{"view", `CREATE VIEW event_log AS SELECT 1 AS id`, "is no table but a view"},
		{"cursors", `CREATE TABLE firn_cursor (position INT)`, "column position is int instead of bigint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newDatabase(t)
			db := connect(t, s)
			exec(t, db, c.schema)
			all := `SELECT table_name, column_name, column_type, ordinal_position FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY 1, 4`
			before := ask(t, db, all)
			err := newTarget(t, s).Open(t.Context())
			if _, stop := errors.AsType[*target.StopError](err); !stop || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Open: %v\nwant a StopError with %q", err, c.says)
			}
			if diff := cmp.Diff(before, ask(t, db, all)); diff != "" && c.name != "cursors" {
				t.Errorf("the database was touched:\n%s", diff)
			}
		})
	}
}

// TestFaultsOfOneEvent cost that event and no other.
func TestFaultsOfOneEvent(t *testing.T) {
	for _, c := range []struct {
		name, schema, says string
		spoil              func(*event.Event)
	}{
		{"a unique index", `ALTER TABLE event_log ADD COLUMN x VARCHAR(50) AS (json_value(event_data, '$.n')) STORED, ADD UNIQUE INDEX rule (x)`,
			"duplicate entry for key 'rule' (error 1062", func(e *event.Event) { e.Payload = []byte(`{"n":3}`) }},
		{"a trigger", `CREATE TRIGGER rule BEFORE INSERT ON event_log FOR EACH ROW IF new.event_data LIKE '%bad%' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF`,
			"not this one (error 1644", func(e *event.Event) { e.Payload = []byte(`{"bad":1}`) }},
		{"a narrow type", `ALTER TABLE event_log MODIFY event_type VARCHAR(20) CHARACTER SET utf8mb4`, "has 21 characters; the column event_type holds 20", func(e *event.Event) { e.EventType = strings.Repeat("é", 21) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newDatabase(t)
			to := opened(t, s)
			db := connect(t, s)
			exec(t, db, c.schema)
			if err := to.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			events := numbered(1, 40)
			c.spoil(&events[30])
			written, err := to.Write(t.Context(), batch(events))
			if _, refused := errors.AsType[*target.RefusedError](err); !refused || written != 30 || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("Write = %d, %v; want 30 and a RefusedError with %q", written, err, c.says)
			}
			mustWrite(t, to, events[31:])
			if n := ask(t, db, `SELECT count(*) FROM event_log`); n[0] != "39" {
				t.Errorf("%s rows, want 39", n[0])
			}
		})
	}
}

// TestLargeEvents: up to what the server takes, escaped characters included; one
// that is larger is refused by name.
func TestLargeEvents(t *testing.T) {
	s := newDatabase(t)
	to := opened(t, s)
	events := numbered(1, 4)
	events[1].Payload = []byte(`{"quotes":"` + strings.Repeat(`\"'`, 3<<20) + `"}`) // 12 MB when each is escaped
	events[2].Payload = []byte(`{"larger":"` + strings.Repeat(`\"'`, 6<<20) + `"}`)
	written, err := to.Write(t.Context(), batch(events))
	if _, refused := errors.AsType[*target.RefusedError](err); !refused || written != 2 || !strings.Contains(err.Error(), "max_allowed_packet") {
		t.Fatalf("Write = %d, %v; want 2 and a RefusedError that names max_allowed_packet", written, err)
	}
	mustWrite(t, to, events[3:])
	if got := ask(t, connect(t, s), `SELECT max(length(event_data)), count(*) FROM event_log`)[0]; got != "9437197|3" {
		t.Errorf("longest and number of rows: %s", got)
	}
}

// TestFaultsOfEveryRow pause the target, and blame no event.
func TestFaultsOfEveryRow(t *testing.T) {
	for _, c := range []struct{ name, break_, says, heal string }{
		{"ids at their end", `ALTER TABLE event_log AUTO_INCREMENT = 2147483647`, "MODIFY id BIGINT", `ALTER TABLE event_log MODIFY id BIGINT NOT NULL AUTO_INCREMENT`},
		{"the table is gone", `RENAME TABLE event_log TO away`, "error 1146", `RENAME TABLE away TO event_log`},
		{"no permission", `REVOKE INSERT ON DATABASE.* FROM WRITER@'127.0.0.1'`, "error 1142", `GRANT INSERT ON DATABASE.* TO WRITER@'127.0.0.1'`},
		{"a rule that none keeps", `CREATE TRIGGER never BEFORE INSERT ON event_log FOR EACH ROW SIGNAL SQLSTATE '45000'`, "every row fails", `DROP TRIGGER never`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newDatabase(t)
			db := connect(t, s)
			writer := "writer_" + s.Database
			as := func(statement string) {
				t.Helper()
				exec(t, db, strings.NewReplacer("DATABASE", s.Database, "WRITER", writer).Replace(statement))
			}
			as(`CREATE USER WRITER@'127.0.0.1'`)
			as(`GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, INDEX ON DATABASE.* TO WRITER@'127.0.0.1'`)
			s.Username, s.Password = writer, ""
			to := opened(t, s)
			mustWrite(t, to, numbered(1, 5))
			as(c.break_)
			if c.name == "ids at their end" {
				as(`INSERT INTO event_log (id) VALUES (2147483647)`)
			}
			if c.name == "no permission" { // for connections from now on, and what Open asks
				if err := to.Open(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			written, err := to.Write(t.Context(), batch(numbered(6, 5)))
			if _, pause := errors.AsType[*target.PauseError](err); !pause || written != 0 || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("Write = %d, %v; want a PauseError with %q", written, err, c.says)
			}
			as(c.heal)
			if err := to.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			mustWrite(t, to, numbered(6, 5))
		})
	}
}

func TestSettings(t *testing.T) {
	good := Settings{Host: "h", Port: 1, Database: "d", TLS: "false", TableName: "t"}
	for _, c := range []struct {
		change func(*Settings)
		says   string
	}{
		{func(s *Settings) { s.TableName = "T" }, "table_name: "},
		{func(s *Settings) { s.Host = "" }, "host: "},
		{func(s *Settings) { s.Port = 0 }, "port: 0"},
		{func(s *Settings) { s.Database = "" }, "database: "},
		{func(s *Settings) { s.TLS = "yes" }, `tls: "yes" is not one; one of false`},
	} {
		s := good
		c.change(&s)
		if _, err := Kind().New(&s, target.Environment{}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v; want %q", s, err, c.says)
		}
	}
}

// TestErrorsTellNoSecrets: neither the password nor SQL nor data.
func TestErrorsTellNoSecrets(t *testing.T) {
	s := newDatabase(t)
	wrong := s
	wrong.Password = "hunter2"
	closed := wrong
	closed.Port = 1
	nowhere := s
	nowhere.Database = "nowhere"
	to := opened(t, s)
	exec(t, connect(t, s), `ALTER TABLE event_log ADD UNIQUE INDEX rule (event_data(100))`)
	events := numbered(1, 2)
	events[0].Payload, events[1].Payload = []byte(`{"secret":"hunter2"}`), []byte(`{"secret":"hunter2"}`)
	_, duplicate := to.Write(t.Context(), batch(events))
	databasetest.WantNoSecrets(t, map[string]error{
		"a wrong password":   newTarget(t, wrong).Open(t.Context()),
		"a closed port":      newTarget(t, closed).Open(t.Context()),
		"a missing database": newTarget(t, nowhere).Open(t.Context()),
		"a duplicate":        duplicate,
	}, "hunter2", "correct horse", "INSERT", "SELECT")
}
