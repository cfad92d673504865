package wal_test

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/internal/store/wal"
)

func TestGroup(t *testing.T) {
	var g wal.Group
	copy(g.Reserve(5), "hello")
	g.Append([]byte("to "), []byte("be dropped"))
	g.Drop()
	g.Append([]byte("a"), nil, []byte("b"))
	if diff := cmp.Diff([]string{"hello", "ab"}, []string{string(g.Body(0)), string(g.Body(1))}); diff != "" {
		t.Error(diff)
	}
	if g.Records() != 2 || g.Size() != 2*32+7 {
		t.Errorf("%d records of %d bytes", g.Records(), g.Size())
	}
	g.Reset()
	if g.Records() != 0 || g.Size() != 0 {
		t.Errorf("after Reset: %d records of %d bytes", g.Records(), g.Size())
	}
}

func TestEmptyRecordIsRefused(t *testing.T) {
	m, h := logIn(t, 2, true)
	l, _, _, err := read(m, small)
	must(t, err)
	var g wal.Group
	g.Append([]byte("x"))
	g.Append()
	if _, err := l.Write(&g); err == nil || !strings.Contains(err.Error(), "record 1") {
		t.Errorf("write: %v", err)
	}
	must(t, h.append(l, 1))
	if err := h.checkAfter(m); err != nil {
		t.Error(err)
	}
}

func TestGroupLargerThanAFile(t *testing.T) {
	m, h := logIn(t, 2, true)
	l, _, _, err := read(m, small)
	must(t, err)
	for range 3 {
		must(t, h.append(l, 100))
		must(t, h.append(l, 1))
	}
	if files := l.Files(); len(files) < 4 || files[1].Size < 3*4096 {
		t.Errorf("files: %+v", files)
	}
	if err := h.checkAfter(m.CrashClone(1, 0)); err != nil {
		t.Error(err)
	}
}

func TestCleanCloseNeedsNoMending(t *testing.T) {
	m, h := logIn(t, 24, true)
	for range 3 {
		before := walFiles(t, m)
		l, rec, got, err := read(m, small)
		must(t, err)
		if err := h.check(rec, got); err != nil {
			t.Error(err)
		}
		if rec.Rewritten > 0 || rec.Torn != nil {
			t.Errorf("mended after a clean close: %+v", rec)
		}
		must(t, l.Close())
		must(t, l.Close())
		if diff := cmp.Diff(before, walFiles(t, m)); diff != "" {
			t.Error(diff)
		}
	}
	l, _, _, err := read(m, small)
	must(t, err)
	must(t, l.Close())
	if err := h.append(l, 1); !errors.Is(err, wal.ErrClosed) {
		t.Errorf("append to a closed log: %v", err)
	}
}

func TestAfter(t *testing.T) {
	m, h := logIn(t, 24, true)
	opts := small
	opts.After = 40
	l, rec, got, err := read(m, opts)
	must(t, err)
	if rec.FirstLSN != 41 || len(got) != len(h.acked)-40 {
		t.Errorf("records from %d, %d of them", rec.FirstLSN, len(got))
	}
	must(t, l.Close())
	must(t, vfs.RemoveAll(m, walDir))
	l, rec, _, err = read(m, opts)
	must(t, err)
	if l.NextLSN() != 41 || len(rec.Damage) > 0 {
		t.Errorf("next LSN of an empty log after 40: %d, %+v", l.NextLSN(), rec.Damage)
	}
}

func TestRemove(t *testing.T) {
	m, h := logIn(t, 24, false)
	l, _, _, err := read(m, small)
	must(t, err)
	files := l.Files()
	must(t, l.Remove(files[1].FirstLSN-2))
	if got := l.Files(); len(got) != len(files) {
		t.Errorf("a file was removed that holds a record that is needed: %+v", got)
	}
	_, release := l.Snapshot()
	must(t, l.Remove(files[2].FirstLSN-1))
	if got := walFiles(t, m); len(got) != len(files) {
		t.Errorf("a file was removed while a snapshot was held: %q", got)
	}
	must(t, release())
	must(t, release())
	if diff := cmp.Diff(files[2:], l.Files()); diff != "" {
		t.Error(diff)
	}
	must(t, l.Remove(1<<63))
	must(t, h.append(l, 2))
	if got := walFiles(t, m); len(got) != 1 {
		t.Errorf("files left: %q", got)
	}
	opts := small
	opts.After = files[2].FirstLSN
	_, rec, _, err := read(m.CrashClone(1, 0), opts)
	must(t, err)
	if len(rec.Damage) != 1 {
		t.Errorf("damage: %+v; want one: records were removed that were needed", rec.Damage)
	}
	opts.After = uint64(len(h.acked)) - 2
	_, rec, got, err := read(m.CrashClone(1, 0), opts)
	must(t, err)
	if len(rec.Damage) != 0 || len(got) != 2 {
		t.Errorf("after %d: %d records, %+v", opts.After, len(got), rec.Damage)
	}
}

