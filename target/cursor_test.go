package target

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/query"
)

func TestStart(t *testing.T) {
	tests := []struct {
		name  string
		start Start
		first int64 // position of the instance that was there
	}{
		{"now", Start{}, 11},
		{"beginning", Start{Beginning: true}, 1},
		{"behind a position", Start{After: 4}, 5},
		{"behind a position to come", Start{After: 400}, 11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *bench) {
				b.append("old", 10)
				s := &scripted{open: func(context.Context, int) error { return errDown }}
				spec := Spec{Name: "s", Kind: s.kind(), Start: tt.start}
				ds := b.deliver(spec)
				settle(time.Second)
				b.append("old", 5)
				ds.Close() // it never had an event, and still it began
				s.script(nil, nil)
				b.append("old", 5)
				b.append("new", 5)
				b.deliver(spec)
				settle(time.Minute)
				sameRows(t, of(s.written(), "old"), positions("old", 20)[tt.first-1:])
				sameRows(t, of(s.written(), "new"), positions("new", 5))
			})
		})
	}
}

// TestLaterWanted: an instance that the target is told to take later is delivered
// from when the target began.
func TestLaterWanted(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.append("a", 3)
		b.append("b", 3)
		s := &scripted{}
		ds := b.deliver(Spec{Name: "s", Kind: s.kind(), Instances: []string{"a"}})
		settle(time.Second)
		b.append("a", 3)
		b.append("b", 3)
		settle(time.Second)
		sameRows(t, s.written(), positions("a", 6)[3:])
		ds.Close()
		b.deliver(Spec{Name: "s", Kind: s.kind(), Instances: []string{"a", "b"}})
		settle(time.Second)
		sameRows(t, of(s.written(), "b"), positions("b", 6)[3:])
	})
}

// TestOtherLog: a cursor of another life of the log, of another log, or ahead of
// it stops the target until an operator says where to go on.
func TestOtherLog(t *testing.T) {
	tests := []struct {
		name string
		says string
		swap func(t *testing.T, b *bench)
	}{
		{"restored", "restored from a backup", func(t *testing.T, b *bench) {
			var backup bytes.Buffer
			must(t, b.log.Backup(t.Context(), &backup))
			must(t, b.log.Close())
			dir := filepath.Join(t.TempDir(), "restored")
			must(t, firn.Restore(t.Context(), dir, &backup))
			b.open(dir)
		}},
		{"another", "another one", func(t *testing.T, b *bench) {
			must(t, b.log.Close())
			b.open(t.TempDir())
			b.append("a", 3)
		}},
	}
	for _, tt := range tests {
		for _, keeps := range []bool{false, true} {
			t.Run(tt.name+", keeps its cursors "+strconv.FormatBool(keeps), func(t *testing.T) {
				bubble(t, func(t *testing.T, b *bench) {
					b.append("a", 5)
					s := newKeeper()
					spec := Spec{Name: "s", Kind: s.kind(), Start: Start{Beginning: true}}
					if keeps {
						spec.Kind = kindOf("keeper", s)
					}
					ds := b.deliver(spec)
					settle(time.Second)
					inOrder(t, s.written(), "a", 5)
					ds.Close()
					tt.swap(t, b)
					had := len(s.written())
					ds = b.deliver(spec)
					b.append("a", 2)
					settle(time.Hour)
					st := b.state(ds, Stopped, tt.says)
					if !strings.Contains(st.LastError, "firn targets replay s --from") {
						t.Errorf("the error does not say what to do: %s", st.LastError)
					}
					if len(s.written()) != had {
						t.Errorf("it goes on all the same: %v", s.written()[had:])
					}
					must(t, ds.Replay("s", "", From{After: 3}))
					settle(time.Second)
					b.state(ds, Running, "")
					if got := s.written()[had:]; len(got) == 0 || got[0] != (row{"a", 4}) {
						t.Errorf("after a replay behind 3 come %v", got)
					}
				})
			})
		}
	}
}

func (b *bench) open(dir string) {
	b.t.Helper()
	log, err := firn.Open(dir, firn.Options{SealAge: 100 * 365 * 24 * time.Hour, SealRows: 1 << 30})
	must(b.t, err)
	b.log = log
}

// TestAheadOfLog: an instance that ends before the cursor is no reason to skip.
func TestAheadOfLog(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.append("a", 5)
		in, err := b.log.Instance("a")
		must(t, err)
		s := newKeeper()
		id, epoch := b.log.Identity()
		must(t, s.SetCheckpoint(t.Context(), Identity{id, epoch}, in.ID, 9))
		ds := b.deliver(Spec{Name: "s", Kind: kindOf("keeper", s)})
		settle(time.Second)
		b.append("a", 1)
		settle(time.Minute)
		b.state(ds, Stopped, "up to position 9, and the log ends at 5")
		b.append("a", 9)
		settle(time.Minute)
		sameRows(t, s.written(), nil)
		must(t, ds.Replay("s", "a", From{Beginning: true}))
		settle(time.Second)
		inOrder(t, s.written(), "a", 15)
	})
}

