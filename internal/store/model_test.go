package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"encoding/json/jsontext"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/query"
)

// model is what the log should hold, in the plainest way.
type model struct {
	t     *rapid.T
	fs    *vfstest.FS
	clock *clock
	log   *Log
	apps  map[string]*modelInstance
}

type modelInstance struct {
	id     string
	events []event.Event // kept
	last   int64
	seqs   map[string]int64
	ids    map[string]event.Event // of all kept events
}

func newModel(t *rapid.T) *model {
	m := &model{t: t, fs: vfstest.New(), clock: newClock(), apps: map[string]*modelInstance{}}
	m.reopen()
	m.create("a")
	return m
}

func (m *model) options() Options {
	// A filter of a few ids is in memory, others are in their files.
	return Options{FS: m.fs, Now: m.clock.Now, Quiet: true, SealRows: 16, FilterMemory: 100, Report: func(r Report) {
		if r.Severity > event.Warning {
			m.t.Errorf("report: %s", r.Message)
		}
	}}
}

func (m *model) reopen() {
	l, err := Open("/data", m.options())
	if err != nil {
		m.t.Fatalf("open: %v", err)
	}
	m.log = l
}

func (m *model) create(name string) {
	in, err := m.log.CreateInstance(context.Background(), Instance{Name: name})
	if err != nil {
		m.t.Fatal(err)
	}
	m.apps[name] = &modelInstance{id: in.ID, seqs: map[string]int64{}, ids: map[string]event.Event{}}
}

func (m *model) app() (string, *modelInstance) {
	name := rapid.SampledFrom(slices.Sorted(maps.Keys(m.apps))).Draw(m.t, "instance")
	return name, m.apps[name]
}

// draft draws an event; its id is new, none, or one that was used before.
func (m *model) draft(app *modelInstance, batch int) event.Draft {
	n := rapid.IntRange(0, 9).Draw(m.t, "n")
	d := event.Draft{
		StreamID: fmt.Sprintf("s%d", rapid.IntRange(0, 2).Draw(m.t, "stream")), EventType: "type.of." + fmt.Sprint(n%3),
		Severity: event.Severity(1 + n%8), Payload: jsontext.Value(fmt.Sprintf(`{"n":%d}`, n)),
	}
	if n%4 == 0 {
		d.Actor = new("somebody")
	}
	if n%2 == 0 {
		d.Timestamp = time.UnixMicro(1_700_000_000_000_000 + int64(n)*1001).UTC()
	}
	switch rapid.IntRange(0, 3).Draw(m.t, "id") {
	case 0:
		d.ID = fmt.Sprintf("new-%d-%d", app.last, batch)
	case 1:
		if len(app.events) > 0 {
			e := rapid.SampledFrom(app.events).Draw(m.t, "again")
			d = event.Draft{ID: e.ID, StreamID: e.StreamID, EventType: e.EventType, Severity: e.Severity, Actor: e.Actor, Payload: e.Payload}
			if rapid.IntRange(0, 5).Draw(m.t, "changed") == 0 {
				d.Payload = jsontext.Value(`{"other":true}`)
			}
		}
	}
	return d
}

