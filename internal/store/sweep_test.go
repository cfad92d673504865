package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/query"
)

// workload does everything that writes: appends, sealing, compaction, a purge,
// retention, backups. Its ledger knows what must hold whenever it is cut short.
type workload struct {
	clock *clock

	mu     sync.Mutex
	sent   map[string]bool  // ids
	acked  map[string]int64 // id → position
	doomed map[string]bool  // ids that a removal which was begun takes
	gone   map[string]bool  // ids that a removal which was acknowledged took
	backup *bytes.Buffer    // the last one that was made
	backed map[string]int64 // what was acknowledged before it
}

func newWorkload() *workload {
	return &workload{clock: newClock(), sent: map[string]bool{}, acked: map[string]int64{}, doomed: map[string]bool{}, gone: map[string]bool{}}
}

func (w *workload) options(fs *vfstest.FS) Options {
	return Options{FS: fs, Quiet: true, SealRows: 8, Now: w.clock.Now}
}

// run does all of it, whatever fails.
func (w *workload) run(l *Log) {
	ctx := context.Background()
	_, _ = l.CreateInstance(ctx, Instance{Name: "app", RetentionDays: 1})
	for range 4 {
		w.append(l, 3)
		_ = l.Seal(ctx)
		w.append(l, 2)
	}
	_ = l.round(ctx)
	w.remove(func(n int) bool { return n%4 == 1 }, func() error {
		where, err := query.ParseCondition([]byte(`{"field":"payload.rest","operator":"eq","value":1}`), w.clock.Now())
		if err == nil {
			_, err = l.Purge(ctx, "app", where, false)
		}
		return err
	})
	w.append(l, 2)
	w.clock.advance(36 * time.Hour)
	w.append(l, 3)
	old := len(w.sent) - 3
	w.remove(func(n int) bool { return n < old }, func() error {
		if in, err := l.Instance("app"); err != nil || in.RetentionDays == 0 {
			return errors.New("its making failed, and an append made it") // nothing is to go
		}
		return l.ApplyRetention(ctx)
	})
	_ = l.Seal(ctx)
	w.back(l)
	w.append(l, 2)
	_ = l.round(ctx)
	w.append(l, 1)
}

func (w *workload) append(l *Log, count int) {
	events := samples(count)
	w.mu.Lock()
	for i := range events {
		n := len(w.sent)
		events[i].ID = fmt.Sprintf("id-%d", n)
		events[i].Payload = fmt.Appendf(nil, `{"n":%d,"rest":%d}`, n, n%4)
		w.sent[events[i].ID] = true
	}
	w.mu.Unlock()
	r, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: events, AutoCreate: true})
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range r {
		w.acked[events[i].ID] = r[i].Position
	}
}

// remove runs a removal of the events sent so far that takes says, by number.
func (w *workload) remove(takes func(n int) bool, run func() error) {
	w.mu.Lock()
	var ids []string
	for n := range len(w.sent) {
		if id := fmt.Sprintf("id-%d", n); takes(n) {
			ids = append(ids, id)
			w.doomed[id] = true
		}
	}
	w.mu.Unlock()
	if err := run(); err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		w.gone[id] = true
	}
}

func (w *workload) back(l *Log) {
	w.mu.Lock()
	acked := make(map[string]int64, len(w.acked))
	for id, at := range w.acked {
		if !w.doomed[id] {
			acked[id] = at
		}
	}
	w.mu.Unlock()
	var b bytes.Buffer
	if l.Backup(context.Background(), &b) == nil {
		w.backup, w.backed = &b, acked
	}
}

// ledger is what is known at one moment.
type ledger struct {
	sent, doomed, gone map[string]bool
	acked              map[string]int64
}

func (w *workload) now() ledger {
	w.mu.Lock()
	defer w.mu.Unlock()
	copied := func(m map[string]bool) map[string]bool {
		c := make(map[string]bool, len(m))
		for k := range m {
			c[k] = true
		}
		return c
	}
	k := ledger{sent: copied(w.sent), doomed: copied(w.doomed), gone: copied(w.gone), acked: map[string]int64{}}
	for id, at := range w.acked {
		k.acked[id] = at
	}
	return k
}

