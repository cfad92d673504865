package store

import (
	"strings"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
)

// TestBeginPurge: what is decided happens, also where the log was closed in
// between, and is recorded once under its id.
func TestBeginPurge(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet(t))
	create(t, l, "app")
	appendTo(t, l, "app", samples(100)...)
	where := condition(t, `{"field":"severity","operator":"eq","value":"info"}`)
	id, err := l.BeginPurge(WithActor(t.Context(), "ann"), "app", where)
	if err != nil {
		t.Fatal(err)
	}
	appendTo(t, l, "app", samples(50)...) // comes later: stays
	closeLog(t, l)

	l = open(t, dir, quiet(t))
	if err := l.carryOutAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := all(t, l, "app")
	for _, e := range got {
		if e.Severity == event.Info && e.Position <= 100 {
			t.Errorf("position %d is still there", e.Position)
		}
	}
	if len(got) < 130 {
		t.Errorf("%d events are left, want those that came later too", len(got))
	}
	var records []event.Event
	for _, e := range all(t, l, SystemInstance) {
		if e.EventType == typePurged {
			records = append(records, e)
		}
	}
	if len(records) != 1 || *records[0].Subject != id || *records[0].Actor != "ann" {
		t.Errorf("records %+v; want one of %s by ann", records, id)
	}
}

// TestSystemRetention: an option stands above what is stored, and what is stored
// comes back without it.
func TestSystemRetention(t *testing.T) {
	dir := t.TempDir()
	clock := newClock()
	o := quiet(t)
	o.Now, o.SystemRetention = clock.Now, new(7)
	l := open(t, dir, o)
	if _, err := l.UpdateInstance(t.Context(), SystemInstance, InstanceUpdate{RetentionDays: new(90)}); err != nil {
		t.Fatal(err)
	}
	for _, e := range all(t, l, SystemInstance) {
		if e.EventType == typeRetentionChanged {
			t.Errorf("recorded a change of what is not in force: %s", e.Payload)
		}
	}
	n, err := l.RetentionPreview(t.Context(), SystemInstance, clock.Now().Add(8*24*time.Hour))
	if err != nil || n == 0 {
		t.Errorf("after 8 days %d events would go, %v; want the one of the update", n, err)
	}
	closeLog(t, l)
	o.SystemRetention = nil
	l = open(t, dir, o)
	if days := l.SystemRetention(); days != 90 {
		t.Errorf("without the option %d days are in force, want the stored 90", days)
	}
}

func TestProtected(t *testing.T) {
	for _, p := range protectedPrefixes {
		if !Protected(p) || !Protected(p+"anything") || Protected(strings.TrimSuffix(p, ".")) {
			t.Errorf("%s: protected is a type that begins so", p)
		}
	}
}

// TestProtectedDays: what tells of keys stays for a year at least, and longer
// where an option says so, however short the retention is.
func TestProtectedDays(t *testing.T) {
	for option, days := range map[int]int{0: 365, 30: 365, 400: 400} {
		clock := newClock()
		o := quiet(t)
		o.Now, o.SystemRetention, o.ProtectedDays = clock.Now, new(7), option
		l := open(t, t.TempDir(), o)
		before := len(all(t, l, SystemInstance))
		for _, d := range []event.Draft{{EventType: "api_key.created"}, {EventType: "server.started"}} {
			if _, err := l.Record(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		for after, kept := range map[int]int{days - 1: 1, days + 1: 0} {
			n, err := l.RetentionPreview(t.Context(), SystemInstance, clock.Now().Add(time.Duration(after)*24*time.Hour))
			if want := int64(before + 2 - kept); err != nil || n != want {
				t.Errorf("option %d: after %d days %d events would go, %v; want %d", option, after, n, err, want)
			}
		}
	}
}
