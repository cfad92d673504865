package target

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// poison refuses every seventh event, for good.
func poison(position int64) bool { return position%7 == 3 }

// writePoisoned is a Write that refuses poison.
func writePoisoned(_ context.Context, b Batch, _ int) (int, error) {
	for i := range b.Events {
		if poison(b.Events[i].Position) {
			return i, &RefusedError{errors.New("it is poison")}
		}
	}
	return len(b.Events), nil
}

// moment is a crash: what is on disk and what the target has at that time.
type moment struct {
	fs   *vfstest.FS
	rows []row
	what string
}

// TestCrashLosesNothing cuts the power at every sync of the state, with all,
// half and none of what was not synced: after a restart every event is written,
// in order, or a dead letter, once.
func TestCrashLosesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		moments := crashes(b)
		if len(moments) < 100 {
			t.Fatalf("%d moments; the workload syncs too seldom", len(moments))
		}
		for _, m := range moments {
			b.fs = m.fs
			b.options.fsys = m.fs
			s := &scripted{rows: m.rows, write: writePoisoned}
			ds := b.deliver(poisoned(s))
			settle(time.Minute)
			complete(t, m.what, ds, s.written(), map[string]int{"a": 120, "b": 120, "late": 60})
			ds.Close()
			if t.Failed() {
				return
			}
		}
	})
}

func poisoned(s *scripted) Spec {
	return Spec{Name: "s", Kind: s.kind(), Start: Start{Beginning: true}}
}

// crashes runs the workload and returns what a crash before each of its syncs
// leaves.
func crashes(b *bench) []moment {
	var mu sync.Mutex
	var moments []moment
	s := &scripted{write: writePoisoned}
	fs := b.fs
	fs.SetHook(func(op vfstest.Op) error {
		if op.Kind != vfstest.Sync && op.Kind != vfstest.SyncDir {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		for _, percent := range []int{0, 50, 100} {
			moments = append(moments, moment{fs.CrashClone(uint64(op.N), percent), s.written(),
				fmt.Sprintf("crash before %s %s (operation %d), %d %% of what is not synced", op.Kind, op.Path, op.N, percent)})
		}
		return nil
	})
	b.options.timing.events = 20
	b.append("a", 60)
	b.append("b", 120)
	ds := b.deliver(poisoned(s))
	settle(time.Second)
	b.append("late", 60)
	b.append("a", 60)
	settle(time.Minute)
	ds.Close()
	fs.SetHook(nil)
	return moments
}

// complete makes sure that every event is written, in order, or a dead letter.
func complete(t *testing.T, what string, ds *Deliveries, rows []row, want map[string]int) {
	t.Helper()
	dead := map[row]int{}
	for after, more := int64(0), true; more; {
		letters, next, err := ds.DeadLetters("s", after, 50)
		must(t, err)
		for _, l := range letters {
			dead[row{l.Instance.Name, l.Event.Position}]++
			after = l.ID
		}
		more = next
	}
	for _, instance := range slices.Sorted(maps.Keys(want)) {
		seen := map[int64]bool{}
		last := int64(0)
		for _, r := range of(rows, instance) {
			if !seen[r.position] && r.position < last {
				t.Errorf("%s: %s %d comes first after %d", what, instance, r.position, last)
			}
			seen[r.position], last = true, max(last, r.position)
		}
		for p := int64(1); p <= int64(want[instance]); p++ {
			n := dead[row{instance, p}]
			if poison(p) && n != 1 || !poison(p) && (n != 0 || !seen[p]) {
				t.Errorf("%s: %s %d is written: %v, and %d times a dead letter", what, instance, p, seen[p], n)
				return
			}
		}
	}
}

// TestFailingDiskLosesNothing fails each operation on the state in turn.
func TestFailingDiskLosesNothing(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO} {
		for k := 1; ; k++ {
			if !failingDisk(t, k, fault) || t.Failed() {
				break
			}
		}
	}
}

// failingDisk fails the k-th operation; hit says whether there was one.
func failingDisk(t *testing.T, k int, fault error) (hit bool) {
	t.Helper()
	bubble(t, func(t *testing.T, b *bench) {
		hook, reached := vfstest.FailAt(k, fault)
		b.fs.SetHook(hook)
		b.append("a", 20)
		s := &scripted{write: writePoisoned}
		ds := b.deliver(poisoned(s))
		settle(time.Minute)
		complete(t, fmt.Sprintf("operation %d fails with %v", k, fault), ds, s.written(), map[string]int{"a": 20})
		hit = reached()
	})
	return hit
}
