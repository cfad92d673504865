package wal_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/internal/store/wal"
)

const journalDir = "/data/log"

// ledger is a journal's state in these tests: the last value of each of a few
// keys. A record sets one; a snapshot has a record a key.
type ledger struct {
	state map[string]string   // as acknowledged
	maybe []map[string]string // what it may be when a call was not answered
	n     int

	base    map[string]string // the state at the last snapshot
	changes []string          // since then
}

func with(state map[string]string, records ...string) map[string]string {
	next := maps.Clone(state)
	if next == nil {
		next = map[string]string{}
	}
	for _, r := range records {
		key, value, _ := strings.Cut(r, "=")
		next[key] = value
	}
	return next
}

func readJournal(m vfs.FS) (*wal.Journal, wal.JournalRecovery, map[string]string, error) {
	got := map[string]string{}
	j, rec, err := wal.OpenJournal(m, journalDir, "MANIFEST", wal.JournalOptions{}, func(b []byte) error {
		got = with(got, string(b))
		return nil
	})
	return j, rec, got, err
}

func (l *ledger) append(j *wal.Journal, records int) error {
	var bodies [][]byte
	var changes []string
	next := l.state
	for range records {
		l.n++
		r := fmt.Sprintf("key %d=%d %s", l.n%7, l.n, strings.Repeat("x", l.n*53%200))
		bodies = append(bodies, []byte(r))
		changes = append(changes, r)
		next = with(next, r)
		l.maybe = append(l.maybe, next)
	}
	err := j.Append(bodies...)
	if err == nil {
		l.state = next
		l.changes = append(l.changes, changes...)
	}
	l.told(err)
	return err
}

func (l *ledger) rewrite(j *wal.Journal) error {
	err := j.Rewrite(func(yield func([]byte) bool) {
		for _, key := range slices.Sorted(maps.Keys(l.state)) {
			if !yield([]byte(key + "=" + l.state[key])) {
				return
			}
		}
	})
	if err == nil {
		l.base, l.changes = l.state, nil
	}
	l.told(err)
	return err
}

func (l *ledger) told(err error) {
	if !errors.Is(err, wal.ErrFailed) {
		l.maybe = nil
	}
}

func (l *ledger) workload(j *wal.Journal) error {
	for i := range 12 {
		err := l.append(j, 1+i%3)
		if i%4 == 3 && err == nil {
			err = l.rewrite(j)
		}
		if errors.Is(err, wal.ErrFailed) {
			return err
		}
	}
	return nil
}

// check says whether the state that was read is neither what was acknowledged
// nor what may have happened.
func (l *ledger) check(rec wal.JournalRecovery, got map[string]string) error {
	if len(rec.Damage) > 0 {
		return fmt.Errorf("damage where there is none: %+v", rec.Damage)
	}
	if maps.Equal(got, l.state) || slices.ContainsFunc(l.maybe, func(m map[string]string) bool { return maps.Equal(got, m) }) {
		return nil
	}
	return fmt.Errorf("state is %q, was %q (or %q)", got, l.state, l.maybe)
}

func (l *ledger) checkAfter(m *vfstest.FS) error {
	j, rec, got, err := readJournal(m)
	if err != nil {
		return err
	}
	if err := l.check(rec, got); err != nil {
		return err
	}
	next := ledger{state: got, n: 1000}
	if err := next.append(j, 2); err != nil {
		return err
	}
	_, rec, got, err = readJournal(m.CrashClone(1, 0))
	if err != nil {
		return err
	}
	return next.check(rec, got)
}

func journalIn(t testing.TB) (*vfstest.FS, *ledger) {
	t.Helper()
	m, l := vfstest.New(), &ledger{}
	j, _, _, err := readJournal(m)
	must(t, err)
	must(t, l.workload(j))
	must(t, l.append(j, 2))
	must(t, l.append(j, 1))
	return m, l
}

func TestJournalCrash(t *testing.T) {
	m, l := vfstest.New(), &ledger{}
	m.SetHook(func(op vfstest.Op) error {
		if !op.Kind.Changes() {
			return nil
		}
		for _, p := range percents {
			if err := l.checkAfter(m.CrashClone(uint64(op.N), p)); err != nil {
				t.Fatalf("before operation %d (%s %s), %d %% kept: %v", op.N, op.Kind, op.Path, p, err)
			}
		}
		return nil
	})
	for range 2 {
		j, _, _, err := readJournal(m)
		must(t, err)
		must(t, l.workload(j))
	}
}

