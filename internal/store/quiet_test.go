package store

import (
	"encoding/json/jsontext"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

func TestManyQuietHeadsWait(t *testing.T) {
	c := newClock()
	o := quiet(t)
	o.FS, o.Now = vfstest.New(), c.Now
	l := open(t, "/data", o)
	const many = manyHeads + 10
	for i := range many {
		name := fmt.Sprint("quiet-", i)
		create(t, l, name)
		appendTo(t, l, name, sample(0))
	}
	create(t, l, "busy")
	appendTo(t, l, "busy", samples(quietRows)...)
	seal := func(age time.Duration) int {
		t.Helper()
		c.advance(age)
		if err := l.round(t.Context()); err != nil {
			t.Fatal(err)
		}
		return int(l.Stats().Segments)
	}
	if n := seal(defaultSealAge - time.Second); n != 0 {
		t.Errorf("%d segments before the age", n)
	}
	if n := seal(time.Second); n != 1 {
		t.Errorf("%d segments at the age, want 1", n)
	}
	if n := seal(quietAges * defaultSealAge); n != many+2 {
		t.Errorf("%d segments at %d times the age, want %d", n, quietAges, many+2)
	}
}

// TestHeadThatKeepsTheWALIsSealed fills the write-ahead log beside heads that are
// young and nearly empty, with events of an instance that is deleted.
func TestHeadThatKeepsTheWALIsSealed(t *testing.T) {
	loud := sample(0)
	loud.Payload = jsontext.Value(`"` + strings.Repeat("x", 1<<20-2) + `"`)
	for heads, sealed := range map[int]bool{1: true, manyHeads + 1: false} {
		t.Run(fmt.Sprint(heads), func(t *testing.T) {
			l := open(t, t.TempDir(), quiet(t))
			for i := range heads {
				name := fmt.Sprint("small-", i)
				create(t, l, name)
				appendTo(t, l, name, sample(0))
			}
			for written := int64(0); written < pinnedWAL+2*sealBytes; {
				in := create(t, l, "loud")
				for range hugeBytes >> 20 {
					appendTo(t, l, in.Name, loud)
				}
				written += hugeBytes
				if err := l.DeleteInstance(t.Context(), in.Name); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.round(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := l.byName["small-0"].current().headRows() == 0; got != sealed {
				t.Errorf("the small head is sealed: %t, want %t", got, sealed)
			}
			if bytes := l.wal.Stats().DiskBytes; (bytes < pinnedWAL) != sealed {
				t.Errorf("the write-ahead log has %d MiB", bytes>>20)
			}
		})
	}
}

// TestStreamTable makes streams enough for several pages and chunks of names.
func TestStreamTable(t *testing.T) {
	var table streamTable
	name := func(i int) string { return fmt.Sprintf("stream-%d-%*d", i, i%50, i) }
	const n = 3*streamPage + 17
	for i := range n {
		if got := table.get(name(i)); got != uint32(i) {
			t.Fatalf("stream %d has number %d", i, got)
		}
		table.at(uint32(i)).last = int64(i)
	}
	long := string(make([]byte, event.MaxStream))
	table.get(long)
	for i := range n {
		got, ok := table.find(name(i))
		if !ok || got != uint32(i) || string(table.nameAt(got)) != name(i) || table.at(got).last != int64(i) {
			t.Fatalf("stream %d: found %d, %t, %q", i, got, ok, table.nameAt(got))
		}
	}
	if i := table.get(long); string(table.nameAt(i)) != long {
		t.Error("a long name is another one")
	}
	if _, ok := table.find("nobody"); ok {
		t.Error("a stream is found that is not there")
	}
}

// TestAMillionStreamsAreSmall wants at most 128 bytes for a stream.
func TestAMillionStreamsAreSmall(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table := &streamTable{}
	const n = 200_000
	for i := range n {
		table.get(fmt.Sprintf("user-%08d", i))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n; each > 128 {
		t.Errorf("%d bytes a stream", each)
	}
	runtime.KeepAlive(table)
}
