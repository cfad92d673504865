package store

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/query"
)

// script is a workload whose every file operation is made to fail once. It
// returns what was acknowledged.
func script(t *testing.T, l *Log) (acked map[int64]string) {
	t.Helper()
	ctx := context.Background()
	acked = map[int64]string{}
	_, _ = l.CreateInstance(ctx, Instance{Name: "app"})
	n := 0
	add := func(count int) {
		events := samples(count)
		for i := range events {
			events[i].ID = fmt.Sprintf("id-%d", n)
			n++
		}
		r, err := l.Append(ctx, AppendRequest{Instance: "app", Events: events, AutoCreate: true})
		if err != nil {
			return
		}
		for i := range r {
			acked[r[i].Position] = events[i].ID
		}
	}
	for range 4 {
		add(3)
		_ = l.Seal(ctx)
		add(2)
	}
	_ = l.round(ctx)
	add(1)
	where := query.Is(query.Field{Root: query.EventType, Name: "event_type"}, query.Eq, query.StringValue("nothing is of this type"))
	_, _ = l.Purge(ctx, "app", where, false)
	add(1)
	return acked
}

// holds checks that what was acknowledged is there, once, and that numbers have
// no gap.
func holds(t *testing.T, l *Log, acked map[int64]string, what string) {
	t.Helper()
	if _, err := l.Instance("app"); err != nil {
		if len(acked) > 0 {
			t.Fatalf("%s: %v", what, err)
		}
		return
	}
	seqs := map[string]int64{}
	ids := map[string]bool{}
	got := map[int64]string{}
	for i, e := range all(t, l, "app") {
		seqs[e.StreamID]++
		if e.Position != int64(i+1) || e.SequenceNumber != seqs[e.StreamID] || ids[e.ID] {
			t.Fatalf("%s: event %d is at position %d with number %d of %q, id %q", what, i, e.Position, e.SequenceNumber, e.StreamID, e.ID)
		}
		ids[e.ID] = true
		got[e.Position] = e.ID
	}
	for position, id := range acked {
		if got[position] != id {
			t.Errorf("%s: position %d was acknowledged with id %q and has %q", what, position, id, got[position])
		}
	}
}

// TestEveryOperationFailsOnce fails the k-th file operation for every k, goes on
// with the workload, cuts the power, and looks what is left.
func TestEveryOperationFailsOnce(t *testing.T) {
	for fault, step := range map[error]int{syscall.EIO: 1, syscall.ENOSPC: 3} {
		for k := 1; ; k += step {
			fs := vfstest.New()
			o := Options{FS: fs, Quiet: true, SealRows: 8}
			hook, hit := vfstest.FailAt(k, fault)
			fs.SetHook(hook)
			acked := map[int64]string{}
			l, err := Open("/data", o)
			if err == nil {
				acked = script(t, l)
				holds(t, l, acked, fmt.Sprintf("operation %d fails with %v, before the cut", k, fault))
			}
			percent := []int{0, 60, 100}[k%3]
			what := fmt.Sprintf("operation %d fails with %v, %d%% survive", k, fault, percent)
			o.FS = fs.CrashClone(uint64(k), percent)
			again, err := Open("/data", o)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			holds(t, again, acked, what)
			if r := verify(t, again); len(r.Problems) > 0 {
				t.Errorf("%s: %+v", what, r.Problems)
			}
			closeLog(t, again)
			if l != nil {
				_ = l.Close()
			}
			if !hit() {
				t.Logf("%d operations with %v", k-1, fault)
				break
			}
		}
	}
}

func TestFailedSyncEndsAppends(t *testing.T) {
	fs := vfstest.New()
	l := open(t, "/data", Options{FS: fs, Quiet: true})
	create(t, l, "app")
	appendTo(t, l, "app", sample(0))
	before := all(t, l, "app")
	fs.SetHook(vfstest.FailKind(vfstest.Sync, "wal/", syscall.EIO))
	_, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: samples(2)})
	if !errors.Is(err, ErrFailed) {
		t.Fatalf("append with a failed sync: %v", err)
	}
	<-l.Failed()
	fs.SetHook(nil)
	if _, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: samples(2)}); !errors.Is(err, ErrFailed) || !errors.Is(l.Err(), ErrFailed) {
		t.Errorf("append after it: %v; Err: %v", err, l.Err())
	}
	if d := cmp.Diff(before, all(t, l, "app")); d != "" {
		t.Errorf("what was not synced is visible (-before +after):\n%s", d)
	}
}

func TestFullDiskHeals(t *testing.T) {
	fs := vfstest.New()
	l := open(t, "/data", Options{FS: fs, Quiet: true})
	create(t, l, "app")
	first := appendTo(t, l, "app", samples(4)...)
	fs.SetHook(vfstest.Full(100))
	big := sample(1)
	big.ID = "refused"
	for range 3 {
		if _, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: []event.Draft{big, sample(2)}}); !errors.Is(err, ErrNoSpace) {
			t.Fatalf("append to a full disk: %v", err)
		}
	}
	if _, err := l.CreateInstance(context.Background(), Instance{Name: "refused"}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("create an instance on a full disk: %v", err)
	}
	if got := len(all(t, l, "app")); got != 4 {
		t.Errorf("%d events are visible", got)
	}
	fs.SetHook(nil)
	l.reserve.rested()
	create(t, l, "refused")
	r := appendTo(t, l, "app", big)
	if r[0].Duplicate || r[0].Position != first[3].Position+1 || r[0].SequenceNumber != 2 {
		t.Errorf("after it healed: %+v", r[0])
	}
}
