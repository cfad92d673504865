package target

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// state is the only status, checked.
func (b *bench) state(ds *Deliveries, want State, says string) Status {
	b.t.Helper()
	s := ds.Status()[0]
	if s.State != want || !strings.Contains(s.LastError, says) {
		b.t.Fatalf("the target is %s (%q), want %s (%q)", s.State, s.LastError, want, says)
	}
	return s
}

// TestFaultsDelayOnly has a target fail in every way; everything is delivered
// when it does not any more.
func TestFaultsDelayOnly(t *testing.T) {
	tests := []struct {
		name  string
		fault func(ctx context.Context, b Batch) (int, error)
		says  string
	}{
		{"fails", func(context.Context, Batch) (int, error) { return 0, errDown }, "connection refused"},
		{"fails half way", func(_ context.Context, b Batch) (int, error) { return len(b.Events) / 2, errDown }, "connection refused"},
		{"panics", func(context.Context, Batch) (int, error) { panic("index out of range") }, "Write panicked: index out of range"},
		{"claims too much", func(_ context.Context, b Batch) (int, error) { return len(b.Events) + 1, nil }, "says that it wrote"},
		{"claims less than nothing", func(context.Context, Batch) (int, error) { return -1, errDown }, "says that it wrote"},
		{"gives no reason", func(context.Context, Batch) (int, error) { return 0, nil }, "says that it wrote"},
		{"gives a reason for nothing", func(_ context.Context, b Batch) (int, error) { return len(b.Events), errDown }, "says that it wrote"},
		{"is slow until told", func(ctx context.Context, _ Batch) (int, error) { <-ctx.Done(); return 0, ctx.Err() }, "took longer than 30s"},
		{"hangs", func(context.Context, Batch) (int, error) { <-time.After(7 * time.Minute); return 0, errDown }, "hangs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *bench) {
				back := time.Now().Add(10 * time.Minute)
				s := &scripted{write: func(ctx context.Context, batch Batch, _ int) (int, error) {
					if time.Now().Before(back) {
						return tt.fault(ctx, batch)
					}
					return len(batch.Events), nil
				}}
				ds := b.deliver(Spec{Name: "s", Kind: s.kind()})
				b.append("a", 5000)
				settle(90 * time.Second)
				if tt.name != "fails half way" {
					st := b.state(ds, Retrying, tt.says)
					if st.LagEvents != 5000 || st.LagSeconds < 80 {
						t.Errorf("lag %d events, %g s; want 5000 and about 90", st.LagEvents, st.LagSeconds)
					}
				}
				settle(time.Until(back))
				before := len(s.written())
				settle(5 * time.Minute) // a call that hangs must return first
				if tt.name != "fails half way" && before != 0 && !strings.HasPrefix(tt.name, "claims") && !strings.HasPrefix(tt.name, "gives") {
					t.Errorf("%d rows while it failed", before)
				}
				st := b.state(ds, Running, tt.says)
				if st.LagEvents != 0 || st.Delivered < 5000 {
					t.Errorf("%d delivered, lag %d", st.Delivered, st.LagEvents)
				}
				inOrder(t, s.written(), "a", 5000)
				if _, _, _, fault := s.calls(); fault != "" {
					t.Error(fault)
				}
				down, up := len(b.system(typeDisconnected)), len(b.system(typeConnected))
				if (down != 1 || up != 2) && tt.name != "fails half way" {
					t.Errorf("%d events %s and %d %s, want 1 and 2", down, typeDisconnected, up, typeConnected)
				}
			})
		})
	}
}

// inOrder makes sure that 1 to n are written, the first time in order.
func inOrder(t *testing.T, rows []row, instance string, n int) {
	t.Helper()
	next := int64(1)
	for _, r := range of(rows, instance) {
		if r.position > next {
			t.Fatalf("%s %d is written before %d", instance, r.position, next)
		}
		if r.position == next {
			next++
		}
	}
	if next != int64(n)+1 {
		t.Fatalf("%s: %d events are written, want %d", instance, next-1, n)
	}
}

