package happyview_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/server/happyview"
)

var jobAnswer = regexp.MustCompile(`^\{"job_id":"([0-9a-f-]{36})"\}$`)

// purge begins a purge and waits until count says that it is done.
func (d *desk) purge(body, countQuery string) (job string) {
	d.t.Helper()
	answer := d.ask("POST", "/admin/events/purge", body)
	m := jobAnswer.FindStringSubmatch(answer.body)
	if answer.status != 202 || m == nil {
		d.t.Fatalf("%s: %d %s", body, answer.status, answer.body)
	}
	for deadline := time.Now().Add(2 * time.Minute); d.ask("GET", "/admin/events/count"+countQuery, "").body != `{"count":0}`; {
		if time.Now().After(deadline) {
			d.t.Fatalf("%s: not carried out within 30 s", body)
		}
	}
	return m[1]
}

func TestPurge(t *testing.T) {
	d := seeded(t)
	if answer := d.ask("GET", "/admin/events/count?severity=error&category=script&cursor=x&limit=x", ""); answer.body != `{"count":2}` {
		t.Errorf("count: %d %s", answer.status, answer.body)
	}
	job := d.purge(`{"severity":"error","category":"script","event_type":"","subject":null}`, "?category=script")
	if _, types := d.list(""); !cmp.Equal(types, []string{"lexicons.many", "lexicon", "user.super_transferred", "lexicon.deleted", "lexicon.created"}) {
		t.Errorf("left: %v", types)
	}
	p, _ := d.list("?instance=system&event_type=event_logs.purged")
	if len(p.Events) != 1 || *p.Events[0].Subject != job || p.Events[0].Severity != "warn" || p.Events[0].Detail["removed"] != 2.0 {
		t.Errorf("record: %+v, want one about job %s", p.Events, job)
	}
	d.purge(`{"before":"2026-03-01T12:00:00Z","after":"2026-03-01T11:58:59Z"}`, "?before=2026-03-01T12:00:00Z&after=2026-03-01T11:58:59Z")
	d.purge(`{}`, "")
}

func TestPurgeRefuses(t *testing.T) {
	d := seeded(t)
	for _, x := range []struct{ body, says string }{
		{`{"event_typ":"x"}`, "unknown filter 'event_typ'; known: event_type"},
		{`{"limit":1}`, "unknown filter 'limit'"},
		{`{"severity":5}`, "'severity' must be a string"},
		{`{"before":"soon"}`, "invalid timestamp 'soon'"},
		{`[]`, "must be a JSON object"},
		{`null`, "must be a JSON object"},
		{`"x"`, "must be a JSON object"},
		{`{"severity":"a","severity":"b"}`, "not valid JSON"},
		{`{`, "not valid JSON"},
		{` `, "the body is empty"},
		{`{"subject":"` + strings.Repeat("x", 70_000) + `"}`, "over the limit of 65536"},
	} {
		answer := d.ask("POST", "/admin/events/purge", x.body)
		if answer.status/100 != 4 || !strings.HasPrefix(answer.body, `{"error":"`) || !strings.Contains(answer.body, x.says) {
			t.Errorf("%.40s: %d %s; want %q", x.body, answer.status, answer.body, x.says)
		}
	}
	if answer := d.ask("POST", "/admin/events/purge", ""); answer.status != 415 {
		t.Errorf("no body: %d %s", answer.status, answer.body)
	}
	if answer := d.ask("POST", "/admin/events/purge", "{}", "Content-Type", "text/plain"); answer.status != 415 || !strings.HasPrefix(answer.body, `{"error":`) {
		t.Errorf("text/plain: %d %s", answer.status, answer.body)
	}
	if answer := d.ask("POST", "/admin/events/purge?category=script", "{}"); answer.status != 400 || !strings.Contains(answer.body, "'category' is none of a purge") {
		t.Errorf("a filter in the URL: %d %s", answer.status, answer.body)
	}
	if answer := d.ask("POST", "/admin/events/purge?instance=none", "{}"); answer.status != 404 {
		t.Errorf("no instance: %d %s", answer.status, answer.body)
	}
	if p, _ := d.list(""); len(p.Events) != 7 {
		t.Errorf("%d events are left of 7", len(p.Events))
	}
}

// TestProtected: Firn's own audit cannot be named in a purge of system, is not
// counted and is not purged; elsewhere nothing is protected.
func TestProtected(t *testing.T) {
	d := open(t, happyview.Options{})
	d.put("app", eventsOf("api_key.created", "auth.x", "free.one")...)
	d.put("system", eventsOf("hook.executed", "api_keys.list", "record.created")...)
	for _, filter := range []string{
		`{"event_type":"api_key.created"}`, `{"event_type":" event_logs.purged "}`, `{"event_type":"retention.anything"}`,
		`{"category":"auth"}`, `{"category":"hook,event_logs"}`, `{"category":"api_key.x"}`,
	} {
		answer := d.ask("POST", "/admin/events/purge", filter)
		if answer.status != 400 || !strings.Contains(answer.body, "protected") {
			t.Errorf("%s: %d %s", filter, answer.status, answer.body)
		}
	}
	d.purge(`{"category":"api_keys"}`, "?category=api_keys")
	d.purge(`{}`, "")
	d.purge(`{}`, "") // two records of purges are there by now, and stay
	if _, types := d.list(""); !cmp.Equal(types, []string{"event_logs.purged", "event_logs.purged", "event_logs.purged"}) {
		t.Errorf("left in system: %v", types)
	}
	answer := d.ask("POST", "/admin/events/purge?instance=app", `{"event_type":"api_key.created"}`)
	if answer.status != 202 {
		t.Errorf("another instance: %d %s", answer.status, answer.body)
	}
}

// TestManyAtOnce is for the race detector.
func TestManyAtOnce(t *testing.T) {
	d := seeded(t)
	done := make(chan error)
	for i := range 8 {
		go func() {
			var err error
			for n := range 10 {
				var answer reply
				switch i % 4 {
				case 0:
					answer = d.ask("GET", "/admin/events?limit=3", "")
				case 1:
					answer = d.ask("GET", "/admin/events/count?severity=error", "")
				case 2:
					answer = d.ask("POST", "/admin/events/purge", fmt.Sprintf(`{"event_type":"bulk.%d"}`, n))
				default:
					d.put("app", eventsOf(fmt.Sprintf("bulk.%d", n))...)
					continue
				}
				if answer.status/100 != 2 {
					err = fmt.Errorf("%d %s", answer.status, answer.body)
				}
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
