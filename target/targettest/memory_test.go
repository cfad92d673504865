package targettest_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/targettest"
)

// store is what a memory target writes to: it outlives the target.
type store struct {
	records []targettest.Record
	cursors map[[2]string]target.Cursor
	down    bool
}

var errDown = errors.New("the store is down")

// memory is a target that does what package target asks for, unless fault names
// something that it does wrong.
type memory struct {
	store *store
	fault string
	open  bool
	kept  []event.Event
	stop  chan struct{}
}

func (m *memory) Open(context.Context) error {
	if m.store.down && m.fault != "opens when down" {
		return errDown
	}
	if m.fault == "leaks" {
		m.stop = make(chan struct{})
		go func() { <-m.stop }()
	}
	m.open = true
	return nil
}

func (m *memory) Close() error {
	if m.fault == "close fails" && !m.open {
		return errors.New("not open")
	}
	if m.fault == "keeps" {
		m.flush(m.kept)
	}
	return nil
}

func (m *memory) flush(events []event.Event) {
	for _, e := range events {
		m.store.records = append(m.store.records, targettest.Record{Type: e.EventType, Timestamp: e.Timestamp, Payload: string(e.Payload)})
	}
}

func (m *memory) Write(_ context.Context, b target.Batch) (int, error) {
	if m.store.down {
		if m.fault == "blames" {
			return 0, &target.RefusedError{Err: errDown}
		}
		return 0, errDown
	}
	n, err := len(b.Events), error(nil)
	if i := slices.IndexFunc(b.Events, func(e event.Event) bool { return e.EventType == ".." }); i >= 0 {
		n, err = i, &target.RefusedError{Err: errors.New("this type is refused")}
	}
	events := b.Events[:n]
	switch m.fault {
	case "keeps":
		m.kept = append(m.kept, events...)
		events = nil
	case "loses":
		events = events[:max(0, n-1)]
	case "turns round":
		events = slices.Clone(events)
		slices.Reverse(events)
	case "refuses quietly":
		if err != nil {
			n, err = n+1, nil
		}
	case "rewrites":
		events = slices.Clone(events)
		for i := range events {
			events[i].Payload = []byte(strings.ReplaceAll(string(events[i].Payload), "1e1000", "1E1000"))
		}
	}
	m.flush(events)
	if n > 0 && m.fault != "forgets the cursor" {
		m.store.cursors[[2]string{b.Log.ID, b.Instance.ID}] = target.Cursor{Epoch: b.Log.Epoch, Position: b.After(n)}
	}
	return n, err
}

func (m *memory) Checkpoint(_ context.Context, log, instance string) (target.Cursor, bool, error) {
	c, ok := m.store.cursors[[2]string{log, instance}]
	return c, ok, nil
}

func (m *memory) SetCheckpoint(_ context.Context, log target.Identity, instance string, position int64) error {
	m.store.cursors[[2]string{log.ID, instance}] = target.Cursor{Epoch: log.Epoch, Position: position}
	return nil
}

func place(fault string) func(*testing.T) targettest.Place {
	return func(*testing.T) targettest.Place {
		st := &store{cursors: map[[2]string]target.Cursor{}}
		return targettest.Place{
			Target:  func(testing.TB) target.Target { return &memory{store: st, fault: fault} },
			Read:    func(testing.TB) []targettest.Record { return st.records },
			Refuses: func(e event.Event) bool { return e.EventType == ".." },
			Break: func(testing.TB) func() {
				st.down = true
				return func() { st.down = false }
			},
		}
	}
}

const faultVariable = "FIRN_TARGETTEST_FAULT"

// TestSuite runs the suite on a target that is right, or, in a child process of
// TestSuiteFindsFaults, on one that is not.
func TestSuite(t *testing.T) { targettest.Run(t, place(os.Getenv(faultVariable))) }

// TestSuiteFindsFaults is the control: each fault makes the check fail that
// looks for it.
func TestSuiteFindsFaults(t *testing.T) {
	faults := map[string]string{
		"keeps":              "the_batch_is_not_kept",
		"loses":              "order",
		"turns round":        "order",
		"refuses quietly":    "hostile_events",
		"rewrites":           "hostile_events",
		"forgets the cursor": "checkpoints",
		"blames":             "faults",
		"opens when down":    "closed_after_a_failed_open",
		"close fails":        "closed_without_open",
		"leaks":              "opened_again",
	}
	for _, fault := range slices.Sorted(maps.Keys(faults)) {
		t.Run(fault, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestSuite$/^"+faults[fault]+"$")
			cmd.Env = append(os.Environ(), faultVariable+"="+fault)
			out, err := cmd.CombinedOutput()
			if want := "--- FAIL: TestSuite/" + faults[fault]; err == nil || !strings.Contains(string(out), want) {
				t.Errorf("no %q in the suite's output on this target (%v):\n%s", want, err, out)
			}
		})
	}
}
