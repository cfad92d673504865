package happyview_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server/happyview"
)

// seeded is a desk whose instance "app" holds events of HappyView's own
// vocabulary, oldest first.
func seeded(t *testing.T) *desk {
	d := open(t, happyview.Options{Instance: "app"})
	for i, e := range []struct {
		at, typ  string
		severity event.Severity
		subject  string
	}{
		{"2026-03-01T11:58:58Z", "lexicon.created", event.Info, "com.example.feed.like"},
		{"2026-03-01T11:58:59.500Z", "lexicon.deleted", event.Debug, "com.example.feed.post"},
		{"2026-03-01T11:59:00Z", "script.error", event.Error, "com.example.feed.like"},
		{"2026-03-01T11:59:00Z", "script.error", event.Critical, "com.example.feed.LIKE"},
		{"2026-03-01T11:59:01Z", "user.super_transferred", event.Warning, ""},
		{"2026-03-01T12:00:00Z", "lexicon", event.Notice, "100%_sure"},
		{"2026-03-01T12:00:01Z", "lexicons.many", event.Emergency, "at://x"},
	} {
		d.clock.set(e.at)
		draft := event.Draft{EventType: e.typ, Severity: e.severity, ID: fmt.Sprint("e", i), Payload: []byte(fmt.Sprintf(`{"n":%d}`, i))}
		if e.subject != "" {
			draft.Subject, draft.Actor = &e.subject, new("did:plc:abc123")
		}
		d.put("app", draft)
	}
	return d
}

func TestListIsHappyViews(t *testing.T) {
	d := seeded(t)
	answer := d.ask("GET", "/admin/events?severity=warn,error&limit=3", "")
	want := `{"events":[` +
		`{"id":"e6","event_type":"lexicons.many","severity":"error","actor_did":"did:plc:abc123","subject":"at://x","detail":{"n":6},"created_at":"2026-03-01T12:00:01.000Z"},` +
		`{"id":"e4","event_type":"user.super_transferred","severity":"warn","actor_did":null,"subject":null,"detail":{"n":4},"created_at":"2026-03-01T11:59:01.000Z"},` +
		`{"id":"e3","event_type":"script.error","severity":"error","actor_did":"did:plc:abc123","subject":"com.example.feed.LIKE","detail":{"n":3},"created_at":"2026-03-01T11:59:00.000Z"}],"cursor":"`
	if !strings.HasPrefix(answer.body, want) || answer.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s\n%s\nwant\n%s…", answer.header, answer.body, want)
	}
}

