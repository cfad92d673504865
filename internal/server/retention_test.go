package server

import (
	"fmt"
	"testing"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// TestRetentionInForceIsRecorded: each change of what is in force for system is
// recorded once, whether an override comes, changes or goes.
func TestRetentionInForceIsRecorded(t *testing.T) {
	dir := t.TempDir()
	for _, x := range []struct {
		override *int
		set      *int // stored meanwhile
		want     string
	}{
		{nil, nil, `[]`},
		{new(30), nil, `[]`},
		{new(7), nil, `["30→7"]`},
		{new(7), new(90), `["30→7"]`}, // stored, but not in force
		{new(0), nil, `["30→7" "7→0"]`},
		{nil, nil, `["30→7" "7→0" "0→90"]`},
		{nil, new(60), `["30→7" "7→0" "0→90" "90→60"]`},
		{nil, nil, `["30→7" "7→0" "0→90" "90→60"]`},
	} {
		log, err := firn.Open(dir, firn.Options{SystemRetention: x.override})
		if err != nil {
			t.Fatal(err)
		}
		s := New(log, Options{})
		if err := s.noteRetention(t.Context()); err != nil {
			t.Fatal(err)
		}
		if x.set != nil {
			if _, err := log.UpdateInstance(t.Context(), firn.SystemInstance, firn.InstanceUpdate{RetentionDays: x.set}); err != nil {
				t.Fatal(err)
			}
		}
		if got := changesOfRetention(t, log); got != x.want {
			t.Errorf("override %v, set %v: %s, want %s", x.override, x.set, got, x.want)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// changesOfRetention lists what was recorded, in order.
func changesOfRetention(t *testing.T, log *firn.Log) string {
	t.Helper()
	changes := []string{}
	where, err := query.ParseCondition([]byte(`{"field":"event_type","operator":"eq","value":"event_logs.retention_changed"}`), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	err = log.Scan(t.Context(), firn.SystemInstance, where, 0, func(events []event.Event) error {
		for i := range events {
			from, _ := event.Member(events[i].Payload, "from")
			to, _ := event.Member(events[i].Payload, "to")
			changes = append(changes, fmt.Sprintf("%s→%s", from, to))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%q", changes)
}