func (m *model) Append(t *rapid.T) {
	m.t = t
	name, app := m.app()
	var drafts []event.Draft
	used := map[string]bool{}
	for i := range rapid.IntRange(1, 12).Draw(t, "events") {
		d := m.draft(app, i)
		if d.ID != "" && used[d.ID] {
			continue
		}
		used[d.ID] = true
		drafts = append(drafts, d)
	}
	conflict := -1
	for i, d := range drafts {
		if held, ok := app.ids[d.ID]; ok && d.ID != "" && string(held.Payload) != string(d.Payload) && conflict < 0 {
			conflict = i
		}
	}
	receipts, err := m.log.Append(context.Background(), AppendRequest{Instance: name, Events: drafts})
	if conflict >= 0 {
		var want *IDConflictError
		if !errors.As(err, &want) || want.ID == "" {
			t.Fatalf("other content under id %q: %v", drafts[conflict].ID, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range drafts {
		app.add(t, &d, receipts[i])
	}
}

// add takes an acknowledged event into the model, after checking its receipt.
func (a *modelInstance) add(t *rapid.T, d *event.Draft, r Receipt) {
	if held, ok := a.ids[d.ID]; ok && d.ID != "" {
		if !r.Duplicate || r.Position != held.Position || r.SequenceNumber != held.SequenceNumber || r.StreamID != held.StreamID {
			t.Fatalf("id %q is at %d/%d, the receipt says %+v", d.ID, held.Position, held.SequenceNumber, r)
		}
		return
	}
	a.last++
	a.seqs[d.StreamID]++
	e := event.Event{
		ID: r.ID, InstanceID: a.id, StreamID: d.StreamID, SequenceNumber: a.seqs[d.StreamID], Position: a.last, EventType: d.EventType,
		Timestamp: r.Timestamp, RecordedAt: r.RecordedAt, Severity: d.Severity, Actor: d.Actor, Payload: d.Payload, Metadata: jsontext.Value("{}"),
	}
	if r.Duplicate || r.Position != e.Position || r.SequenceNumber != e.SequenceNumber || d.ID != "" && r.ID != d.ID {
		t.Fatalf("event %+v has the receipt %+v", e, r)
	}
	a.events = append(a.events, e)
	a.ids[e.ID] = e
}

func (m *model) ExpectedSequence(t *rapid.T) {
	m.t = t
	name, app := m.app()
	stream := fmt.Sprintf("s%d", rapid.IntRange(0, 3).Draw(t, "stream"))
	expected := rapid.Int64Range(0, 5).Draw(t, "expected")
	d := event.Draft{StreamID: stream, EventType: "t", Severity: event.Info, Payload: jsontext.Value("{}")}
	r, err := m.log.Append(context.Background(), AppendRequest{Instance: name, Events: []event.Draft{d}, ExpectedSequence: &expected})
	if expected == app.seqs[stream] {
		if err != nil {
			t.Fatal(err)
		}
		app.add(t, &d, r[0])
		return
	}
	var want *SequenceError
	if !errors.As(err, &want) || want.Actual != app.seqs[stream] {
		t.Fatalf("expected_sequence %d of stream %q at %d: %v", expected, stream, app.seqs[stream], err)
	}
}

func (m *model) CreateInstance(t *rapid.T) {
	m.t = t
	if len(m.apps) < 3 {
		m.create(fmt.Sprintf("i%d", rapid.IntRange(0, 1000).Filter(func(i int) bool { return m.apps[fmt.Sprintf("i%d", i)] == nil }).Draw(t, "name")))
	}
}

func (m *model) DeleteInstance(t *rapid.T) {
	m.t = t
	if len(m.apps) < 2 {
		return
	}
	name, _ := m.app()
	if err := m.log.DeleteInstance(context.Background(), name); err != nil {
		t.Fatal(err)
	}
	delete(m.apps, name)
}

func (m *model) Seal(t *rapid.T) {
	m.t = t
	if err := m.log.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (m *model) Compact(t *rapid.T) {
	m.t = t
	if err := m.log.round(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (m *model) Purge(t *rapid.T) {
	m.t = t
	name, app := m.app()
	where := query.Is(query.Field{Root: query.Severity, Name: "severity"}, query.Eq, query.SeverityValue(event.Severity(rapid.IntRange(1, 8).Draw(t, "severity"))))
	want := app.remove(func(e *event.Event) bool { return query.Match(where, e) })
	if n, err := m.log.Purge(context.Background(), name, where, false); err != nil || n != want {
		t.Fatalf("purge removed %d, want %d: %v", n, want, err)
	}
}

func (a *modelInstance) remove(gone func(e *event.Event) bool) (n int64) {
	a.events = slices.DeleteFunc(a.events, func(e event.Event) bool {
		if !gone(&e) {
			return false
		}
		delete(a.ids, e.ID)
		n++
		return true
	})
	return n
}

func (m *model) Retention(t *rapid.T) {
	m.t = t
	name, app := m.app()
	days := rapid.IntRange(0, 2).Draw(t, "days")
	if _, err := m.log.UpdateInstance(context.Background(), name, InstanceUpdate{RetentionDays: &days}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := m.log.UpdateInstance(context.Background(), name, InstanceUpdate{RetentionDays: new(0)}); err != nil {
			t.Fatal(err)
		}
	}()
	m.clock.advance(time.Duration(rapid.IntRange(0, 23).Draw(t, "hours")) * time.Hour)
	if days > 0 {
		cut := m.clock.Now().Add(-time.Duration(days) * 24 * time.Hour)
		app.remove(func(e *event.Event) bool { return e.RecordedAt.Before(cut) })
	}
	if err := m.log.ApplyRetention(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (m *model) ClockGoesBack(t *rapid.T) {
	m.t = t
	m.clock.advance(-time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
}

func (m *model) Reopen(t *rapid.T) {
	m.t = t
	if err := m.log.Close(); err != nil {
		t.Fatal(err)
	}
	m.reopen()
}

// Crash cuts the power: what is acknowledged must be there.
func (m *model) Crash(t *rapid.T) {
	m.t = t
	clone := m.fs.CrashClone(rapid.Uint64().Draw(t, "seed"), rapid.SampledFrom([]int{0, 50, 100}).Draw(t, "percent"))
	m.fs.PowerOff()
	_ = m.log.Close()
	m.fs = clone
	m.reopen()
}

// Check compares everything.
func (m *model) Check(t *rapid.T) {
	m.t = t
	for name, app := range m.apps {
		var got []event.Event
		err := m.log.Scan(context.Background(), name, nil, 0, func(events []event.Event) error {
			for _, e := range events {
				e.Payload, e.Metadata = e.Payload.Clone(), e.Metadata.Clone()
				got = append(got, e)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(app.events, got, cmp.Transformer("len", func(e []event.Event) []event.Event {
			if len(e) == 0 {
				return nil
			}
			return e
		})); d != "" && (len(app.events) > 0 || len(got) > 0) {
			t.Fatalf("instance %q (-model +log):\n%s", name, d)
		}
		m.checkStreams(t, name, app)
		if len(app.events) > 0 {
			want := app.events[len(app.events)/2]
			e, err := m.log.Get(context.Background(), name, want.ID)
			if err != nil || e.Position != want.Position {
				t.Fatalf("Get %q: position %d, want %d: %v", want.ID, e.Position, want.Position, err)
			}
		}
	}
}

func (m *model) checkStreams(t *rapid.T, name string, app *modelInstance) {
	streams, err := m.log.Streams(context.Background(), name, "", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	want := []Stream{}
	for _, s := range slices.Sorted(maps.Keys(app.seqs)) {
		n := int64(0)
		for i := range app.events {
			if app.events[i].StreamID == s {
				n++
			}
		}
		want = append(want, Stream{Name: s, LastSequence: app.seqs[s], Events: n})
	}
	if d := cmp.Diff(want, append([]Stream{}, streams...)); d != "" {
		t.Fatalf("streams of %q (-model +log):\n%s", name, d)
	}
}

// TestModel does random things to a log and compares it with the model after
// each of them.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		defer func() { _ = io.Closer(m.log).Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"Append": m.Append, "AppendMore": m.Append, "ExpectedSequence": m.ExpectedSequence,
			"CreateInstance": m.CreateInstance, "DeleteInstance": m.DeleteInstance, "Seal": m.Seal, "Compact": m.Compact,
			"Purge": m.Purge, "Retention": m.Retention, "ClockGoesBack": m.ClockGoesBack,
			"Reopen": m.Reopen, "Crash": m.Crash, "": m.Check,
		})
	})
}
