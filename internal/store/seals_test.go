package store

import (
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

// TestManySeals seals a log many times, as an hour of full ingest does, and looks
// for what grows with their number: files, goroutines, ids that are remembered,
// the journals, the write-ahead log, memory. FIRN_SEALS is how often.
func TestManySeals(t *testing.T) {
	seals := 300
	if text := os.Getenv("FIRN_SEALS"); text != "" {
		seals = number(t, text)
	}
	l := open(t, "/data", Options{FS: vfstest.New(), Quiet: true})
	create(t, l, "app")
	in := instancesOf(t, l, "app")[0]
	var early runtime.MemStats
	goroutines := 0
	for i, n := 1, 0; i <= seals; i++ {
		appendTo(t, l, "app", withIDs(&n, 2)...)
		check(t, l.Seal(t.Context()))
		check(t, l.round(t.Context()))
		if i == seals/10 {
			runtime.GC()
			runtime.ReadMemStats(&early)
			goroutines = runtime.NumGoroutine()
		}
	}
	v := in.current().version
	most := fanIn * tier(int64(2*seals))
	if len(v.segments) > most || len(v.runs) > most {
		t.Errorf("%d segments and %d runs after %d seals", len(v.segments), len(v.runs), seals)
	}
	if n := runtime.NumGoroutine(); n > goroutines+2 {
		t.Errorf("%d goroutines, there were %d", n, goroutines)
	}
	if n := len(in.ids.generations); n > 2 {
		t.Errorf("%d generations of ids", n)
	}
	if size, base := l.manifest.journal.Size(); size > 2*base+manifestSlack+64<<10 {
		t.Errorf("the manifest has %d bytes, its snapshot %d", size, base)
	}
	if size, base := in.journal.Size(); size > 2*base+streamsSlack+64<<10 {
		t.Errorf("the journal of streams has %d bytes, its snapshot %d", size, base)
	}
	if bytes := l.wal.Stats().DiskBytes; bytes > 2*rotateSize {
		t.Errorf("the write-ahead log has %d bytes", bytes)
	}
	var late runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&late)
	t.Logf("after %d seals: %d segments, %d runs, heap %d KiB, it was %d KiB", seals, len(v.segments), len(v.runs), late.HeapAlloc>>10, early.HeapAlloc>>10)
	if late.HeapAlloc > early.HeapAlloc+64<<20 { // the file system is in it
		t.Errorf("the heap has grown from %d to %d MiB", early.HeapAlloc>>20, late.HeapAlloc>>20)
	}
	if n := len(all(t, l, "app")); n != 2*seals {
		t.Errorf("%d events, want %d", n, 2*seals)
	}
}

// TestASealCostsWhatItSeals adds segments to a manifest that has many: it must
// not copy them each time, in running and when the log is opened.
func TestASealCostsWhatItSeals(t *testing.T) {
	c := &contents{}
	add := func(i int64) {
		c.apply(&contentEdit{Add: []segmentMeta{{spanMeta: spanMeta{First: 2*i + 1, Last: 2*i + 2}}}})
	}
	const many, more = 20_000, 100
	for i := range int64(many) {
		add(i)
	}
	held := c.segments
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range int64(more) {
		add(many + i)
	}
	runtime.ReadMemStats(&after)
	// Growing the list once is allowed.
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 4*many*300 {
		t.Errorf("adding %d segments to %d takes %d bytes", more, many, bytes)
	}
	c.apply(&contentEdit{Remove: []string{""}, Add: []segmentMeta{{spanMeta: spanMeta{First: 5, Last: 5}}, {spanMeta: spanMeta{First: 1, Last: 2}}}})
	if len(c.segments) != 2 || c.segments[0].First != 1 {
		t.Errorf("segments are not in order: %+v", c.segments)
	}
	if len(held) != many || held[0].First != 1 || held[many-1].Last != 2*many {
		t.Error("the segments as they were have changed")
	}
}

