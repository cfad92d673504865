package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/internal/store/wal"
)

// accounted says whether every record that is not there was reported, and
// nothing is there that was not written.
func (h *history) accounted(rec wal.Recovery, got map[uint64]string) error {
	for lsn, body := range got {
		if h.acked[lsn] != body {
			return fmt.Errorf("record %d is %q, was %q", lsn, body, h.acked[lsn])
		}
	}
	for lsn := range h.acked {
		if _, ok := got[lsn]; !ok && !lostIn(rec, lsn, got) {
			return fmt.Errorf("record %d is missing and nobody says so: %+v", lsn, rec)
		}
	}
	for _, d := range rec.Damage {
		for lsn := d.FirstLost; lsn <= min(d.LastLost, uint64(len(h.acked))); lsn++ {
			if _, ok := got[lsn]; ok {
				return fmt.Errorf("record %d is there and reported as lost: %+v", lsn, d)
			}
		}
	}
	return nil
}

// lostIn says whether a missing record was reported: in a lost range, or as the
// end of the log, cut as torn.
func lostIn(rec wal.Recovery, lsn uint64, got map[uint64]string) bool {
	for _, d := range rec.Damage {
		if d.FirstLost <= lsn && lsn <= d.LastLost {
			return true
		}
	}
	return rec.Torn != nil && (len(got) == 0 || lsn > slices.Max(slices.Collect(maps.Keys(got))))
}

func walFiles(t testing.TB, m *vfstest.FS) []string {
	t.Helper()
	names, err := m.List(walDir)
	must(t, err)
	for i, n := range names {
		names[i] = filepath.Join(walDir, n)
	}
	return names
}

// TestEveryByteFlipped inverts each byte of a log and each of its lowest bits:
// each is found, none serves what was not written, and only records it hits
// are lost.
func TestEveryByteFlipped(t *testing.T) {
	for _, closed := range []bool{true, false} {
		t.Run(fmt.Sprintf("closed=%v", closed), func(t *testing.T) {
			t.Parallel()
			m, h := logIn(t, 16, closed)
			for _, name := range walFiles(t, m) {
				size, err := m.Stat(name)
				must(t, err)
				for off := range size.Size {
					if err := h.afterFlip(m.CrashClone(0, 100), name, off, 0xff>>(off%2*7)); err != nil {
						t.Fatalf("%s, byte %d: %v", name, off, err)
					}
				}
			}
		})
	}
}

func (h *history) afterFlip(m *vfstest.FS, name string, off int64, bits byte) error {
	if !m.Flip(name, off, bits) {
		return errors.New("no such byte")
	}
	rep, err := wal.Verify(m, walDir, nil)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	_, rec, got, err := read(m, small)
	if err != nil {
		return err
	}
	if len(rec.Damage) == 0 && rec.Torn == nil || len(rep.Damage) == 0 && rep.Torn == nil {
		return fmt.Errorf("nothing was found: %+v, %+v", rec, rep)
	}
	if (rec.Torn == nil) != (rep.Torn == nil) || cmp.Diff(rec.Damage, rep.Damage) != "" {
		return fmt.Errorf("Open and Verify disagree: %+v, %+v", rec, rep)
	}
	if lost := len(h.acked) - len(got); lost > 3 || lost > 1 && rec.Torn == nil {
		return fmt.Errorf("%d records lost: %+v", lost, rec)
	}
	return h.accounted(rec, got)
}

// TestEveryTruncation cuts each file of a log at each length.
func TestEveryTruncation(t *testing.T) {
	for _, closed := range []bool{true, false} {
		t.Run(fmt.Sprintf("closed=%v", closed), func(t *testing.T) {
			t.Parallel()
			whole, h := logIn(t, 16, closed)
			names := walFiles(t, whole)
			for i, name := range names {
				info, err := whole.Stat(name)
				must(t, err)
				for size := range info.Size {
					m := whole.CrashClone(0, 100)
					truncate(t, m, name, size)
					_, rec, got, err := read(m, small)
					must(t, err)
					if i == len(names)-1 {
						// Nothing tells a file that was cut between two records from one
						// that never had more.
						h := h.clone()
						maps.DeleteFunc(h.acked, func(lsn uint64, _ string) bool { return lsn > uint64(len(got)) })
						err = h.accounted(rec, got)
					} else {
						err = h.accounted(rec, got)
					}
					if err != nil {
						t.Fatalf("%s cut at %d: %v", name, size, err)
					}
				}
			}
		})
	}
}

