package target

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs/vfstest"
)

func TestDeadLettersAgain(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		t.Run("keeps its cursors "+strconv.FormatBool(keeps), func(t *testing.T) {
			bubble(t, func(t *testing.T, b *bench) {
				k := newKeeper()
				k.write = writePoisoned
				spec := Spec{Name: "s", Kind: k.kind(), Start: Start{Beginning: true}}
				if keeps {
					spec.Kind = kindOf("keeper", k)
				}
				ds := b.deliver(spec)
				b.append("a", 20) // 3, 10, 17
				b.append("b", 20)
				settle(time.Second)
				letters, more, err := ds.DeadLetters("s", 0, 4)
				must(t, err)
				if len(letters) != 4 || !more {
					t.Fatalf("%d dead letters, more %v", len(letters), more)
				}
				l := letters[0]
				if l.ID != 1 || l.Message != "it is poison" || l.Attempts != 1 || l.Event.Position != 3 || l.Event.EventType != "test.made" || string(l.Event.Payload) != `{"n":2}` {
					t.Errorf("the first is %+v", l)
				}
				// They are refused again,
				_, err = ds.Retry("s", true, nil)
				must(t, err)
				settle(time.Second)
				letters, _, err = ds.DeadLetters("s", 0, 100)
				must(t, err)
				for i, l := range letters {
					if l.ID != int64(i)+1 || l.Attempts != 2 {
						t.Errorf("refused again: %+v", l)
					}
				}
				// one is taken,
				k.script(nil, nil)
				_, err = ds.Retry("s", true, []int64{2})
				must(t, err)
				settle(time.Second)
				if st := ds.Status()[0]; st.DeadLetters != 5 {
					t.Errorf("%d dead letters, want 5", st.DeadLetters)
				}
				if _, err = ds.Retry("s", true, []int64{2}); !errors.Is(err, firn.ErrNotFound) {
					t.Errorf("a dead letter that is gone: %v", err)
				}
				// and at last all; also after a restart, and none comes back.
				ds.Close()
				ds = b.deliver(spec)
				settle(time.Second)
				_, err = ds.Retry("s", true, nil)
				must(t, err)
				b.append("a", 1)
				settle(time.Second)
				for _, instance := range []string{"a", "b"} {
					got := of(k.written(), instance)
					slices.SortFunc(got, func(a, b row) int { return int(a.position - b.position) })
					n := 20
					if instance == "a" {
						n = 21
					}
					sameRows(t, got, positions(instance, n))
				}
				ds.Close()
				ds = b.deliver(spec)
				settle(time.Second)
				if st := ds.Status()[0]; st.DeadLetters != 0 || st.LagEvents != 0 {
					t.Errorf("%d dead letters, lag %d", st.DeadLetters, st.LagEvents)
				}
			})
		})
	}
}

// TestTooManyDeadLetters pauses a target that refuses everything.
func TestTooManyDeadLetters(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		s := &scripted{write: func(context.Context, Batch, int) (int, error) { return 0, &RefusedError{errors.New("no")} }}
		b.options.timing.letters = 50
		ds := b.deliver(Spec{Name: "s", Kind: s.kind()})
		b.append("a", 100)
		settle(time.Minute)
		if st := b.state(ds, Paused, "there are 50 dead letters"); st.DeadLetters != 50 || st.LagEvents != 50 {
			t.Errorf("%d dead letters, lag %d", st.DeadLetters, st.LagEvents)
		}
		s.script(nil, nil)
		_, err := ds.Retry("s", true, nil)
		must(t, err)
		settle(time.Minute)
		if st := b.state(ds, Running, ""); st.DeadLetters != 0 || st.LagEvents != 0 {
			t.Errorf("%d dead letters, lag %d", st.DeadLetters, st.LagEvents)
		}
	})
}

// TestStateStaysSmall: the journal is begun anew, and nothing is lost by it.
func TestStateStaysSmall(t *testing.T) {
	fs := vfstest.New()
	s, err := openState(fs, "/s")
	must(t, err)
	must(t, s.commit(record{Begun: &Identity{"log", 1}}, nil))
	letter := event.Event{EventType: "a", Severity: event.Info, Payload: []byte(`{"x":"` + strings.Repeat("x", 5000) + `"}`)}
	for i := range int64(2000) {
		must(t, s.commit(record{Cursors: map[string]int64{"a": i}}, nil))
		if i%10 == 0 {
			letter.Position = i
			must(t, s.commit(record{Dead: &deadRecord{Instance: Instance{"a", "a"}, Position: i}}, letter.AppendJSON(nil)))
		}
		if i%20 == 0 {
			must(t, s.commit(record{Taken: []int64{i/10 + 1}}, nil))
		}
	}
	files, err := fs.List("/s")
	must(t, err)
	if len(files) != 2 {
		t.Errorf("files %v, want two generations", files)
	}
	s, err = openState(fs, "/s")
	must(t, err)
	if dead, _ := s.counts(); dead != 100 || s.cursors["a"] != 1999 || s.of() != (Identity{"log", 1}) || s.lastID != 200 {
		t.Errorf("%d dead letters, cursor %d, %v, last id %d", dead, s.cursors["a"], s.of(), s.lastID)
	}
	letters, _, err := s.deadLetters(nil, 0, 1000, 1<<30)
	must(t, err)
	for i, l := range letters {
		if l.ID != int64(2*i+2) || l.Event.Position != int64(20*i+10) || len(l.Event.Payload) != len(letter.Payload) {
			t.Fatalf("dead letter %d is %d of position %d", i, l.ID, l.Event.Position)
		}
	}
}

