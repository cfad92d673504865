package target

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/firnlog/firn/query"
)

// keeper is a scripted target that keeps its cursors itself, with its rows.
type keeper struct {
	scripted
	cursors map[string]Cursor // by log and instance
	mu2     sync.Mutex
	commit  func(n int) (commits bool, err error) // may lose the answer
}

func newKeeper() *keeper { return &keeper{cursors: map[string]Cursor{}} }

func (k *keeper) Write(ctx context.Context, b Batch) (int, error) {
	k.scripted.mu.Lock()
	n, kept := k.writes, len(k.rows)
	k.scripted.mu.Unlock()
	written, err := k.scripted.Write(ctx, b)
	commits := true
	if k.commit != nil {
		var lost error
		if commits, lost = k.commit(n); lost != nil {
			written, err = 0, lost
		}
	}
	k.mu2.Lock()
	defer k.mu2.Unlock()
	if !commits {
		k.scripted.mu.Lock()
		k.rows = k.rows[:kept]
		k.scripted.mu.Unlock()
		return written, err
	}
	if !b.Redelivery {
		n := len(k.written()) - kept
		k.cursors[b.Log.ID+b.Instance.ID] = Cursor{b.Log.Epoch, b.After(n)}
	}
	return written, err
}

func (k *keeper) Checkpoint(_ context.Context, log, instance string) (Cursor, bool, error) {
	k.mu2.Lock()
	defer k.mu2.Unlock()
	c, ok := k.cursors[log+instance]
	return c, ok, nil
}

func (k *keeper) SetCheckpoint(_ context.Context, log Identity, instance string, position int64) error {
	k.mu2.Lock()
	defer k.mu2.Unlock()
	k.cursors[log.ID+instance] = Cursor{log.Epoch, position}
	return nil
}

// TestExactlyOnce has commits whose outcome is unknown: each event is there once,
// and in order.
func TestExactlyOnce(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		k := newKeeper()
		k.write = writePoisoned
		k.commit = func(n int) (bool, error) {
			switch n % 5 {
			case 1:
				return true, errDown // committed, and the answer lost
			case 3:
				return false, errDown
			}
			return true, nil
		}
		b.options.timing.events = 50
		spec := Spec{Name: "s", Kind: kindOf("keeper", k), Start: Start{Beginning: true}}
		ds := b.deliver(spec)
		for range 5 {
			b.append("a", 200)
			b.append("b", 100)
			settle(time.Second)
			ds.Close() // in the middle of it
			ds = b.deliver(spec)
		}
		settle(time.Hour)
		for instance, n := range map[string]int{"a": 1000, "b": 500} {
			want := slices.DeleteFunc(positions(instance, n), func(r row) bool { return poison(r.position) })
			sameRows(t, of(k.written(), instance), want)
		}
		complete(t, "at last", ds, k.written(), map[string]int{"a": 1000, "b": 500})
		if st := b.state(ds, Running, ""); st.LagEvents != 0 {
			t.Errorf("lag %d", st.LagEvents)
		}
		for key, c := range k.cursors {
			if c.Position != 1000 && c.Position != 500 {
				t.Errorf("the cursor of %s is %d", key, c.Position)
			}
		}
	})
}

// TestUnwantedMovesTheCursor: where nothing matches, the cursor of a target that
// keeps it moves all the same, though not at once.
func TestUnwantedMovesTheCursor(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		q, err := query.Parse([]byte(`{"from":{"instance":"a"},"where":[{"field":"event_type","operator":"eq","value":"none"}]}`), time.Now())
		must(t, err)
		k := newKeeper()
		b.append("a", 1)
		b.deliver(Spec{Name: "s", Kind: kindOf("keeper", k), Where: q.Where})
		settle(time.Second)
		b.append("a", 300)
		settle(time.Minute)
		for _, c := range k.cursors {
			if c.Position != 301 {
				t.Errorf("the cursor is %d, want 301", c.Position)
			}
		}
		if len(k.cursors) != 1 {
			t.Errorf("%d cursors, want 1", len(k.cursors))
		}
	})
}

// TestLagOfWhatCannotBeAsked: a place that keeps the cursor is down from the start,
// or goes down: what it lacks is counted all the same.
func TestLagOfWhatCannotBeAsked(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		k := newKeeper()
		down := func(context.Context, int) error { return errDown }
		refuses := func(context.Context, Batch, int) (int, error) { return 0, errDown }
		k.script(down, refuses)
		spec := Spec{Name: "s", Kind: kindOf("keeper", k), Start: Start{Beginning: true}}
		b.append("a", 7)
		ds := b.deliver(spec)
		lag := func(when string, state State, want int64) {
			t.Helper()
			settle(time.Minute)
			if st := ds.Status()[0]; st.State != state || st.LagEvents != want || (st.LagSeconds > 0) != (want > 0) {
				t.Errorf("%s: %s, lag %d, behind %v s; want %s and %d", when, st.State, st.LagEvents, st.LagSeconds, state, want)
			}
		}
		lag("down from the start", Retrying, 7)
		b.append("b", 2)
		lag("and an instance is new", Retrying, 9)
		k.script(nil, nil)
		lag("up", Running, 0)
		k.script(down, refuses)
		b.append("a", 3)
		lag("down again", Retrying, 3)
		b.append("a", 1)
		lag("and more comes", Retrying, 4)
		k.script(nil, nil)
		lag("up again", Running, 0)
		ds.Close()
		k.script(down, refuses)
		ds = b.deliver(spec)
		lag("down at a restart: all that it may lack", Retrying, 13)
		k.script(nil, nil)
		lag("it lacks nothing", Running, 0)
		sameRows(t, of(k.written(), "a"), positions("a", 11))
	})
}
