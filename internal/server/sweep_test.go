package server

import (
	"sync/atomic"
	"testing"
	"time"

	firn "github.com/firnlog/firn"
)

// TestRetentionIsAppliedAtStartAndAgain: a server that starts removes what is too
// old by then, without waiting for an hour; what grows too old while it serves
// goes with a later sweep.
func TestRetentionIsAppliedAtStartAndAgain(t *testing.T) {
	var hours atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(hours.Load()) * time.Hour) }
	log, err := firn.Open(t.TempDir(), firn.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	if _, err := log.CreateInstance(t.Context(), firn.Instance{Name: "shop", RetentionDays: 1}); err != nil {
		t.Fatal(err)
	}
	// Of two events the first is 26 hours old at the end, the second 13; the
	// clock never goes a day at once, which would not be believed.
	age := func(r *running, first, second string) {
		for _, id := range []string{first, second} {
			r.must(201, "POST", "/v1/instances/shop/events", `{"event_type":"a.b","id":"`+id+`"}`)
			hours.Add(13)
		}
	}
	gone := func(r *running, first, second string) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); r.ask("GET", "/v1/instances/shop/events/"+first, "").status != 404; {
			if time.Now().After(deadline) {
				t.Fatalf("%s is still there", first)
			}
		}
		r.must(200, "GET", "/v1/instances/shop/events/"+second, "")
	}
	r := serve(t, log, Options{Now: now}) // which sweeps at once, and then in an hour
	age(r, "a", "b")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = serve(t, log, Options{Now: now})
	gone(r, "a", "b")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = serve(t, log, Options{Now: now, timing: timing{retention: time.Millisecond}})
	age(r, "c", "d")
	gone(r, "c", "d")
}
