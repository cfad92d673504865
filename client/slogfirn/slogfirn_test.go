package slogfirn

import (
	"context"
	"encoding/json/v2"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/firnlog/firn/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a log in memory that fails as told.
type memory struct {
	mu      sync.Mutex
	events  []event.Draft
	batches int
	fail    func(try int) error // nil = never
	tries   int
}

func (m *memory) append(_ context.Context, events []event.Draft) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tries++
	if m.fail != nil {
		if err := m.fail(m.tries); err != nil {
			return err
		}
	}
	m.events = append(m.events, events...)
	m.batches++
	return nil
}

func (m *memory) counts() (batches, events int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.batches, len(m.events)
}

func (m *memory) payloads() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, e := range m.events {
		all = append(all, string(e.Payload))
	}
	return all
}

func closeNow(t *testing.T, h *Handler) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := h.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestSlogtest(t *testing.T) {
	var log memory
	h := New(log.append, Options{})
	err := slogtest.TestHandler(h, func() []map[string]any {
		closeNow(t, h)
		var all []map[string]any
		for _, e := range log.events {
			m := map[string]any{}
			if err := json.Unmarshal(e.Payload, &m); err != nil {
				t.Fatalf("%s: %v", e.Payload, err)
			}
			m[slog.LevelKey] = e.Severity.String()
			if !e.Timestamp.IsZero() {
				m[slog.TimeKey] = e.Timestamp
			}
			all = append(all, m)
		}
		return all
	})
	if err != nil {
		t.Error(err)
	}
}

type broken struct{}

func (broken) MarshalJSON() ([]byte, error) { panic("boom") }

