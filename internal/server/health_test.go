package server

import (
	"strings"
	"testing"

	firn "github.com/firnlog/firn"
)

func TestUnready(t *testing.T) {
	if err := unready(firn.Health{LostRanges: 3, Unindexed: 1}, false, false); err != nil {
		t.Errorf("what is lost makes the server unready: %v", err)
	}
	for _, x := range []struct {
		full, failed, stopping bool
		says                   []string
	}{
		{true, false, false, []string{"disk: is full", "507"}},
		{false, true, false, []string{"log: a write to the disk failed"}},
		{false, false, true, []string{"server: is stopping"}},
	} {
		p, known := problemOf(unready(firn.Health{NoSpace: x.full}, x.failed, x.stopping))
		for _, word := range x.says {
			if !known || p.Status != 503 || !strings.Contains(p.Detail, word) {
				t.Errorf("%+v: %+v", x, p)
			}
		}
	}
	if p, _ := problemOf(unready(firn.Health{NoSpace: true}, true, true)); len(p.Errors) != 3 {
		t.Errorf("of three reasons %+v are told", p.Errors)
	}
}

// TestTheRetentionInForceIsShown: an override of the environment holds for
// system, whatever is stored.
func TestTheRetentionInForceIsShown(t *testing.T) {
	log, err := firn.Open(t.TempDir(), firn.Options{SystemRetention: new(7)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	r := serve(t, log, Options{})
	r.must(201, "POST", "/v1/instances", `{"name":"shop","retention_days":30}`)
	for _, ask := range [][3]string{
		{"GET", "/v1/instances/system", ""}, {"GET", "/v1/instances", ""}, {"PATCH", "/v1/instances/system", `{"retention_days":90}`},
	} {
		got := string(r.must(200, ask[0], ask[1], ask[2]).body)
		_, system, _ := strings.Cut(got, `"name":"system"`)
		if !strings.Contains(system, `"retention_days":7,`) {
			t.Errorf("%s %s: %s", ask[0], ask[1], got)
		}
	}
	if got := r.must(200, "GET", "/v1/instances/shop", ""); !strings.Contains(string(got.body), `"retention_days":30,`) {
		t.Errorf("another instance: %s", got)
	}
}