func TestJournalFailEverywhere(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC, &vfstest.ShortWrite{N: 40, Err: syscall.ENOSPC}} {
		for k := 1; ; k++ {
			m, l := vfstest.New(), &ledger{}
			hook, hit := vfstest.FailAt(k, fault)
			m.SetHook(hook)
			for range 2 {
				j, rec, got, err := readJournal(m)
				if err != nil {
					continue
				}
				if err := l.check(rec, got); err != nil {
					t.Fatalf("%v, operation %d: %v", fault, k, err)
				}
				l.state, l.maybe = got, nil
				_ = l.workload(j) // what it was told is in l
			}
			m.SetHook(nil)
			for _, p := range percents {
				if err := l.checkAfter(m.CrashClone(uint64(k), p)); err != nil {
					t.Fatalf("%v, operation %d, %d %% kept: %v", fault, k, p, err)
				}
			}
			if err := l.checkAfter(m.Reopen()); err != nil {
				t.Fatalf("%v, operation %d, next process: %v", fault, k, err)
			}
			if !hit() {
				break
			}
		}
	}
}

func TestJournalFailedSyncIsForGood(t *testing.T) {
	m, l := journalIn(t)
	j, _, _, err := readJournal(m)
	must(t, err)
	m.SetHook(vfstest.FailKind(vfstest.Sync, "", syscall.EIO))
	if err := l.append(j, 1); !errors.Is(err, wal.ErrFailed) {
		t.Errorf("append: %v, want ErrFailed", err)
	}
	m.SetHook(nil)
	for _, err := range []error{l.append(j, 1), l.rewrite(j), j.Err()} {
		if !errors.Is(err, wal.ErrFailed) {
			t.Errorf("after a failed sync: %v, want ErrFailed", err)
		}
	}
}

// TestJournalEveryByteFlipped: damage of one snapshot costs nothing, damage of
// a change that change alone, and every flip is found.
func TestJournalEveryByteFlipped(t *testing.T) {
	m, l := journalIn(t)
	j, _, _, err := readJournal(m)
	must(t, err)
	files := j.Files()
	if len(files) != 2 {
		t.Fatalf("generations: %q, want 2", files)
	}
	_, base := j.Size()
	for i, name := range files {
		info, err := m.Stat(name)
		must(t, err)
		for off := range info.Size {
			c := m.CrashClone(0, 100)
			c.Flip(name, off, 0xff>>(off%2*7))
			rep, err := wal.VerifyJournal(c, journalDir, "MANIFEST", nil)
			must(t, err)
			_, rec, got, err := readJournal(c)
			must(t, err)
			snapshot := i == 1 && off < base && off >= 1024
			if err := l.afterFlip(rec, got, i == 0 || off < base); err != nil {
				t.Fatalf("%s, byte %d: %v", name, off, err)
			}
			if rec.FellBack != snapshot {
				t.Fatalf("%s, byte %d: fell back %v", name, off, rec.FellBack)
			}
			if i == 1 && (len(rec.Damage) == 0 && rec.Torn == nil || cmp.Diff(rec.Damage, rep.Damage) != "") {
				t.Fatalf("%s, byte %d: found %+v, verify %+v", name, off, rec, rep)
			}
		}
	}
}

func (l *ledger) afterFlip(rec wal.JournalRecovery, got map[string]string, whole bool) error {
	if maps.Equal(got, l.state) && whole {
		for _, d := range rec.Damage {
			if d.FirstLost <= d.LastLost {
				return fmt.Errorf("nothing was lost, but reported: %+v", d)
			}
		}
		return nil
	}
	if whole {
		return fmt.Errorf("state is %q, was %q; %+v", got, l.state, rec)
	}
	for i := range l.changes {
		if maps.Equal(got, with(l.base, slices.Delete(slices.Clone(l.changes), i, i+1)...)) {
			return nil
		}
		if rec.Torn != nil && maps.Equal(got, with(l.base, l.changes[:i]...)) {
			return nil
		}
	}
	if maps.Equal(got, l.state) && len(rec.Damage) == 0 {
		return nil
	}
	return fmt.Errorf("more than one change was lost: %q of %q", got, l.state)
}