func TestFilters(t *testing.T) {
	d := seeded(t)
	for _, x := range []struct{ query, want string }{
		{"", "6 5 4 3 2 1 0"},
		{"?event_type=script.error", "3 2"},
		{"?event_type=script", ""},
		{"?event_type=%20script.error%20", "3 2"},
		{"?category=lexicon", "5 1 0"}, // the bare type of its name too, and no more
		{"?category=lexicon,%20user", "5 4 1 0"},
		{"?category=lexico_", ""},
		{"?category=%25", ""},
		{"?category=,", ""},
		{"?severity=info", "5 1 0"},
		{"?severity=warn", "4"},
		{"?severity=error", "6 3 2"},
		{"?severity=info,warn,error", "6 5 4 3 2 1 0"},
		{"?severity=warning", ""},
		{"?severity=fatal,warn", "4"},
		{"?severity=INFO", ""},
		{"?subject=feed.like", "2 0"}, // case counts
		{"?subject=feed", "3 2 1 0"},
		{"?subject=%25_", "5"}, // and no wildcards
		{"?subject=com.%25.like", ""},
		{"?event_type=&category=&severity=%20&subject=&cursor=&before=&after=", "6 5 4 3 2 1 0"},
		{"?before=2026-03-01T11:59:00Z", "1 0"},
		{"?after=2026-03-01T11:59:00Z", "6 5 4 3 2"},
		{"?after=2026-03-01T12:59:00%2B01:00&before=2026-03-01T12:00:00Z", "4 3 2"},
		{"?event_type=script.error&subject=com.example.feed.like&severity=error&category=script", "2"},
		{"?actor_did=nobody&unheard_of=1", "6 5 4 3 2 1 0"},
		{"?limit=2", "6 5"}, {"?limit=0", "6"}, {"?limit=-5", "6"}, {"?limit=%2B2", "6 5"},
		{"?limit=99999999999999999999", "6 5 4 3 2 1 0"}, {"?limit=-99999999999999999999", "6"},
		// The three spellings of a time, and others.
		{"?cursor=2026-03-01T11:59:00Z", "1 0"},
		{"?cursor=2026-03-01T11:59:00%2B00:00", "1 0"},
		{"?cursor=2026-03-01T11:59:00+00:00", "1 0"},
		{"?cursor=2026-03-01T11:59:00.000000Z", "1 0"},
		{"?cursor=2026-03-01T11:59:00.0000000001Z", "3 2 1 0"},
		{"?cursor=2026-03-01T11:59:00.000000000000000000000Z", "1 0"},
		{"?cursor=2026-03-01T13:59:00+02:00", "1 0"},
		{"?cursor=2026-03-01T06:59:00-05:00", "1 0"},
		{"?cursor=2026-03-01T11:58:59.5Z", "0"},
		{"?cursor=1999-01-01T00:00:00Z", ""},
	} {
		p, _ := d.list(x.query)
		ids := []string{}
		for _, e := range p.Events {
			ids = append(ids, strings.TrimPrefix(e.ID, "e"))
		}
		if got := strings.Join(ids, " "); got != x.want {
			t.Errorf("%s: %s, want %s", x.query, got, x.want)
		}
		if n := len(p.Events); n > 0 && n < 7 && p.Cursor != nil && !strings.Contains(x.query, "limit") {
			t.Errorf("%s: a cursor %q on the last page", x.query, *p.Cursor)
		}
	}
}

func TestBadRequests(t *testing.T) {
	d := seeded(t)
	for _, x := range []struct {
		path   string
		status int
		says   string
	}{
		{"?limit=abc", 400, "invalid limit 'abc'"},
		{"?limit=", 400, "invalid limit ''"},
		{"?limit=1.5", 400, "invalid limit"},
		{"?limit=1&limit=2", 400, "'limit' is given more than once"},
		{"?cursor=garbage", 400, "invalid cursor"},
		{"?cursor=2026-03-01T25:59:00Z", 400, "invalid cursor '2026-03-01T25:59:00Z'"},
		{"?cursor=::::", 400, "invalid cursor"},
		{"?cursor=%F0%9F%98%80", 400, "invalid cursor"},
		{"?before=yesterday", 400, "invalid timestamp 'yesterday': "},
		{"?after=2026-02-30T00:00:00Z", 400, "invalid timestamp"},
		{"?subject=%zz", 400, "query string"},
		{"?instance=none", 404, "instance 'none' not found"},
		{"/count?before=x", 400, "invalid timestamp"},
		{"/count?instance=none", 404, "instance 'none' not found"},
		{"/unheard/of", 404, "none of the API"},
	} {
		answer := d.ask("GET", "/admin/events"+x.path, "")
		if answer.status != x.status || !strings.HasPrefix(answer.body, `{"error":"`) || !strings.Contains(answer.body, x.says) {
			t.Errorf("%s: %d %s; want %d, %q", x.path, answer.status, answer.body, x.status, x.says)
		}
	}
	if answer := d.ask("PUT", "/admin/events", "{}"); answer.status != 405 || !strings.HasPrefix(answer.body, `{"error":`) || answer.header.Get("Allow") == "" {
		t.Errorf("PUT: %d %s %v", answer.status, answer.body, answer.header)
	}
	if answer := d.ask("GET", "/admin/events", "", "Origin", "https://evil.example"); answer.status != 403 || !strings.HasPrefix(answer.body, `{"error":`) {
		t.Errorf("another origin: %d %s", answer.status, answer.body)
	}
}

