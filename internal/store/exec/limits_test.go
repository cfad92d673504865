package exec

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/querytest"
)

// TestBudget: within any budget a query gives the right answer or ErrMemory, and
// gives back what it took.
func TestBudget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := querytest.Events(t, 100)
		s := randomSnapshot(t, events)
		q := querytest.Query(t)
		m := NewMemory(rapid.Int64Range(1, 1<<18).Draw(t, "budget"))
		want, wantErr := Run(context.Background(), q, s, nil)
		got, err := Run(context.Background(), q, s, m)
		if m.Used() != 0 {
			t.Fatalf("%d bytes of the budget are not given back", m.Used())
		}
		if errors.Is(err, ErrMemory) {
			return
		}
		if !errors.Is(err, wantErr) {
			t.Fatalf("error %v, want %v", err, wantErr)
		}
		if err == nil && (string(got.Aggregation) != string(want.Aggregation) || !cmp.Equal(got.Events, want.Events)) {
			t.Fatal("the answer depends on the budget")
		}
	})
}

// thousand are n events with a number, a text and one of a hundred groups.
func thousand(n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = event.Event{
			ID: fmt.Sprint("e", i), InstanceID: querytest.InstanceID, Position: int64(i + 1), SequenceNumber: int64(i + 1),
			StreamID: "s", EventType: "t", Severity: event.Info,
			Timestamp: querytest.Now.Add(time.Duration(i) * time.Second), RecordedAt: querytest.Now.Add(time.Duration(i) * time.Second),
			Payload:  fmt.Appendf(nil, `{"n":%d,"text":"value %d","group":%d}`, i, i, i%100),
			Metadata: []byte(`{}`),
		}
	}
	return events
}

func TestTooMuchForTheBudget(t *testing.T) {
	t.Parallel()
	s := snapshotOf(thousand(5000), layout{rows: 1000, shredded: true})
	for name, text := range map[string]string{
		"events":         `"limit":5000`,
		"sorted":         `"orderBy":{"field":"payload.text"},"limit":5000`,
		"groups":         `"reduce":{"type":"count"},"groupBy":["payload.n"]`,
		"collect":        `"reduce":{"type":"collect","field":"payload.text"}`,
		"count_distinct": `"reduce":{"type":"count_distinct","field":"payload.text"}`,
		"percentile":     `"reduce":{"type":"p50","field":"payload.n"},"groupBy":["payload.group"]`,
		"first":          `"reduce":{"type":"first","field":"payload.text"},"groupBy":["payload.n"]`,
		"sum":            `"reduce":{"type":"sum","field":"payload.n"},"groupBy":["payload.n"]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := NewMemory(32 << 10)
			q := parse(t, text)
			if _, err := Run(context.Background(), q, s, m); !errors.Is(err, ErrMemory) {
				t.Errorf("got %v, want ErrMemory", err)
			}
			if m.Used() != 0 {
				t.Errorf("%d bytes of the budget are not given back", m.Used())
			}
			if _, err := Run(context.Background(), q, s, NewMemory(64<<20)); err != nil {
				t.Errorf("with room: %v", err)
			}
		})
	}
}

// TestTablesAreChargedFirst: a table that the budget has no room for is not made.
// It is not parallel, because it watches the memory of the process.
func TestTablesAreChargedFirst(t *testing.T) {
	const lookups = 4 << 20
	r := &reader{account: &account{memory: NewMemory(1 << 20)}}
	var err error
	bytes := allocated(func() { _, err = r.newIntCodes(lookups, 0, lookups, func(int64) uint32 { return 0 }) })
	if !errors.Is(err, ErrMemory) || bytes > lookups {
		t.Errorf("%v after %d bytes, want ErrMemory before the table of %d", err, bytes, 4*lookups)
	}
}

func parse(t *testing.T, rest string) *query.Query {
	t.Helper()
	q, err := query.Parse([]byte(`{"from":{"instance":"i"},`+rest+`}`), querytest.Now)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestCollectIsCapped(t *testing.T) {
	t.Parallel()
	q := parse(t, `"reduce":{"type":"collect","field":"payload.n"}`)
	for n, want := range map[int]error{query.MaxCollect: nil, query.MaxCollect + 1: query.ErrTooManyValues} {
		s := snapshotOf(thousand(n), layout{rows: 30_000, shredded: true})
		if _, err := Run(context.Background(), q, s, nil); !errors.Is(err, want) {
			t.Errorf("%d values: %v, want %v", n, err, want)
		}
	}
}

// brokenBlock fails, or panics, when a column is asked for.
type brokenBlock struct {
	column.Block
	fail func() error
}

func (b brokenBlock) Reading(column.Budget) (column.Block, func()) { return b, func() {} }

func (b brokenBlock) Envelope(query.Root) (*column.Vector, error) { return nil, b.fail() }

func TestFaultsOfBlocksAreErrors(t *testing.T) {
	t.Parallel()
	damaged := errors.New("damaged")
	for name, fail := range map[string]func() error{
		"error": func() error { return damaged },
		"panic": func() error { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := snapshotOf(thousand(100), layout{rows: 10})
			opened := 0
			good := s.Blocks[5].Open
			s.Blocks[5].Open = func(ctx context.Context) (column.Block, func(), error) {
				b, release, err := good(ctx)
				opened++
				return brokenBlock{b, fail}, func() { opened--; release() }, err
			}
			var panicked *PanicError
			_, err := Run(context.Background(), parse(t, `"where":[{"field":"actor","operator":"starts_with","value":"x"}]`), s, nil)
			if !errors.Is(err, damaged) && !errors.As(err, &panicked) {
				t.Errorf("got %v", err)
			}
			if opened != 0 {
				t.Error("the block was not released")
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	s := snapshotOf(thousand(100), layout{rows: 10})
	good := s.Blocks[3].Open
	s.Blocks[3].Open = func(ctx context.Context) (column.Block, func(), error) {
		cancel() // while the query runs
		return good(ctx)
	}
	q := parse(t, `"where":[{"search":"value 7"}]`)
	if _, err := Run(ctx, q, s, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if err := Scan(ctx, nil, s, 0, nil, func([]event.Event) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("scan: got %v, want context.Canceled", err)
	}
}

func TestScanStopsWhereItsFunctionFails(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	s := snapshotOf(thousand(1000), layout{rows: 100})
	calls := 0
	err := Scan(context.Background(), nil, s, 0, nil, func([]event.Event) error {
		calls++
		return enough
	})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}
