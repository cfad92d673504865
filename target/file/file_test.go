package file_test

import (
	"cmp"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/file"
	"github.com/firnlog/firn/target/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTarget(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Place {
		dir := filepath.Join(t.TempDir(), "data", "events")
		return targettest.Place{
			Target: func(t testing.TB) target.Target { return newTarget(t, dir) },
			Read: func(t testing.TB) []targettest.Record {
				var records []targettest.Record
				for _, d := range readAll(t, dir) {
					records = append(records, targettest.Record{Type: d.Type, Timestamp: d.Timestamp, Payload: string(d.Data)})
				}
				return records
			},
			Break: func(t testing.TB) func() { return blockStaging(t, dir) },
		}
	})
}

// blockStaging puts a plain file where the target makes its files.
func blockStaging(t testing.TB, dir string) (heal func()) {
	staging := filepath.Join(dir, ".firn")
	must(t, os.MkdirAll(staging, 0o700))
	must(t, os.Rename(staging, staging+"-aside"))
	must(t, os.WriteFile(staging, nil, 0o600))
	return func() {
		must(t, os.Remove(staging))
		must(t, os.Rename(staging+"-aside", staging))
	}
}

// document is a file's content as a reader of whatshooked knows it, and where it
// is in the log.
type document struct {
	Type      string         `json:"type"`
	Timestamp time.Time      `json:"timestamp"`
	Data      jsontext.Value `json:"data"`
	Position  int64          `json:"position"`
	ID        string         `json:"id"`
	path      string
}

var namePattern = regexp.MustCompile(`^([A-Za-z0-9_%~-][A-Za-z0-9._%~-]*)/[0-9]{8}/[0-9]{2}_[0-9]{2}_[0-9]{2}_([A-Za-z0-9._%~-]+?)(-[0-9]+)?\.json$`)

// readAll reads every file below dir, in order of position, and fails where
// there is anything else, or anything that others may read.
func readAll(t testing.TB, dir string) []document {
	t.Helper()
	var all []document
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) && name == dir {
			return fs.SkipAll
		}
		must(t, err)
		rel, err := filepath.Rel(dir, name)
		must(t, err)
		info, err := d.Info()
		must(t, err)
		if d.IsDir() {
			if name != dir && info.Mode().Perm() != 0o700 {
				t.Errorf("%s has mode %v, want 0700", rel, info.Mode())
			}
			return nil
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, want a regular file of 0600", rel, info.Mode())
		}
		if strings.HasPrefix(rel, ".firn/") {
			t.Errorf("%s is left over", rel)
			return nil
		}
		m := namePattern.FindStringSubmatch(rel)
		if m == nil || !strings.HasPrefix(m[2], m[1]) && !strings.HasPrefix(m[1], m[2]) {
			t.Errorf("%q is no name of the documented layout", rel)
		}
		content, err := os.ReadFile(name)
		must(t, err)
		doc := document{path: rel}
		if err := json.Unmarshal(content, &doc); err != nil {
			t.Errorf("%s: %v\n%.300s", rel, err, content)
		}
		all = append(all, doc)
		return nil
	})
	must(t, err)
	slices.SortFunc(all, func(a, b document) int { return cmp.Compare(a.Position, b.Position) })
	return all
}