// TestBackSoon: however long a target was away, it has everything within 5 s of
// its return.
func TestBackSoon(t *testing.T) {
	for range 20 {
		bubble(t, func(t *testing.T, b *bench) {
			back := time.Now().Add(rand.N(time.Hour))
			s := &scripted{open: func(context.Context, int) error {
				if time.Now().Before(back) {
					return errDown
				}
				return nil
			}}
			b.deliver(Spec{Name: "s", Kind: s.kind()})
			b.append("a", 3000)
			settle(time.Until(back) + 5*time.Second)
			inOrder(t, s.written(), "a", 3000)
		})
	}
}

func TestPausedAndStopped(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		fails := func(err error) func(context.Context, Batch, int) (int, error) {
			return func(context.Context, Batch, int) (int, error) { return 0, err }
		}
		s := &scripted{write: fails(&PauseError{errors.New("disk full")})}
		ds := b.deliver(Spec{Name: "s", Kind: s.kind()})
		b.append("a", 10)
		settle(10 * time.Minute)
		b.state(ds, Paused, "disk full")
		if _, writes, _, _ := s.calls(); writes < 15 || writes > 30 {
			t.Errorf("%d attempts in 10 minutes, want one in about 30 s", writes)
		}
		s.script(nil, fails(&StopError{errors.New("the table has other columns")}))
		settle(time.Minute)
		b.state(ds, Stopped, "other columns")
		_, before, _, _ := s.calls()
		settle(24 * time.Hour)
		if _, writes, _, _ := s.calls(); writes != before {
			t.Errorf("%d attempts while stopped", writes-before)
		}
		s.script(nil, nil)
		_, err := ds.Retry("s", false, nil)
		must(t, err)
		synctest.Wait()
		b.state(ds, Running, "")
		inOrder(t, s.written(), "a", 10)
	})
}

// TestHundredThousand delivers through random faults: each event is written or a
// dead letter, in order.
func TestHundredThousand(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	bubble(t, func(t *testing.T, b *bench) {
		random := rand.New(rand.NewPCG(seed, 0))
		s := &scripted{write: func(ctx context.Context, b Batch, n int) (int, error) {
			good := 0
			for good < len(b.Events) && b.Events[good].Position%997 != 0 {
				good++
			}
			switch random.IntN(12) {
			case 0:
				return random.IntN(good + 1), errDown
			case 1:
				<-ctx.Done()
				return 0, ctx.Err()
			case 2:
				panic("bug")
			}
			if good < len(b.Events) {
				return good, &RefusedError{fmt.Errorf("poison at %d", b.Events[good].Position)}
			}
			return good, nil
		}}
		ds := b.deliver(Spec{Name: "s", Kind: s.kind()})
		const each = 25_000
		for _, instance := range []string{"a", "b", "c", "d"} {
			b.append(instance, each)
		}
		settle(24 * time.Hour)
		letters, _, err := ds.DeadLetters("s", 0, 1000)
		must(t, err)
		dead := map[row]bool{}
		for _, l := range letters {
			dead[row{l.Instance.Name, l.Event.Position}] = true
		}
		rows := s.written()
		for _, instance := range []string{"a", "b", "c", "d"} {
			next := int64(1)
			for _, r := range of(rows, instance) {
				for dead[row{instance, next}] {
					next++
				}
				if r.position > next {
					t.Fatalf("%s %d is written before %d", instance, r.position, next)
				} else if r.position == next {
					next++
				}
			}
			for dead[row{instance, next}] {
				next++
			}
			if next != each+1 {
				t.Errorf("%s is delivered up to %d of %d", instance, next-1, each)
			}
		}
		if len(letters) != 4*(each/997) {
			t.Errorf("%d dead letters, want %d", len(letters), 4*(each/997))
		}
		if told := len(b.system(typeDeadLettered)); told == 0 || told > 60 {
			t.Errorf("%d events tell of %d dead letters", told, len(letters))
		}
	})
}

