package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
)

// The SQL of the event logger's page, word for word.
const (
	documentedTable = `CREATE TABLE event_logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_type TEXT NOT NULL,
    timestamp DATETIME NOT NULL,
    data TEXT NOT NULL,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_event_logs_type_timestamp
ON event_logs(event_type, timestamp);`

	documentedLastDay = `-- Get all message events from the last 24 hours
SELECT * FROM event_logs
WHERE event_type LIKE 'message.%'
  AND timestamp > datetime('now', '-1 day')
ORDER BY timestamp DESC;`

	documentedByType = `-- Count events by type
SELECT event_type, COUNT(*) as count
FROM event_logs
GROUP BY event_type
ORDER BY count DESC;`
)

func documentedSchema(t *testing.T) []string {
	t.Helper()
	table, index, ok := strings.Cut(documentedTable, ";")
	if !ok {
		t.Fatal("the documented schema has two statements")
	}
	return []string{table, index}
}

// TestTheDocumentedQueries puts events around the boundary of the last 24 hours,
// at midnight, and earlier on the boundary's calendar day.
func TestTheDocumentedQueries(t *testing.T) {
	now := time.Now().UTC()
	boundary := now.AddDate(0, 0, -1)
	midnight := func(at time.Time) time.Time { return at.Truncate(24 * time.Hour) }
	cases := []struct {
		name, eventType string
		at              time.Time
		found           bool
	}{
		{"now", "message.received", now, true},
		{"a minute inside", "message.sent", boundary.Add(time.Minute), true},
		{"a minute inside, from a zone far east", "message.sent", boundary.Add(time.Minute).In(time.FixedZone("", 14*3600)), true},
		{"a minute outside", "message.received", boundary.Add(-time.Minute), false},
		{"a minute outside, from a zone far west", "message.received", boundary.Add(-time.Minute).In(time.FixedZone("", -12*3600)), false},
		{"midnight of today", "message.received", midnight(now), true},
		{"midnight of yesterday", "message.received", midnight(boundary), false},
		{"earlier on yesterday's calendar day", "message.received", midnight(boundary).Add(boundary.Sub(midnight(boundary)) / 2), false},
		{"of another kind", "messages", now, false},
		{"of another kind too", "hook.sent", now, false},
	}
	path := filepath.Join(t.TempDir(), "events.db")
	to := opened(t, path)
	var events []event.Event
	want := map[string]bool{}
	for i, c := range cases {
		e := numbered(i+1, 1)[0]
		e.EventType, e.Timestamp = c.eventType, c.at
		e.Payload = []byte(`{"case":"` + c.name + `"}`)
		events = append(events, e)
		if c.found {
			want[string(e.Payload)] = true
		}
	}
	mustWrite(t, to, events)
	db := reader(t, path)

	found, err := db.QueryContext(t.Context(), documentedLastDay)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	got := map[string]bool{}
	var previous time.Time
	for found.Next() {
		var id int64
		var eventType, data string
		var at, created time.Time
		if err := found.Scan(&id, &eventType, &at, &data, &created); err != nil {
			t.Fatal(err)
		}
		got[data] = true
		if !previous.IsZero() && at.After(previous) {
			t.Errorf("%s comes after an earlier one", data)
		}
		previous = at
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages of the last 24 hours (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"message.received|6", "message.sent|2", "hook.sent|1", "messages|1"}, ask(t, db, documentedByType)); diff != "" {
		// The last two are equal: SQLite's own order among them.
		t.Errorf("events by type (-want +got):\n%s", diff)
	}
}
