package server

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/catalog"
	"github.com/firnlog/firn/target"
)

// picky is a target that refuses events of one type.
type picky struct{}

func (picky) Open(context.Context) error { return nil }
func (picky) Close() error               { return nil }
func (picky) Write(_ context.Context, b target.Batch) (int, error) {
	for i := range b.Events {
		if b.Events[i].EventType == "order.refused" {
			return i, &target.RefusedError{Err: errors.New("value too long for type character varying(100)")}
		}
	}
	return len(b.Events), nil
}

// startDelivering runs a server that delivers to the targets "all" and "archive",
// which refuse events of type order.refused.
func startDelivering(t *testing.T, opts Options) *running {
	t.Helper()
	types, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	opts.Catalog = types
	dir := t.TempDir()
	log, err := firn.Open(dir, firn.Options{Limits: opts.Limits, Now: opts.Now, Catalog: types})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	kind := target.NewKind("postgres", struct{}{}, func(struct{}, target.Environment) (target.Target, error) { return picky{}, nil })
	opts.Targets, err = target.Deliver(log, []target.Spec{{Name: "all", Kind: kind}, {Name: "archive", Kind: kind}},
		target.Options{Dir: dir + "/targets", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opts.Targets.Close)
	return serve(t, log, opts)
}

// refuse has the target archive refuse an event, and waits for that.
func refuse(r *running) {
	r.t.Helper()
	r.must(201, "POST", "/v1/instances/refusals/events?auto_create=true", `[{"event_type":"order.placed"},{"id":"e-refused","event_type":"order.refused","payload":{"n":1}}]`)
	eventually(r.t, "it is a dead letter", func() bool {
		_, archive, _ := strings.Cut(string(r.ask("GET", "/v1/targets", "").body), `"name":"archive","type":"postgres",`)
		return strings.HasPrefix(archive, `"state":"running","lag_events":0,"lag_seconds":0.000,`) && strings.Contains(archive, `"dead_letters":1,"last_error":null,"last_error_at":null`)
	})
}

// targetExchanges try the routes of targets, after refuse.
func targetExchanges() []exchange {
	return []exchange{
		{method: "GET", path: "/v1/targets", status: 200, says: `"name":"archive"`, route: "GET /v1/targets"},
		{method: "GET", path: "/v1/targets?limit=1", status: 400, code: "malformed", field: "limit", route: "GET /v1/targets"},
		{method: "GET", path: "/v1/targets/archive/dead-letters?limit=1", status: 200, says: `{"dead_letters":[{"id":1,"instance":"refusals","error":"value too long for type character varying(100)"`, route: "GET /v1/targets/{name}/dead-letters"},
		{method: "GET", path: "/v1/targets/archive/dead-letters?cursor=1", status: 200, says: `{"dead_letters":[]}`, route: "GET /v1/targets/{name}/dead-letters"},
		{method: "GET", path: "/v1/targets/archive/dead-letters?limit=0", status: 400, code: "malformed", field: "limit", route: "GET /v1/targets/{name}/dead-letters"},
		{method: "GET", path: "/v1/targets/none/dead-letters", status: 404, code: "not_found", says: "no such target", route: "GET /v1/targets/{name}/dead-letters"},
		{method: "POST", path: "/v1/targets/archive/retry", status: 202, says: `"name":"archive"`, route: "POST /v1/targets/{name}/retry"},
		{method: "POST", path: "/v1/targets/archive/retry?dead_letter=1", status: 202, route: "POST /v1/targets/{name}/retry"},
		{method: "POST", path: "/v1/targets/archive/retry?dead_letter=9", status: 404, code: "not_found", says: "dead letter 9", route: "POST /v1/targets/{name}/retry"},
		{method: "POST", path: "/v1/targets/archive/retry?dead_letter=1&dead_letters=false", status: 400, code: "malformed", field: "dead_letter", route: "POST /v1/targets/{name}/retry"},
		{method: "POST", path: "/v1/targets/none/retry", status: 404, code: "not_found", route: "POST /v1/targets/{name}/retry"},
		{method: "DELETE", path: "/v1/targets/archive/dead-letters?dead_letter=9", status: 404, code: "not_found", says: "dead letter 9", route: "DELETE /v1/targets/{name}/dead-letters"},
		{method: "DELETE", path: "/v1/targets/archive/dead-letters?dead_letter=0", status: 400, code: "malformed", field: "dead_letter", route: "DELETE /v1/targets/{name}/dead-letters"},
		{method: "DELETE", path: "/v1/targets/none/dead-letters", status: 404, code: "not_found", says: "no such target", route: "DELETE /v1/targets/{name}/dead-letters"},
		{method: "DELETE", path: "/v1/targets/archive/dead-letters?dead_letter=1", status: 200, says: `{"discarded":1}`, route: "DELETE /v1/targets/{name}/dead-letters"},
		{method: "DELETE", path: "/v1/targets/archive/dead-letters", status: 200, says: `{"discarded":0}`, route: "DELETE /v1/targets/{name}/dead-letters"},
		{method: "POST", path: "/v1/targets/archive/replay", body: `{"from":"now"}`, status: 202, says: `"name":"archive"`, route: "POST /v1/targets/{name}/replay"},
		{method: "POST", path: "/v1/targets/archive/replay", body: `{"from":1,"instance":"refusals"}`, status: 202, route: "POST /v1/targets/{name}/replay"},
		{method: "POST", path: "/v1/targets/archive/replay", body: `{"from":100,"instance":"refusals"}`, status: 400, code: "malformed", says: "beyond instance refusals", route: "POST /v1/targets/{name}/replay"},
		{method: "POST", path: "/v1/targets/archive/replay", body: `{"from":"yesterday"}`, status: 400, code: "malformed", field: "from", route: "POST /v1/targets/{name}/replay"},
		{method: "POST", path: "/v1/targets/archive/replay", body: `{"from":-1}`, status: 400, code: "malformed", field: "from", route: "POST /v1/targets/{name}/replay"},
		{method: "POST", path: "/v1/targets/archive/replay", body: `{}`, status: 400, code: "malformed", field: "from", route: "POST /v1/targets/{name}/replay"},
		{method: "POST", path: "/v1/targets/archive/replay", body: `{"from":"now","instance":""}`, status: 400, code: "malformed", field: "instance", route: "POST /v1/targets/{name}/replay"},
		{method: "POST", path: "/v1/targets/archive/replay", body: `{"from":"now","instance":"nowhere"}`, status: 404, code: "not_found", route: "POST /v1/targets/{name}/replay"},
		{method: "POST", path: "/v1/targets/none/replay", body: `{"from":"now"}`, status: 404, code: "not_found", route: "POST /v1/targets/{name}/replay"},
		{method: "POST", path: "/v1/targets/archive/replay", body: `from=now`, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, code: "unsupported_media_type", route: "POST /v1/targets/{name}/replay"},
		{method: "POST", path: "/v1/targets/archive/replay", body: `{"from":"` + strings.Repeat("x", smallBody) + `"}`, status: 413, code: "too_large", route: "POST /v1/targets/{name}/replay"},
	}
}

// TestTargetsThatNobodyServes: on a directory they are seen and set, not run.
func TestTargetsThatNobodyServes(t *testing.T) {
	dir := t.TempDir()
	log, err := firn.Open(dir, firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	kind := target.NewKind("null", struct{}{}, func(struct{}, target.Environment) (target.Target, error) { return picky{}, nil })
	o := target.Options{Dir: dir + "/targets"}
	ran, err := target.Deliver(log, []target.Spec{{Name: "archive", Kind: kind}}, o)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it runs", func() bool { return ran.Status()[0].State == target.Running })
	ran.Close()
	offline, err := target.Offline(log, o)
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, log, Options{Targets: offline})
	r.must(202, "POST", "/v1/targets/archive/replay", `{"from":"beginning"}`)
	if got := string(r.must(200, "DELETE", "/v1/targets/archive/dead-letters", "").body); got != "{\"discarded\":0}\n" {
		t.Errorf("discarding is answered by %s", got)
	}
	if p := r.must(409, "POST", "/v1/targets/archive/retry", "").problem(t); p.Type != problemURN+codeNotRunning {
		t.Errorf("a retry is answered by %s", p.Type)
	}
}

// TestTargetsAreAudited: what is done with a target says who did it, and a key for
// some instances sees no dead letters of others.
func TestTargetsAreAudited(t *testing.T) {
	r := startDelivering(t, Options{})
	refuse(r)
	other := r.instance("other")
	_, all := r.key(auth.NewKey{Name: "all"})
	_, one := r.key(auth.NewKey{Name: "one", Instances: []string{other}})
	if got := string(r.must(200, "GET", "/v1/targets/archive/dead-letters", "", bearer(one)...).body); got != "{\"dead_letters\":[]}\n" {
		t.Errorf("a key for another instance sees %s", got)
	}
	r.must(202, "POST", "/v1/targets/archive/retry?dead_letters=false", "", bearer(all)...)
	r.must(202, "POST", "/v1/targets/archive/replay", `{"from":"now","instance":"refusals"}`, append(bearer(all), "Content-Type", jsonMedia)...)
	metrics := string(r.must(200, "GET", "/metrics", "", bearer(all)...).body)
	for _, want := range []string{`firn_target_dead_letters{target="archive",type="postgres"} 1`, `firn_target_state{state="running",target="archive",type="postgres"} 1`, `firn_target_delivered_total{target="archive",type="postgres"} `} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	r.must(403, "DELETE", "/v1/targets/archive/dead-letters", "", bearer(one)...)
	r.must(200, "DELETE", "/v1/targets/archive/dead-letters?dead_letter=1", "", bearer(all)...)
	r.must(200, "DELETE", "/v1/targets/archive/dead-letters", "", bearer(all)...)
	events := string(r.must(200, "GET", "/v1/instances/system/events?type=target.retried,target.replayed,target.discarded&order=asc", "", bearer(all)...).body)
	for _, want := range []string{
		`"payload":{"target":"archive","dead_letters":0}`, `"payload":{"target":"archive","instance":"refusals","from":"now"}`,
		`"payload":{"target":"archive","dead_letters":1,"dead_letter":1}`, `"event_type":"target.discarded"`,
	} {
		if !strings.Contains(events, want) || strings.Contains(events, `"actor":null`) {
			t.Errorf("system has %s, want %s by an actor", events, want)
		}
	}
}