func truncate(t *testing.T, m *vfstest.FS, name string, size int64) {
	t.Helper()
	f, err := m.OpenAppend(name)
	must(t, err)
	must(t, f.Truncate(size))
	must(t, f.Sync())
	must(t, f.Close())
}

// TestZeroedSectors is what a failing disk or a lost write leaves.
func TestZeroedSectors(t *testing.T) {
	m, h := logIn(t, 24, true)
	for _, name := range walFiles(t, m) {
		info, err := m.Stat(name)
		must(t, err)
		for off := int64(0); off < info.Size; off += 256 {
			c := m.CrashClone(0, 100)
			f, err := c.OpenAppend(name)
			must(t, err)
			_, err = f.WriteAt(make([]byte, min(512, info.Size-off)), off)
			must(t, err)
			_, rec, got, err := read(c, small)
			must(t, err)
			if err := h.accounted(rec, got); err != nil {
				t.Fatalf("%s zeroed at %d: %v", name, off, err)
			}
		}
	}
}

func TestDamageIsReportedExactly(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, m *vfstest.FS, files []string)
		lost []uint64 // records
		want []string // parts of the reasons
	}{
		{
			"body of a record",
			func(t *testing.T, m *vfstest.FS, files []string) { m.Flip(files[0], 1024+32+3, 1) },
			[]uint64{1}, []string{"body"},
		}, {
			"header of a record",
			func(t *testing.T, m *vfstest.FS, files []string) { m.Flip(files[0], 1024+3, 1) },
			[]uint64{1}, []string{"header"},
		}, {
			"one copy of the file's header",
			func(t *testing.T, m *vfstest.FS, files []string) { m.Flip(files[1], 3, 1) },
			nil, []string{"a copy of it is good"},
		}, {
			"both copies",
			func(t *testing.T, m *vfstest.FS, files []string) { m.Flip(files[1], 3, 1); m.Flip(files[1], 515, 1) },
			nil, []string{"both copies"},
		}, {
			"file missing",
			func(t *testing.T, m *vfstest.FS, files []string) { must(t, m.Remove(files[1])) },
			[]uint64{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30}, []string{"missing"},
		}, {
			"files swapped",
			func(t *testing.T, m *vfstest.FS, files []string) {
				must(t, m.Rename(files[0], "/data/x"))
				must(t, m.Rename(files[1], files[0]))
				must(t, m.Rename("/data/x", files[1]))
			},
			nil, []string{"number 2 by its header", "number 1 by its header"},
		}, {
			"file twice",
			func(t *testing.T, m *vfstest.FS, files []string) {
				b, err := vfs.ReadFile(m, files[0])
				must(t, err)
				must(t, vfs.WriteFile(m, filepath.Join(walDir, "00000000000000000099.wal"), b))
			},
			nil, []string{"number 1 by its header", "two files"},
		}, {
			"file of another log",
			func(t *testing.T, m *vfstest.FS, files []string) {
				other, _ := logIn(t, 3, true)
				b, err := vfs.ReadFile(other, walFiles(t, other)[0])
				must(t, err)
				must(t, vfs.WriteFile(m, filepath.Join(walDir, "00000000000000000099.wal"), b))
			},
			nil, []string{"another log"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, h := logIn(t, 24, true)
			tt.do(t, m, walFiles(t, m))
			before := walFiles(t, m)
			l, rec, got, err := read(m, small)
			must(t, err)
			var lost []uint64
			for lsn := range uint64(len(h.acked)) {
				if _, ok := got[lsn+1]; !ok {
					lost = append(lost, lsn+1)
				}
			}
			if diff := cmp.Diff(tt.lost, lost); diff != "" {
				t.Errorf("lost: %s", diff)
			}
			if err := h.accounted(rec, got); err != nil {
				t.Error(err)
			}
			if len(rec.Damage) != len(tt.want) {
				t.Fatalf("damage: %+v, want %d", rec.Damage, len(tt.want))
			}
			for i, d := range rec.Damage {
				if !strings.Contains(d.Reason, tt.want[i]) {
					t.Errorf("damage %d: %q, want %q", i, d.Reason, tt.want[i])
				}
			}
			// The log goes on, and nothing was deleted.
			must(t, h.append(l, 3))
			must(t, l.Close())
			_, rec, got, err = read(m, small)
			must(t, err)
			if err := h.accounted(rec, got); err != nil {
				t.Error(err)
			}
			if after := walFiles(t, m); !slices.Equal(before, after[:len(before)]) {
				t.Errorf("files were %q, are %q", before, after)
			}
		})
	}
}

