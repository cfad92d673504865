package wal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/internal/store/wal"
)

// lastRecord is where the newest record of an unclosed log begins and ends.
func lastRecord(t *testing.T, m *vfstest.FS) (file string, offset, end int64) {
	t.Helper()
	_, err := wal.Verify(m, walDir, func(r wal.Record) error {
		file, offset, end = r.File, r.Offset, r.Offset+32+int64(len(r.Body))
		return nil
	})
	must(t, err)
	return file, offset, end
}

// TestNewestRecordDamaged damages the newest record, which nothing proves to be
// on disk. One that was written whole may have been acknowledged: it is damage,
// its number is not given again, and nothing is cut. One that has sectors which
// were never written is a torn tail.
func TestNewestRecordDamaged(t *testing.T) {
	tests := []struct {
		name   string
		do     func(m *vfstest.FS, file string, offset, end int64)
		newest bool
	}{
		{"a bit of the body", func(m *vfstest.FS, file string, offset, end int64) { m.Flip(file, end-2, 4) }, true},
		{"length", func(m *vfstest.FS, file string, offset, _ int64) { m.Flip(file, offset+5, 1) }, true},
		{"number", func(m *vfstest.FS, file string, offset, _ int64) { m.Flip(file, offset+9, 1) }, true},
		{"synced offset", func(m *vfstest.FS, file string, offset, _ int64) { m.Flip(file, offset+20, 1) }, true},
		{"checksum of the header", func(m *vfstest.FS, file string, offset, _ int64) { m.Flip(file, offset, 255) }, true},
		{"checksum of the body", func(m *vfstest.FS, file string, offset, _ int64) { m.Flip(file, offset+24, 1) }, true},
		{"kind", func(m *vfstest.FS, file string, offset, _ int64) { m.Flip(file, offset+28, 64) }, true},
		{"a sector that is not there", func(m *vfstest.FS, file string, offset, end int64) {
			f, err := m.OpenAppend(file)
			must(t, err)
			from := end / 512 * 512 // it is larger than a sector
			_, err = f.WriteAt(make([]byte, end-from), from)
			must(t, err)
			must(t, f.Sync())
		}, false},
		{"the file ends in it", func(m *vfstest.FS, file string, _, end int64) { truncate(t, m, file, end-1) }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, h := logIn(t, 0, false)
			l, _, _, err := read(m, small)
			must(t, err)
			for range 8 {
				must(t, h.append(l, 5))
			}
			file, offset, end := lastRecord(t, m)
			last := uint64(len(h.acked))
			tt.do(m, file, offset, end)
			before, err := vfs.ReadFile(m, file)
			must(t, err)
			left := m.Reopen()
			l, rec, got, err := read(left, small)
			must(t, err)
			if err := h.accounted(rec, got); err != nil {
				t.Error(err)
			}
			newest := slices.ContainsFunc(rec.Damage, func(d wal.Damage) bool {
				return d.Newest && d.File == file && d.Offset == offset && d.FirstLost == last && d.LastLost == last
			})
			if newest != tt.newest || (rec.Torn != nil) == tt.newest {
				t.Fatalf("damage %+v, torn %+v; want it to be the newest: %v", rec.Damage, rec.Torn, tt.newest)
			}
			want := last
			if tt.newest {
				want++ // its number is gone
				if after, err := vfs.ReadFile(left, file); err != nil || !slices.Equal(before, after) {
					t.Errorf("the damaged file has changed: %v", err)
				}
			}
			if l.NextLSN() != want {
				t.Errorf("the next record is %d, want %d", l.NextLSN(), want)
			}
			must(t, h.append(l, 1))
			_, rec, again, err := read(left.CrashClone(1, 0), small)
			must(t, err)
			if len(again) != len(got)+1 || tt.newest && len(rec.Damage) == 0 {
				t.Errorf("after a power cut: %d records, damage %+v", len(again), rec.Damage)
			}
		})
	}
}

// TestUnprovenBesideDamageIsWrittenAgain damages the first of three records that
// nothing proves: the others are served, and are on disk by then.
func TestUnprovenBesideDamageIsWrittenAgain(t *testing.T) {
	m, h := logIn(t, 5, false)
	l, _, _, err := read(m, wal.Options{})
	must(t, err)
	g, bodies := h.group(3)
	first, err := l.Write(g) // never synced
	must(t, err)
	left := m.Reopen()
	var at wal.Record
	_, err = wal.Verify(left, walDir, func(r wal.Record) error {
		if r.LSN == first {
			at = r
		}
		return nil
	})
	must(t, err)
	left.Flip(at.File, at.Offset+40, 1)
	_, rec, got, err := read(left, wal.Options{})
	must(t, err)
	if rec.Rewritten != 2 || got[first+1] != bodies[1] || got[first+2] != bodies[2] {
		t.Errorf("%+v, %v", rec, got)
	}
	_, _, again, err := read(left.CrashClone(1, 0), wal.Options{})
	must(t, err)
	if len(again) != len(got) {
		t.Errorf("%d records were served, %d are there after a power cut", len(got), len(again))
	}
}

