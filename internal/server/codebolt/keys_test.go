package codebolt

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/firnlog/firn/internal/auth"
)

// TestKeysAreAskedPerOperation has keys that may do some, revoked in between.
func TestKeysAreAskedPerOperation(t *testing.T) {
	r := start(t, Options{})
	owner := r.connect(nil)
	owner.must("createInstance", `{"name":"mine"}`)
	owner.must("createInstance", `{"name":"other"}`)
	mine, err := r.log.Instance("mine")
	if err != nil {
		t.Fatal(err)
	}
	keys := auth.NewKeys(r.log, auth.KeysOptions{})
	gate := auth.NewGate(keys, auth.GateOptions{})
	made, secret, err := keys.Create(t.Context(), auth.Owner(), auth.NewKey{
		Name: "k", Permissions: auth.SetOf(auth.EventsRead, auth.EventsAppend, auth.InstancesManage), Instances: []string{mine.ID}})
	if err != nil {
		t.Fatal(err)
	}
	if r.caller, err = gate.Authenticate(secret, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	c := r.connect(nil)
	c.must("appendEvent", `{"instanceId":"mine"}`)
	c.must("queryEvents", `{"query":{"from":{"instance":"`+mine.ID+`"}}}`)
	c.must("updateInstance", `{"instanceId":"mine","description":"d"}`)
	if got := c.must("listInstances", `{}`); strings.Count(got, `"name"`) != 1 {
		t.Errorf("a key of one instance sees %s", got)
	}
	for _, x := range []struct{ op, params, says string }{
		{"getInstance", `{"instanceId":"other"}`, "not found"},
		{"getInstanceStats", `{"instanceId":"other"}`, "not found"},
		{"queryEvents", `{"query":{"from":{"instance":"other"}}}`, "not found"},
		{"appendEvent", `{"instanceId":"other"}`, "not found"},
		{"appendEvents", `{"instanceId":"other","events":[{}]}`, "not found"},
		{"updateInstance", `{"instanceId":"other","description":"d"}`, "not found"},
		{"deleteInstance", `{"instanceId":"other"}`, "not found"},
		{"createInstance", `{"name":"new"}`, "instances:manage"},
		{"appendEvent", `{"instanceId":"new","autoCreateInstance":true}`, "instances:manage"},
		{"appendEvent", `{"instanceId":"other","autoCreateInstance":true}`, "instances:manage"},
	} {
		c.refused(x.op, x.params, x.says)
	}
	if _, err := keys.Revoke(t.Context(), auth.Owner(), made.ID); err != nil {
		t.Fatal(err)
	}
	c.expelled()
}

// TestTheFirstKeyEndsOpenConnections makes it behind a connection that has none.
func TestTheFirstKeyEndsOpenConnections(t *testing.T) {
	r := start(t, Options{})
	keys := auth.NewKeys(r.log, auth.KeysOptions{})
	var err error
	if r.caller, err = auth.NewGate(keys, auth.GateOptions{}).Anonymous(); err != nil {
		t.Fatal(err)
	}
	c := r.connect(nil)
	c.must("listInstances", `{}`)
	if _, _, err := keys.Create(t.Context(), auth.Owner(), auth.NewKey{Name: "k", Permissions: auth.All()}); err != nil {
		t.Fatal(err)
	}
	c.expelled()
}

func TestPermissionsOfOperations(t *testing.T) {
	r := start(t, Options{})
	keys := auth.NewKeys(r.log, auth.KeysOptions{})
	gate := auth.NewGate(keys, auth.GateOptions{})
	for _, p := range auth.Permissions() {
		_, secret, err := keys.Create(t.Context(), auth.Owner(), auth.NewKey{Name: "k", Permissions: auth.SetOf(p)})
		if err != nil {
			t.Fatal(err)
		}
		if r.caller, err = gate.Authenticate(secret, netip.Addr{}); err != nil {
			t.Fatal(err)
		}
		c := r.connect(nil)
		for name, op := range operations {
			e := c.call(strings.TrimPrefix(name, "eventLog."), `{"unknown":1}`) // let in, it fails for that
			denied := strings.Contains(e.Error, "lacks the permission "+string(op.permission))
			if denied != (op.permission != p) {
				t.Errorf("%s with %s: %s", name, p, e.Error)
			}
		}
	}
}

func TestKeyInTheURL(t *testing.T) {
	const k = "firn_0123456789012345678901234567890123456789"
	for query, want := range map[string]string{
		"":                              "",
		"id=ws_1":                       "",
		"id=ws_1&threadToken=" + k:      k,
		"pluginToken=" + k + "&FOO=bar": k,
		"agentTask=50% & more;&threadToken=firn%5F" + k[5:] + "&A=%zz": k,
		"threadToken=eyJhbGciOi":                     "",
		"agentTask=a&threadToken=x&threadToken=" + k: k,
		"token=" + k:         "",
		"threadToken=firn_%": "firn_%",
		"threadToken":        "",
	} {
		if got := key(query); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
}
