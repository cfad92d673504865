package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
	"github.com/firnlog/firn/query"
)

// layered is a log of three segments with 20 events each and 10 in the head,
// opened anew, so that nothing of the segments is in memory.
func layered(t *testing.T, o Options) *Log {
	t.Helper()
	l := open(t, "/data", o)
	create(t, l, "app")
	n := 0
	for range 3 {
		appendTo(t, l, "app", withIDs(&n, 20)...)
		seal(t, l)
	}
	appendTo(t, l, "app", withIDs(&n, 10)...)
	closeLog(t, l)
	return open(t, "/data", o)
}

func withIDs(n *int, count int) []event.Draft {
	events := samples(count)
	for i := range events {
		if i%2 == 0 {
			events[i].ID = fmt.Sprintf("id-%d", *n)
		}
		*n++
	}
	return events
}

// segmentsOf are the paths of an instance's segments.
func segmentsOf(t *testing.T, l *Log, name string) (paths []string) {
	t.Helper()
	in, err := l.instance(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range in.current().version.segments {
		paths = append(paths, s.path())
	}
	return paths
}

// ask answers a query for everything.
func ask(t *testing.T, l *Log) *exec.Result {
	t.Helper()
	q, err := query.Parse([]byte(`{"from":{"instance":"app"},"limit":1000}`), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Query(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func positionsOf(events []event.Event) (out []int64) {
	for _, e := range events {
		out = append(out, e.Position)
	}
	return out
}

var (
	second = []Gap{{First: 21, Last: 40}} // what layered has in its second segment
	others = append(upTo(1, 20), upTo(41, 70)...)
)

// lacksSecond checks that all ways of reading have the rest and say what is
// missing.
func lacksSecond(t *testing.T, l *Log, what string) {
	t.Helper()
	r := ask(t, l)
	if d := cmp.Diff(others, positionsOf(r.Events)); d != "" {
		t.Errorf("%s: query (-want +got):\n%s", what, d)
	}
	if d := cmp.Diff(second, r.Lost); d != "" {
		t.Errorf("%s: lost (-want +got):\n%s", what, d)
	}
	if d := cmp.Diff(others, positionsOf(all(t, l, "app"))); d != "" {
		t.Errorf("%s: scan (-want +got):\n%s", what, d)
	}
	got, gaps := receive(t, subscribe(t, l, SubscribeRequest{Instance: "app"}), 70, 15)
	if d := cmp.Diff(others, got); d != "" {
		t.Errorf("%s: subscription (-want +got):\n%s", what, d)
	}
	if d := cmp.Diff(second, gaps); d != "" {
		t.Errorf("%s: told gaps (-want +got):\n%s", what, d)
	}
	s, err := l.InstanceStats(t.Context(), "app")
	if err != nil || s.Events != 50 {
		t.Errorf("%s: stats %+v, %v", what, s, err)
	}
	if d := cmp.Diff(second, s.Lost); d != "" {
		t.Errorf("%s: stats (-want +got):\n%s", what, d)
	}
	streams, err := l.Streams(t.Context(), "app", "", "", 10)
	sum := int64(0)
	for _, s := range streams {
		sum += s.Events
	}
	if err != nil || sum != 50 {
		t.Errorf("%s: streams %+v, %v", what, streams, err)
	}
	if _, err := l.Get(t.Context(), "app", "id-20"); !errors.Is(err, ErrDamaged) {
		t.Errorf("%s: Get of a lost event: %v", what, err)
	}
	if r := verify(t, l); len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Message, "positions 21 to 40") {
		t.Errorf("%s: verify: %+v", what, r.Problems)
	}
}

func critical(reports []Report) (out []string) {
	for _, r := range reports {
		if r.Severity >= event.Critical {
			out = append(out, r.Message)
		}
	}
	return out
}

func TestDamagedSegmentIsToldOfAndTheRestServes(t *testing.T) {
	meet := map[string]func(t *testing.T, l *Log){
		"query": func(t *testing.T, l *Log) { ask(t, l) },
		"scan": func(t *testing.T, l *Log) {
			err := l.Scan(t.Context(), "app", nil, 0, func([]event.Event) error { return nil })
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "positions 21 to 40") {
				t.Errorf("the scan that meets it: %v", err)
			}
		},
		"subscription": func(t *testing.T, l *Log) {
			receive(t, subscribe(t, l, SubscribeRequest{Instance: "app"}), 70, 100)
		},
		"get": func(t *testing.T, l *Log) {
			if _, err := l.Get(t.Context(), "app", "id-20"); !errors.Is(err, ErrDamaged) {
				t.Errorf("Get: %v", err)
			}
		},
		"stats": func(t *testing.T, l *Log) {
			if _, err := l.InstanceStats(t.Context(), "app"); err != nil {
				t.Error(err)
			}
		},
		"purge": func(t *testing.T, l *Log) {
			if n, err := l.Purge(t.Context(), "app", condition(t, `{"field":"payload.n","operator":"eq","value":-1}`), false); n != 0 || err != nil {
				t.Error(n, err)
			}
		},
		"verify": func(t *testing.T, l *Log) {
			if r := verify(t, l); len(r.Problems) != 1 {
				t.Errorf("verify: %+v", r.Problems)
			}
		},
	}
	for name, by := range meet {
		t.Run(name, func(t *testing.T) {
			fs := vfstest.New()
			o, got := reports(fs)
			l := layered(t, o)
			file := segmentsOf(t, l, "app")[1]
			for at := int64(8); fs.Flip(file, at, 1); at += 100 {
			}
			by(t, l)
			lacksSecond(t, l, "at once")
			if c := critical(*got); len(c) != 1 || !strings.Contains(c[0], "positions 21 to 40") {
				t.Errorf("reported: %v", c)
			}
			if names, err := fs.List("/data/log/quarantine"); err != nil || len(names) != 1 {
				t.Errorf("quarantine has %v, %v", names, err)
			}
			closeLog(t, l)
			l = open(t, "/data", o)
			lacksSecond(t, l, "opened again")
			if c := critical(*got); len(c) != 1 {
				t.Errorf("reported again: %v", c)
			}
		})
	}
}

// TestLostSegmentComesBack puts the file back that was lost; what was purged
// meanwhile does not come back with it.
func TestLostSegmentComesBack(t *testing.T) {
	fs := vfstest.New()
	o, got := reports(fs)
	l := layered(t, o)
	before := all(t, l, "app")
	file := segmentsOf(t, l, "app")[1]
	closeLog(t, l)
	good, err := vfs.ReadFile(fs, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := fs.Remove(file); err != nil {
		t.Fatal(err)
	}
	l = open(t, "/data", o)
	lacksSecond(t, l, "the file is missing")
	if again := appendTo(t, l, "app", withIDs(new(int), 1)...); !again[0].Duplicate {
		t.Errorf("an id outside of the lost range is stored again: %+v", again)
	}
	if _, err := l.Purge(t.Context(), "app", condition(t, `{"field":"stream_id","operator":"eq","value":"s1"}`), false); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		seal(t, l)
		appendTo(t, l, "app", sample(0))
	}
	if err := l.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	if err := vfs.WriteFile(fs, file, good[:len(good)-1]); err != nil {
		t.Fatal(err)
	}
	l = open(t, "/data", o)
	if d := cmp.Diff(second, ask(t, l).Lost); d != "" {
		t.Errorf("with a damaged file put back (-want +got):\n%s", d)
	}
	closeLog(t, l)
	if err := vfs.WriteFile(fs, file, good); err != nil {
		t.Fatal(err)
	}
	l = open(t, "/data", o)
	want := before[:0:0]
	for _, e := range before {
		if e.StreamID != "s1" {
			want = append(want, e)
		}
	}
	r := ask(t, l)
	if d := cmp.Diff(want, r.Events[:len(want)]); d != "" || len(r.Lost) != 0 {
		t.Errorf("with the file put back, lost %v (-want +got):\n%s", r.Lost, d)
	}
	if err := l.round(t.Context()); err != nil { // indexes its ids again
		t.Fatal(err)
	}
	if r := verify(t, l); len(r.Problems) != 0 {
		t.Errorf("verify: %+v", r.Problems)
	}
	if c := critical(*got); len(c) != 1 {
		t.Errorf("reported: %v", c)
	}
}

func TestUnreadableDiskIsNoDamage(t *testing.T) {
	fs := vfstest.New()
	o, got := reports(fs)
	l := layered(t, o)
	q, err := query.Parse([]byte(`{"from":{"instance":"app"}}`), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []vfstest.Kind{vfstest.Open, vfstest.Read} {
		fs.SetHook(vfstest.FailKind(kind, "segments/", syscall.EIO))
		if _, err := l.Query(t.Context(), q); !errors.Is(err, ErrUnreadable) || errors.Is(err, ErrClosed) {
			t.Errorf("query: %v", err)
		}
		if err := l.Scan(t.Context(), "app", nil, 0, func([]event.Event) error { return nil }); !errors.Is(err, ErrUnreadable) {
			t.Errorf("scan: %v", err)
		}
		if r := verify(t, l); len(r.Problems) == 0 {
			t.Error("verify finds nothing")
		}
	}
	fs.SetHook(nil)
	if r := ask(t, l); len(r.Events) != 70 || len(r.Lost) != 0 {
		t.Errorf("afterwards: %d events, lost %v", len(r.Events), r.Lost)
	}
	if len(*got) != 0 || len(l.Lost()) != 0 {
		t.Errorf("reported: %v; lost: %v", *got, l.Lost())
	}
}

// TestEveryOperationOfSettingAsideFails fails each file operation while a
// damaged segment is dealt with: its file is never gone, the rest never wrong.
func TestEveryOperationOfSettingAsideFails(t *testing.T) {
	for k := 1; ; k++ {
		fs := vfstest.New()
		o, _ := reports(fs)
		l := layered(t, o)
		file := segmentsOf(t, l, "app")[1]
		for at := int64(8); fs.Flip(file, at, 1); at += 100 {
		}
		hook, hit := vfstest.FailAt(k, syscall.EIO)
		fs.SetHook(hook)
		q, err := query.Parse([]byte(`{"from":{"instance":"app"}}`), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if r, err := l.Query(t.Context(), q); err == nil && (len(r.Lost) == 0 || len(r.Events) != 50) {
			t.Errorf("operation %d fails: %d events, lost %v", k, len(r.Events), r.Lost)
		}
		fs.SetHook(nil)
		o.FS = fs.CrashClone(uint64(k), 50)
		again := open(t, "/data", o)
		lacksSecond(t, again, fmt.Sprintf("operation %d failed", k))
		names, err := o.FS.List("/data/log/quarantine")
		if err != nil || len(names) == 0 {
			t.Errorf("operation %d failed: the damaged file is gone: %v, %v", k, names, err)
		}
		closeLog(t, again)
		closeLog(t, l)
		if !hit() {
			break
		}
	}
}

// TestDamagedEndOfTheLog damages the newest records of the write-ahead log: what
// they held is told of, and no position is given again.
func TestDamagedEndOfTheLog(t *testing.T) {
	fs := vfstest.New()
	o, got := reports(fs)
	l := open(t, "/data", o)
	create(t, l, "app")
	create(t, l, "idle")
	first := appendTo(t, l, "app", samples(10)...)
	appendTo(t, l, "idle", samples(2)...)
	lostOnes := appendTo(t, l, "app", samples(5)...)
	closeLog(t, l)
	names, err := fs.List("/data/log/wal")
	if err != nil {
		t.Fatal(err)
	}
	file := path.Join("/data/log/wal", names[len(names)-1])
	info, err := fs.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	fs.Flip(file, info.Size-200, 4)
	l = open(t, "/data", o)
	if len(critical(*got)) == 0 {
		t.Error("nothing is reported")
	}
	r := ask(t, l)
	if len(r.Events) != 10 || len(r.Lost) != 1 || r.Lost[0].First != first[9].Position+1 {
		t.Fatalf("%d events, lost %v", len(r.Events), r.Lost)
	}
	next := appendTo(t, l, "app", sample(0))
	if next[0].Position <= lostOnes[4].Position || next[0].Position <= r.Lost[0].Last {
		t.Errorf("position %d is given again", next[0].Position)
	}
	closeLog(t, l)
	for _, sealed := range []bool{false, true} {
		l = open(t, "/data", o)
		got, gaps := receive(t, subscribe(t, l, SubscribeRequest{Instance: "app", After: lostOnes[2].Position}), next[0].Position, 100)
		if d := cmp.Diff([]int64{next[0].Position}, got); d != "" {
			t.Errorf("delivered (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]Gap{{First: lostOnes[2].Position + 1, Last: r.Lost[0].Last}}, gaps); d != "" {
			t.Errorf("gaps (-want +got):\n%s", d)
		}
		if again := ask(t, l); len(again.Lost) != 1 || again.Lost[0] != r.Lost[0] {
			t.Errorf("sealed %t: lost %v, was %v", sealed, again.Lost, r.Lost)
		}
		if e, err := l.Get(t.Context(), "app", next[0].ID); err != nil || e.Position != next[0].Position {
			t.Errorf("Get: %+v, %v", e, err)
		}
		seal(t, l)
		closeLog(t, l)
	}
	if next[0].Position > math.MaxInt64/2 {
		t.Error("positions run out")
	}
}

// TestVerifyFollowsTheNumbers removes, loses and seals, and wants no complaint;
// then takes a segment away behind its back.
func TestVerifyFollowsTheNumbers(t *testing.T) {
	fs := vfstest.New()
	o, _ := reports(fs)
	l := layered(t, o)
	if _, err := l.Purge(t.Context(), "app", condition(t, `{"field":"payload.n","operator":"in","value":[3,4,7]}`), false); err != nil {
		t.Fatal(err)
	}
	appendTo(t, l, "app", samples(9)...)
	if r := verify(t, l); len(r.Problems) != 0 {
		t.Fatalf("verify: %+v", r.Problems)
	}
	in, err := l.instance("app")
	if err != nil {
		t.Fatal(err)
	}
	in.mu.Lock()
	in.streams.at(0).numbers += 2
	in.mu.Unlock()
	if r := verify(t, l); len(r.Problems) != 2 { // at the end, and in the journal
		t.Errorf("with another last number: %+v", r.Problems)
	}
	in.mu.Lock()
	in.streams.at(0).numbers -= 2
	in.mu.Unlock()
	n := in.current().version.with(func(n *version) { n.removed = nil })
	in.replace(n, func(*view) {})
	if r := verify(t, l); len(r.Problems) < 3 {
		t.Errorf("with removals nobody knows of: %+v", r.Problems)
	}
}

func TestVerifyReadsTheJournals(t *testing.T) {
	fs := vfstest.New()
	o, _ := reports(fs)
	l := layered(t, o)
	in, err := l.instance("app")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(l.manifest.journal.Files(), in.journal.Files()...) {
		info, err := fs.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		for at := int64(0); at < info.Size; at += 1 + info.Size/10 {
			fs.Flip(file, at, 2)
			if r := verify(t, l); len(r.Problems) == 0 {
				t.Errorf("%s: a flip in byte %d of %d is not found", file, at, info.Size)
			}
			fs.Flip(file, at, 2)
		}
	}
	if r := verify(t, l); len(r.Problems) != 0 {
		t.Errorf("verify: %+v", r.Problems)
	}
}
