package ndjson

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTarget(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Place {
		dir := filepath.Join(t.TempDir(), "data", "ndjson")
		return targettest.Place{
			Target: func(t testing.TB) target.Target { return newTarget(t, dir, func(*Settings) {}) },
			Read: func(t testing.TB) []targettest.Record {
				var records []targettest.Record
				for _, l := range read(t, dir) {
					records = append(records, targettest.Record{Type: l.Type, Timestamp: l.Timestamp, Payload: string(l.Payload)})
				}
				return records
			},
			Break: func(t testing.TB) func() { // two directories where the files of the suite's days and the lock belong
				must(t, os.MkdirAll(dir, 0o700))
				aside := t.TempDir()
				var moved []string
				for _, name := range []string{"LOCK", "2026-02-28.ndjson", "2026-03-01.ndjson"} {
					if err := os.Rename(filepath.Join(dir, name), filepath.Join(aside, name)); err == nil {
						moved = append(moved, name)
					}
					must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
				}
				return func() {
					for _, name := range []string{"LOCK", "2026-02-28.ndjson", "2026-03-01.ndjson"} {
						must(t, os.Remove(filepath.Join(dir, name)))
					}
					for _, name := range moved {
						must(t, os.Rename(filepath.Join(aside, name), filepath.Join(dir, name)))
					}
				}
			},
			Repeats: true,
		}
	})
}

// line is what the tests look at of a line.
type line struct {
	Type       string         `json:"event_type"`
	Timestamp  time.Time      `json:"timestamp"`
	RecordedAt time.Time      `json:"recorded_at"`
	Position   int64          `json:"position"`
	Payload    jsontext.Value `json:"payload"`
}

// files returns the names in dir but the lock.
func files(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	must(t, err)
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue // compressed meanwhile
		}
		if must(t, err); e.Type().IsRegular() && info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, want 0600", e.Name(), info.Mode())
		}
		if e.Name() != "LOCK" {
			names = append(names, e.Name())
		}
	}
	return names
}

// content is what a file holds, decompressed.
func content(t testing.TB, dir, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	must(t, err)
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(name, ".zst") {
		z, err := zstd.NewReader(f)
		must(t, err)
		defer z.Close()
		in = z
	}
	text, err := io.ReadAll(in)
	must(t, err)
	return text
}

// read reads every line of every file, in order of their names.
func read(t testing.TB, dir string) []line {
	t.Helper()
	var all []line
	for _, name := range files(t, dir) {
		for text := range bytes.Lines(content(t, dir, name)) {
			var l line
			if err := json.Unmarshal(text, &l); err != nil {
				t.Fatalf("%s: %v\n%.200s", name, err, text)
			}
			if day := l.RecordedAt.UTC().Format("2006-01-02"); !strings.HasPrefix(name, day) {
				t.Errorf("%s has an event recorded on %s", name, day)
			}
			all = append(all, l)
		}
	}
	return all
}