// TestOneInstanceThatCannotBeSealed fails what is written for one instance: the
// others are sealed and purged, the write-ahead log is not freed, and each round
// names the one, until it can be sealed.
func TestOneInstanceThatCannotBeSealed(t *testing.T) {
	fs := vfstest.New()
	o, _ := reports(fs)
	l := open(t, "/data", o)
	ids := map[string]string{}
	for _, name := range []string{"bad", "good", "other"} {
		ids[name] = create(t, l, name).ID
		appendTo(t, l, name, samples(5)...)
	}
	fs.SetHook(vfstest.FailKind(vfstest.Create, ids["bad"], syscall.EIO))
	for _, name := range []string{"bad", "good", "other"} {
		if _, err := l.BeginPurge(t.Context(), name, condition(t, `{"field":"position","operator":"eq","value":2}`)); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		appendTo(t, l, "bad", sample(0))
		err := l.round(t.Context())
		if err == nil || !strings.Contains(err.Error(), `instance "bad"`) {
			t.Errorf("a round says %v", err)
		}
	}
	for _, name := range []string{"good", "other"} {
		if n := len(all(t, l, name)); n != 4 {
			t.Errorf("instance %q has %d events; what was purged of it is there", name, n)
		}
	}
	if first := l.wal.Files()[0].FirstLSN; first != 1 {
		t.Errorf("the write-ahead log begins with record %d, while an instance needs the first ones", first)
	}
	fs.SetHook(nil)
	check(t, l.round(t.Context()))
	if n := len(all(t, l, "bad")); n != 7 {
		t.Errorf("it has %d events afterwards, want 7", n)
	}
	appendTo(t, l, "bad", event.Draft{EventType: "next"})
}

// BenchmarkSealBesideMany seals one event of an instance that has so many segments.
func BenchmarkSealBesideMany(b *testing.B) {
	for _, segments := range []int{10, 5_000} {
		b.Run(fmt.Sprint(segments), func(b *testing.B) {
			l, err := Open("/data", Options{FS: vfstest.New(), Quiet: true})
			check(b, err)
			defer l.Close()
			seal := func() {
				_, err := l.Append(b.Context(), AppendRequest{Instance: "app", Events: samples(1), AutoCreate: true})
				check(b, err)
				check(b, l.Seal(b.Context()))
			}
			for range segments {
				seal()
			}
			b.ReportAllocs()
			for b.Loop() {
				seal()
			}
		})
	}
}

// TestSealingGoesOnDuringAPurge appends to two instances while segments of one are
// rewritten: both are sealed before the purge is through.
func TestSealingGoesOnDuringAPurge(t *testing.T) {
	const rows = 20
	fs := vfstest.New()
	l := open(t, "/data", Options{FS: fs, Quiet: true, SealRows: rows})
	names := []string{"app", "other"}
	for _, name := range names {
		create(t, l, name)
	}
	for range 3 {
		appendTo(t, l, "app", samples(rows)...)
		seal(t, l)
	}
	both := instancesOf(t, l, names...)
	rewritten, most := 0, 0
	fs.SetHook(func(op vfstest.Op) error {
		var first int
		if n, _ := fmt.Sscanf(path.Base(op.Path), "%d-", &first); n != 1 || op.Kind != vfstest.Create || first > 3*rows || !strings.Contains(op.Path, both[0].id) {
			return nil // else it is a segment of app that there was
		}
		rewritten++
		for i, name := range names {
			most = max(most, both[i].current().headRows())
			appendTo(t, l, name, samples(rows)...)
		}
		return nil
	})
	n, err := l.Purge(t.Context(), "app", condition(t, `{"field":"payload.n","operator":"eq","value":3}`), false)
	fs.SetHook(nil)
	check(t, err)
	if n == 0 || rewritten != 3 {
		t.Fatalf("%d events purged, %d segments rewritten", n, rewritten)
	}
	if most >= rows {
		t.Errorf("a head had %d rows that were not sealed, and %d were due", most, rows)
	}
	if r := verify(t, l); len(r.Problems) > 0 {
		t.Errorf("verify: %+v", r.Problems)
	}
}
