package store

import (
	"fmt"
	"testing"

	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// walEnd is the newest file of the write-ahead log and where its records end.
func walEnd(l *Log) (file string, end int64) {
	files := l.wal.Files()
	last := files[len(files)-1]
	return last.Name, last.Size
}

// TestBatchIsWholeOrNotThere cuts the write of a batch off at every byte.
func TestBatchIsWholeOrNotThere(t *testing.T) {
	fs := vfstest.New()
	l := open(t, "/data", Options{FS: fs, Quiet: true})
	create(t, l, "app")
	n := 0
	appendTo(t, l, "app", withIDs(&n, 2)...)
	file, from := walEnd(l)
	appendTo(t, l, "app", withIDs(&n, 6)...)
	_, to := walEnd(l)
	if to-from < 100 {
		t.Fatalf("the batch took %d bytes", to-from)
	}
	for at := from; at <= to; at++ {
		cut := fs.CrashClone(1, 100)
		f, err := cut.OpenAppend(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(at); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Open("/data", Options{FS: cut, Quiet: true})
		if err != nil {
			t.Fatal(err)
		}
		want := 2
		if at == to {
			want = 8
		}
		if got := len(all(t, again, "app")); got != want {
			t.Errorf("cut at byte %d of %d to %d: %d events, want %d", at, from, to, got, want)
		}
		closeLog(t, again)
	}
}

// TestNumbersAreNotUsedAgain removes all events of a stream: its last number
// outlives them, and the next start.
func TestNumbersAreNotUsedAgain(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet(t))
	create(t, l, "app")
	appendTo(t, l, "app", samples(30)...)
	if _, err := l.Purge(t.Context(), "app", nil, false); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	l = open(t, dir, quiet(t))
	if r := appendTo(t, l, "app", sample(0)); r[0].SequenceNumber != 11 || r[0].Position != 31 {
		t.Errorf("the next event is %+v", r[0])
	}
}

func TestIDsAreKnownAfterAStart(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, quiet(t))
	create(t, l, "app")
	n := 0
	first := appendTo(t, l, "app", withIDs(&n, 4)...)
	closeLog(t, l)
	l = open(t, dir, quiet(t))
	n = 0
	again := appendTo(t, l, "app", withIDs(&n, 4)[0])
	if !again[0].Duplicate || again[0].Position != first[0].Position {
		t.Errorf("%s is stored again: %s", first[0].ID, fmt.Sprint(again[0]))
	}
}