func positions(t testing.TB, dir string) []int64 {
	t.Helper()
	var out []int64
	for _, l := range read(t, dir) {
		out = append(out, l.Position)
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newTarget(t testing.TB, dir string, change func(*Settings)) *lines {
	t.Helper()
	s := *Kind().Settings().(*Settings)
	s.Dir = dir
	change(&s)
	tgt, err := New(s, target.Environment{Name: "ndjson", Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	return tgt.(*lines)
}

func uncompressed(s *Settings) { s.Compress = false }

func open(t testing.TB, dir string, change func(*Settings)) *lines {
	t.Helper()
	tgt := newTarget(t, dir, change)
	must(t, tgt.Open(t.Context()))
	t.Cleanup(func() { must(t, tgt.Close()) })
	return tgt
}

// on makes an event that was recorded on a day.
func on(day string, position int64) event.Event {
	at, err := time.Parse(time.DateTime, day+" 12:00:00")
	if err != nil {
		panic(err)
	}
	return event.Event{ID: fmt.Sprint(position), EventType: "a", Position: position, Timestamp: at.AddDate(-1, 0, 0), RecordedAt: at,
		Severity: event.Info, Payload: jsontext.Value(`{"a":"b"}`)}
}

func write(t testing.TB, tgt target.Target, events ...event.Event) {
	t.Helper()
	n, err := tgt.Write(t.Context(), target.Batch{Events: events, Through: events[len(events)-1].Position})
	if err != nil || n != len(events) {
		t.Fatalf("%d of %d written: %v", n, len(events), err)
	}
}

// TestDays: each event is in the file of the day on which it was recorded, as the
// log exports it.
func TestDays(t *testing.T) {
	dir := t.TempDir()
	tgt := open(t, dir, uncompressed)
	first := on("2026-01-01", 1)
	write(t, tgt, first, on("2026-01-01", 2), on("2026-01-02", 3), on("2026-01-01", 4))
	write(t, tgt, on("2026-01-02", 5))
	if diff := cmp.Diff([]int64{1, 2, 4, 3, 5}, positions(t, dir)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2026-01-01.ndjson", "2026-01-02.ndjson"}, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	want := string(first.AppendJSON(nil)) + "\n"
	if got := string(content(t, dir, "2026-01-01.ndjson")); !strings.HasPrefix(got, want) {
		t.Errorf("content %q does not begin with %q", got, want)
	}
}

// TestManyDays goes over more days than are kept open.
func TestManyDays(t *testing.T) {
	dir := t.TempDir()
	tgt := open(t, dir, uncompressed)
	for round := range int64(3) {
		for day := range int64(31) {
			write(t, tgt, on(fmt.Sprintf("2026-01-%02d", day+1), round*31+day+1))
		}
	}
	if got := len(read(t, dir)); got != 93 {
		t.Errorf("%d lines, want 93", got)
	}
	if got := len(files(t, dir)); got != 31 {
		t.Errorf("%d files, want 31", got)
	}
}

// TestSize: a day goes on in further files when one is full.
func TestSize(t *testing.T) {
	dir := t.TempDir()
	tgt := open(t, dir, func(s *Settings) { s.Compress, s.MaxFileBytes = false, 1<<20 })
	large := on("2026-01-01", 1)
	large.Payload = jsontext.Value(`{"a":"` + strings.Repeat("x", 600_000) + `"}`)
	for position := range int64(5) {
		large.Position = position + 1
		write(t, tgt, large)
		must(t, tgt.Open(t.Context()))
	}
	if diff := cmp.Diff([]string{"2026-01-01-2.ndjson", "2026-01-01-3.ndjson", "2026-01-01.ndjson"}, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	got := positions(t, dir)
	if slices.Sort(got); !slices.Equal(got, []int64{1, 2, 3, 4, 5}) {
		t.Errorf("positions %v", got)
	}
}

// TestCompression: days that are over are compressed, what comes late goes on
// beside them, and nothing is lost whenever the process ends.
func TestCompression(t *testing.T) {
	dir := t.TempDir()
	tgt := open(t, dir, uncompressed)
	tgt.now = func() time.Time { return time.Now().AddDate(1, 0, 0) } // long settled
	write(t, tgt, on("2026-01-01", 1), on("2026-01-02", 2))
	must(t, tgt.compressAll(t.Context()))
	write(t, tgt, on("2026-01-01", 3))
	must(t, tgt.compressAll(t.Context()))
	write(t, tgt, on("2026-01-01", 4))
	want := []string{"2026-01-01-2.ndjson.zst", "2026-01-01-3.ndjson", "2026-01-01.ndjson.zst", "2026-01-02.ndjson.zst"}
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{3, 4, 1, 2}, positions(t, dir)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}

	// A crash between the new name and the old one's end.
	plain := content(t, dir, "2026-01-02.ndjson.zst")
	must(t, os.WriteFile(filepath.Join(dir, "2026-01-02.ndjson"), plain, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "2026-01-01-3.ndjson.zst.tmp"), []byte("half"), 0o600))
	must(t, tgt.Open(t.Context()))
	must(t, tgt.compressAll(t.Context()))
	want = []string{"2026-01-01-2.ndjson.zst", "2026-01-01-3.ndjson.zst", "2026-01-01.ndjson.zst", "2026-01-02.ndjson.zst"}
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}

	// Two files of one name that do not hold the same: neither goes.
	must(t, os.WriteFile(filepath.Join(dir, "2026-01-02.ndjson"), append(plain, plain...), 0o600))
	if err := tgt.compressAll(t.Context()); err == nil || !strings.Contains(err.Error(), "2026-01-02.ndjson: is not what 2026-01-02.ndjson.zst holds") {
		t.Errorf("error %v", err)
	}
	if n := len(files(t, dir)); n != 5 {
		t.Errorf("%d files, want 5", n)
	}
}

// TestTodayStays: what may still grow is not compressed.
func TestTodayStays(t *testing.T) {
	dir := t.TempDir()
	tgt := open(t, dir, uncompressed)
	today := time.Now().UTC()
	write(t, tgt, on(today.AddDate(0, 0, -1).Format(time.DateOnly), 1), on(today.Format(time.DateOnly), 2))
	must(t, tgt.compressAll(t.Context())) // yesterday is over, but was written to just now
	for _, name := range files(t, dir) {
		if strings.HasSuffix(name, ".zst") {
			t.Errorf("%s is compressed", name)
		}
	}
}

// TestCompressesByItself: what an earlier life has left is compressed in the
// background.
func TestCompressesByItself(t *testing.T) {
	dir := t.TempDir()
	write(t, open(t, dir, uncompressed), on("2026-01-01", 1), on("2026-01-02", 2))
	for _, name := range files(t, dir) {
		must(t, os.Chtimes(filepath.Join(dir, name), time.Time{}, time.Now().Add(-time.Hour)))
	}
	// The same directory, once the first target has let go of it.
	other := t.TempDir()
	for _, name := range files(t, dir) {
		must(t, os.Rename(filepath.Join(dir, name), filepath.Join(other, name)))
	}
	open(t, other, func(*Settings) {})
	deadline := time.Now().Add(time.Minute)
	for !slices.Equal(files(t, other), []string{"2026-01-01.ndjson.zst", "2026-01-02.ndjson.zst"}) {
		if time.Now().After(deadline) {
			t.Fatalf("files %q", files(t, other))
		}
	}
}

// TestTornTail: what a crash has left behind the last whole line goes at Open.
func TestTornTail(t *testing.T) {
	whole := string(func() []byte { e := on("2026-01-01", 1); return e.AppendJSON(nil) }()) + "\n"
	for name, tail := range map[string]string{
		"nothing":               "",
		"half a line":           whole[:40],
		"zeros":                 strings.Repeat("\x00", 5000),
		"half a line and zeros": whole[:40] + strings.Repeat("\x00", 5000),
		"zeros before a line":   strings.Repeat("\x00", 100) + "\n" + whole,
	} {
		for _, before := range []string{"", whole, whole + whole} {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "2026-01-01.ndjson"), []byte(before+tail), 0o600))
			write(t, open(t, dir, uncompressed), on("2026-01-01", 2))
			got := string(content(t, dir, "2026-01-01.ndjson"))
			if rest, ok := strings.CutPrefix(got, before); !ok || strings.Count(rest, "\n") != 1 || !strings.Contains(rest, `"position":2,`) {
				t.Errorf("%s behind %d bytes: the file is\n%q", name, len(before), got)
			}
			aside, err := os.ReadFile(filepath.Join(dir, "2026-01-01.ndjson.cut"))
			if want := name == "zeros before a line"; (err == nil) != want || want && string(aside) != tail {
				t.Errorf("%s: put aside: %q, %v", name, aside, err)
			}
		}
	}
}

