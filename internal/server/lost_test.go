package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	firn "github.com/firnlog/firn"
)

// TestLostRangesAreTold damages a segment: whatever is asked for comes from the
// rest and says what it lacks.
func TestLostRangesAreTold(t *testing.T) {
	dir := t.TempDir()
	log, err := firn.Open(dir, firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, log, Options{})
	r.must(201, "POST", "/v1/instances", `{"name":"x"}`)
	for range 2 {
		r.appendN("x", "s", 5)
		if err := log.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.appendN("x", "s", 5)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "log/instances/*/segments/00000000000000000006-*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("not a segment any more"), 0o600); err != nil {
		t.Fatal(err)
	}
	if log, err = firn.Open(dir, firn.Options{}); err != nil {
		t.Fatal(err)
	}
	r = serve(t, log, Options{})
	const lost = `"lost":[{"first":6,"last":10}]`
	for _, ask := range [][3]string{
		{"POST", "/v1/query", `{"from":{"instance":"x"},"reduce":{"type":"count"}}`},
		{"POST", "/v1/query", `{"from":{"instance":"x"}}`},
		{"GET", "/v1/instances/x/events", ""},
		{"GET", "/v1/instances/x/stats", ""},
	} {
		if got := r.must(200, ask[0], ask[1], ask[2]); !strings.Contains(string(got.body), lost) {
			t.Errorf("%s %s: %s", ask[0], ask[1], got)
		}
	}
	if got := r.must(200, "GET", "/readyz", ""); string(got.body) != `{"status":"ok","lost_ranges":1}`+"\n" {
		t.Errorf("readyz: %s", got)
	}
	if got := r.must(200, "GET", "/metrics", ""); !strings.Contains(string(got.body), "\nfirn_lost_ranges 1\n") || !strings.Contains(string(got.body), "\nfirn_disk_full 0\n") {
		t.Errorf("metrics: %s", got)
	}
	got := r.must(200, "GET", "/v1/instances/x/export", "")
	if named := got.header.Get(lostHeader); named != "6-10" || strings.Count(string(got.body), "\n") != 10 {
		t.Errorf("export lacks %q: %s", named, got)
	}
}