// TestRetryOpensAgain: what an operator has mended, such as the width of a column,
// is what Open finds. So a retry opens a target again that runs.
func TestRetryOpensAgain(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		s := &scripted{}
		place, known := 1, 0 // how many positions the place takes, and as Open found it
		s.script(func(context.Context, int) error { known = place; return nil },
			func(_ context.Context, b Batch, _ int) (int, error) {
				if int(b.Events[0].Position) > known {
					return 0, &RefusedError{errors.New("too long")}
				}
				return 1, errUnlessAll(b)
			})
		ds := b.deliver(Spec{Name: "s", Kind: s.kind(), Start: Start{Beginning: true}})
		b.append("a", 2)
		settle(time.Minute)
		if st := ds.Status()[0]; st.State != Running || st.DeadLetters != 1 {
			t.Fatalf("%s with %d dead letters, want running with 1", st.State, st.DeadLetters)
		}
		place = 2
		_, err := ds.Retry("s", true, nil)
		must(t, err)
		settle(time.Minute)
		if st := ds.Status()[0]; st.State != Running || st.DeadLetters != 0 {
			t.Errorf("%s with %d dead letters, want running with none", st.State, st.DeadLetters)
		}
		sameRows(t, s.written(), positions("a", 2))
	})
}

// errUnlessAll goes with one event written.
func errUnlessAll(b Batch) error {
	if len(b.Events) == 1 {
		return nil
	}
	return errDown
}

// TestDiscard forgets dead letters, one and all, also while one is being tried
// again; a target that was paused for their number goes on, and what is forgotten
// does not come back at a restart.
func TestDiscard(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		s := &scripted{write: writePoisoned}
		b.options.timing.letters = 4
		spec := Spec{Name: "s", Kind: s.kind(), Start: Start{Beginning: true}}
		ds := b.deliver(spec)
		b.append("a", 31) // 3, 10, 17, 24 and 31
		settle(time.Minute)
		b.state(ds, Paused, "firn targets discard s")
		if n, err := ds.Discard("s", []int64{2}); n != 1 || err != nil {
			t.Errorf("Discard of one: %d, %v", n, err)
		}
		settle(time.Second)
		if st := b.state(ds, Running, ""); st.DeadLetters != 4 || st.LagEvents != 0 {
			t.Errorf("%d dead letters, lag %d; want 4 and 0", st.DeadLetters, st.LagEvents)
		}
		if _, err := ds.Discard("s", []int64{1, 2}); !errors.Is(err, firn.ErrNotFound) || !strings.Contains(err.Error(), "dead letter 2") {
			t.Errorf("Discard of one that is gone: %v", err)
		}
		if _, err := ds.Discard("none", nil); !errors.Is(err, ErrUnknown) {
			t.Errorf("Discard of no target's: %v", err)
		}

		// One that is refused again after it was discarded is not there again.
		s.script(nil, func(ctx context.Context, b Batch, n int) (int, error) {
			<-time.After(5 * time.Second)
			return writePoisoned(ctx, b, n)
		})
		_, err := ds.Retry("s", true, []int64{3})
		must(t, err)
		settle(time.Second)
		if n, err := ds.Discard("s", []int64{3}); n != 1 || err != nil {
			t.Errorf("Discard of one that is tried: %d, %v", n, err)
		}
		settle(time.Minute)
		ds.Close()
		ds = b.deliver(spec)
		settle(time.Second)
		letters, _, err := ds.DeadLetters("s", 0, 100)
		must(t, err)
		var left []int64
		for _, l := range letters {
			left = append(left, l.Event.Position)
		}
		if diff := cmp.Diff([]int64{3, 24, 31}, left); diff != "" {
			t.Errorf("positions of the dead letters (-want +got):\n%s", diff)
		}
		ds.Close()

		// While nobody delivers.
		off, err := Offline(b.log, b.options)
		must(t, err)
		for _, want := range []int{3, 0} {
			if n, err := off.Discard("s", nil); n != want || err != nil {
				t.Errorf("Discard of all: %d, %v; want %d", n, err, want)
			}
		}
		ds = b.deliver(spec)
		settle(time.Second)
		if st := b.state(ds, Running, ""); st.DeadLetters != 0 || st.LagEvents != 0 {
			t.Errorf("%d dead letters, lag %d; want none", st.DeadLetters, st.LagEvents)
		}
	})
}