// full is a disk without a free block: what is there can be written again.
func full(op vfstest.Op) error {
	switch op.Kind {
	case vfstest.Create, vfstest.Preallocate:
		return syscall.ENOSPC
	}
	return nil
}

// TestStartOnAFullDisk opens a log that was killed, on a disk that has no room:
// everything acknowledged is served, writes are refused, and all goes on when
// there is room.
func TestStartOnAFullDisk(t *testing.T) {
	faults := map[string]func(t *testing.T, m *vfstest.FS){
		"unproven records": func(*testing.T, *vfstest.FS) {},
		"a torn tail": func(t *testing.T, m *vfstest.FS) {
			file, _, end := lastRecord(t, m)
			f, err := m.OpenAppend(file)
			must(t, err)
			_, err = f.WriteAt([]byte("half of a record"), end)
			must(t, err)
		},
		"damage of the newest record": func(t *testing.T, m *vfstest.FS) {
			file, _, end := lastRecord(t, m)
			m.Flip(file, end-2, 1)
		},
		"damage of the header": func(t *testing.T, m *vfstest.FS) {
			file, _, _ := lastRecord(t, m)
			m.Flip(file, 8, 1)
		},
	}
	for name, do := range faults {
		t.Run(name, func(t *testing.T) {
			m, h := logIn(t, 16, false)
			must(t, m.MkdirAll("/data/quarantine"))
			do(t, m)
			m = m.Reopen()
			m.SetHook(full)
			l, rec, got, err := read(m, small)
			must(t, err)
			if err := h.accounted(rec, got); err != nil {
				t.Error(err)
			}
			if len(got) < len(h.acked)-1 {
				t.Errorf("%d of %d records are served", len(got), len(h.acked))
			}
			for range 2 {
				if err := refused(h, l, name); err != nil {
					t.Error(err)
				}
			}
			if _, _, again, err := read(m.CrashClone(1, 0), small); err != nil || len(again) != len(got) {
				t.Errorf("%d records were served, %d are there after a power cut: %v", len(got), len(again), err)
			}
			m.SetHook(nil)
			must(t, h.append(l, 2))
			must(t, l.Close())
			_, rec, got, err = read(m, small)
			must(t, err)
			if err := h.accounted(rec, got); err != nil {
				t.Error(err)
			}
		})
	}
}

// refused writes a group that there is no room for.
func refused(h *history, l *wal.Log, name string) error {
	if name == "unproven records" {
		return nil // the file has room
	}
	g, _ := h.group(1)
	if _, err := l.Write(g); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, wal.ErrFailed) {
		return fmt.Errorf("write on a full disk: %v", err)
	}
	return nil
}

// TestJournalOnAFullDisk is the same for a journal.
func TestJournalOnAFullDisk(t *testing.T) {
	m := vfstest.New()
	j, _, err := wal.OpenJournal(m, "/data", "state", wal.JournalOptions{}, nil)
	must(t, err)
	must(t, m.MkdirAll("/data/quarantine"))
	must(t, j.Append([]byte("one")))
	must(t, j.Append([]byte("two")))
	f, err := m.OpenAppend(j.Files()[0])
	must(t, err)
	_, err = f.Write([]byte("half of a record"))
	must(t, err)
	m = m.Reopen()
	m.SetHook(full)
	var got []string
	keep := func(body []byte) error { got = append(got, string(body)); return nil }
	j, rec, err := wal.OpenJournal(m, "/data", "state", wal.JournalOptions{}, keep)
	must(t, err)
	if strings.Join(got, " ") != "one two" || rec.Torn == nil {
		t.Errorf("%q, %+v", got, rec)
	}
	if err := j.Append([]byte("three")); !errors.Is(err, syscall.ENOSPC) || j.Err() != nil {
		t.Errorf("append on a full disk: %v, %v", err, j.Err())
	}
	m.SetHook(nil)
	must(t, j.Append([]byte("four")))
	got = nil
	_, rec, err = wal.OpenJournal(m, "/data", "state", wal.JournalOptions{}, keep)
	must(t, err)
	if strings.Join(got, " ") != "one two four" || rec.Torn != nil || len(rec.Damage) > 0 {
		t.Errorf("%q, %+v", got, rec)
	}
}
