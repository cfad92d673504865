package store

import (
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// remove deletes the files of a directory whose names contain part.
func remove(t *testing.T, fs *vfstest.FS, dir, part string) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.Contains(name, part) {
			if err := vfs.RemoveAll(fs, path.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// reports are options that collect what is reported.
func reports(fs *vfstest.FS) (Options, *[]Report) {
	var mu sync.Mutex
	var got []Report
	return Options{FS: fs, Quiet: true, Report: func(r Report) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r)
	}}, &got
}

func TestLostManifestIsMadeAgain(t *testing.T) {
	fs := vfstest.New()
	o, got := reports(fs)
	l := filled(t, "/data", o)
	want := all(t, l, "app")
	ids := make([]string, 0, len(want))
	for _, e := range want {
		ids = append(ids, e.ID)
	}
	streams, err := l.Streams(t.Context(), "app", "", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	remove(t, fs, "/data/log", manifestName)
	l = open(t, "/data", o)
	if d := cmp.Diff(want, all(t, l, "app")); d != "" {
		t.Errorf("after the manifest was lost (-before +after):\n%s", d)
	}
	after, err := l.Streams(t.Context(), "app", "", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(streams, after); d != "" {
		t.Errorf("streams (-before +after):\n%s", d)
	}
	for i, id := range ids {
		if e, err := l.Get(t.Context(), "app", id); err != nil || e.Position != want[i].Position {
			t.Errorf("Get %q: %d, %v", id, e.Position, err)
		}
	}
	if len(*got) == 0 || (*got)[0].Severity != event.Critical {
		t.Errorf("reported: %v", *got)
	}
}

func TestMissingSegmentIsReported(t *testing.T) {
	fs := vfstest.New()
	o, got := reports(fs)
	l := filled(t, "/data", o)
	in, err := l.instance("app")
	if err != nil {
		t.Fatal(err)
	}
	s := in.current().version.segments[0]
	closeLog(t, l)
	if err := fs.Remove(s.path()); err != nil {
		t.Fatal(err)
	}
	l = open(t, "/data", o)
	if len(*got) != 1 || !strings.Contains((*got)[0].Message, s.meta.Name) {
		t.Errorf("reported: %v", *got)
	}
	if r := verify(t, l); len(r.Problems) != 1 {
		t.Errorf("verify: %+v", r.Problems)
	}
	if len(all(t, l, "other")) != 5 {
		t.Error("the rest is not readable")
	}
}

func TestUnknownFileIsSetAside(t *testing.T) {
	fs := vfstest.New()
	o, got := reports(fs)
	l := filled(t, "/data", o)
	in, err := l.instance("app")
	if err != nil {
		t.Fatal(err)
	}
	dir := l.instancePath(in, segmentsDir)
	closeLog(t, l)
	if err := vfs.WriteFile(fs, path.Join(dir, "stranger.parquet"), []byte("not ours")); err != nil {
		t.Fatal(err)
	}
	other := "/data/log/instances/0199aaaa-0000-7000-8000-000000000000/segments"
	if err := fs.MkdirAll(other); err != nil {
		t.Fatal(err)
	}
	if err := vfs.WriteFile(fs, path.Join(other, "1.parquet"), []byte("not ours")); err != nil {
		t.Fatal(err)
	}
	l = open(t, "/data", o)
	if len(*got) != 2 {
		t.Errorf("reported: %v", *got)
	}
	names, err := fs.List("/data/log/quarantine")
	if err != nil || len(names) != 2 {
		t.Errorf("quarantine has %v, %v", names, err)
	}
	if r := verify(t, l); len(r.Problems) != 0 {
		t.Errorf("verify: %+v", r.Problems)
	}
}

// TestLostLog takes the write-ahead log away: what is sealed stays, and new
// records are found again.
func TestLostLog(t *testing.T) {
	fs := vfstest.New()
	o, got := reports(fs)
	l := filled(t, "/data", o)
	sealed := 0
	in, err := l.instance("app")
	if err != nil {
		t.Fatal(err)
	}
	sealed = int(in.current().version.rows())
	closeLog(t, l)
	remove(t, fs, "/data/log/wal", "")
	l = open(t, "/data", o)
	if len(*got) == 0 {
		t.Error("nothing is reported")
	}
	appendTo(t, l, "app", sample(0))
	create(t, l, "new")
	closeLog(t, l)
	l = open(t, "/data", o)
	if n := len(all(t, l, "app")); n != sealed+1 {
		t.Errorf("%d events, want %d", n, sealed+1)
	}
	if _, err := l.Instance("new"); err != nil {
		t.Error(err)
	}
}
