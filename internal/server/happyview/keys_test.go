package happyview_test

import (
	"encoding/json/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/server/happyview"
)

func eventsOf(types ...string) []event.Draft {
	drafts := make([]event.Draft, len(types))
	for i, typ := range types {
		drafts[i].EventType = typ
	}
	return drafts
}

// enter makes a key on the machine and uses it from now on.
func (d *desk) enter(permissions auth.Set, instances ...string) *auth.Key {
	d.t.Helper()
	wanted := auth.NewKey{Name: "first", Permissions: permissions}
	for _, name := range instances {
		in, err := d.log.Instance(name)
		if err != nil {
			d.t.Fatal(err)
		}
		wanted.Instances = append(wanted.Instances, in.ID)
	}
	made, secret, err := d.server.Keys().Create(d.t.Context(), auth.Owner(), wanted)
	if err != nil {
		d.t.Fatal(err)
	}
	d.key = secret
	return made
}

func TestKeys(t *testing.T) {
	d := open(t, happyview.Options{})
	first := d.enter(auth.SetOf(auth.KeysManage, auth.EventsRead))

	answer := d.ask("POST", "/admin/api-keys", `{"name":"ci","permissions":["events:read","api-keys:create","api-keys:read"]}`)
	var made struct {
		ID, Name, Key string
		KeyPrefix     string `json:"key_prefix"`
		Permissions   []string
	}
	if err := json.Unmarshal([]byte(answer.body), &made, json.MatchCaseInsensitiveNames(true)); err != nil || answer.status != 201 {
		t.Fatalf("%d %s: %v", answer.status, answer.body, err)
	}
	if want := `{"id":"` + made.ID + `","name":"ci","key":"` + made.Key + `","key_prefix":"` + made.Key[:11] + `","permissions":["events:read","keys:manage"]}`; answer.body != want {
		t.Errorf("%s, want %s", answer.body, want)
	}

	for body, want := range map[string]reply{
		`{"name":"x","permissions":["events:purge"]}`:  {status: 403, body: `{"error":"Cannot grant API key permission you don't have: events:purge"}`},
		`{"name":"x","permissions":["lexicons:read"]}`: {status: 400, body: `"lexicons:read`},
		`{"name":"","permissions":["events:read"]}`:    {status: 400, body: `{"error":"name`},
		`{"name":"x","permissions":[]}`:                {status: 400, body: `{"error":"permissions`},
		`{"name":"x","permissions":"events:read"}`:     {status: 400, body: `{"error":"the body must be`},
		`nonsense`: {status: 400, body: `{"error":"the body must be`},
		`{"name":"x\ud800","permissions":["events:read"]}`: {status: 400, body: `{"error":"the body must be`},
	} {
		answer := d.ask("POST", "/admin/api-keys", body)
		if answer.status != want.status || !strings.Contains(strings.ReplaceAll(answer.body, `\"`, `"`), want.body) {
			t.Errorf("%s: %d %s; want %d %s", body, answer.status, answer.body, want.status, want.body)
		}
	}

	var rows []map[string]any
	answer = d.ask("GET", "/admin/api-keys", "")
	if err := json.Unmarshal([]byte(answer.body), &rows); err != nil {
		t.Fatalf("%s: %v", answer.body, err)
	}
	if len(rows) != 2 || rows[0]["id"] != made.ID || rows[1]["id"] != first.ID || rows[0]["last_used_at"] != nil || rows[0]["revoked_at"] != nil {
		t.Errorf("keys: %s", answer.body)
	}
	if want := `[{"id":"` + made.ID + `","name":"ci","key_prefix":"` + made.KeyPrefix + `","permissions":["events:read","keys:manage"],"created_at":"2026-03-01T11:00:00.000Z","last_used_at":null,"revoked_at":null},`; !strings.HasPrefix(answer.body, want) {
		t.Errorf("%s\nwant\n%s…", answer.body, want)
	}

	if answer := d.ask("DELETE", "/admin/api-keys/"+made.ID, ""); answer.status != 204 || answer.body != "" {
		t.Errorf("revoke: %d %s", answer.status, answer.body)
	}
	if answer := d.ask("DELETE", "/admin/api-keys/none", ""); answer.status != 404 || answer.body != `{"error":"api key 'none' not found"}` {
		t.Errorf("unknown: %d %s", answer.status, answer.body)
	}
	if _, types := d.list("?category=api_key"); !cmp.Equal(types, []string{"api_key.revoked", "api_key.created", "api_key.created"}) {
		t.Errorf("recorded: %v", types)
	}
	d.key = made.Key
	if answer := d.ask("GET", "/admin/events", ""); answer.status != 401 || answer.body != `{"error":"invalid or revoked API key"}` {
		t.Errorf("a revoked key: %d %s", answer.status, answer.body)
	}
}

func TestRefusedCallers(t *testing.T) {
	d := open(t, happyview.Options{})
	d.put("app", eventsOf("a.b")...)
	d.enter(auth.SetOf(auth.EventsAppend), "app")
	for _, x := range []struct {
		path, authorization string
		status              int
		body                string
	}{
		{"/admin/events", "", 401, `{"error":"missing Authorization header or session cookie"}`},
		{"/admin/events", "Basic dXNlcjpwYXNz", 401, `{"error":"invalid Authorization scheme"}`},
		{"/admin/events", "Bearer hv_0123456789abcdef0123456789abcdef", 401, `{"error":"invalid or revoked API key"}`},
		{"/admin/events?instance=app", "Bearer " + d.key, 403, `{"error":"InsufficientPermissions","message":"Missing permission: events:read"}`},
		{"/admin/api-keys", "Bearer " + d.key, 403, `{"error":"InsufficientPermissions","message":"Missing permission: keys:manage"}`},
	} {
		headers := []string{}
		if x.authorization != "" {
			headers = []string{"Authorization", x.authorization}
		}
		d.key = ""
		if answer := d.ask("GET", x.path, "", headers...); answer.status != x.status || answer.body != x.body {
			t.Errorf("%s: %d %s; want %d %s", x.path, answer.status, answer.body, x.status, x.body)
		}
	}
	d.enter(auth.SetOf(auth.EventsRead), "app")
	if answer := d.ask("GET", "/admin/events", ""); answer.status != 404 {
		t.Errorf("an instance that the key is not for: %d %s", answer.status, answer.body)
	}
	if _, types := d.list("?instance=app"); !cmp.Equal(types, []string{"a.b"}) {
		t.Errorf("its own: %v", types)
	}
}

func TestPermissions(t *testing.T) {
	d := open(t, happyview.Options{})
	answer := d.ask("GET", "/admin/permissions", "")
	if want := `[{"key":"events:read","name":"View Events","description":"Read and query events","category":"System"},`; !strings.HasPrefix(answer.body, want) {
		t.Errorf("%d %s", answer.status, answer.body)
	}
	var rows []map[string]string
	if err := json.Unmarshal([]byte(answer.body), &rows); err != nil || len(rows) != len(auth.Permissions()) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		if row["name"] == "" || row["description"] == "" || row["category"] == "" {
			t.Errorf("%v is not whole", row)
		}
	}
}
