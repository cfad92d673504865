package server

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
)

// TestSystemTellsWhatFirnDoes: each act is one event of the documented
// vocabulary, with who did it and to what, in the order of the acts.
func TestSystemTellsWhatFirnDoes(t *testing.T) {
	var hours atomic.Int64
	began := time.Now().Truncate(time.Millisecond)
	r := start(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(hours.Load()) * time.Hour) }})
	r.must(200, "GET", "/healthz", "") // it serves, so it has said so
	admin, secret := r.key(auth.NewKey{Name: "admin"})
	do := func(status int, method, path, body string) reply {
		t.Helper()
		return r.must(status, method, path, body, bearer(secret)...)
	}
	do(201, "POST", "/v1/instances", `{"name":"shop"}`)
	idOf := func(name string) string {
		t.Helper()
		in, err := r.log.Instance(name)
		if err != nil {
			t.Fatal(err)
		}
		return in.ID
	}
	id := idOf("shop")
	do(200, "PATCH", "/v1/instances/shop", `{"retention_days":1}`)
	do(201, "POST", "/v1/instances/shop/events", `{"event_type":"order.paid"}`)
	for range 2 { // a clock that goes a day at once would not be believed
		hours.Add(13)
		if err := r.log.ApplyRetention(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	do(200, "DELETE", "/v1/instances/shop/events?type=none", "")
	do(201, "PUT", "/v1/catalog/order.paid", `{"description":"Somebody paid."}`)
	do(200, "PATCH", "/v1/instances/system", `{"retention_days":90}`)
	var reader shownKey
	do(201, "POST", "/v1/keys", `{"name":"reader","permissions":["events:read"]}`).decode(t, &reader)
	r.must(403, "DELETE", "/v1/instances/shop", "", bearer(reader.Key)...)
	do(204, "DELETE", "/v1/keys/"+reader.ID, "")
	do(204, "DELETE", "/v1/catalog/order.paid", "")
	do(204, "DELETE", "/v1/instances/shop", "")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}

	type told struct{ Type, Severity, Actor, Subject, Says string }
	want := []told{
		{"server.started", "info", "", "", `"url":"` + r.url},
		{"api_key.created", "info", "", admin.ID, `"name":"admin"`},
		{"instance.created", "info", admin.ID, id, `"name":"shop"`},
		{"instance.updated", "info", admin.ID, id, `"retention_days":1`},
		{"event_logs.retention_changed", "warning", admin.ID, id, `"from":0,"instance":"shop","to":1`},
		{"retention.applied", "warning", "", id, `"removed":1`},
		{"event_logs.purged", "warning", admin.ID, id, `"removed":0`},
		{"setting.updated", "info", admin.ID, "catalog/order.paid", ""},
		{"instance.updated", "info", admin.ID, idOf("system"), `"retention_days":90`},
		{"event_logs.retention_changed", "warning", admin.ID, idOf("system"), `"to":90`},
		{"api_key.created", "info", admin.ID, reader.ID, `"name":"reader"`},
		{"auth.permission_denied", "error", reader.ID, "/v1/instances/shop", `"required_permission":"instances:manage"`},
		{"api_key.revoked", "info", admin.ID, reader.ID, `"name":"reader"`},
		{"setting.deleted", "info", admin.ID, "catalog/order.paid", ""},
		{"instance.deleted", "warning", admin.ID, id, `"name":"shop"`},
		{"server.stopped", "info", "", "", `"version":`},
	}
	got, n := []told{}, 0
	err := r.log.Scan(t.Context(), "system", nil, 0, func(events []event.Event) error {
		for i := range events {
			e := &events[i]
			x := told{Type: e.EventType, Severity: e.Severity.String(), Says: string(e.Payload)}
			if e.Actor != nil {
				x.Actor = *e.Actor
			}
			if e.Subject != nil {
				x.Subject = *e.Subject
			}
			if n < len(want) && strings.Contains(x.Says, want[n].Says) {
				x.Says = want[n].Says
			}
			if e.RecordedAt.Before(began) {
				t.Errorf("%s was recorded at %s, before the test", e.EventType, e.RecordedAt)
			}
			got, n = append(got, x), n+1
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in system (-want +got):\n%s", diff)
	}
}