func TestJournalHeaderLost(t *testing.T) {
	m, l := journalIn(t)
	j, _, _, err := readJournal(m)
	must(t, err)
	newest := j.Files()[1]
	m.Flip(newest, 0, 1)
	m.Flip(newest, 512, 1)
	m.Flip(newest, 1030, 1) // and the snapshot
	j, rec, got, err := readJournal(m)
	must(t, err)
	if diff := cmp.Diff(l.state, got); diff != "" || !rec.FellBack {
		t.Errorf("%+v: %s", rec, diff)
	}
	must(t, l.append(j, 2))
	must(t, l.rewrite(j))
	must(t, l.rewrite(j))
	aside, err := m.List(journalDir + "/quarantine")
	must(t, err)
	if len(aside) != 1 {
		t.Errorf("the damaged generation was not set aside: %q", aside)
	}
	if err := l.checkAfter(m); err != nil {
		t.Error(err)
	}
}

// TestJournalCutGenerationIsNotWhole damages the newest snapshot and cuts the
// generation before it, between two records too: it is not taken for the same
// state.
func TestJournalCutGenerationIsNotWhole(t *testing.T) {
	whole, l := journalIn(t)
	j, _, _, err := readJournal(whole)
	must(t, err)
	files := j.Files()
	older, newest := files[len(files)-2], files[len(files)-1]
	info, err := whole.Stat(older)
	must(t, err)
	for size := int64(1024); size <= info.Size; size++ {
		m := whole.CrashClone(0, 100)
		truncate(t, m, older, size)
		m.Flip(newest, 1024+40, 1)
		_, rec, got, err := readJournal(m)
		must(t, err)
		lost := slices.ContainsFunc(rec.Damage, func(d wal.Damage) bool { return d.FirstLost <= d.LastLost })
		if same := maps.Equal(got, l.state); same != (size == info.Size) && !lost || lost == (size == info.Size) {
			t.Fatalf("cut at %d of %d: as it was: %t, told as lost: %t; %+v", size, info.Size, same, lost, rec)
		}
	}
}

func TestJournalRemove(t *testing.T) {
	m, _ := journalIn(t)
	j, _, _, err := readJournal(m)
	must(t, err)
	must(t, j.Remove())
	l := &ledger{}
	must(t, l.append(j, 2))
	if err := l.checkAfter(m.CrashClone(1, 0)); err != nil {
		t.Error(err)
	}
}

// TestJournalTrust opens a journal that a crash has left in the middle of a
// record: opening with Trust changes nothing, the first Append mends it.
func TestJournalTrust(t *testing.T) {
	m, _ := journalIn(t)
	j, _, want, err := readJournal(m)
	must(t, err)
	files := j.Files()
	f, err := m.OpenAppend(files[len(files)-1])
	must(t, err)
	_, err = f.Write([]byte(strings.Repeat("torn ", 20)))
	must(t, err)
	must(t, f.Close())
	open := func() (*wal.Journal, wal.JournalRecovery, map[string]string) {
		got := map[string]string{}
		j, rec, err := wal.OpenJournal(m, journalDir, "MANIFEST", wal.JournalOptions{Trust: true}, func(b []byte) error {
			got = with(got, string(b))
			return nil
		})
		must(t, err)
		return j, rec, got
	}
	m.SetHook(func(op vfstest.Op) error {
		if op.Kind.Changes() {
			t.Errorf("opening with Trust: %s %s", op.Kind, op.Path)
		}
		return nil
	})
	j, rec, got := open()
	m.SetHook(nil)
	if d := cmp.Diff(want, got); d != "" || rec.Torn == nil {
		t.Errorf("torn %v (-want +got):\n%s", rec.Torn, d)
	}
	must(t, j.Append([]byte("key 1=after")))
	m = m.CrashClone(1, 0)
	_, rec, got = open()
	if d := cmp.Diff(with(want, "key 1=after"), got); d != "" || rec.Torn != nil || len(rec.Damage) > 0 {
		t.Errorf("after the append: %+v (-want +got):\n%s", rec, d)
	}
}