// TestClean removes whole days, and only the target's own files.
func TestClean(t *testing.T) {
	dir := t.TempDir()
	tgt := open(t, dir, uncompressed)
	tgt.now = func() time.Time { return time.Date(2026, 1, 5, 1, 0, 0, 0, time.UTC) }
	write(t, tgt, on("2026-01-01", 1), on("2026-01-02", 2), on("2026-01-03", 3), on("2026-01-05", 5))
	for _, name := range []string{"2026-01-01-2.ndjson.zst", "2026-01-01.txt", "2026-01-01-x.ndjson", "2026-1-1.ndjson"} {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	deleted, more, err := target.Cleaner(tgt).Clean(t.Context(), 2)
	if deleted != 3 || more || err != nil {
		t.Errorf("%d deleted, %v, %v; want 3", deleted, more, err)
	}
	want := []string{"2026-01-01-x.ndjson", "2026-01-01.txt", "2026-01-03.ndjson", "2026-01-05.ndjson", "2026-1-1.ndjson"}
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	write(t, tgt, on("2026-01-02", 6)) // it was open
	if n := len(files(t, dir)); n != 6 {
		t.Errorf("%d files", n)
	}
}

// TestLinks: a link that somebody has planted is not followed.
func TestLinks(t *testing.T) {
	dir, secret := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("theirs\n"), 0o600))
	must(t, os.Symlink(secret, filepath.Join(dir, "2026-01-01.ndjson")))
	tgt := open(t, dir, uncompressed)
	_, err := tgt.Write(t.Context(), target.Batch{Events: []event.Event{on("2026-01-01", 1)}})
	if err == nil || !strings.Contains(err.Error(), "2026-01-01.ndjson") {
		t.Errorf("error %v", err)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "theirs\n" {
		t.Errorf("what it leads to is now %q, %v", text, err)
	}
}

// TestOneTargetADirectory: two targets would tear each other's lines.
func TestOneTargetADirectory(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, uncompressed)
	second := newTarget(t, dir, uncompressed)
	err := second.Open(t.Context())
	if _, ok := errors.AsType[*target.StopError](err); !ok {
		t.Errorf("error %v, want a StopError", err)
	}
	must(t, second.Close())
}

func TestSettings(t *testing.T) {
	_, err := New(Settings{MaxFileBytes: 5}, target.Environment{})
	if err == nil || !strings.Contains(err.Error(), "file_dir is empty") || !strings.Contains(err.Error(), "max_file_bytes is 5") {
		t.Errorf("error %v", err)
	}
}

// BenchmarkWrite writes batches of 1,000 events of about 300 bytes, each flushed.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			tgt := open(b, b.TempDir(), uncompressed)
			events := make([]event.Event, size)
			for i := range events {
				events[i] = on("2026-01-01", int64(i+1))
				events[i].Payload = jsontext.Value(fmt.Sprintf(`{"account_id":"acc1","from":"+%d","message":"Hello, world! This is as long as such messages tend to be."}`, i))
			}
			for b.Loop() {
				write(b, tgt, events...)
			}
			b.ReportMetric(float64(b.N)*float64(size)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