func TestTornTailIsSetAside(t *testing.T) {
	m, h := logIn(t, 24, true)
	files := walFiles(t, m)
	f, err := m.OpenAppend(files[len(files)-1])
	must(t, err)
	_, err = f.Write([]byte("half of a record"))
	must(t, err)
	size, err := f.Size()
	must(t, err)
	_, rec, got, err := read(m, small)
	must(t, err)
	if err := h.check(rec, got); err != nil {
		t.Error(err)
	}
	if rec.Torn == nil || rec.Torn.End != size || rec.Torn.Offset != size-16 {
		t.Fatalf("torn: %+v, want the last 16 bytes of %d", rec.Torn, size)
	}
	aside, err := vfs.ReadFile(m, rec.Torn.Quarantine)
	must(t, err)
	if diff := cmp.Diff("half of a record", string(aside)); diff != "" {
		t.Error(diff)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	m, _ := logIn(t, 3, true)
	name := walFiles(t, m)[0]
	b, err := vfs.ReadFile(m, name)
	must(t, err)
	must(t, vfs.WriteFile(m, name, wal.WithVersion(b, 2)))
	if _, _, _, err := read(m, small); !errors.Is(err, wal.ErrNewer) {
		t.Errorf("open: %v, want ErrNewer", err)
	}
}

// TestNoHeader destroys the headers of all files, where nobody knows the log's
// identity but the records: all of them are read, now and when the log has gone
// on.
func TestNoHeader(t *testing.T) {
	for _, records := range []int{1, 24} {
		m, h := logIn(t, records, true)
		for _, name := range walFiles(t, m) {
			m.Flip(name, 0, 1)
			m.Flip(name, 512, 1)
		}
		for range 2 {
			l, rec, got, err := read(m, small)
			must(t, err)
			if len(got) != len(h.acked) || len(rec.Damage) == 0 {
				t.Errorf("%d of %d records, damage %+v", len(got), len(h.acked), rec.Damage)
			}
			if err := h.accounted(rec, got); err != nil {
				t.Error(err)
			}
			must(t, h.append(l, 3))
			must(t, l.Close())
		}
	}
}

// TestNothingReadable leaves nothing of a log that says what it is: it goes on,
// says so, and deletes nothing.
func TestNothingReadable(t *testing.T) {
	m, h := logIn(t, 24, true)
	before := walFiles(t, m)
	for i, name := range before {
		info, err := m.Stat(name)
		must(t, err)
		must(t, vfs.WriteFile(m, name, bytes.Repeat([]byte{0xff}, int(info.Size)*i))) // the first is empty
	}
	l, rec, got, err := read(m, small)
	must(t, err)
	if err := h.accounted(rec, got); err != nil || len(got) > 0 {
		t.Errorf("%d records, %v", len(got), err)
	}
	h = newHistory()
	must(t, h.append(l, 3))
	must(t, l.Close())
	_, rec, got, err = read(m, small)
	must(t, err)
	if err := h.accounted(rec, got); err != nil || len(got) != 3 {
		t.Errorf("%d records, %v", len(got), err)
	}
	if after := walFiles(t, m); !slices.Equal(before, after[:len(before)]) {
		t.Errorf("files were %q, are %q", before, after)
	}
}

func TestCutOffFileLosesWhoKnowsWhat(t *testing.T) {
	m, h := logIn(t, 24, true)
	files := walFiles(t, m)
	truncate(t, m, files[len(files)-1], 0)
	_, rec, got, err := read(m, small)
	must(t, err)
	if err := h.accounted(rec, got); err != nil {
		t.Error(err)
	}
	if last := rec.Damage[len(rec.Damage)-1]; last.LastLost != math.MaxUint64 {
		t.Errorf("damage: %+v; want an open end", last)
	}
}
