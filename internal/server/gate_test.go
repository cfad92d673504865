package server

import (
	"bytes"
	"encoding/json/jsontext"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
)

// key makes a key as the owner of the machine does.
func (r *running) key(n auth.NewKey) (*auth.Key, string) {
	r.t.Helper()
	if n.Name == "" {
		n.Name = "test"
	}
	if n.Permissions == 0 {
		n.Permissions = auth.All()
	}
	k, secret, err := r.Keys().Create(r.t.Context(), auth.Owner(), n)
	if err != nil {
		r.t.Fatal(err)
	}
	return k, secret
}

// instance makes an instance with one event, e1, behind the server's back.
func (r *running) instance(name string) string {
	r.t.Helper()
	in, err := r.log.CreateInstance(r.t.Context(), firn.Instance{Name: name})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.log.Append(r.t.Context(), firn.AppendRequest{Instance: in.ID, Events: []event.Draft{{ID: "e1", EventType: "test.made"}}}); err != nil {
		r.t.Fatal(err)
	}
	return in.ID
}

func bearer(secret string) []string { return []string{"Authorization", "Bearer " + secret} }

// credential is a way to come to a server that has keys.
type credential struct {
	name   string
	secret string // empty = none
	holds  auth.Set
	// valid says that it is a key at all, elsewhere that it is one for an
	// instance that nobody asks for.
	valid, elsewhere bool
}

// credentials are one of each kind.
func credentials(r *running, expire func()) []credential {
	r.t.Helper()
	other := r.instance("other")
	gone, revoked := r.key(auth.NewKey{Name: "revoked"})
	if _, err := r.Keys().Revoke(r.t.Context(), auth.Owner(), gone.ID); err != nil {
		r.t.Fatal(err)
	}
	_, expired := r.key(auth.NewKey{Name: "expired", ExpiresAt: r.opts.Now().Add(time.Second)})
	expire()
	_, all := r.key(auth.NewKey{Name: "all"})
	_, elsewhere := r.key(auth.NewKey{Name: "elsewhere", Instances: []string{other}})
	kinds := []credential{
		{name: "none"}, {name: "wrong", secret: "firn_" + strings.Repeat("x", 40)}, {name: "revoked", secret: revoked}, {name: "expired", secret: expired},
		{name: "elsewhere", secret: elsewhere, holds: auth.All(), valid: true, elsewhere: true},
		{name: "all", secret: all, holds: auth.All(), valid: true},
	}
	for _, p := range auth.Permissions() {
		_, secret := r.key(auth.NewKey{Name: "only " + string(p), Permissions: auth.SetOf(p)})
		kinds = append(kinds, credential{name: string(p), secret: secret, holds: auth.SetOf(p), valid: true})
	}
	return kinds
}

// bodies are what routes with a body are asked with; "shop" stands for the
// instance.
var bodies = map[string]string{
	"createInstance": `{"name":"made by shop"}`, "updateInstance": `{"description":"x"}`, "appendEvents": `{"event_type":"a"}`, "recordImport": `{"state":"started","job_id":"j"}`,
	"query": `{"from":{"instance":"shop"}}`, "createKey": `{"name":"x","permissions":["keys:manage"]}`,
	"putCatalogEntry": `{"description":"x"}`, "putView": `{"instance":"shop"}`, "replayTarget": `{"from":"now"}`,
}

// probe asks a route for an instance with a credential and reads the answer as
// far as it ends.
func probe(r *running, row *route, instance, secret, known string) reply {
	r.t.Helper()
	path := strings.NewReplacer("{instance}", instance, "{id}", "e1", "{key}", "none", "{event_type}", "a.b", "{view}", "all", "{name}", "archive", "{$}", "").Replace(row.path)
	body := ""
	switch {
	case row.name == "signIn":
		body = `{"key":"` + known + `"}`
	case len(row.body) > 0:
		body = "{}"
		if b, ok := bodies[row.name]; ok {
			body = strings.ReplaceAll(b, "shop", instance)
		}
	}
	switch {
	case row.instance != nil:
		path += "?instance=" + instance
	case row.name == "purgeEvents":
		path += "?type=none"
	}
	req, err := http.NewRequestWithContext(r.t.Context(), row.method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", jsonMedia)
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", row.method, path, err)
	}
	defer resp.Body.Close()
	answer := reply{status: resp.StatusCode, header: resp.Header}
	if row.name != "tail" || resp.StatusCode >= 400 { // a tail does not end
		if answer.body, err = io.ReadAll(resp.Body); err != nil {
			r.t.Fatalf("%s %s: %v", row.method, path, err)
		}
	}
	return answer
}

