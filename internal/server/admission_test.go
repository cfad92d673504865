package server

import (
	"testing"
)

// TestAppendsBeyondWhatIsStoredSoon: where as many bodies wait to be stored as
// may, an append is refused at once and nothing of it is stored; all else goes on;
// when they are stored, it is taken.
func TestAppendsBeyondWhatIsStoredSoon(t *testing.T) {
	r := start(t, Options{BodyMemory: 8 << 20})
	r.appendN("busy", "s", 1)
	const path = "/v1/instances/busy/events"
	waiting, err := r.appends.enter(r.appends.waiting.total)
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.end()
	for _, kind := range []string{jsonMedia, ndjsonMedia} {
		answer := r.must(503, "POST", path, `{"event_type":"a"}`, "Content-Type", kind)
		if p := answer.problem(t); p.Type != problemURN+codeOverloaded || answer.header.Get("Retry-After") == "" {
			t.Errorf("%s: %s, Retry-After %q", kind, answer, answer.header.Get("Retry-After"))
		}
	}
	if got := r.count("busy"); got != 1 {
		t.Errorf("%d events are stored, want 1", got)
	}
	waiting.end()
	r.must(201, "POST", path, `{"event_type":"a"}`)
	r.must(200, "POST", path, `{"event_type":"a"}`, "Content-Type", ndjsonMedia)
	if got := r.count("busy"); got != 3 {
		t.Errorf("%d events are stored, want 3", got)
	}
	if !r.appends.waiting.free.TryAcquire(r.appends.waiting.total) {
		t.Error("what was stored is waiting still")
	}
}

// TestOneLargeAppendGoesAlone: a body larger than all that may wait is taken
// where nothing else waits.
func TestOneLargeAppendGoesAlone(t *testing.T) {
	r := start(t, Options{BodyMemory: 64 << 10 * 4})
	r.appendN("large", "s", 1000)
	if got := r.count("large"); got != 1000 {
		t.Errorf("%d events are stored, want 1000", got)
	}
}