func paths(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	for _, d := range readAll(t, dir) {
		out = append(out, d.path)
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newTarget(t testing.TB, dir string) target.Target {
	t.Helper()
	tgt, err := file.New(file.Settings{Dir: dir}, target.Environment{Name: "file", Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	return tgt
}

func open(t testing.TB, dir string) target.Target {
	t.Helper()
	tgt := newTarget(t, dir)
	must(t, tgt.Open(t.Context()))
	t.Cleanup(func() { must(t, tgt.Close()) })
	return tgt
}

// write writes events that get the positions from first on.
func write(t testing.TB, tgt target.Target, first int64, events ...event.Event) {
	t.Helper()
	written, err := tgt.Write(t.Context(), batch(first, events...))
	if err != nil || written != len(events) {
		t.Fatalf("%d of %d written: %v", written, len(events), err)
	}
}

func batch(first int64, events ...event.Event) target.Batch {
	for i := range events {
		events[i].Position = first + int64(i)
		events[i].Severity = event.Info
	}
	return target.Batch{Log: target.Identity{ID: "log", Epoch: 1}, Instance: target.Instance{ID: "i", Name: "i"},
		Events: events, Through: first + int64(len(events)) - 1}
}

func at(eventType, timestamp string) event.Event {
	when, err := time.Parse(time.RFC3339Nano, timestamp)
	if err != nil {
		panic(err)
	}
	return event.Event{EventType: eventType, Timestamp: when.UTC(), RecordedAt: when.UTC(), Payload: jsontext.Value(`{}`)}
}

// TestLayout writes what the document of whatshooked shows, where it shows it.
func TestLayout(t *testing.T) {
	dir := t.TempDir()
	actor := "acc1"
	e := at("message.received", "2023-12-25T14:30:45Z")
	e.ID, e.InstanceID, e.StreamID, e.SequenceNumber = "a-1", "0199", "default", 3
	e.RecordedAt = e.Timestamp.Add(1500 * time.Millisecond)
	e.Actor = &actor
	e.Payload = jsontext.Value(`{"account_id":"acc1","from":"+1234567890","message":"Hello, world!"}`)
	e.Metadata = jsontext.Value(`{"source":"phone"}`)
	write(t, open(t, dir), 7, e)
	got, err := os.ReadFile(filepath.Join(dir, "message.received", "20231225", "14_30_45_message.received.json"))
	must(t, err)
	want := `{
  "type": "message.received",
  "timestamp": "2023-12-25T14:30:45.000Z",
  "data": {"account_id":"acc1","from":"+1234567890","message":"Hello, world!"},
  "id": "a-1",
  "instance_id": "0199",
  "stream_id": "default",
  "sequence_number": 3,
  "position": 7,
  "recorded_at": "2023-12-25T14:30:46.500Z",
  "severity": "info",
  "actor": "acc1",
  "subject": null,
  "metadata": {"source":"phone"}
}
`
	if diff := gocmp.Diff(want, string(got)); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
}

// TestPathIsUTC: the directory is the day of the event's own time in UTC.
func TestPathIsUTC(t *testing.T) {
	dir := t.TempDir()
	e := at("a", "2024-01-01T00:30:00Z")
	e.Timestamp = e.Timestamp.In(time.FixedZone("west", -5*3600))
	write(t, open(t, dir), 1, e)
	if diff := gocmp.Diff([]string{"a/20240101/00_30_00_a.json"}, paths(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// TestSameSecond: the events of one second are numbered in order, over batches,
// restarts and files of others, and none is written over.
func TestSameSecond(t *testing.T) {
	dir := t.TempDir()
	same := at("a", "2024-01-01T00:00:01.25Z")
	tgt := open(t, dir)
	write(t, tgt, 1, same, same, at("a", "2024-01-01T00:00:02Z"))
	write(t, tgt, 4, same)
	must(t, tgt.Open(t.Context()))
	foreign := filepath.Join(dir, "a/20240101/00_00_01_a-4.json")
	must(t, os.WriteFile(foreign, []byte(`{"type":"foreign","position":99}`), 0o600))
	write(t, tgt, 5, same, at("b", "2024-01-01T00:00:01Z"))
	want := []string{
		"a/20240101/00_00_01_a.json", "a/20240101/00_00_01_a-2.json", "a/20240101/00_00_02_a.json",
		"a/20240101/00_00_01_a-3.json", "a/20240101/00_00_01_a-5.json", "b/20240101/00_00_01_b.json",
		"a/20240101/00_00_01_a-4.json",
	}
	if diff := gocmp.Diff(want, paths(t, dir)); diff != "" {
		t.Errorf("in order of position (-want +got):\n%s", diff)
	}
}

// TestManyOfOneSecond goes over what is remembered of one place, in one life and
// over several.
func TestManyOfOneSecond(t *testing.T) {
	dir := t.TempDir()
	const each = 400
	same := make([]event.Event, each)
	for round := range 3 {
		for i := range same {
			same[i] = at("a", "2024-01-01T00:00:01Z")
		}
		tgt := open(t, dir)
		write(t, tgt, int64(round*each+1), same...)
		write(t, tgt, int64(round*each+1), same...) // again, in this life
		must(t, tgt.Open(t.Context()))
		write(t, tgt, int64(round*each+1), same...) // and in the next
	}
	for i, d := range readAll(t, dir) {
		if d.Position != int64(i+1) {
			t.Fatalf("file %d in order is of position %d", i+1, d.Position)
		}
	}
	if n := len(readAll(t, dir)); n != 3*each {
		t.Errorf("%d files, want %d", n, 3*each)
	}
}

// TestTakenAway: files that a reader has taken away do not come back, nor does
// their absence hurt.
func TestTakenAway(t *testing.T) {
	dir := t.TempDir()
	same := at("a", "2024-01-01T00:00:01Z")
	tgt := open(t, dir)
	write(t, tgt, 1, same, same)
	must(t, os.RemoveAll(filepath.Join(dir, "a")))
	write(t, tgt, 3, same)
	must(t, os.RemoveAll(filepath.Join(dir, "a/20240101")))
	write(t, tgt, 4, same, at("a", "2024-01-02T00:00:01Z"))
	want := []string{"a/20240101/00_00_01_a-4.json", "a/20240102/00_00_01_a.json"}
	if diff := gocmp.Diff(want, paths(t, dir)); diff != "" {
		t.Error(diff)
	}
}
