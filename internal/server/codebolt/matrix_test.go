package codebolt_test

import (
	"encoding/json/v2"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/server"
	"github.com/firnlog/firn/internal/server/codebolt"
)

// framesOf are what each operation is asked with, of an instance.
var framesOf = map[string]string{
	"eventLog.createInstance":   `{"name":"made by INSTANCE"}`,
	"eventLog.getInstance":      `{"instanceId":"INSTANCE"}`,
	"eventLog.listInstances":    `{}`,
	"eventLog.updateInstance":   `{"instanceId":"INSTANCE","description":"d"}`,
	"eventLog.appendEvent":      `{"instanceId":"INSTANCE"}`,
	"eventLog.appendEvents":     `{"instanceId":"INSTANCE","events":[{}]}`,
	"eventLog.queryEvents":      `{"query":{"from":{"instance":"INSTANCE"}}}`,
	"eventLog.getInstanceStats": `{"instanceId":"INSTANCE"}`,
	"eventLog.deleteInstance":   `{"instanceId":"INSTANCE"}`,
}

// comer is a way to come to a server that has keys.
type comer struct {
	name, secret string
	holds        auth.Set
	valid        bool
	elsewhere    bool // the key is for another instance than the one asked for
}

// comers are one of each kind.
func comers(t *testing.T, w *whole, log *firn.Log) []comer {
	t.Helper()
	make := func(n auth.NewKey) (*auth.Key, string) {
		n.Name = "k"
		k, secret, err := w.Keys().Create(t.Context(), auth.Owner(), n)
		if err != nil {
			t.Fatal(err)
		}
		return k, secret
	}
	other, err := log.CreateInstance(t.Context(), firn.Instance{Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	gone, revoked := make(auth.NewKey{Permissions: auth.All()})
	if _, err := w.Keys().Revoke(t.Context(), auth.Owner(), gone.ID); err != nil {
		t.Fatal(err)
	}
	_, all := make(auth.NewKey{Permissions: auth.All()})
	_, elsewhere := make(auth.NewKey{Permissions: auth.All(), Instances: []string{other.ID}})
	kinds := []comer{
		{name: "no key"}, {name: "a wrong key", secret: "firn_" + strings.Repeat("x", 40)}, {name: "a revoked key", secret: revoked},
		{name: "every permission", secret: all, holds: auth.All(), valid: true},
		{name: "every permission elsewhere", secret: elsewhere, holds: auth.All(), valid: true, elsewhere: true},
	}
	for _, p := range auth.Permissions() {
		_, secret := make(auth.NewKey{Permissions: auth.SetOf(p)})
		kinds = append(kinds, comer{name: string(p), secret: secret, holds: auth.SetOf(p), valid: true})
	}
	return kinds
}

// TestGateOfFrames sends every operation with every kind of key, on both paths.
func TestGateOfFrames(t *testing.T) {
	log, err := firn.Open(t.TempDir(), firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := serveLog(t, log, server.Options{})
	permissions := codebolt.PermissionsOfOperations()
	if len(framesOf) != len(permissions) || len(permissions) != 9 {
		t.Fatalf("%d of %d operations are tried", len(framesOf), len(permissions))
	}
	n := 0
	for _, c := range comers(t, w, log) {
		for path, parameter := range map[string]string{"/codebolt": "threadToken", "/plugin": "pluginToken"} {
			url := "ws://localhost:" + w.port + path + "?id=ws_1"
			if c.secret != "" {
				url += "&" + parameter + "=" + c.secret
			}
			ws, answer, err := websocket.Dial(t.Context(), url, nil) //nolint:bodyclose // Dial closes it
			if !c.valid {
				if err == nil || answer == nil || answer.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s with %s: %v, %v; want 401", path, c.name, answer, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s with %s: %v", path, c.name, err)
			}
			for op, required := range permissions {
				n++
				name := fmt.Sprintf("shop-%d", n)
				if _, err := log.CreateInstance(t.Context(), firn.Instance{Name: name}); err != nil {
					t.Fatal(err)
				}
				got, unknown := exchange(t, ws, op, name), exchange(t, ws, op, "none-"+name)
				what := fmt.Sprintf("%s on %s with %s: %+v", op, path, c.name, got)
				aboutOne := strings.Contains(framesOf[op], `INSTANCE"`) && op != "eventLog.createInstance"
				switch {
				case !c.holds.Has(required):
					if got.Success || !strings.Contains(got.Error, "lacks the permission "+string(required)) {
						t.Errorf("%s; want it refused for want of %s", what, required)
					}
				case c.elsewhere && op == "eventLog.createInstance":
					if got.Success || !strings.Contains(got.Error, "instances:manage") {
						t.Errorf("%s; want it refused", what)
					}
				case c.elsewhere && aboutOne:
					if got.Success || got.anonymous() != unknown.anonymous() {
						t.Errorf("%s; want what an unknown instance is answered with: %+v", what, unknown)
					}
				case !got.Success || c.elsewhere && strings.Contains(string(got.Data), "shop-"):
					t.Errorf("%s; want it done, for what the key is for", what)
				}
			}
			_ = ws.CloseNow()
		}
	}
}

type framed struct {
	Success bool
	Error   string
	Data    rawJSON
}

type rawJSON []byte

func (r *rawJSON) UnmarshalJSON(text []byte) error { *r = append(*r, text...); return nil }

var named = regexp.MustCompile(`(none-)?shop-\d+`)

func (f framed) anonymous() string { return named.ReplaceAllString(f.Error, "") }

// exchange does an operation on an instance.
func exchange(t *testing.T, ws *websocket.Conn, op, instance string) framed {
	t.Helper()
	frame := fmt.Sprintf(`{"type":%q,"requestId":"1","params":%s}`, op, strings.ReplaceAll(framesOf[op], "INSTANCE", instance))
	if err := ws.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		t.Fatal(err)
	}
	_, text, err := ws.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var answer framed
	if err := json.Unmarshal(text, &answer, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	return answer
}