// TestCursorOfAnotherQuery: a cursor goes with the filters it came from.
func TestCursorOfAnotherQuery(t *testing.T) {
	d := seeded(t)
	p, _ := d.list("?limit=1&subject=feed")
	if answer := d.ask("GET", "/admin/events?subject=other&cursor="+*p.Cursor, ""); answer.status != 400 || !strings.Contains(answer.body, "invalid cursor") {
		t.Errorf("%d %s", answer.status, answer.body)
	}
	if q, _ := d.list("?limit=100&subject=feed&cursor=" + *p.Cursor); len(q.Events) != 3 {
		t.Errorf("another limit: %d events, want 3", len(q.Events))
	}
}

// TestTiesAreNotLost: 1,000 events of one instant, in pages of 7, while others
// arrive.
func TestTiesAreNotLost(t *testing.T) {
	d := open(t, happyview.Options{Instance: "app"})
	drafts := make([]event.Draft, 1000)
	for i := range drafts {
		drafts[i] = event.Draft{ID: fmt.Sprint(i), EventType: "a.b"}
	}
	d.put("app", drafts...)
	next := 999
	for query := "?limit=7"; ; {
		p, _ := d.list(query)
		d.put("app", event.Draft{EventType: "a.later"})
		for _, e := range p.Events {
			if e.ID != fmt.Sprint(next) {
				t.Fatalf("event %s, want %d", e.ID, next)
			}
			next--
		}
		if p.Cursor == nil {
			break
		}
		if strings.ContainsAny(*p.Cursor, "+/=: &%#") {
			t.Fatalf("cursor %q is not safe in a URL", *p.Cursor)
		}
		query = "?limit=7&cursor=" + *p.Cursor
	}
	if next != -1 {
		t.Errorf("ended before event %d", next)
	}
}

// TestDocumentedCommands runs the four commands of HappyView's page as they are
// written there, but for the address.
func TestDocumentedCommands(t *testing.T) {
	d := seeded(t)
	for _, x := range []struct{ command, want string }{
		{`curl "http://localhost:3000/admin/events?severity=error" -H "$AUTH"`, `"id":"e6" "id":"e3" "id":"e2"`},
		{`curl "http://localhost:3000/admin/events?event_type=script.error&subject=com.example.feed.like" -H "$AUTH"`, `"id":"e2"`},
		{`curl "http://localhost:3000/admin/events?category=lexicon" -H "$AUTH"`, `"id":"e5" "id":"e1" "id":"e0"`},
		{`curl "http://localhost:3000/admin/events?limit=20&cursor=2026-03-01T11:59:00Z" -H "$AUTH"`, `"id":"e1" "id":"e0"`},
	} {
		run := exec.CommandContext(t.Context(), "bash", "-c", strings.Replace(x.command, "http://localhost:3000", d.url, 1))
		run.Env = append(run.Environ(), "AUTH=Accept: application/json")
		out, err := run.Output()
		if err != nil {
			t.Fatalf("%s: %v", x.command, err)
		}
		var ids []string
		for part := range strings.SplitSeq(string(out), `{`) {
			if id, _, ok := strings.Cut(part, ","); ok && strings.HasPrefix(id, `"id":`) {
				ids = append(ids, id)
			}
		}
		if diff := cmp.Diff(x.want, strings.Join(ids, " ")); diff != "" {
			t.Errorf("%s\n%s", x.command, diff)
		}
	}
}

// TestDefaults: 50 a page, 100 at most, and without an option the instance
// system.
func TestDefaults(t *testing.T) {
	d := open(t, happyview.Options{})
	drafts := make([]event.Draft, 150)
	for i := range drafts {
		drafts[i] = event.Draft{EventType: "hook.executed"}
	}
	d.put("system", drafts...)
	for query, want := range map[string]int{"": 50, "?limit=1000": 100, "?limit=100": 100, "?limit=50": 50} {
		if p, _ := d.list(query); len(p.Events) != want || p.Cursor == nil {
			t.Errorf("%q: %d events, cursor %v; want %d and a cursor", query, len(p.Events), p.Cursor, want)
		}
	}
	d.put("app", event.Draft{EventType: "only.one"})
	if _, types := d.list("?instance=app"); !cmp.Equal(types, []string{"only.one"}) {
		t.Errorf("?instance=app: %v", types)
	}
	if _, types := d.list("?category=instance"); !cmp.Equal(types, []string{"instance.created"}) {
		t.Errorf("system's own: %v", types)
	}
}
