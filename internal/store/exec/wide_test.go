package exec

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"

	"github.com/firnlog/firn/event"
)

const (
	wideEvents = 6
	wideBytes  = 4 << 20
)

// wide are events as large as they may be, whose texts do not compress much, and
// a hundred small ones before and after each of them.
func wide() []event.Event {
	events := thousand(wideEvents * 201)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range wideEvents {
		e := &events[i*201+100]
		e.Payload = append(make([]byte, 0, wideBytes+32), `{"n":`+strconv.Itoa(int(e.Position-1))+`,"text":"`...)
		for len(e.Payload) < wideBytes-2 {
			e.Payload = append(e.Payload, ' '+1+byte(random.IntN(90)))
			if c := e.Payload[len(e.Payload)-1]; c == '"' || c == '\\' {
				e.Payload[len(e.Payload)-1] = 'x'
			}
		}
		e.Payload = append(e.Payload, `"}`...)
	}
	return events
}

// allocated is what fn allocates. Nothing else may run meanwhile.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestWideEvents: memory is taken before it is used, so that a query of large
// events is refused instead of answered, while a scan goes through them. It is
// not parallel, because it watches the memory of the process.
func TestWideEvents(t *testing.T) {
	events := wide()
	for name, l := range map[string]layout{"head": {rows: 1000, shredded: true}, "sealed": {sealed: true}} {
		s := snapshotOf(events, l)
		const budget = 16 << 20 // four such events
		m := NewMemory(budget)
		var err error
		bytes := allocated(func() { _, err = Run(context.Background(), parse(t, `"limit":10000`), s, m) })
		if !errors.Is(err, ErrMemory) || m.Used() != 0 {
			t.Errorf("%s: %v with %d bytes held, want ErrMemory with 0", name, err, m.Used())
		}
		if bytes > 4*budget { // in all, most of it free again at once
			t.Errorf("%s: %d bytes were allocated to find that %d are too few", name, bytes, budget)
		}
		r, err := Run(context.Background(), parse(t, `"where":[{"field":"payload.n","operator":"between","value":[95,105]}]`), s, NewMemory(2*budget))
		if err != nil || len(r.Events) != 11 || len(r.Events[5].Payload) != wideBytes {
			t.Errorf("%s: a page with one large event: %v", name, err)
		}
		scanWide(t, name, s)
	}
}

func scanWide(t *testing.T, name string, s Snapshot) {
	const budget = 32 << 20
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most := live(), uint64(0)
	n, m := 0, NewMemory(budget)
	err := Scan(context.Background(), nil, s, 0, m, func(some []event.Event) error {
		for _, e := range some {
			if n++; e.Position != int64(n) {
				t.Fatalf("%s: position %d after %d", name, e.Position, n-1)
			}
			if len(e.Payload) > 1000 {
				now := live()
				most = max(most, now-min(before, now))
			}
		}
		return nil
	})
	if err != nil || n != wideEvents*201 || m.Used() != 0 {
		t.Errorf("%s: scan ended after %d events with %v, %d bytes held", name, n, err, m.Used())
	}
	if most > budget {
		t.Errorf("%s: a scan held %d bytes of a budget of %d", name, most, budget)
	}
}