// TestTargetsAreApart has one target hang for ever beside one that works, and
// everything closed in bounded time.
func TestTargetsAreApart(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		release := make(chan struct{})
		hung := &scripted{write: func(context.Context, Batch, int) (int, error) { <-release; return 0, errDown }}
		works := &scripted{}
		ds := b.deliver(Spec{Name: "hung", Kind: hung.kind()}, Spec{Name: "works", Kind: works.kind()})
		b.append("a", 1000)
		settle(time.Second)
		inOrder(t, works.written(), "a", 1000)
		settle(time.Hour)
		b.append("a", 1000)
		settle(time.Second)
		inOrder(t, works.written(), "a", 2000)
		if opens, writes, closed, _ := hung.calls(); writes != 1 || opens != 1 || closed != 0 {
			t.Errorf("a call hangs, and there are %d writes, %d opens, %d closes", writes, opens, closed)
		}
		began := time.Now()
		ds.Close()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("closing takes %s", took)
		}
		close(release)
		if _, _, closed, _ := works.calls(); closed != 1 {
			t.Errorf("the other one is closed %d times", closed)
		}
	})
}

// TestCloseWaitsABit lets a write finish, so that it need not come again.
func TestCloseWaitsABit(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		s := &scripted{write: func(ctx context.Context, b Batch, _ int) (int, error) {
			select {
			case <-time.After(2 * time.Second):
				return len(b.Events), nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}}
		ds := b.deliver(Spec{Name: "s", Kind: s.kind()})
		b.append("a", 10)
		settle(time.Second)
		ds.Close()
		inOrder(t, s.written(), "a", 10)
		again := &scripted{}
		b.deliver(Spec{Name: "s", Kind: again.kind()})
		settle(time.Second)
		sameRows(t, again.written(), nil)
	})
}

// TestSystemDoesNotFeedItself has a target that gets the instance system and
// refuses everything of targets.
func TestSystemDoesNotFeedItself(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		s := &scripted{write: func(_ context.Context, b Batch, _ int) (int, error) {
			for i := range b.Events {
				if strings.HasPrefix(b.Events[i].EventType, "target.") {
					return i, &RefusedError{errors.New("not that")}
				}
			}
			return len(b.Events), nil
		}}
		ds := b.deliver(Spec{Name: "s", Kind: s.kind(), Instances: []string{"system", "a"}})
		b.append("a", 10)
		settle(24 * time.Hour)
		st := b.state(ds, Running, "")
		if st.DeadLetters != 1 || st.LagEvents != 0 {
			t.Errorf("%d dead letters, lag %d; want that of %s and 0", st.DeadLetters, st.LagEvents, typeConnected)
		}
		inOrder(t, s.written(), "a", 10)
	})
}

func TestWhere(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		q, err := query.Parse([]byte(`{"from":{"instance":"a"},"where":[{"field":"payload.n","operator":"eq","value":7}]}`), time.Now())
		must(t, err)
		s := &scripted{}
		ds := b.deliver(Spec{Name: "s", Kind: s.kind(), Where: q.Where})
		b.append("a", 3000)
		settle(time.Minute)
		sameRows(t, s.written(), []row{{"a", 8}})
		if st := b.state(ds, Running, ""); st.LagEvents != 0 {
			t.Errorf("lag %d, though all is read", st.LagEvents)
		}
		ds.Close()
		ds = b.deliver(Spec{Name: "s", Kind: s.kind(), Where: q.Where})
		settle(time.Minute)
		sameRows(t, s.written(), []row{{"a", 8}})
		b.state(ds, Running, "")
	})
}

// TestLargeEvents: a batch is bounded in bytes too.
func TestLargeEvents(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		var most atomic.Int64
		s := &scripted{write: func(_ context.Context, b Batch, _ int) (int, error) {
			size := 0
			for i := range b.Events {
				size += len(b.Events[i].Payload)
			}
			most.Store(max(most.Load(), int64(size)))
			return len(b.Events), nil
		}}
		b.options.timing.bytes = 100 << 10
		b.deliver(Spec{Name: "s", Kind: s.kind()})
		for range 40 {
			_, err := b.log.Append(t.Context(), firn.AppendRequest{Instance: "a", AutoCreate: true, Events: []event.Draft{
				{EventType: "large", Payload: []byte(`{"x":"` + strings.Repeat("x", 60<<10) + `"}`)}}})
			must(t, err)
		}
		settle(time.Minute)
		inOrder(t, s.written(), "a", 40)
		if most.Load() > 200<<10 {
			t.Errorf("a batch of %d bytes, want about 100 KiB", most.Load())
		}
	})
}
