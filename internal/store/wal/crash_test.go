package wal_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/internal/store/wal"
)

var percents = []int{0, 50, 100}

// TestCrash cuts the power before every operation of a workload of two runs of
// the log, and looks at what is left with none, half and all of what was not
// synced.
func TestCrash(t *testing.T) {
	m, h := vfstest.New(), newHistory()
	failures := 0
	m.SetHook(func(op vfstest.Op) error {
		if !op.Kind.Changes() {
			return nil
		}
		for _, p := range percents {
			seed := uint64(op.N)
			if err := h.checkAfter(m.CrashClone(seed, p)); err != nil {
				t.Errorf("before operation %d (%s %s), %d %% kept, seed %d: %v", op.N, op.Kind, op.Path, p, seed, err)
				if failures++; failures > 5 {
					return errors.New("enough failures")
				}
			}
		}
		return nil
	})
	for range 2 {
		l, _, _, err := read(m, small)
		must(t, err)
		if err := h.workload(l, 24); err != nil {
			t.Fatal(err)
		}
	}
	m.SetHook(nil)
	if err := h.checkAfter(m); err != nil {
		t.Error(err)
	}
}

// TestCrashInRecovery crashes a log, and then its recovery before each of its
// operations.
func TestCrashInRecovery(t *testing.T) {
	for seed := range uint64(20) {
		crashed, h := crashedLog(t, seed)
		m := crashed.CrashClone(seed, 100)
		m.SetHook(func(op vfstest.Op) error {
			if op.Kind.Changes() {
				for _, p := range percents {
					if err := h.checkAfter(m.CrashClone(seed, p)); err != nil {
						t.Errorf("seed %d, before operation %d (%s %s), %d %% kept: %v", seed, op.N, op.Kind, op.Path, p, err)
					}
				}
			}
			return nil
		})
		if _, _, _, err := read(m, small); err != nil {
			t.Fatal(err)
		}
	}
}

// crashedLog is a log whose power was cut while a group was synced.
func crashedLog(t *testing.T, seed uint64) (*vfstest.FS, *history) {
	t.Helper()
	m, h := logIn(t, 9, false)
	l, _, _, err := read(m, small)
	must(t, err)
	var crashed *vfstest.FS
	m.SetHook(func(op vfstest.Op) error {
		if op.Kind == vfstest.Sync {
			crashed = m.CrashClone(seed, 50)
		}
		return nil
	})
	acked := h.clone()
	must(t, h.append(l, 6))
	acked.sent = h.sent
	return crashed, acked
}

// TestFailEverywhere fails each operation of a workload once, in each way, and
// looks at what the next process finds.
func TestFailEverywhere(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC, &vfstest.ShortWrite{N: 40, Err: syscall.ENOSPC}} {
		t.Run(fault.Error(), func(t *testing.T) {
			for k := 1; ; k++ {
				hit, err := failAt(k, fault)
				if err != nil {
					t.Fatalf("operation %d: %v", k, err)
				}
				if !hit {
					t.Logf("%d operations", k)
					return
				}
			}
		})
	}
}

func failAt(k int, fault error) (hit bool, err error) {
	m, h := vfstest.New(), newHistory()
	hook, wasHit := vfstest.FailAt(k, fault)
	m.SetHook(hook)
	for range 2 {
		l, rec, got, err := read(m, small)
		if err != nil {
			continue
		}
		if err := h.check(rec, got); err != nil {
			return true, err
		}
		_ = h.workload(l, 20) // what it was told is in h
	}
	m.SetHook(nil)
	for _, p := range percents {
		if err := h.checkAfter(m.CrashClone(uint64(k), p)); err != nil {
			return true, fmt.Errorf("%d %% kept: %w", p, err)
		}
	}
	if err := h.checkAfter(m.Reopen()); err != nil {
		return true, fmt.Errorf("next process: %w", err)
	}
	return wasHit(), nil
}

func TestFailedSyncIsForGood(t *testing.T) {
	m, h := logIn(t, 3, true)
	l, _, _, err := read(m, small)
	must(t, err)
	syncs := 0
	m.SetHook(func(op vfstest.Op) error {
		if op.Kind == vfstest.Sync {
			syncs++
			return syscall.EIO
		}
		return nil
	})
	for range 3 {
		if err := h.append(l, 2); !errors.Is(err, wal.ErrFailed) || !errors.Is(err, syscall.EIO) {
			t.Errorf("append: %v, want ErrFailed and EIO", err)
		}
	}
	if err := l.Sync(); !errors.Is(err, wal.ErrFailed) {
		t.Errorf("sync: %v, want ErrFailed", err)
	}
	if !errors.Is(l.Err(), wal.ErrFailed) {
		t.Errorf("Err: %v, want ErrFailed", l.Err())
	}
	must(t, l.Close())
	if syncs != 1 {
		t.Errorf("synced %d times, want 1", syncs)
	}
	m.SetHook(nil)
	// The page cache has what the disk has not: it is on disk once it is served.
	m = m.Reopen()
	_, rec, got, err := read(m, small)
	must(t, err)
	if rec.Rewritten != 2 {
		t.Errorf("rewritten: %d records, want 2", rec.Rewritten)
	}
	h.acked = got
	if err := h.checkAfter(m.CrashClone(1, 0)); err != nil {
		t.Error(err)
	}
}

func TestDiskFullHeals(t *testing.T) {
	for room := range 3000 {
		if room > 200 && room%97 != 0 {
			continue
		}
		m, h := logIn(t, 4, false)
		l, _, _, err := read(m, small)
		must(t, err)
		m.SetHook(vfstest.Full(room))
		full := false
		for i := range 12 {
			err := h.append(l, 1+i%3)
			if err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("room %d: %v", room, err)
			}
			full = full || err != nil
			for _, p := range percents {
				if err := h.checkAfter(m.CrashClone(uint64(room), p)); err != nil {
					t.Fatalf("room %d, full, %d %% kept: %v", room, p, err)
				}
			}
		}
		if !full {
			t.Errorf("room %d: the disk was never full", room)
		}
		m.SetHook(nil)
		if err := h.append(l, 3); err != nil {
			t.Errorf("room %d: append when there is room again: %v", room, err)
		}
		if err := h.checkAfter(m.CrashClone(1, 0)); err != nil {
			t.Errorf("room %d: %v", room, err)
		}
	}
}
