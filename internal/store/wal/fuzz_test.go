package wal_test

import (
	"path/filepath"
	"testing"

	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/internal/store/wal"
)

// FuzzPatchedLog writes any bytes anywhere into the last file of a good log and
// cuts it: no record may come back that was not written.
func FuzzPatchedLog(f *testing.F) {
	whole, h := logIn(f, 12, true)
	files := walFiles(f, whole)
	last := files[len(files)-1]
	f.Add([]byte("patch"), uint16(0), uint16(5000))
	f.Add([]byte{}, uint16(0), uint16(1200))
	f.Add(make([]byte, 512), uint16(1024), uint16(5000))
	f.Fuzz(func(t *testing.T, patch []byte, at, size uint16) {
		m := whole.CrashClone(0, 100)
		file, err := m.OpenAppend(last)
		must(t, err)
		_, err = file.WriteAt(patch, int64(at))
		must(t, err)
		if n, _ := file.Size(); int64(size) < n {
			must(t, file.Truncate(int64(size)))
		}
		l, _, got, err := read(m, small)
		if err != nil {
			return // a newer version, say
		}
		for lsn, body := range got {
			if h.acked[lsn] != body {
				t.Fatalf("record %d is %q, was %q", lsn, body, h.acked[lsn])
			}
		}
		must(t, newHistory().append(l, 2))
	})
}

// FuzzAnyFile opens any bytes as a log and as a journal.
func FuzzAnyFile(f *testing.F) {
	whole, _ := logIn(f, 4, true)
	b, err := vfs.ReadFile(whole, walFiles(f, whole)[0])
	must(f, err)
	f.Add(b)
	f.Add(b[:1024])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := vfstest.New()
		must(t, m.MkdirAll(walDir))
		must(t, m.MkdirAll(journalDir))
		must(t, vfs.WriteFile(m, filepath.Join(walDir, "00000000000000000001.wal"), data))
		must(t, vfs.WriteFile(m, filepath.Join(journalDir, "MANIFEST-00000000000000000001"), data))
		if l, _, got, err := read(m, small); err == nil {
			must(t, newHistory().append(l, 1))
			if _, _, again, err := read(m, small); err != nil || len(again) != len(got)+1 {
				t.Fatalf("%d records, one appended: %d, %v", len(got), len(again), err)
			}
		}
		if _, err := wal.Verify(m, walDir, nil); err != nil {
			_ = err // it says why
		}
		if j, _, got, err := readJournal(m); err == nil {
			must(t, (&ledger{}).append(j, 1))
			if _, _, again, err := readJournal(m); err != nil || len(again) != len(got)+1 {
				t.Fatalf("%d records, one appended: %d, %v", len(got), len(again), err)
			}
		}
	})
}