func TestRemoveSetsDamageAside(t *testing.T) {
	m, _ := logIn(t, 24, true)
	files := walFiles(t, m)
	m.Flip(files[0], 1100, 1)
	l, _, _, err := read(m, small)
	must(t, err)
	must(t, l.Remove(l.NextLSN()))
	aside, err := m.List("/data/quarantine")
	must(t, err)
	if diff := cmp.Diff([]string{filepath.Base(files[0])}, aside); diff != "" {
		t.Error(diff)
	}
}

// TestBackup copies what Snapshot says while the log is written to.
func TestBackup(t *testing.T) {
	m, h := logIn(t, 24, false)
	l, _, _, err := read(m, small)
	must(t, err)
	must(t, h.append(l, 3))
	then := h.clone()
	files, release := l.Snapshot()
	must(t, h.append(l, 30))
	copied := vfstest.New()
	must(t, copied.MkdirAll(walDir))
	for _, f := range files {
		b, err := vfs.ReadFile(m, f.Name)
		must(t, err)
		must(t, vfs.WriteFile(copied, f.Name, b[:f.Size]))
	}
	must(t, release())
	_, rec, got, err := read(copied, small)
	must(t, err)
	if err := then.check(rec, got); err != nil {
		t.Error(err)
	}
}

func TestVerifyOpenLog(t *testing.T) {
	m, h := logIn(t, 24, false)
	l, _, _, err := read(m, small)
	must(t, err)
	must(t, h.append(l, 3))
	g, _ := h.group(2) // not synced: not looked at
	_, err = l.Write(g)
	must(t, err)
	verify := func() (wal.Report, map[uint64]string) {
		t.Helper()
		got := map[uint64]string{}
		rep, err := l.Verify(func(r wal.Record) error {
			got[r.LSN] = string(r.Body)
			return nil
		})
		must(t, err)
		return rep, got
	}
	rep, got := verify()
	if diff := cmp.Diff(h.acked, got); diff != "" || len(rep.Damage) > 0 || rep.Torn != nil {
		t.Errorf("%+v: %s", rep, diff)
	}
	m.Flip(walFiles(t, m)[0], 1030, 1)
	rep, got = verify()
	if len(rep.Damage) != 1 || len(got) != len(h.acked)-1 {
		t.Errorf("%+v: %d of %d records", rep, len(got), len(h.acked))
	}
}

// TestBesideTheWriter calls what others may call while one goroutine writes; the
// race detector looks on.
func TestBesideTheWriter(t *testing.T) {
	l, _, err := wal.Open(vfs.OS, filepath.Join(t.TempDir(), "wal"), small, func(wal.Record) error { return nil })
	must(t, err)
	written := make(chan struct{})
	var others sync.WaitGroup
	for _, look := range []func() error{
		func() error { return l.Err() },
		func() error { return l.Remove(l.NextLSN() / 2) },
		func() error {
			rep, err := l.Verify(nil)
			if len(rep.Damage) > 0 || rep.Torn != nil {
				err = fmt.Errorf("verify beside the writer: %+v", rep)
			}
			return err
		},
		func() error {
			if files, n := l.Files(), l.Stats().Files; len(files) == 0 || n == 0 {
				return fmt.Errorf("no files: %+v, %d", files, n)
			}
			return nil
		},
	} {
		others.Go(func() {
			for {
				select {
				case <-written:
					return
				default:
				}
				if err := look(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	h := newHistory()
	for range 200 {
		must(t, h.append(l, 2))
	}
	close(written)
	others.Wait()
	must(t, l.Close())
}

func TestReplayErrorEndsOpen(t *testing.T) {
	m, _ := logIn(t, 3, true)
	stop := errors.New("stop")
	n := 0
	_, _, err := wal.Open(m, walDir, small, func(wal.Record) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("open: %v after %d records", err, n)
	}
}

func TestStats(t *testing.T) {
	m := vfstest.New()
	l, _, _, err := read(m, wal.Options{})
	must(t, err)
	h := newHistory()
	must(t, h.append(l, 3))
	must(t, h.append(l, 2))
	s := l.Stats()
	if s.Records != 5 || s.Syncs != 2 || s.Files != 1 || s.DiskBytes != 1024+s.Bytes {
		t.Errorf("stats: %+v", s)
	}
	must(t, l.Close())
}

// TestOnDisk runs the log on the machine's own file system.
func TestOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "wal")
	want := map[uint64]string{}
	for range 4 {
		got := map[uint64]string{}
		l, rec, err := wal.Open(vfs.OS, dir, small, func(r wal.Record) error {
			got[r.LSN] = string(r.Body)
			return nil
		})
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" || len(rec.Damage) > 0 || rec.Torn != nil {
			t.Fatalf("%+v: %s", rec, diff)
		}
		h := newHistory()
		for range 20 {
			must(t, h.append(l, 2))
		}
		maps.Copy(want, h.acked)
		if len(want)%80 == 0 { // every other run is not closed
			must(t, l.Close())
		}
	}
	rep, err := wal.Verify(vfs.OS, dir, nil)
	must(t, err)
	if rep.Records != int64(len(want)) || len(rep.Damage) > 0 {
		t.Errorf("verify: %+v, want %d records", rep, len(want))
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(want)), func(s string) bool { return len(s) > 200 }) {
		t.Error("the workload has no large record")
	}
}
