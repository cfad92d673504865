package target

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// row is an event that a scripted target has written.
type row struct {
	instance string // name
	position int64
}

// scripted is a target that does what a test says.
type scripted struct {
	mu     sync.Mutex
	rows   []row
	opens  int
	writes int
	closed int
	active int // calls under way; more than one is a fault
	fault  string

	open  func(ctx context.Context, n int) error
	write func(ctx context.Context, b Batch, n int) (int, error) // before rows are kept
}

var errDown = errors.New("connection refused")

func (s *scripted) enter() (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active++; s.active > 1 {
		s.fault = "two calls at a time"
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.active--
	}
}

func (s *scripted) Open(ctx context.Context) error {
	defer s.enter()()
	s.mu.Lock()
	s.opens++
	n, open := s.opens, s.open
	s.mu.Unlock()
	if open != nil {
		return open(ctx, n)
	}
	return nil
}

func (s *scripted) Write(ctx context.Context, b Batch) (int, error) {
	defer s.enter()()
	s.mu.Lock()
	s.writes++
	n, write := s.writes, s.write
	s.mu.Unlock()
	written, err := len(b.Events), error(nil)
	if write != nil {
		written, err = write(ctx, b, n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range b.Events[:max(0, min(written, len(b.Events)))] {
		s.rows = append(s.rows, row{b.Instance.Name, b.Events[i].Position})
	}
	return written, err
}

func (s *scripted) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
	return nil
}

func (s *scripted) written() []row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rows)
}

// script changes what the target does from now on.
func (s *scripted) script(open func(context.Context, int) error, write func(context.Context, Batch, int) (int, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open, s.write = open, write
}

// calls are how often the target was opened, written to and closed, and what was
// wrong with that.
func (s *scripted) calls() (opens, writes, closed int, fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opens, s.writes, s.closed, s.fault
}

func (s *scripted) kind() Kind { return kindOf("scripted", s) }

func kindOf(name string, t Target) Kind {
	return NewKind(name, struct{}{}, func(struct{}, Environment) (Target, error) { return t, nil })
}

// bench is a log with targets.
type bench struct {
	t       testing.TB
	log     *firn.Log
	fs      *vfstest.FS
	options Options
	running []*Deliveries
}

func newBench(t testing.TB) *bench {
	t.Helper()
	// Sealing compresses with encoders that the whole process shares, which a bubble
	// does not allow; TestSealedEvents is about sealed events.
	log, err := firn.Open(t.TempDir(), firn.Options{SealAge: 100 * 365 * 24 * time.Hour, SealRows: 1 << 30})
	must(t, err)
	b := &bench{t: t, log: log, fs: vfstest.New()}
	b.options = Options{Dir: "/data/targets", Logger: slog.New(slog.DiscardHandler), fsys: b.fs}
	return b
}

// close ends everything; a bubble of synctest waits for that.
func (b *bench) close() {
	for _, ds := range b.running {
		ds.Close()
	}
	must(b.t, b.log.Close())
}

func (b *bench) deliver(specs ...Spec) *Deliveries {
	b.t.Helper()
	ds, err := Deliver(b.log, specs, b.options)
	must(b.t, err)
	b.running = append(b.running, ds)
	return ds
}

func (b *bench) append(instance string, n int) {
	b.t.Helper()
	events := make([]event.Draft, n)
	for i := range events {
		events[i] = event.Draft{EventType: "test.made", Payload: []byte(fmt.Sprintf(`{"n":%d}`, i))}
	}
	for some := range slices.Chunk(events, 10_000) {
		_, err := b.log.Append(b.t.Context(), firn.AppendRequest{Instance: instance, Events: some, AutoCreate: true})
		must(b.t, err)
	}
}

func (b *bench) system(eventType string) []event.Event {
	b.t.Helper()
	var found []event.Event
	must(b.t, b.log.Scan(context.Background(), firn.SystemInstance, nil, 0, func(events []event.Event) error {
		for _, e := range events {
			if e.EventType == eventType {
				found = append(found, e)
			}
		}
		return nil
	}))
	return found
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// positions are 1 to n of an instance.
func positions(instance string, n int) []row {
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{instance, int64(i + 1)}
	}
	return rows
}

// of are the rows of one instance.
func of(rows []row, instance string) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.instance != instance })
}

// bubble runs a test on a clock of its own.
func bubble(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.close()
		test(t, b)
	})
}

// settle waits until nothing moves for a time on the bubble's clock.
func settle(long time.Duration) {
	<-time.After(long)
	synctest.Wait()
}
