package vfstest_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tree is every file in the root with its content.
func tree(t *testing.T, m *vfstest.FS) map[string]string {
	t.Helper()
	names, err := m.List("/")
	must(t, err)
	got := map[string]string{}
	for _, n := range names {
		b, err := vfs.ReadFile(m, "/"+n)
		must(t, err)
		got[n] = string(b)
	}
	return got
}

func create(t *testing.T, m *vfstest.FS, name, content string) vfs.File {
	t.Helper()
	f, err := m.Create(name)
	must(t, err)
	_, err = io.WriteString(f, content)
	must(t, err)
	return f
}

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, m *vfstest.FS)
		none map[string]string // after a crash that keeps nothing unsynced
		all  map[string]string // after one that keeps everything
	}{
		{
			"name not synced",
			func(t *testing.T, m *vfstest.FS) { must(t, create(t, m, "/f", "x").Sync()) },
			map[string]string{}, map[string]string{"f": "x"},
		}, {
			"content not synced",
			func(t *testing.T, m *vfstest.FS) { create(t, m, "/f", "x"); must(t, m.SyncDir("/")) },
			map[string]string{"f": ""}, map[string]string{"f": "x"},
		}, {
			"both synced, then overwritten",
			func(t *testing.T, m *vfstest.FS) {
				f := create(t, m, "/f", "old")
				must(t, f.Sync())
				must(t, m.SyncDir("/"))
				_, err := f.WriteAt([]byte("new!"), 0)
				must(t, err)
			},
			map[string]string{"f": "old"}, map[string]string{"f": "new!"},
		}, {
			"rename not synced",
			func(t *testing.T, m *vfstest.FS) {
				must(t, create(t, m, "/a", "x").Sync())
				must(t, m.SyncDir("/"))
				must(t, m.Rename("/a", "/b"))
			},
			map[string]string{"a": "x"}, map[string]string{"b": "x"},
		}, {
			"removal not synced",
			func(t *testing.T, m *vfstest.FS) {
				must(t, create(t, m, "/a", "x").Sync())
				must(t, m.SyncDir("/"))
				must(t, m.Remove("/a"))
			},
			map[string]string{"a": "x"}, map[string]string{},
		}, {
			"cut not synced",
			func(t *testing.T, m *vfstest.FS) {
				f := create(t, m, "/a", "long")
				must(t, f.Sync())
				must(t, m.SyncDir("/"))
				must(t, f.Truncate(1))
			},
			map[string]string{"a": "long"}, map[string]string{"a": "l"},
		}, {
			"failed sync",
			func(t *testing.T, m *vfstest.FS) {
				f := create(t, m, "/a", "lost")
				must(t, m.SyncDir("/"))
				m.SetHook(vfstest.FailKind(vfstest.Sync, "a", syscall.EIO))
				if err := f.Sync(); !errors.Is(err, syscall.EIO) {
					t.Errorf("sync: %v", err)
				}
				m.SetHook(nil)
				must(t, f.Sync())
				if diff := cmp.Diff(map[string]string{"a": "lost"}, tree(t, m)); diff != "" {
					t.Error(diff)
				}
			},
			map[string]string{"a": ""}, map[string]string{"a": ""},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := vfstest.New()
			tt.do(t, m)
			if diff := cmp.Diff(tt.none, tree(t, m.CrashClone(1, 0))); diff != "" {
				t.Errorf("nothing kept: %s", diff)
			}
			if diff := cmp.Diff(tt.all, tree(t, m.CrashClone(1, 100))); diff != "" {
				t.Errorf("all kept: %s", diff)
			}
		})
	}
}

func TestCrashInHalf(t *testing.T) {
	m := vfstest.New()
	f := create(t, m, "/f", strings.Repeat("x", 64*512))
	must(t, m.SyncDir("/"))
	defer f.Close()
	kept := map[int]bool{}
	for seed := range uint64(20) {
		kept[strings.Count(tree(t, m.CrashClone(seed, 50))["f"], "x")/512] = true
	}
	if len(kept) < 5 || kept[0] || kept[64] {
		t.Errorf("sectors kept: %v; want various parts", kept)
	}
	a, b := tree(t, m.CrashClone(7, 50)), tree(t, m.CrashClone(7, 50))
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the same seed differs: %s", diff)
	}
}

func TestFull(t *testing.T) {
	m := vfstest.New()
	m.SetHook(vfstest.Full(3))
	f, err := m.Create("/f")
	must(t, err)
	n, err := f.Write([]byte("hello"))
	if n != 3 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write: %d, %v; want 3 bytes and ENOSPC", n, err)
	}
	if _, err := m.Create("/g"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("create: %v; want ENOSPC", err)
	}
}

func TestFailAt(t *testing.T) {
	m := vfstest.New()
	hook, hit := vfstest.FailAt(2, syscall.EIO)
	m.SetHook(hook)
	f := func() error { return m.MkdirAll("/d") }
	if err := f(); err != nil || hit() {
		t.Errorf("first: %v, hit %v", err, hit())
	}
	if err := f(); !errors.Is(err, syscall.EIO) || !hit() {
		t.Errorf("second: %v, hit %v", err, hit())
	}
	must(t, f())
}

func TestReopen(t *testing.T) {
	m := vfstest.New()
	f := create(t, m, "/f", "cached")
	if _, err := m.Lock("/LOCK"); err != nil {
		t.Fatal(err)
	}
	next := m.Reopen()
	if _, err := f.Write([]byte("x")); err == nil {
		t.Error("a file of the killed process was written to")
	}
	if diff := cmp.Diff(map[string]string{"f": "cached", "LOCK": ""}, tree(t, next)); diff != "" {
		t.Error(diff)
	}
	if _, err := next.Lock("/LOCK"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]string{}, tree(t, next.CrashClone(1, 0))); diff != "" {
		t.Error(diff)
	}
}

// TestRenameDirectory renames a directory: until its parent is synced, a power
// cut may undo it.
func TestRenameDirectory(t *testing.T) {
	m := vfstest.New()
	must(t, m.MkdirAll("/a/old/sub"))
	f := create(t, m, "/a/old/sub/file", "content")
	must(t, f.Sync())
	must(t, f.Close())
	must(t, m.SyncDir("/a/old/sub"))
	must(t, m.MkdirAll("/a/older"))
	must(t, m.Rename("/a/old", "/a/new"))
	if _, err := m.Stat("/a/older"); err != nil {
		t.Error(err)
	}
	for percent, want := range map[int]string{0: "/a/old/sub/file", 100: "/a/new/sub/file"} {
		if info, err := m.CrashClone(1, percent).Stat(want); err != nil || info.Size != 7 {
			t.Errorf("%d%% survive: %+v, %v", percent, info, err)
		}
	}
	must(t, m.SyncDir("/a"))
	if _, err := m.CrashClone(1, 0).Stat("/a/new/sub/file"); err != nil {
		t.Error(err)
	}
}
