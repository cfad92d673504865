package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/query"
)

// fullUntilSpent is a disk without room, but for what the reserve gives back.
func fullUntilSpent() func(vfstest.Op) error {
	var spent atomic.Bool
	return func(op vfstest.Op) error {
		switch {
		case op.Kind == vfstest.Remove && strings.Contains(op.Path, "/reserve-"):
			spent.Store(true)
		case op.Kind == vfstest.Preallocate:
			return syscall.ENOSPC
		case (op.Kind == vfstest.Write || op.Kind == vfstest.Create) && !spent.Load():
			return syscall.ENOSPC
		}
		return nil
	}
}

func TestFullDiskIsPurged(t *testing.T) {
	ctx := context.Background()
	var told []string
	fs := vfstest.New()
	l := open(t, "/data", Options{FS: fs, Quiet: true, SealRows: 4, Report: func(r Report) { told = append(told, r.Message) }})
	create(t, l, "app")
	appendTo(t, l, "app", samples(40)...)
	if err := l.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	appendTo(t, l, "app", samples(40)...)

	fs.SetHook(fullUntilSpent())
	if _, err := l.Append(ctx, AppendRequest{Instance: "app", Events: samples(1)}); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("append to a full disk: %v", err)
	}
	some := query.Is(query.Field{Root: query.Position, Name: "position"}, query.Lte, query.IntValue(42))
	if n, err := l.Purge(ctx, "app", some, false); err != nil || n != 42 {
		t.Fatalf("purge of a full disk: %d, %v", n, err)
	}
	if got := all(t, l, "app"); len(got) != 38 || got[0].Position != 43 {
		t.Errorf("after the purge there are %d events", len(got))
	}
	if _, err := l.Append(ctx, AppendRequest{Instance: "app", Events: samples(1)}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("append while the reserve is spent: %v", err)
	}
	fs.SetHook(nil)
	l.reserve.rested()
	if r := appendTo(t, l, "app", sample(1)); r[0].Position != 81 {
		t.Errorf("after it healed: %+v", r[0])
	}
	if report := strings.Join(told, "\n"); strings.Count(report, "the disk is full") != 1 || strings.Count(report, "there is room on the disk again") != 1 {
		t.Errorf("told:\n%s", report)
	}
	if r := verify(t, l); len(r.Problems) > 0 {
		t.Errorf("%+v", r.Problems)
	}
}

func TestAppendsAreRefusedWhereSealingThemHasNoRoom(t *testing.T) {
	fs := vfstest.New()
	l := open(t, "/data", Options{FS: fs, Quiet: true})
	create(t, l, "app")
	fs.SetHook(vfstest.FailKind(vfstest.Preallocate, "/reserve-", syscall.ENOSPC))
	ops := fs.Ops()
	if _, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: samples(3)}); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("append: %v", err)
	}
	if got := all(t, l, "app"); len(got) != 0 {
		t.Errorf("%d events are there", len(got))
	}
	first := fs.Ops() - ops
	for range 100 {
		_, _ = l.Append(context.Background(), AppendRequest{Instance: "app", Events: samples(3)})
	}
	if more := fs.Ops() - ops - first; more > 2*first {
		t.Errorf("a full disk was asked %d times", more)
	}
}

func TestReserveFollowsTheHeads(t *testing.T) {
	ctx := context.Background()
	l := open(t, "/data", Options{FS: vfstest.New(), Quiet: true})
	create(t, l, "app")
	large := sample(1)
	large.Payload = fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", 1<<20))
	for range 20 {
		appendTo(t, l, "app", large)
	}
	if held, heads := l.reserve.heads.held.Load(), l.head.bytes.Load(); held < heads || held > 2*heads {
		t.Errorf("the reserve is %d bytes where %d are not sealed", held, heads)
	}
	if err := l.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	if err := l.round(ctx); err != nil {
		t.Fatal(err)
	}
	if held := l.reserve.heads.held.Load(); held != reserveStep {
		t.Errorf("the reserve is %d bytes where all is sealed", held)
	}
	// What is sealed has no place in the write-ahead log either.
	size := int64(0)
	for _, f := range l.wal.Files() {
		size += f.Size
	}
	if size > rotateSize {
		t.Errorf("the write-ahead log has %d bytes where all is sealed", size)
	}
}

// TestManifestThatCannotBeWrittenAnew: an edit that is durable is not undone
// because there is no room for a new snapshot.
func TestManifestThatCannotBeWrittenAnew(t *testing.T) {
	fs := vfstest.New()
	l := open(t, "/data", Options{FS: fs, Quiet: true})
	create(t, l, "app")
	// So many edits that the next one has the manifest written anew.
	many := &edit{Removals: make([]removal, 3000)}
	for i := range many.Removals {
		many.Removals[i] = removal{ID: fmt.Sprint(i), Where: strings.Repeat("x", 500)}
	}
	fs.SetHook(vfstest.FailKind(vfstest.Create, manifestName, syscall.ENOSPC))
	if err := l.commit(many); err != nil {
		t.Fatalf("commit: %v", err)
	}
	appendTo(t, l, "app", samples(10)...)
	if err := l.Seal(context.Background()); err != nil {
		t.Fatalf("seal: %v", err)
	}
	again := open(t, "/data", Options{FS: fs.CrashClone(1, 0), Quiet: true})
	if got := all(t, again, "app"); len(got) != 10 {
		t.Errorf("%d events are there", len(got))
	}
	if r := verify(t, again); len(r.Problems) > 0 {
		t.Errorf("%+v", r.Problems)
	}
}
