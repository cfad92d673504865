package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/catalog"
)

// recordedImports are the imports that system tells of, in order: type,
// severity, actor, subject, payload. Each is what the catalog says of its type.
func recordedImports(r *running) [][5]string {
	r.t.Helper()
	types, err := catalog.Load()
	if err != nil {
		r.t.Fatal(err)
	}
	var told [][5]string
	for _, kind := range []string{"backfill.started", "backfill.completed", "backfill.failed"} {
		for _, e := range systemEvents(r, kind) {
			if faults := types.Validate(kind, e.Payload); len(faults) > 0 {
				r.t.Errorf("%s %s: %v", kind, e.Payload, faults)
			}
			x := [5]string{kind, e.Severity.String(), "", "", string(e.Payload)}
			if e.Actor != nil {
				x[2] = *e.Actor
			}
			if e.Subject != nil {
				x[3] = *e.Subject
			}
			told = append(told, x)
		}
	}
	return told
}

func TestImportsAreRecorded(t *testing.T) {
	r := start(t, Options{})
	shop := r.instance("shop")
	k, secret := r.key(auth.NewKey{Permissions: auth.SetOf(auth.EventsAppend), Instances: []string{shop}})
	for _, body := range []string{
		`{"state":"started","job_id":"one","source":"a \"b\".csv"}`, `{"state":"started","job_id":"one","source":"a \"b\".csv"}`,
		`{"state":"completed","job_id":"one","total_records":0,"duplicates":4}`, `{"state":"started","job_id":"two"}`,
		`{"state":"failed","job_id":"two","error":"line 7\nis bad: \u0000"}`,
	} {
		r.must(204, "POST", "/v1/instances/shop/imports", body, bearer(secret)...)
	}
	want := [][5]string{
		{"backfill.started", "info", k.ID, shop, `{"job_id":"one","source":"a \"b\".csv","instance":"shop"}`},
		{"backfill.started", "info", k.ID, shop, `{"job_id":"two","instance":"shop"}`},
		{"backfill.completed", "info", k.ID, shop, `{"job_id":"one","total_repos":1,"total_records":0,"duplicates":4,"instance":"shop"}`},
		{"backfill.failed", "error", k.ID, shop, `{"job_id":"two","error":"line 7\nis bad: \u0000","instance":"shop"}`},
	}
	if diff := cmp.Diff(want, recordedImports(r)); diff != "" {
		t.Errorf("in system (-want +got):\n%s", diff)
	}
	if e := systemEvents(r, "backfill.failed")[0]; e.Severity != event.Error {
		t.Errorf("severity %s", e.Severity)
	}
}

// TestImportsOfOthers: nothing is recorded for an instance that the key may not
// append to, and none is made by whoever may not make one.
func TestImportsOfOthers(t *testing.T) {
	r := start(t, Options{})
	shop, _ := r.instance("shop"), r.instance("audit")
	_, one := r.key(auth.NewKey{Instances: []string{shop}})
	_, reader := r.key(auth.NewKey{Permissions: auth.All() &^ auth.SetOf(auth.EventsAppend)})
	_, writer := r.key(auth.NewKey{Permissions: auth.SetOf(auth.EventsAppend)})
	began := `{"state":"started","job_id":"j"}`
	for _, x := range []struct {
		status               int
		instance, key, wants string
	}{
		{404, "audit", one, ""}, {404, "system", one, ""}, {404, "new", one, ""}, {403, "shop", reader, "events:append"}, {403, "new", writer, "instances:manage"}, {401, "shop", "firn_wrong", ""},
	} {
		p := r.must(x.status, "POST", "/v1/instances/"+x.instance+"/imports?auto_create=true", began, bearer(x.key)...).problem(t)
		if p.RequiredPermission != x.wants {
			t.Errorf("%s: requires %q, want %q", x.instance, p.RequiredPermission, x.wants)
		}
	}
	if told := recordedImports(r); len(told) != 0 {
		t.Errorf("recorded %v", told)
	}
	if _, err := r.log.Instance("new"); err == nil {
		t.Error("the instance was made")
	}
	r.must(204, "POST", "/v1/instances/querybook/imports?auto_create=true", began, bearer(writer)...)
}
