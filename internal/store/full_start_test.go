package store

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// noRoom is a disk without a free block: what is there can be written again.
func noRoom(op vfstest.Op) error {
	if op.Kind == vfstest.Create && !strings.HasSuffix(op.Path, lockFile) || op.Kind == vfstest.Preallocate {
		return syscall.ENOSPC
	}
	return nil
}

// TestStartOnAFullDisk opens a log whose process was killed on a disk without
// room: all that was acknowledged is served, appends are refused, and taken when
// there is room, without a word from anybody.
func TestStartOnAFullDisk(t *testing.T) {
	leave := map[string]func(t *testing.T, fs *vfstest.FS, l *Log){
		"nothing": func(*testing.T, *vfstest.FS, *Log) {},
		"a torn tail": func(t *testing.T, fs *vfstest.FS, l *Log) {
			files := l.wal.Files()
			last := files[len(files)-1]
			f, err := fs.OpenAppend(last.Name)
			check(t, err)
			_, err = f.WriteAt([]byte("half of a record"), last.Size)
			check(t, err)
		},
		"a torn manifest": func(t *testing.T, fs *vfstest.FS, l *Log) {
			files := l.manifest.journal.Files()
			f, err := fs.OpenAppend(files[len(files)-1])
			check(t, err)
			_, err = f.Write([]byte("half of a record"))
			check(t, err)
		},
		"numbers of a sealing that did not end": func(t *testing.T, fs *vfstest.FS, l *Log) {
			in := instancesOf(t, l, "app")[0]
			check(t, l.writeStreams(in, in.nextFile+1, []streamChange{{stream: 0, numbers: 99, sealed: 99}}))
		},
	}
	for name, do := range leave {
		t.Run(name, func(t *testing.T) {
			fs := vfstest.New()
			o, _ := reports(fs)
			killed := layered(t, o)
			appendTo(t, killed, "app", samples(5)...)
			want := all(t, killed, "app")
			check(t, fs.MkdirAll("/data/log/quarantine"))
			do(t, fs, killed)
			next := fs.CrashClone(0, 100)
			next.SetHook(noRoom)
			o, got := reports(next)
			l := open(t, "/data", o)
			if d := cmp.Diff(want, all(t, l, "app")); d != "" {
				t.Errorf("served (-want +got):\n%s", d)
			}
			if _, err := l.Append(t.Context(), AppendRequest{Instance: "app", Events: []event.Draft{sample(1)}}); !errors.Is(err, ErrNoSpace) {
				t.Errorf("append on a full disk: %v", err)
			}
			if !l.Health().NoSpace || l.Err() != nil {
				t.Errorf("health: %+v; failed: %v", l.Health(), l.Err())
			}
			_ = l.round(t.Context()) // has no room either
			next.SetHook(nil)
			l.reserve.rested()
			check(t, l.reserve.cover(l.reserveFor(0))) // as background work does every second
			r := appendTo(t, l, "app", sample(0))
			if r[0].Position != want[len(want)-1].Position+1 || l.Health().NoSpace {
				t.Errorf("when there is room: %+v, %+v", r, l.Health())
			}
			check(t, l.round(t.Context()))
			seal(t, l)
			if r := verify(t, l); len(r.Problems) != 0 {
				t.Errorf("verify: %+v", r.Problems)
			}
			closeLog(t, l)
			l = open(t, "/data", o)
			if n := len(all(t, l, "app")); n != len(want)+1 {
				t.Errorf("%d events, want %d", n, len(want)+1)
			}
			if len(critical(*got)) != 0 {
				t.Errorf("reported: %v", *got)
			}
		})
	}
}

// TestEndOfAClosedLogGoesMissing cuts the write-ahead log of a closed log
// between two records, which leaves no trace in it: the manifest misses them.
func TestEndOfAClosedLogGoesMissing(t *testing.T) {
	fs := vfstest.New()
	o, got := reports(fs)
	l := open(t, "/data", o)
	create(t, l, "app")
	first := appendTo(t, l, "app", samples(10)...)
	end := l.wal.Files()[0]
	lost := appendTo(t, l, "app", samples(5)...)
	closeLog(t, l)
	data, err := vfs.ReadFile(fs, end.Name)
	check(t, err)
	check(t, vfs.WriteFile(fs, end.Name, data[:end.Size]))
	l = open(t, "/data", o)
	if n := len(all(t, l, "app")); n != len(first) || len(critical(*got)) == 0 {
		t.Errorf("%d events; reported: %v", n, *got)
	}
	if r := appendTo(t, l, "app", sample(0)); r[0].Position <= lost[4].Position {
		t.Errorf("position %d is given again", r[0].Position)
	}
}
