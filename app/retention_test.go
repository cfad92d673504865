package app

import (
	"bytes"
	"testing"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// TestRetentionPreviewIsWhatASweepRemoves counts what is to go of system, where
// some events are protected, as the log itself does.
func TestRetentionPreviewIsWhatASweepRemoves(t *testing.T) {
	dir := t.TempDir()
	log, err := firn.Open(dir, firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	days := log.SystemRetention()
	want := map[time.Time]int64{}
	for _, kind := range []string{"api_key.created", "retention.applied", "server.started"} {
		if _, err := log.Record(t.Context(), event.Draft{EventType: kind}); err != nil {
			t.Fatal(err)
		}
	}
	for _, after := range []int{days - 1, days + 1, 364, 367} {
		at := time.Now().AddDate(0, 0, after)
		if want[at], err = log.RetentionPreview(t.Context(), firn.SystemInstance, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	s, err := openDirectory(&environment{ctx: t.Context(), err: &said}, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	all, err := s.client.Instances(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("instances %+v, %v", all, err)
	}
	different := map[int64]bool{}
	for at, n := range want {
		got, err := s.countExpired(t.Context(), all[0], at)
		if err != nil || got != n {
			t.Errorf("at %s %d events would go, %v; a sweep removes %d", at.Format(time.DateOnly), got, err, n)
		}
		different[n] = true
	}
	if len(different) != 3 {
		t.Errorf("a sweep removes %v: the times prove nothing", want)
	}
}
