package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/internal/store/wal"
	"github.com/firnlog/firn/query"
)

func readOnly(op vfstest.Op) error {
	if op.Kind.Changes() {
		return syscall.EROFS
	}
	return nil
}

func TestReadOnlyDirectory(t *testing.T) {
	fs := vfstest.New()
	fs.SetHook(readOnly)
	if _, err := Open("/data", Options{FS: fs, Quiet: true}); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "/data") {
		t.Errorf("a new log in a read-only directory: %v", err)
	}
	fs.SetHook(nil)
	o := Options{FS: fs, Quiet: true}
	l := filled(t, "/data", o)
	want := all(t, l, "app")
	closeLog(t, l)
	fs.SetHook(readOnly)
	if _, err := Open("/data", o); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "/data") {
		t.Errorf("a log in a read-only directory: %v", err)
	}
	fs.SetHook(nil)
	l = open(t, "/data", o)
	if d := cmp.Diff(want, all(t, l, "app")); d != "" {
		t.Errorf("afterwards (-want +got):\n%s", d)
	}
}

func TestManifestOfANewerVersion(t *testing.T) {
	fs := vfstest.New()
	o := Options{FS: fs, Quiet: true}
	closeLog(t, filled(t, "/data", o))
	j, _, err := wal.OpenJournal(fs, "/data/log", manifestName, wal.JournalOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(fmt.Appendf(nil, `{"v":%d,"something":"new"}`, manifestVersion+1)); err != nil {
		t.Fatal(err)
	}
	fs.SetHook(func(op vfstest.Op) error {
		if (op.Kind == vfstest.Remove || op.Kind == vfstest.Rename) && !strings.Contains(op.Path, "reserve") {
			t.Errorf("%s %s", op.Kind, op.Path)
		}
		return nil
	})
	if _, err := Open("/data", o); !errors.Is(err, ErrNewer) {
		t.Errorf("open: %v, want ErrNewer", err)
	}
	fs.SetHook(nil)
}

// TestReadersWhileSegmentsGo reads all the time while purges, retention and
// compaction replace and delete the files.
func TestReadersWhileSegmentsGo(t *testing.T) {
	o := quiet(t)
	o.SealRows = 50
	l := open(t, t.TempDir(), o)
	create(t, l, "app")
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	defer func() {
		cancel()
		readers.Wait()
	}()
	for i := range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				if err := readOnce(ctx, l, i%2 == 0); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := range 15 {
		appendTo(t, l, "app", samples(60)...)
		seal(t, l)
		where := condition(t, fmt.Sprintf(`{"and":[{"field":"position","operator":"lte","value":%d},{"field":"payload.n","operator":"lt","value":%d}]}`, 60*n, n+1))
		if _, err := l.Purge(t.Context(), "app", where, false); err != nil {
			t.Fatal(err)
		}
		if n%3 == 0 {
			if err := l.round(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r := verify(t, l); len(r.Problems) != 0 {
		t.Errorf("verify: %+v", r.Problems)
	}
}

// readOnce reads everything and checks that it is of one snapshot: batches of 60
// without what was purged, each from its first kept event to its last.
func readOnce(ctx context.Context, l *Log, scan bool) error {
	var got []event.Event
	if scan {
		err := l.Scan(ctx, "app", nil, 0, func(events []event.Event) error {
			got = append(got, events...)
			return nil
		})
		if err != nil {
			return err
		}
	} else {
		q := &query.Query{Instance: "app", Limit: query.MaxLimit}
		r, err := l.Query(ctx, q)
		if err != nil {
			return err
		}
		got = r.Events
	}
	for i := 1; i < len(got); i++ {
		before, at := got[i-1].Position, got[i].Position
		if at <= before || at != before+1 && before%60 != 0 {
			return fmt.Errorf("position %d follows %d", at, before)
		}
	}
	return nil
}

// TestBackupUnderLoad makes backups while appends, sealing and compaction go on.
func TestBackupUnderLoad(t *testing.T) {
	o := quiet(t)
	o.SealRows = 100
	l := open(t, t.TempDir(), o)
	create(t, l, "app")
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer func() {
		cancel()
		work.Wait()
	}()
	var mu sync.Mutex
	acked := map[int64]string{}
	for w := range 3 {
		work.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				events := samples(4)
				events[0].ID = fmt.Sprintf("%d-%d", w, n)
				r, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: events})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked[r[0].Position] = r[0].ID
				mu.Unlock()
			}
		})
	}
	work.Go(func() {
		for ctx.Err() == nil {
			if err := errors.Join(l.Seal(context.Background()), l.round(context.Background())); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 4 {
		mu.Lock()
		before := make(map[int64]string, len(acked))
		for position, id := range acked {
			before[position] = id
		}
		mu.Unlock()
		var backup bytes.Buffer
		if err := l.Backup(t.Context(), &backup); err != nil {
			t.Fatal(err)
		}
		restoredHas(t, backup.Bytes(), before)
	}
}

// restoredHas restores a backup and checks that it holds what was acknowledged
// before it, in whole batches of 4.
func restoredHas(t *testing.T, backup []byte, acked map[int64]string) {
	t.Helper()
	fs := vfstest.New()
	if err := Restore(t.Context(), "/data", bytes.NewReader(backup), Options{FS: fs}); err != nil {
		t.Fatal(err)
	}
	l, err := Open("/data", Options{FS: fs, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	defer closeLog(t, l)
	events := all(t, l, "app")
	if len(events)%4 != 0 {
		t.Errorf("%d events: a batch is not whole", len(events))
	}
	for i, e := range events {
		if e.Position != int64(i+1) {
			t.Fatalf("position %d at place %d", e.Position, i)
		}
		if want, ok := acked[e.Position]; ok && e.ID != want {
			t.Errorf("position %d has id %q, want %q", e.Position, e.ID, want)
		}
		delete(acked, e.Position)
	}
	if len(acked) > 0 {
		t.Errorf("%d batches that were acknowledged before the backup are not in it", len(acked))
	}
	if r := verify(t, l); len(r.Problems) != 0 {
		t.Errorf("verify: %+v", r.Problems)
	}
}

// TestRestoreFailsAnywhere fails each operation of a restore, then cuts the
// power: all of the log is there, or none of it.
func TestRestoreFailsAnywhere(t *testing.T) {
	l := filled(t, t.TempDir(), quiet(t))
	want := all(t, l, "app")
	var backup bytes.Buffer
	if err := l.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	for k := 1; ; k++ {
		fs := vfstest.New()
		hook, hit := vfstest.FailAt(k, syscall.EIO)
		fs.SetHook(hook)
		err := Restore(t.Context(), "/data", bytes.NewReader(backup.Bytes()), Options{FS: fs})
		if err != nil && !errors.Is(err, syscall.EIO) {
			t.Errorf("operation %d fails: %v", k, err)
		}
		fs.SetHook(nil)
		left := fs.CrashClone(uint64(k), []int{0, 50, 100}[k%3])
		names, _ := left.List(path.Join("/data", logDir))
		if err == nil || len(names) > 0 {
			again := open(t, "/data", Options{FS: left, Quiet: true})
			if d := cmp.Diff(want, all(t, again, "app")); d != "" {
				t.Errorf("operation %d fails (%v): restored (-want +got):\n%s", k, err, d)
			}
			closeLog(t, again)
		} else if err := Restore(t.Context(), "/data", bytes.NewReader(backup.Bytes()), Options{FS: left}); err != nil {
			t.Errorf("restoring again after operation %d failed: %v", k, err)
		}
		if !hit() {
			break
		}
	}
}
