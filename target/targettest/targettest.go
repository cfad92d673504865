// Package targettest is the suite that every target passes: what package target
// asks of a Target, tried on a place that can be read back.
//
//	func TestTarget(t *testing.T) {
//		targettest.Run(t, func(t *testing.T) targettest.Place {
//			dir := t.TempDir()
//			return targettest.Place{
//				Target: func(t testing.TB) target.Target { return newTarget(t, dir) },
//				Read:   func(t testing.TB) []targettest.Record { return readFiles(t, dir) },
//			}
//		})
//	}
package targettest

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// Place is one place a target writes to, empty at first, as the suite sees it.
type Place struct {
	// Target makes a target that writes there, not yet open. The suite makes several,
	// one after the other: each finds what those before it left, as after a restart.
	Target func(t testing.TB) target.Target
	// Read returns what is there; those of one event type in the order in which they
	// were written. nil: nothing can be read back, and how much is written is all
	// that is checked.
	Read func(t testing.TB) []Record
	// Want is the Record that an event becomes. nil: its type, timestamp and payload,
	// unchanged. A place that keeps a payload's meaning but not its text makes Want
	// and Read bring it into one form.
	Want func(e event.Event) Record
	// Refuses says that the target may refuse this event. nil: it takes every event.
	Refuses func(e event.Event) bool
	// Break makes the place fail until heal is called: a server stopped, a directory
	// without permission, a program gone. nil: there is nothing that could fail.
	Break func(t testing.TB) (heal func())
	// Repeats says that what is written twice is there twice.
	Repeats bool
}

// Record is one event as a place holds it.
type Record struct {
	Type      string
	Timestamp time.Time
	Payload   string
}

// Run runs the suite. place is called once for each test and returns a place
// that nothing was ever written to.
func Run(t *testing.T, place func(t *testing.T) Place) {
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"order", order},
		{"batches of all sizes", sizes},
		{"another life", restart},
		{"the batch is not kept", notKept},
		{"again", again},
		{"hostile events", hostile},
		{"a large event", large},
		{"checkpoints", checkpoints},
		{"faults", faults},
		{"cancelled", cancelled},
		{"cancelled while writing", cancelledInside},
		{"opened again", openedAgain},
		{"closed without open", closedUnopened},
		{"closed after a failed open", closedAfterFailure},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := place(t)
			before := goleak.IgnoreCurrent()
			s := &suite{T: t, place: p, log: target.Identity{ID: "0199c5a8-7b6e-7000-8000-00000000f1a9", Epoch: 1}}
			c.test(s)
			if err := leftBehind(before); err != nil {
				t.Errorf("after Close, goroutines go on: %v", err)
			}
		})
	}
}

// leftBehind says which goroutines go on. A library may close a connection in the
// background, which takes its time on a busy machine.
func leftBehind(before goleak.Option) error {
	for until := time.Now().Add(time.Minute); ; {
		err := goleak.Find(before) // after a moment's patience of its own
		if err == nil || time.Now().After(until) {
			return err
		}
	}
}

// suite is one test of one place.
type suite struct {
	*testing.T
	place Place
	log   target.Identity
	made  int // events so far
	// unwanted is how many events behind each batch the target does not want.
	unwanted int64
}

// open makes a target and opens it. It is closed at the latest when the test ends.
func (s *suite) open() target.Target {
	s.Helper()
	tgt := s.place.Target(s)
	if err := tgt.Open(s.Context()); err != nil {
		tgt.Close()
		s.Fatalf("Open: %v", err)
	}
	return tgt
}

func (s *suite) close(tgt target.Target) {
	s.Helper()
	if err := tgt.Close(); err != nil {
		s.Fatalf("Close: %v", err)
	}
}

// deadline bounds a call that could hang, far above what it needs.
func (s *suite) deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.Context(), 3*time.Minute)
}