// TestGate asks every route with every kind of credential.
func TestGate(t *testing.T) {
	var minutes atomic.Int64
	begin := time.Now()
	r := start(t, Options{Now: func() time.Time { return begin.Add(time.Duration(minutes.Load()) * time.Minute) }})
	pass := func() { minutes.Add(1) }
	kinds := credentials(r, pass)
	known := kinds[5].secret
	n := 0
	for i := range r.routes {
		row := &r.routes[i]
		if row.page {
			continue // TestViewerTellsNobodyWhatIsThere
		}
		for _, c := range kinds {
			pass() // so that failed sign-ins are forgotten
			n++
			instance := fmt.Sprintf("shop-%d", n)
			r.instance(instance)
			answer := probe(r, row, instance, c.secret, known)
			what := fmt.Sprintf("%s %s with %s: %s", row.method, row.path, c.name, answer)
			checkCell(t, r, row, c, answer, instance, what)
		}
	}
}

// checkCell checks one answer of the matrix.
func checkCell(t *testing.T, r *running, row *route, c credential, answer reply, instance, what string) {
	t.Helper()
	required, stated := row.permission.asked()
	about := row.instance != nil || strings.Contains(row.path, "{instance}") || row.name == "query" || row.name == "putView"
	switch {
	case !stated:
		t.Errorf("%s %s states no permission", row.method, row.path)
	case row.permission == open:
		if answer.status >= 300 {
			t.Errorf("%s; it is open", what)
		}
	case !c.valid:
		if answer.status != 401 || answer.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s, want 401", what)
		}
	case required != "" && !c.holds.Has(required):
		if answer.status != 403 || (row.door == nil && answer.problem(t).RequiredPermission != string(required)) {
			t.Errorf("%s, want 403 for want of %s", what, required)
		}
	case c.elsewhere && about:
		unknown := probe(r, row, "none-"+instance, c.secret, "")
		if answer.status != 404 || anonymous(answer) != anonymous(unknown) {
			t.Errorf("%s, want what an unknown instance is answered with: %s", what, unknown)
		}
	case c.elsewhere && (row.name == "createInstance" || row.name == "createKey" || row.permission == catalogManage || row.permission == targetsManage && row.method != http.MethodGet):
		if answer.status != 403 {
			t.Errorf("%s, want 403: the key is for another instance only", what)
		}
	case c.elsewhere:
		if answer.status == 401 || answer.status == 403 || bytes.Contains(answer.body, []byte("shop-")) {
			t.Errorf("%s; it must hold nothing of other instances", what)
		}
	default:
		if answer.status == 401 || answer.status == 403 || answer.status >= 500 {
			t.Errorf("%s; it must be let in", what)
		}
	}
}

var differs = regexp.MustCompile(`(none-)?shop-\d+|"request_id":"[^"]*"`)

// anonymous is an answer without what differs from one to the next.
func anonymous(a reply) string {
	return fmt.Sprintf("%d %s %s", a.status, a.header.Get("Content-Type"), differs.ReplaceAll(a.body, nil))
}

func TestRouteWithoutPermissionDoesNotStart(t *testing.T) {
	log, err := firn.Open(t.TempDir(), firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, p := range []permission{"", "events:write", "everything"} {
		bad := route{method: "GET", path: "/bad", name: "bad", permission: p}
		if err := checkRoutes([]route{bad}); err == nil {
			t.Errorf("permission %q is taken", p)
		}
		s := New(log, Options{Listen: []string{"127.0.0.1:0"}})
		s.invalid = checkRoutes([]route{bad})
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "GET /bad") {
			t.Errorf("Run: %v", err)
		}
		if _, err := s.admit(&request{Request: &http.Request{}, route: &bad}); err == nil {
			t.Error("what states no permission is admitted")
		}
	}
	if err := checkRoutes(New(log, Options{}).routes); err != nil {
		t.Error(err)
	}
}

