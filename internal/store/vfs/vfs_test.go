package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// each runs a test on the file system of the machine and on that in memory,
// which must behave alike.
func each(t *testing.T, test func(t *testing.T, fsys vfs.FS, dir string)) {
	t.Run("os", func(t *testing.T) { test(t, vfs.OS, t.TempDir()) })
	t.Run("memory", func(t *testing.T) {
		fsys := vfstest.New()
		must(t, fsys.MkdirAll("/data"))
		test(t, fsys, "/data")
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, fsys vfs.FS, name, content string) {
	t.Helper()
	f, err := fsys.Create(name)
	must(t, err)
	_, err = io.WriteString(f, content)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
}

func content(t *testing.T, fsys vfs.FS, name string) string {
	t.Helper()
	b, err := vfs.ReadFile(fsys, name)
	must(t, err)
	return string(b)
}

func TestFile(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "f")
		create(t, fsys, name, "hello")
		f, err := fsys.OpenAppend(name)
		must(t, err)
		_, err = io.WriteString(f, " world")
		must(t, err)
		_, err = f.WriteAt([]byte("J"), 0)
		must(t, err)
		_, err = f.WriteAt([]byte("!"), 13)
		must(t, err)
		must(t, f.Preallocate(0, 1<<16))
		size, err := f.Size()
		must(t, err)
		if size != 14 {
			t.Errorf("size %d, want 14", size)
		}
		must(t, f.Truncate(12))
		must(t, f.Truncate(14))
		must(t, f.Close())
		if diff := cmp.Diff("Jello world\x00\x00\x00", content(t, fsys, name)); diff != "" {
			t.Error(diff)
		}
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
		f, err = fsys.Open(name)
		must(t, err)
		defer f.Close()
		b := make([]byte, 8)
		if n, err := f.ReadAt(b, 10); n != 4 || !errors.Is(err, io.EOF) {
			t.Errorf("read across the end: %d, %v", n, err)
		}
		if _, err := f.Write(b); err == nil {
			t.Error("a file opened for reading was written to")
		}
	})
}

func TestNames(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		must(t, fsys.MkdirAll(filepath.Join(dir, "a/b")))
		must(t, fsys.MkdirAll(filepath.Join(dir, "a/b")))
		for _, n := range []string{"a/2", "a/1", "a/b/3"} {
			create(t, fsys, filepath.Join(dir, n), n)
		}
		must(t, fsys.Rename(filepath.Join(dir, "a/2"), filepath.Join(dir, "a/1")))
		if diff := cmp.Diff("a/2", content(t, fsys, filepath.Join(dir, "a/1"))); diff != "" {
			t.Error(diff)
		}
		names, err := fsys.List(filepath.Join(dir, "a"))
		must(t, err)
		if diff := cmp.Diff([]string{"1", "b"}, names); diff != "" {
			t.Error(diff)
		}
		info, err := fsys.Stat(filepath.Join(dir, "a/1"))
		must(t, err)
		if diff := cmp.Diff(vfs.Info{Size: 3}, info); diff != "" {
			t.Error(diff)
		}
		if err := fsys.Remove(filepath.Join(dir, "a")); err == nil {
			t.Error("a directory that is not empty was removed")
		}
		must(t, vfs.RemoveAll(fsys, filepath.Join(dir, "a")))
		must(t, vfs.RemoveAll(fsys, filepath.Join(dir, "a")))
		must(t, fsys.SyncDir(dir))
		names, err = fsys.List(dir)
		must(t, err)
		if len(names) > 0 {
			t.Errorf("left over: %q", names)
		}
	})
}

func TestMissing(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "none")
		_, openErr := fsys.Open(name)
		_, appendErr := fsys.OpenAppend(name)
		_, createErr := fsys.Create(filepath.Join(name, "f"))
		_, listErr := fsys.List(name)
		_, statErr := fsys.Stat(name)
		for op, err := range map[string]error{"open": openErr, "append": appendErr, "create": createErr,
			"list": listErr, "stat": statErr, "remove": fsys.Remove(name), "sync": fsys.SyncDir(name),
			"rename": fsys.Rename(name, filepath.Join(dir, "x"))} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v, want fs.ErrNotExist", op, err)
			}
		}
		create(t, fsys, filepath.Join(dir, "f"), "")
		if err := fsys.MkdirAll(filepath.Join(dir, "f")); err == nil {
			t.Error("a directory was made in place of a file")
		}
	})
}

func TestLock(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "LOCK")
		l, err := fsys.Lock(name)
		must(t, err)
		if _, err := fsys.Lock(name); !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("locked twice: %v", err)
		}
		must(t, l.Close())
		l, err = fsys.Lock(name)
		must(t, err)
		must(t, l.Close())
	})
}

func TestWriteFile(t *testing.T) {
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		name := filepath.Join(dir, "f")
		for _, want := range []string{"one", "two"} {
			must(t, vfs.WriteFile(fsys, name, []byte(want)))
			if diff := cmp.Diff(want, content(t, fsys, name)); diff != "" {
				t.Error(diff)
			}
		}
		names, err := fsys.List(dir)
		must(t, err)
		if diff := cmp.Diff([]string{"f"}, names); diff != "" {
			t.Error(diff)
		}
	})
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	must(t, vfs.OS.MkdirAll(dir))
	create(t, vfs.OS, filepath.Join(dir, "f"), "x")
	for name, want := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, "f"): 0o600} {
		st, err := os.Stat(name)
		must(t, err)
		if got := st.Mode().Perm(); got != want {
			t.Errorf("%s: mode %o, want %o", name, got, want)
		}
	}
}