func TestReplay(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		t.Run("keeps its cursors "+strconv.FormatBool(keeps), func(t *testing.T) {
			bubble(t, func(t *testing.T, b *bench) {
				b.append("a", 10)
				b.append("b", 10)
				s := newKeeper()
				spec := Spec{Name: "s", Kind: s.kind()}
				if keeps {
					spec.Kind = kindOf("keeper", s)
				}
				ds := b.deliver(spec)
				settle(time.Second)
				sameRows(t, s.written(), nil)
				must(t, ds.Replay("s", "b", From{After: 7}))
				settle(time.Second)
				sameRows(t, s.written(), positions("b", 10)[7:])
				if err := ds.Replay("s", "b", From{After: 11}); !errors.Is(err, firn.ErrInvalid) {
					t.Errorf("a replay beyond the log: %v", err)
				}
				must(t, ds.Replay("s", "", From{Beginning: true}))
				settle(time.Second)
				sameRows(t, of(s.written(), "a"), positions("a", 10))
				b.append("b", 2)
				settle(time.Second)
				sameRows(t, of(s.written(), "b")[3:], positions("b", 12))

				// While nobody delivers.
				ds.Close()
				b.append("a", 5)
				off, err := Offline(b.log, b.options)
				must(t, err)
				if st := off.Status(); len(st) != 1 || st[0].Name != "s" || st[0].State != Stopped {
					t.Errorf("offline: %+v", st)
				}
				if _, err := off.Retry("s", false, nil); !errors.Is(err, ErrNotRunning) {
					t.Errorf("offline, a retry: %v", err)
				}
				must(t, off.Replay("s", "", From{Now: true}))
				b.append("a", 1)
				before := len(s.written())
				b.deliver(spec)
				settle(time.Second)
				sameRows(t, s.written()[before:], []row{{"a", 16}})
			})
		})
	}
}

// TestReplayOvertakes moves the cursor while a write is under way.
func TestReplayOvertakes(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		s := &scripted{write: func(_ context.Context, b Batch, n int) (int, error) {
			if n == 1 {
				<-time.After(10 * time.Second)
			}
			return len(b.Events), nil
		}}
		b.append("a", 10)
		ds := b.deliver(Spec{Name: "s", Kind: s.kind(), Start: Start{After: 8}})
		settle(5 * time.Second)
		must(t, ds.Replay("s", "a", From{Beginning: true}))
		settle(time.Minute)
		sameRows(t, s.written(), slices.Concat(positions("a", 10)[8:], positions("a", 10)))
	})
}

func TestGapsAreTold(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		var up atomic.Bool
		s := &scripted{open: func(context.Context, int) error {
			if !up.Load() {
				return errDown
			}
			return nil
		}}
		b.append("gone", 1)
		ds := b.deliver(Spec{Name: "s", Kind: s.kind()})
		settle(time.Second)
		b.append("a", 100)
		b.append("gone", 10)
		settle(time.Second)
		_, err := b.log.Purge(t.Context(), "a", between(t, 11, 20), false)
		must(t, err)
		_, err = b.log.Purge(t.Context(), "a", between(t, 51, 60), false)
		must(t, err)
		must(t, b.log.DeleteInstance(t.Context(), "gone"))
		up.Store(true)
		settle(time.Minute)
		var want []row
		for _, r := range positions("a", 100) {
			if r.position < 11 || r.position > 20 && r.position < 51 || r.position > 60 {
				want = append(want, r)
			}
		}
		sameRows(t, s.written(), want)
		var told []string
		for _, e := range b.system(typeGap) {
			payload := string(e.Payload)
			told = append(told, payload[:strings.Index(payload, `"instance_id"`)]+payload[strings.Index(payload, `"first_position"`):])
		}
		wantTold := []string{
			`{"target":"s","type":"scripted","instance":"gone","first_position":2,"last_position":11,"reason":"deleted"}`,
			`{"target":"s","type":"scripted","instance":"a","first_position":11,"last_position":60,"ranges":[{"first":11,"last":20},{"first":51,"last":60}],"reason":"removed"}`,
		}
		if d := cmp.Diff(wantTold, told); d != "" {
			t.Errorf("gaps (-want +got):\n%s", d)
		}
		b.state(ds, Running, "")
	})
}

func between(t *testing.T, low, high int) query.Condition {
	t.Helper()
	q, err := query.Parse([]byte(`{"from":{"instance":"a"},"where":[{"field":"position","operator":"between","value":[`+strconv.Itoa(low)+`,`+strconv.Itoa(high)+`]}]}`), time.Now())
	must(t, err)
	return q.Where
}