func TestPayload(t *testing.T) {
	tests := []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"kinds", func(l *slog.Logger) {
			l.Info("m", "s", "x", "i", -1, "u", uint64(math.MaxUint64), "f", 0.5, "b", true, "d", time.Second, "e", errors.New("no"), "n", nil, "l", []int{1, 2})
		}, `{"msg":"m","s":"x","i":-1,"u":18446744073709551615,"f":0.5,"b":true,"d":1000000000,"e":"no","n":null,"l":[1,2]}`},
		{"not a number", func(l *slog.Logger) { l.Info("m", "f", math.NaN(), "g", math.Inf(-1)) }, `{"msg":"m","f":"NaN","g":"-Inf"}`},
		{"a key twice", func(l *slog.Logger) { l.With("a", 1).Info("m", "a", 2, "msg", "mine", "a", 3, "a#2", 4) },
			`{"msg":"m","a":1,"a#2":2,"msg#2":"mine","a#3":3,"a#2#2":4}`},
		{"groups", func(l *slog.Logger) {
			l.With("r", 1).WithGroup("http").With("method", "GET").WithGroup("peer").Info("m", "ip", "::1", slog.Group("empty"))
		}, `{"msg":"m","r":1,"http":{"method":"GET","peer":{"ip":"::1"}}}`},
		{"empty groups", func(l *slog.Logger) { l.WithGroup("a").WithGroup("b").Info("m") }, `{"msg":"m"}`},
		{"a value that panics", func(l *slog.Logger) { l.Info("m", "v", broken{}) }, `{"msg":"m","v":"!PANIC: boom"}`},
		{"a value without JSON", func(l *slog.Logger) { l.Info("m", "v", func() {}) }, `{"msg":"m","v":"!ERROR: a value of type func() has no JSON form"}`},
		{"not UTF-8", func(l *slog.Logger) { l.Info("m\xff", "k\xff", "v\xff") }, `{"msg":"m�","k�":"v�"}`},
		{"control characters", func(l *slog.Logger) { l.Info("a\x00\n\x1b") }, `{"msg":"a\u0000\n\u001b"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log memory
			h := New(log.append, Options{})
			tt.log(slog.New(h))
			closeNow(t, h)
			if diff := cmp.Diff([]string{tt.want}, log.payloads()); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEnvelope(t *testing.T) {
	var log memory
	h := New(log.append, Options{Stream: "api", Type: "app.log", AddSource: true, Level: slog.LevelDebug})
	before := time.Now()
	slog.New(h).Debug("m")
	closeNow(t, h)
	e := log.events[0]
	if e.StreamID != "api" || e.EventType != "app.log" || e.Severity != event.Debug {
		t.Errorf("event = %+v", e)
	}
	if e.Timestamp.Before(before) || e.Timestamp.Location() != time.UTC {
		t.Errorf("timestamp = %v", e.Timestamp)
	}
	if !strings.Contains(string(e.Metadata), "slogfirn.TestEnvelope") {
		t.Errorf("metadata = %s", e.Metadata)
	}
}

func TestSeverities(t *testing.T) {
	tests := map[slog.Level]event.Severity{
		slog.LevelDebug - 4: event.Debug, slog.LevelDebug: event.Debug, slog.LevelInfo: event.Info, slog.LevelInfo + 2: event.Notice,
		slog.LevelWarn: event.Warning, slog.LevelWarn + 3: event.Warning, slog.LevelError: event.Error, slog.LevelError + 4: event.Critical,
		slog.LevelError + 8: event.Alert, slog.LevelError + 12: event.Emergency, slog.LevelError + 100: event.Emergency,
	}
	for level, want := range tests {
		if got := severity(level); got != want {
			t.Errorf("severity(%v) = %v, want %v", level, got, want)
		}
	}
}

func TestRecordsTravelInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log memory
		h := New(log.append, Options{Batch: 3, Delay: time.Second})
		l := slog.New(h)
		for range 7 {
			l.Info("m")
		}
		synctest.Wait()
		if batches, _ := log.counts(); batches != 2 {
			t.Errorf("%d batches before the delay, want 2 full ones", batches)
		}
		<-time.After(time.Second)
		synctest.Wait()
		if batches, events := log.counts(); batches != 3 || events != 7 {
			t.Errorf("%d batches, %d events after the delay, want 3 and 7", batches, events)
		}
		closeNow(t, h)
		if got := h.Stats(); got != (Stats{Stored: 7}) {
			t.Errorf("stats = %+v", got)
		}
	})
}

func TestFlushStoresWhatWasLoggedBefore(t *testing.T) {
	var log memory
	h := New(log.append, Options{Delay: time.Hour, Batch: 4})
	defer closeNow(t, h)
	for n := range 10 {
		slog.New(h).Info("m", "n", n)
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(log.payloads()); got != 10 {
		t.Errorf("%d events after Flush, want 10", got)
	}
}

func TestFailedAppendsAreTriedAgainWithTheSameIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log memory
		var ids []string
		h := New(func(ctx context.Context, events []event.Draft) error {
			ids = append(ids, events[0].ID)
			return log.append(ctx, events)
		}, Options{})
		log.fail = func(try int) error {
			if try < 4 {
				return errors.New("connection reset")
			}
			return nil
		}
		slog.New(h).Info("m")
		closeNow(t, h)
		if len(ids) != 4 || ids[0] == "" || ids[0] != ids[3] {
			t.Errorf("ids of the tries: %q, want one id four times", ids)
		}
		if got := h.Stats(); got != (Stats{Stored: 1, Retries: 3}) {
			t.Errorf("stats = %+v", got)
		}
	})
}

func TestAFullQueueDropsAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log memory
		down := true
		log.fail = func(int) error {
			if down {
				return errors.New("log is down")
			}
			return nil
		}
		h := New(log.append, Options{Queue: 5, Batch: 1})
		l := slog.New(h)
		l.Info("first")
		synctest.Wait() // it is being tried now
		for range 8 {
			l.Info("m")
		}
		if got := h.Stats(); got.Dropped != 3 || got.Waiting != 5 {
			t.Errorf("stats = %+v, want 3 dropped, 5 waiting", got)
		}
		log.mu.Lock()
		down = false
		log.mu.Unlock()
		closeNow(t, h)
		var told bool
		for _, e := range log.events {
			told = told || e.EventType == TypeDropped && string(e.Payload) == `{"dropped":3}`
		}
		if !told {
			t.Errorf("no event tells of the 3 dropped records: %s", log.payloads())
		}
		if got := h.Stats(); got.Stored != 6 || got.Dropped != 3 {
			t.Errorf("stats = %+v, want 6 stored, 3 dropped", got)
		}
	})
}

type permanent struct{ error }

func (permanent) Permanent() bool { return true }

func TestWhatIsRefusedForGoodIsDropped(t *testing.T) {
	tests := []struct {
		name            string
		err             error
		stored, dropped int64
	}{
		{"one event", &event.InvalidError{Index: 1, Message: "bad"}, 2, 1},
		{"the batch", permanent{errors.New("403")}, 0, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log memory
			log.fail = func(try int) error {
				if try == 1 {
					return tt.err
				}
				return nil
			}
			var told []error
			h := New(log.append, Options{Delay: time.Hour, OnError: func(err error) { told = append(told, err) }})
			for n := range 3 {
				slog.New(h).Info("m", "n", n)
			}
			closeNow(t, h)
			if got := h.Stats(); got.Stored != tt.stored || got.Dropped != tt.dropped {
				t.Errorf("stats = %+v, want %d stored, %d dropped", got, tt.stored, tt.dropped)
			}
			if len(told) != 1 {
				t.Errorf("OnError was told %v", told)
			}
		})
	}
}

func TestCloseGivesUpAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log memory
		log.fail = func(int) error { return errors.New("log is down") }
		h := New(log.append, Options{Batch: 2})
		for range 5 {
			slog.New(h).Info("m")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := h.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v, want the context's error", err)
		}
		slog.New(h).Info("too late")
		if err := h.Close(t.Context()); err != nil {
			t.Errorf("second Close = %v", err)
		}
		if got := h.Stats(); got.Dropped != 6 || got.Stored != 0 {
			t.Errorf("stats = %+v, want all 6 dropped", got)
		}
	})
}

func TestManyWriters(t *testing.T) {
	var log memory
	h := New(log.append, Options{Batch: 64})
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			l := slog.New(h).With("w", w)
			for n := range 500 {
				l.Info("m", "n", n)
			}
		})
	}
	writers.Wait()
	closeNow(t, h)
	if got := h.Stats(); got.Stored != 4000 || got.Dropped != 0 {
		t.Errorf("stats = %+v, want 4000 stored", got)
	}
	ids := map[string]bool{}
	for _, e := range log.events {
		ids[e.ID] = true
	}
	if len(ids) != 4000 {
		t.Errorf("%d different ids, want 4000", len(ids))
	}
}
