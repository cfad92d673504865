package store

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// filled is a log with something everywhere: segments, runs, head, removals.
func filled(t *testing.T, dir string, o Options) *Log {
	t.Helper()
	l := open(t, dir, o)
	create(t, l, "app")
	create(t, l, "other")
	events := samples(200)
	for i := range events {
		if i%3 == 0 {
			events[i].ID = "id-" + string(rune('a'+i%26)) + string(events[i].Payload[5:8])
		}
	}
	appendTo(t, l, "app", events[:100]...)
	seal(t, l)
	appendTo(t, l, "app", events[100:]...)
	if _, err := l.Purge(context.Background(), "app", condition(t, `{"field":"severity","operator":"eq","value":"alert"}`), false); err != nil {
		t.Fatal(err)
	}
	appendTo(t, l, "app", samples(20)...)
	appendTo(t, l, "other", samples(5)...)
	return l
}

func verify(t *testing.T, l *Log) VerifyReport {
	t.Helper()
	r, err := l.Verify(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBackupAndRestore(t *testing.T) {
	l := filled(t, t.TempDir(), quiet(t))
	var backup bytes.Buffer
	if err := l.Backup(context.Background(), &backup); err != nil {
		t.Fatal(err)
	}
	want, system := all(t, l, "app"), all(t, l, SystemInstance)
	appendTo(t, l, "app", samples(3)...) // is not in the backup
	dir := t.TempDir()
	if err := Restore(context.Background(), dir, bytes.NewReader(backup.Bytes()), Options{}); err != nil {
		t.Fatal(err)
	}
	restored := open(t, dir, quiet(t))
	if d := cmp.Diff(want, all(t, restored, "app")); d != "" {
		t.Errorf("restored (-backed up +restored):\n%s", d)
	}
	if d := cmp.Diff(system, all(t, restored, SystemInstance)); d != "" {
		t.Errorf("restored system (-backed up +restored):\n%s", d)
	}
	_, before := l.Identity()
	if _, after := restored.Identity(); after != before+1 {
		t.Errorf("epoch is %d after %d", after, before)
	}
	if r := verify(t, restored); len(r.Problems) > 0 {
		t.Errorf("verify: %+v", r.Problems)
	}
	if r := appendTo(t, restored, "app", sample(0)); r[0].Position != 221 {
		t.Errorf("the next event is at %+v", r[0])
	}
	if err := Restore(context.Background(), dir, bytes.NewReader(backup.Bytes()), Options{}); !errors.Is(err, ErrExists) {
		t.Errorf("restoring over a log: %v", err)
	}
}

func TestRestoreRefusesDamage(t *testing.T) {
	l := filled(t, t.TempDir(), quiet(t))
	var out bytes.Buffer
	if err := l.Backup(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	backup := out.Bytes()
	for _, cut := range []int{0, 100, 600, len(backup) / 2, len(backup) - 2048} {
		if err := Restore(context.Background(), t.TempDir(), bytes.NewReader(backup[:cut]), Options{}); err == nil {
			t.Errorf("a backup cut at byte %d of %d is restored", cut, len(backup))
		}
	}
	for at := 512; at < len(backup)-1024; at += len(backup) / 15 {
		bad := bytes.Clone(backup)
		bad[at] ^= 0x10
		dir := t.TempDir()
		err := Restore(context.Background(), dir, bytes.NewReader(bad), Options{})
		if err != nil {
			continue
		}
		// Only padding and times of the tar stream may be changed unnoticed.
		l := open(t, dir, quiet(t))
		if r := verify(t, l); len(r.Problems) > 0 {
			t.Errorf("flip in byte %d: %v", at, r.Problems)
		}
	}
}

func TestVerifyFindsEveryFlippedBit(t *testing.T) {
	fs := vfstest.New()
	o := Options{FS: fs, Quiet: true}
	l := filled(t, "/data", o)
	if r := verify(t, l); len(r.Problems) > 0 || r.Instances != 3 || r.Events < 200 {
		t.Fatalf("verify of a good log: %+v", r)
	}
	in, err := l.instance("app")
	if err != nil {
		t.Fatal(err)
	}
	v := in.current().version
	for _, s := range v.segments {
		flip(t, fs, o, l, s.path(), s.meta.Bytes)
	}
	for _, r := range v.runs {
		flip(t, fs, o, l, r.path(), r.meta.Bytes)
	}
}

// flip inverts bits all over a file, one at a time, and wants each to be found.
func flip(t *testing.T, fs *vfstest.FS, o Options, l *Log, path string, size int64) {
	t.Helper()
	for at := int64(0); at < size; at += max(1, size/12) {
		if !fs.Flip(path, at, 4) {
			t.Fatalf("%s has no byte %d", path, at)
		}
		again := reopened(t, fs, o)
		if r := verify(t, again); len(r.Problems) == 0 {
			t.Errorf("%s: a flip in byte %d of %d is not found", path, at, size)
		}
		closeLog(t, again)
		fs.Flip(path, at, 4)
	}
}

// reopened opens a copy of the log as another process would.
func reopened(t *testing.T, fs *vfstest.FS, o Options) *Log {
	t.Helper()
	o.FS = fs.CrashClone(1, 100)
	l, err := Open("/data", o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