func TestKeysOfInstancesSeeNothingElse(t *testing.T) {
	r := start(t, Options{})
	shop, audit := r.instance("shop"), r.instance("audit")
	_, all := r.key(auth.NewKey{Name: "all"})
	_, one := r.key(auth.NewKey{Name: "one", Instances: []string{shop}})
	if got := r.must(200, "GET", "/v1/instances", "", bearer(one)...); bytes.Contains(got.body, []byte("audit")) || bytes.Contains(got.body, []byte("system")) || !bytes.Contains(got.body, []byte(shop)) {
		t.Errorf("a key for shop lists %s", got)
	}
	for _, name := range []string{"audit", audit, "system"} {
		r.must(404, "GET", "/v1/instances/"+name, "", bearer(one)...)
		r.must(404, "POST", "/v1/query", `{"from":{"instance":"`+name+`"}}`, bearer(one)...)
		r.must(404, "POST", "/v1/instances/"+name+"/events?auto_create=true", `{"event_type":"a"}`, bearer(one)...)
	}
	for _, name := range []string{"shop", shop} {
		r.must(200, "GET", "/v1/instances/"+name+"/events", "", bearer(one)...)
		r.must(200, "POST", "/v1/query", `{"from":{"instance":"`+name+`"}}`, bearer(one)...)
	}
	// A cursor of another instance opens nothing.
	r.must(201, "POST", "/v1/instances/audit/events", `[{"event_type":"a"},{"event_type":"b"}]`, bearer(all)...)
	var page struct {
		Next string `json:"next_cursor"`
	}
	r.must(200, "GET", "/v1/instances/audit/events?limit=1", "", bearer(all)...).decode(t, &page)
	if got := r.ask("GET", "/v1/instances/shop/events?cursor="+page.Next, "", bearer(one)...); got.status == 200 && bytes.Contains(got.body, []byte(audit)) {
		t.Errorf("a cursor of another instance: %s", got)
	}
	// An instance that takes the place of another is not the other.
	r.must(204, "DELETE", "/v1/instances/shop", "", bearer(all)...)
	r.instance("shop")
	r.must(404, "GET", "/v1/instances/shop/events", "", bearer(one)...)
}

func TestAutoCreateNeedsItsPermission(t *testing.T) {
	r := start(t, Options{})
	r.instance("shop")
	writer, append := r.key(auth.NewKey{Permissions: auth.SetOf(auth.EventsAppend)})
	_, both := r.key(auth.NewKey{Permissions: auth.SetOf(auth.EventsAppend, auth.InstancesManage)})
	r.must(201, "POST", "/v1/instances/shop/events?auto_create=true", `{"event_type":"a"}`, bearer(append)...)
	for _, kind := range []string{jsonMedia, ndjsonMedia} {
		p := r.must(403, "POST", "/v1/instances/new/events?auto_create=true", `{"event_type":"a"}`, "Authorization", "Bearer "+append, "Content-Type", kind).problem(t)
		if p.RequiredPermission != "instances:manage" {
			t.Errorf("%s: %+v", kind, p)
		}
	}
	r.must(201, "POST", "/v1/instances/new/events?auto_create=true", `{"event_type":"a"}`, bearer(both)...)
	denied := systemEvents(r, auth.TypeDenied)
	if len(denied) != 2 || *denied[0].Subject != "/v1/instances/new/events" || denied[0].Severity != event.Error || *denied[0].Actor != writer.ID {
		t.Errorf("recorded %+v", denied)
	}
	if want := `{"required_permission":"instances:manage","user_id":"` + writer.ID + `"}`; string(denied[0].Payload) != want {
		t.Errorf("recorded %s, want %s", denied[0].Payload, want)
	}
	made := systemEvents(r, "instance.created")
	if last := made[len(made)-1]; last.Actor == nil {
		t.Errorf("nobody made %s", last.Payload)
	}
}

