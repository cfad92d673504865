package query_test

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// docsNow is the clock of docs/query-language.md.
var docsNow = time.Date(2025, 3, 2, 0, 15, 0, 0, time.UTC)

// block is a fenced block of a page: its language line and its text.
type block struct {
	line       int
	kind, text string
}

func blocks(t *testing.T, path string) []block {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []block
	open := false
	for i, line := range strings.Split(string(page), "\n") {
		kind, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && !open:
			list = append(list, block{line: i + 1, kind: kind})
			open = true
		case fence:
			open = false
		case open:
			list[len(list)-1].text += line + "\n"
		}
	}
	return list
}

// TestDocsAreTrue runs every example of the page on the query language: a block
// "json where" is followed by the ids that it finds, a block "json query" by its
// answer or its error.
func TestDocsAreTrue(t *testing.T) {
	var events []event.Event
	examples := 0
	named := make(map[string]bool)
	list := blocks(t, "../docs/query-language.md")
	for i, b := range list {
		switch b.kind {
		case "json events":
			events = docsEvents(t, b.text)
		case "json where":
			examples++
			q := `{"from":{"instance":"shop"},"select":["id"],"where":` + b.text + `}`
			compareAnswer(t, b.line, `{"events":`+idObjects(t, list[i+1])+`}`, dropTotal(answerOf(t, q, events)))
			name(named, b.text)
		case "json query":
			examples++
			want := list[i+1]
			if want.kind == "text" {
				_, err := query.Parse([]byte(b.text), docsNow)
				if err == nil || err.Error() != strings.TrimSpace(want.text) {
					t.Errorf("line %d: got error %v", b.line, err)
				}
				continue
			}
			if want.kind != "json answer" {
				t.Errorf("line %d: a query without its answer", b.line)
				continue
			}
			compareAnswer(t, b.line, want.text, answerOf(t, b.text, events))
			name(named, b.text)
		}
	}
	for op := query.Eq; op <= query.Matches; op++ {
		if !named[op.String()] {
			t.Errorf("no example of the operator %s", op)
		}
	}
	for reduction := query.Count; reduction <= query.Last; reduction++ {
		if !named[reduction.String()] {
			t.Errorf("no example of the reduction %s", reduction)
		}
	}
	if examples < 35 {
		t.Errorf("found %d examples only: are the blocks still marked?", examples)
	}
}

// name notes the strings of an example: its operators and reductions are among
// them.
func name(named map[string]bool, text string) {
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 {
			named[part] = true
		}
	}
}

func docsEvents(t *testing.T, text string) []event.Event {
	t.Helper()
	var events []event.Event
	last := make(map[string]int64)
	for line := range strings.Lines(text) {
		var data struct {
			ID        string         `json:"id"`
			StreamID  string         `json:"stream_id"`
			EventType string         `json:"event_type"`
			Timestamp time.Time      `json:"timestamp"`
			Severity  string         `json:"severity"`
			Actor     *string        `json:"actor"`
			Subject   *string        `json:"subject"`
			Payload   jsontext.Value `json:"payload"`
			Metadata  jsontext.Value `json:"metadata"`
		}
		data.Severity, data.Metadata = "info", jsontext.Value("{}")
		if err := json.Unmarshal([]byte(line), &data, json.RejectUnknownMembers(true)); err != nil {
			t.Fatal(err)
		}
		for _, v := range []*jsontext.Value{&data.Payload, &data.Metadata} {
			if err := v.Compact(); err != nil {
				t.Fatal(err)
			}
		}
		severity, ok := event.ParseSeverity(data.Severity)
		if !ok {
			t.Fatalf("severity %q", data.Severity)
		}
		last[data.StreamID]++
		events = append(events, event.Event{
			ID: data.ID, InstanceID: "shop", StreamID: data.StreamID, EventType: data.EventType, Severity: severity,
			SequenceNumber: last[data.StreamID], Position: int64(len(events) + 1), Timestamp: data.Timestamp, RecordedAt: data.Timestamp,
			Actor: data.Actor, Subject: data.Subject, Payload: data.Payload, Metadata: data.Metadata,
		})
	}
	return events
}

// docsAnswer is an answer as the page shows it.
type docsAnswer struct {
	Events      []jsontext.Value `json:"events,omitempty"`
	Aggregation jsontext.Value   `json:"aggregation,omitempty"`
	Total       *int64           `json:"total,omitempty"`
	NextCursor  string           `json:"next_cursor,omitempty"`
}

func answerOf(t *testing.T, text string, events []event.Event) docsAnswer {
	t.Helper()
	q, err := query.Parse([]byte(text), docsNow)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	a, err := query.Evaluate(q, events)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	shown := docsAnswer{Events: a.Selected, Aggregation: a.Aggregation, Total: a.Total}
	if a.NextCursor != "" {
		shown.NextCursor = "…"
	}
	return shown
}

func dropTotal(a docsAnswer) docsAnswer {
	a.Total = nil
	return a
}

// idObjects is the events that a list of ids stands for.
func idObjects(t *testing.T, ids block) string {
	t.Helper()
	if ids.kind != "json ids" {
		t.Fatalf("line %d: a condition must be followed by ids", ids.line)
	}
	return strings.NewReplacer(`["`, `[{"id":"`, `", "`, `"},{"id":"`, `"]`, `"}]`).Replace(ids.text)
}

func compareAnswer(t *testing.T, line int, want string, got docsAnswer) {
	t.Helper()
	var wanted docsAnswer
	if err := json.Unmarshal([]byte(want), &wanted, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("line %d: %v", line, err)
	}
	text := func(a docsAnswer) string {
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		v := jsontext.Value(b)
		if err := v.Compact(); err != nil {
			t.Fatal(err)
		}
		return string(v)
	}
	if diff := cmp.Diff(text(wanted), text(got)); diff != "" {
		t.Errorf("line %d (-page +answer):\n%s", line, diff)
	}
}
