package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

func condition(t testing.TB, text string) query.Condition {
	t.Helper()
	c, err := query.ParseCondition([]byte(text), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPurge(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet(t))
	create(t, l, "app")
	appendTo(t, l, "app", samples(100)...)
	seal(t, l)
	appendTo(t, l, "app", samples(50)...)
	where := condition(t, `{"field":"severity","operator":"eq","value":"info"}`)
	n, err := l.Purge(context.Background(), "app", where, true)
	if err != nil || n != 20 {
		t.Fatalf("dry run: %d, %v; want 20", n, err)
	}
	if got := len(all(t, l, "app")); got != 150 {
		t.Errorf("a dry run left %d events", got)
	}
	if n, err = l.Purge(context.Background(), "app", where, false); err != nil || n != 20 {
		t.Fatalf("purge: %d, %v; want 20", n, err)
	}
	check := func(l *Log) {
		t.Helper()
		got := all(t, l, "app")
		if len(got) != 130 {
			t.Errorf("%d events are left, want 130", len(got))
		}
		for _, e := range got {
			if e.Severity == event.Info {
				t.Errorf("position %d is still there", e.Position)
			}
		}
		streams, err := l.Streams(context.Background(), "app", "", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, s := range streams {
			sum += s.Events
			if s.LastSequence < 49 {
				t.Errorf("stream %+v has lost its last number", s)
			}
		}
		if sum != 130 {
			t.Errorf("streams have %d events: %+v", sum, streams)
		}
		system := all(t, l, SystemInstance)
		if last := system[len(system)-1]; last.EventType != typePurged {
			t.Errorf("the last event of system is %+v", last)
		}
	}
	check(l)
	closeLog(t, l)
	check(open(t, dir, quiet(t)))
}

func TestRetention(t *testing.T) {
	c := newClock()
	o := quiet(t)
	o.Now = c.Now
	l := open(t, t.TempDir(), o)
	create(t, l, "app")
	days := 7
	if _, err := l.UpdateInstance(context.Background(), "app", InstanceUpdate{RetentionDays: &days}); err != nil {
		t.Fatal(err)
	}
	for day := range 10 {
		appendTo(t, l, "app", samples(10)...)
		if day == 4 {
			seal(t, l)
		}
		c.advance(23 * time.Hour)
		if err := l.ApplyRetention(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	got := all(t, l, "app")
	cut := c.Now().Add(-7 * 24 * time.Hour)
	for _, e := range got {
		if e.RecordedAt.Before(cut) {
			t.Errorf("position %d of %s is still there", e.Position, e.RecordedAt)
		}
	}
	if len(got) != 70 || got[0].Position != 31 {
		t.Errorf("%d events from position %d are kept, want 70 from 31", len(got), got[0].Position)
	}
}

func TestRetentionWaitsWhenTheClockJumps(t *testing.T) {
	c := newClock()
	o := Options{Quiet: true, Now: c.Now}
	l := open(t, t.TempDir(), o)
	if _, err := l.CreateInstance(context.Background(), Instance{Name: "app", RetentionDays: 1}); err != nil {
		t.Fatal(err)
	}
	appendTo(t, l, "app", samples(10)...)
	c.advance(10 * 365 * 24 * time.Hour)
	if err := l.ApplyRetention(context.Background()); !errors.Is(err, ErrClockJump) {
		t.Fatalf("ten years ahead: %v, want ErrClockJump", err)
	}
	if got := len(all(t, l, "app")); got != 10 {
		t.Fatalf("%d events are left", got)
	}
	if err := l.ConfirmClock(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := l.ApplyRetention(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := len(all(t, l, "app")); got != 0 {
		t.Errorf("%d events are left after the operator's word", got)
	}
	r := appendTo(t, l, "app", sample(0))
	if r[0].Position != 11 || r[0].SequenceNumber != 5 {
		t.Errorf("numbers are used again: %+v", r[0])
	}
}

func TestCompaction(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet(t))
	create(t, l, "app")
	for i := range 40 {
		e := sample(i)
		e.ID = e.StreamID + "-" + string(e.Payload[5:7])
		appendTo(t, l, "app", e)
		seal(t, l)
	}
	before := all(t, l, "app")
	for _, in := range l.all() {
		if err := l.compact(context.Background(), in); err != nil {
			t.Fatal(err)
		}
	}
	if s := l.Stats(); s.Segments > 12 {
		t.Errorf("%d segments are left of 41", s.Segments)
	}
	if d := cmp.Diff(before, all(t, l, "app")); d != "" {
		t.Errorf("after compaction (-before +after):\n%s", d)
	}
	closeLog(t, l)
	l = open(t, dir, quiet(t))
	if d := cmp.Diff(before, all(t, l, "app")); d != "" {
		t.Errorf("after reopening (-before +after):\n%s", d)
	}
	for _, e := range before {
		if got, err := l.Get(context.Background(), "app", e.ID); err != nil || got.Position != e.Position {
			t.Errorf("Get %q: position %d, %v", e.ID, got.Position, err)
		}
	}
}

func TestDeleteInstance(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet(t))
	create(t, l, "app")
	appendTo(t, l, "app", samples(10)...)
	seal(t, l)
	appendTo(t, l, "app", samples(10)...)
	if err := l.DeleteInstance(context.Background(), "app"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Instance("app"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after deletion: %v", err)
	}
	create(t, l, "app")
	if got := all(t, l, "app"); len(got) != 0 {
		t.Errorf("a new instance of that name has %d events", len(got))
	}
	closeLog(t, l)
	l = open(t, dir, quiet(t))
	if got := all(t, l, "app"); len(got) != 0 {
		t.Errorf("after reopening it has %d events", len(got))
	}
	if err := l.DeleteInstance(context.Background(), SystemInstance); !errors.Is(err, ErrInvalid) {
		t.Errorf("deleting system: %v", err)
	}
}