// TestManyInstances: quiet instances cost no goroutine, and those with news take
// turns.
func TestManyInstances(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		s := &scripted{}
		b.deliver(Spec{Name: "s", Kind: s.kind()})
		const n = 2000
		for i := range n {
			_, err := b.log.Append(t.Context(), firn.AppendRequest{Instance: "i" + strconv.Itoa(i), AutoCreate: true,
				Events: []event.Draft{{EventType: "a"}}})
			must(t, err)
		}
		settle(time.Second)
		if got := len(s.written()); got != n {
			t.Errorf("%d events, want %d", got, n)
		}
		if g := runtime.NumGoroutine(); g > 100 {
			t.Errorf("%d goroutines", g)
		}
		if open := b.log.Stats().Subscriptions; open > 8 {
			t.Errorf("%d subscriptions", open)
		}
	})
}

// TestTurns: an instance with much to read does not keep another waiting.
func TestTurns(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.append("much", 20_000)
		b.append("little", 1)
		s := &scripted{}
		b.deliver(Spec{Name: "s", Kind: s.kind(), Start: Start{Beginning: true}})
		settle(time.Second)
		at := slices.Index(s.written(), row{"little", 1})
		if at < 0 || at > 10_000 {
			t.Errorf("it comes after %d others", at)
		}
	})
}

func TestRenamedAndDeletedInstances(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		s := &scripted{}
		ds := b.deliver(Spec{Name: "s", Kind: s.kind()})
		b.append("a", 2)
		settle(time.Second)
		name := "b"
		_, err := b.log.UpdateInstance(t.Context(), "a", firn.InstanceUpdate{Name: &name})
		must(t, err)
		b.append("b", 1)
		settle(time.Second)
		must(t, b.log.DeleteInstance(t.Context(), "b"))
		b.append("b", 1)
		settle(time.Second)
		sameRows(t, s.written(), []row{{"a", 1}, {"a", 2}, {"b", 3}, {"b", 1}})
		b.state(ds, Running, "")
		if n := len(b.system(typeGap)); n != 0 {
			t.Errorf("%d gaps, though it had everything", n)
		}
	})
}

// cleaner counts what it is asked to delete.
type cleaner struct {
	scripted
	left, cleanings atomic.Int64
	fail            atomic.Bool
}

func (c *cleaner) Clean(_ context.Context, days int) (int64, bool, error) {
	if c.cleanings.Add(1); c.fail.Load() {
		return 0, false, errors.New("locked")
	}
	n := min(c.left.Load(), int64(10*days))
	return n, c.left.Add(-n) > 0, nil
}

func TestClean(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		c := &cleaner{}
		c.left.Store(95)
		want := func(left, cleanings int64) {
			t.Helper()
			if c.left.Load() != left || c.cleanings.Load() != cleanings {
				t.Errorf("%d are left after %d cleanings, want %d after %d", c.left.Load(), c.cleanings.Load(), left, cleanings)
			}
		}
		ds := b.deliver(Spec{Name: "s", Kind: kindOf("cleaner", c), DaysToKeep: 3})
		synctest.Wait()
		want(0, 4)
		b.append("a", 10)
		settle(time.Minute)
		c.fail.Store(true)
		settle(time.Hour)
		want(0, 5)
		c.fail.Store(false)
		c.left.Store(20)
		settle(10 * time.Minute)
		want(0, 6)
		inOrder(t, c.written(), "a", 10)
		b.state(ds, Running, "")
	})
}

// TestDamagedState: what is lost of the cursors is not made up for by a guess.
func TestDamagedState(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		s := &scripted{}
		ds := b.deliver(Spec{Name: "s", Kind: s.kind()})
		for range 5 {
			b.append("a", 10)
			settle(time.Second)
		}
		ds.Close()
		name := "/data/targets/s/state-00000000000000000001"
		data, err := vfs.ReadFile(b.fs, name)
		must(t, err)
		at := bytes.Index(data, []byte(`{"cursors"`)) // of a record that others follow
		if !b.fs.Flip(name, int64(at), 0xff) {
			t.Fatal("there is nothing to damage")
		}
		b.append("a", 10)
		ds = b.deliver(Spec{Name: "s", Kind: s.kind()})
		settle(time.Minute)
		b.state(ds, Stopped, "firn targets replay s --from")
		must(t, ds.Replay("s", "", From{After: 50}))
		settle(time.Second)
		inOrder(t, s.written(), "a", 60)
		ds.Close()
		ds = b.deliver(Spec{Name: "s", Kind: s.kind()})
		settle(time.Second)
		b.state(ds, Running, "")
		sameRows(t, s.written(), positions("a", 60))
	})
}
