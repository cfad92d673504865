package target

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// meter counts what it is given, in order, and looks at the memory now and then.
type meter struct {
	t       *testing.T
	total   int64
	writes  int
	last    int64
	highest uint64
	done    chan struct{}
	once    sync.Once
}

func (*meter) Open(context.Context) error { return nil }
func (*meter) Close() error               { return nil }
func (m *meter) Write(_ context.Context, b Batch) (int, error) {
	for i := range b.Events {
		if b.Events[i].Position != m.last+1 {
			m.t.Errorf("position %d comes after %d", b.Events[i].Position, m.last)
		}
		m.last = b.Events[i].Position
	}
	if m.writes++; m.writes%10 == 0 {
		m.highest = max(m.highest, heap())
	}
	if m.last >= m.total {
		m.once.Do(func() { close(m.done) })
	}
	return len(b.Events), nil
}

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// TestSealedEvents delivers what is in segments and in memory, each event once
// and in order, in memory that does not grow with the log: FIRN_TARGET_EVENTS says
// how many (10 million for a figure that means something).
func TestSealedEvents(t *testing.T) {
	total := int64(100_000)
	if n, err := strconv.ParseInt(os.Getenv("FIRN_TARGET_EVENTS"), 10, 64); err == nil {
		total = n
	}
	dir := t.TempDir()
	log, err := firn.Open(dir, firn.Options{SealRows: int(min(250_000, total/2))})
	must(t, err)
	defer log.Close()
	events := make([]event.Draft, 10_000)
	for i := range events {
		events[i] = event.Draft{EventType: "test.made", StreamID: "s" + strconv.Itoa(i%100), Payload: []byte(fmt.Sprintf(`{"n":%d,"text":"%s"}`, i, strings.Repeat("x", 200)))}
	}
	for at := int64(0); at < total; at += int64(len(events)) {
		if total-at == int64(len(events)) {
			must(t, log.Seal(t.Context())) // all but the last
		}
		r := firn.AppendRequest{Instance: "a", Events: events, AutoCreate: true}
		_, err := log.Append(t.Context(), r)
		for errors.Is(err, firn.ErrOverloaded) { // the disk is slower than this
			must(t, log.Seal(t.Context()))
			_, err = log.Append(t.Context(), r)
		}
		must(t, err)
	}
	m := &meter{t: t, total: total, done: make(chan struct{})}
	before := heap()
	ds, err := Deliver(log, []Spec{{Name: "meter", Kind: kindOf("meter", m), Start: Start{Beginning: true}}},
		Options{Dir: dir + "/targets", Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	select {
	case <-m.done:
	case <-t.Context().Done():
		t.Fatalf("it stands at %d: %+v", m.last, ds.Status())
	}
	ds.Close()
	grown := int64(m.highest) - int64(before)
	t.Logf("%d events; %d KiB before, at most %d KiB more", total, before>>10, grown>>10)
	// A block of a segment, of a quarter of a million rows, is the most of it: 75 MiB
	// with 1 million events, 86 MiB with 3 million and with 10 million.
	if grown > 128<<20 {
		t.Errorf("delivering takes %d MiB", grown>>20)
	}
	if m.last != total {
		t.Errorf("%d events, want %d", m.last, total)
	}
}
