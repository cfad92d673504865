package postgres

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The SQL of the event logger's page, word for word.
const (
	documentedTable = `CREATE TABLE event_logs (
    id SERIAL PRIMARY KEY,
    event_type VARCHAR(100) NOT NULL,
    timestamp TIMESTAMP NOT NULL,
    data JSONB NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_event_logs_type_timestamp
ON event_logs(event_type, timestamp);`

	documentedSender = `-- Get all message events with specific sender
SELECT * FROM event_logs
WHERE event_type = 'message.received'
  AND data->>'from' = '+1234567890'
ORDER BY timestamp DESC;`

	documentedFields = `-- Find events with specific data fields
SELECT event_type, timestamp, data
FROM event_logs
WHERE data @> '{"account_id": "acc1"}'
ORDER BY timestamp DESC
LIMIT 100;`
)

func TestTheDocumentedQueries(t *testing.T) {
	s := newDatabase(t, "")
	to := opened(t, s)
	events := numbered(1, 7)
	for i, data := range []string{
		`{"account_id":"acc1","from":"+1234567890","message":"Hello, world!"}`,
		`{"account_id":"acc2","from":"+1234567890","message":"second"}`,
		`{"account_id":"acc1","from":"+1999","message":"third"}`,
		`{"from":1234567890}`,
		`{"account_id":"acc1","from":"+1234567890"}`,
		`{"nested":{"account_id":"acc1"}}`,
		`{"account_id":["acc1"]}`,
	} {
		events[i].Payload = []byte(data)
	}
	events[4].EventType = "message.sent"
	mustWrite(t, to, events)
	conn := connect(t, s)

	want := []string{
		`2|message.received|2026-11-21 12:00:00.002|{"from": "+1234567890", "message": "second", "account_id": "acc2"}|2026-11-21 12:00:00.002`,
		`1|message.received|2026-11-21 12:00:00.001|{"from": "+1234567890", "message": "Hello, world!", "account_id": "acc1"}|2026-11-21 12:00:00.001`,
	}
	if diff := cmp.Diff(want, ask(t, conn, documentedSender)); diff != "" {
		t.Errorf("by sender (-want +got):\n%s", diff)
	}
	want = []string{
		`message.sent|2026-11-21 12:00:00.005|{"from": "+1234567890", "account_id": "acc1"}`,
		`message.received|2026-11-21 12:00:00.003|{"from": "+1999", "message": "third", "account_id": "acc1"}`,
		`message.received|2026-11-21 12:00:00.001|{"from": "+1234567890", "message": "Hello, world!", "account_id": "acc1"}`,
	}
	if diff := cmp.Diff(want, ask(t, conn, documentedFields)); diff != "" {
		t.Errorf("by fields (-want +got):\n%s", diff)
	}
}