// TestDoorsInstancesAreMadeByFirn: whoever may append everywhere makes those two
// and no other, and a key can be for one of them before it is there.
func TestDoorsInstancesAreMadeByFirn(t *testing.T) {
	r := start(t, Options{})
	shop := r.instance("shop")
	_, all := r.key(auth.NewKey{})
	_, writer := r.key(auth.NewKey{Permissions: auth.SetOf(auth.EventsAppend)})
	_, reader := r.key(auth.NewKey{Permissions: auth.SetOf(auth.EventsRead)})
	_, elsewhere := r.key(auth.NewKey{Permissions: auth.SetOf(auth.EventsAppend), Instances: []string{shop}})
	path := func(name string) string { return "/v1/instances/" + name + "/events?auto_create=true" }
	r.must(404, "POST", path("querybook"), `{"event_type":"a"}`, bearer(elsewhere)...)
	r.must(403, "POST", path("querybook"), `{"event_type":"a"}`, bearer(reader)...)
	r.must(403, "POST", path("Querybook"), `{"event_type":"a"}`, bearer(writer)...)
	r.must(404, "POST", "/v1/instances/querybook/events", `{"event_type":"a"}`, bearer(writer)...)
	r.must(201, "POST", path("querybook"), `{"event_type":"a"}`, bearer(writer)...)
	r.must(400, "POST", "/v1/keys", `{"name":"x","permissions":["events:append"],"instances":["none"]}`, bearer(all)...)
	var k shownKey
	for range 2 {
		r.must(201, "POST", "/v1/keys", `{"name":"x","permissions":["events:append"],"instances":["debug"]}`, bearer(all)...).decode(t, &k)
		r.must(201, "POST", path("debug"), `{"event_type":"a"}`, bearer(k.Key)...)
	}
	r.must(404, "POST", path("querybook"), `{"event_type":"a"}`, bearer(k.Key)...)
}

// systemEvents are the events of a type that Firn has recorded.
func systemEvents(r *running, eventType string) []event.Event {
	r.t.Helper()
	var some []event.Event
	err := r.log.Scan(r.t.Context(), firn.SystemInstance, nil, 0, func(events []event.Event) error {
		for _, e := range events {
			if e.EventType == eventType {
				e.Payload = append(jsontext.Value(nil), e.Payload...)
				some = append(some, e)
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return some
}

func TestOwnTypesAreNotForClients(t *testing.T) {
	r := start(t, Options{})
	_, all := r.key(auth.NewKey{})
	for _, own := range []string{"api_key.created", "auth.permission_denied", "auth.anything", "event_logs.purged", "retention.applied", "server.started", "setting.updated", "instance.deleted"} {
		r.must(400, "POST", "/v1/instances/system/events", `{"event_type":"`+own+`"}`, bearer(all)...)
	}
	r.must(201, "POST", "/v1/instances/system/events", `{"event_type":"lexicon.created"}`, bearer(all)...)
	r.must(200, "DELETE", "/v1/instances/system/events?until=now%2B1d", "", bearer(all)...)
	if n := len(systemEvents(r, auth.TypeCreated)); n != 1 {
		t.Errorf("%d api_key.created are left of 1", n)
	}
}

func TestWrongKeysAreSlowedDown(t *testing.T) {
	now := time.Now() // or a slow machine would give back what was taken
	r := start(t, Options{Now: func() time.Time { return now }})
	_, good := r.key(auth.NewKey{})
	for range 10 {
		r.must(401, "GET", "/v1/instances", "", bearer("firn_wrong")...)
	}
	answer := r.must(429, "GET", "/v1/instances", "", bearer("firn_wrong")...)
	if answer.problem(t); answer.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	r.must(429, "POST", "/v1/session", `{"key":"firn_wrong"}`)
	r.must(200, "GET", "/v1/instances", "", bearer(good)...)
	r.must(401, "GET", "/v1/instances", "")
}

func TestKeyRate(t *testing.T) {
	now := time.Now()
	r := start(t, Options{KeyRate: 2, Now: func() time.Time { return now }})
	_, one := r.key(auth.NewKey{})
	_, two := r.key(auth.NewKey{})
	for range 2 {
		r.must(200, "GET", "/v1/instances", "", bearer(one)...)
	}
	if got := r.must(429, "GET", "/v1/instances", "", bearer(one)...).header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After %q", got)
	}
	r.must(200, "GET", "/v1/instances", "", bearer(two)...)
	if err := (Options{KeyRate: -1}).withDefaults().Validate(); err == nil {
		t.Error("a negative rate is taken")
	}
}

// TestGuardHoldsWithKeys: a right key does not make a page of another site, or a
// name rebound to this machine, welcome.
func TestGuardHoldsWithKeys(t *testing.T) {
	r := start(t, Options{})
	_, all := r.key(auth.NewKey{})
	for _, evil := range [][]string{{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Host", "evil.example"}, {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"}} {
		for i := range r.routes {
			row := &r.routes[i]
			path := strings.NewReplacer("{instance}", "system", "{id}", "e1", "{key}", "none", "{$}", "").Replace(row.path)
			if got := r.ask(row.method, path, "", append(bearer(all), evil...)...); got.status != 403 {
				t.Errorf("%s %s with %v: %d, want 403", row.method, path, evil, got.status)
			}
		}
	}
}