// holds checks an open log against what is known.
func (k *ledger) holds(l *Log) error {
	if _, err := l.Instance("app"); err != nil {
		if len(k.acked) > 0 {
			return err
		}
		return nil
	}
	got := map[string]int64{}
	err := l.Scan(context.Background(), "app", nil, 0, func(events []event.Event) error {
		for _, e := range events {
			switch {
			case !k.sent[e.ID]:
				return fmt.Errorf("id %q was never sent", e.ID)
			case got[e.ID] != 0:
				return fmt.Errorf("id %q is there twice", e.ID)
			case k.gone[e.ID]:
				return fmt.Errorf("id %q was removed and is there", e.ID)
			}
			got[e.ID] = e.Position
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, position := range k.acked {
		if got[id] != position && !(got[id] == 0 && k.doomed[id]) {
			return fmt.Errorf("id %q was acknowledged at position %d and is at %d", id, position, got[id])
		}
	}
	r, err := l.Verify(context.Background(), nil)
	if err == nil && len(r.Problems) > 0 {
		err = fmt.Errorf("verify: %+v", r.Problems)
	}
	return err
}

// after opens what is left on a disk and checks it, carries out what is left to
// be done, and checks it again.
func (w *workload) after(fs *vfstest.FS, k *ledger) error {
	o := w.options(fs)
	var lost []string
	o.Report = func(r Report) {
		if r.Severity >= event.Critical {
			lost = append(lost, r.Message)
		}
	}
	l, err := Open("/data", o)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := k.holds(l); err != nil {
		return err
	}
	if err := l.round(context.Background()); err != nil {
		return fmt.Errorf("background work: %w", err)
	}
	if len(lost) > 0 {
		return fmt.Errorf("reported: %q", lost)
	}
	return k.holds(l)
}

// TestEveryOperationOfTheWorkloadFails fails the k-th operation that changes
// something on disk, for every k, with every error, goes on with the workload,
// and then cuts the power.
func TestEveryOperationOfTheWorkloadFails(t *testing.T) {
	faults := []struct {
		name string
		err  error
		step int
	}{
		{"EIO", syscall.EIO, 1},
		{"ENOSPC", syscall.ENOSPC, 4},
		{"half a write, then EIO", &vfstest.ShortWrite{N: 40, Err: syscall.EIO}, 4},
		{"half a write, then ENOSPC", &vfstest.ShortWrite{N: 700, Err: syscall.ENOSPC}, 4},
	}
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			for k := 1; ; k += fault.step {
				w, fs := newWorkload(), vfstest.New()
				hook, hit := vfstest.FailAt(k, fault.err)
				fs.SetHook(hook)
				l, err := Open("/data", w.options(fs))
				if err == nil {
					w.run(l)
					known := w.now()
					if err := known.readable(l); err != nil {
						t.Fatalf("operation %d: before the cut: %v", k, err)
					}
				}
				fs.SetHook(nil)
				percent := []int{0, 50, 100}[k/fault.step%3]
				known := w.now()
				if err := w.after(fs.CrashClone(uint64(k), percent), &known); err != nil {
					t.Fatalf("operation %d, %d%% survive: %v", k, percent, err)
				}
				if l != nil {
					_ = l.Close()
				}
				if !hit() {
					t.Logf("%d operations", k)
					break
				}
			}
		})
	}
}

// readable checks what a log serves that may have failed for writers.
func (k *ledger) readable(l *Log) error {
	for id, position := range k.acked {
		e, err := l.Get(context.Background(), "app", id)
		if !k.doomed[id] && (err != nil || e.Position != position) {
			return fmt.Errorf("get %q of position %d: %d, %w", id, position, e.Position, err)
		}
	}
	return nil
}

// TestCrashAtEverySyncPoint cuts the power before every sync of the workload,
// with nothing, half and all of what is not synced on the disk.
func TestCrashAtEverySyncPoint(t *testing.T) {
	w, fs := newWorkload(), vfstest.New()
	type cut struct {
		op    vfstest.Op
		known ledger
		left  *vfstest.FS
	}
	var mu sync.Mutex
	var cuts []cut
	fs.SetHook(func(op vfstest.Op) error {
		if op.Kind == vfstest.Sync || op.Kind == vfstest.SyncDir {
			known := w.now()
			for _, percent := range []int{0, 50, 100} {
				left := fs.CrashClone(uint64(op.N), percent)
				mu.Lock()
				cuts = append(cuts, cut{op, known, left})
				mu.Unlock()
			}
		}
		return nil
	})
	l, err := Open("/data", w.options(fs))
	check(t, err)
	w.run(l)
	check(t, l.Close())
	fs.SetHook(nil)
	if len(w.gone) == 0 || w.backup == nil || len(w.acked) != len(w.sent) {
		t.Fatalf("the workload did not run: %+v", w)
	}
	t.Logf("%d cuts", len(cuts))
	for i, c := range cuts {
		if err := w.after(c.left, &c.known); err != nil {
			t.Errorf("before operation %d, %s of %s, %d%% survive: %v", c.op.N, c.op.Kind, c.op.Path, []int{0, 50, 100}[i%3], err)
		}
	}
	restored := vfstest.New()
	check(t, Restore(t.Context(), "/data", bytes.NewReader(w.backup.Bytes()), Options{FS: restored}))
	known := w.now()
	known.acked = w.backed
	if err := w.after(restored, &known); err != nil {
		t.Errorf("restored: %v", err)
	}
}
