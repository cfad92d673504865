package auth

import (
	"context"
	"sync"
	"time"
)

// watch looks after one caller: at each new keyring, and when its key expires.
type watch struct {
	caller Caller
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	ended bool
	timer *time.Timer // nil where the key does not expire
}

// look ends what the caller may go on with no more by a keyring. Keyrings may
// come out of turn: what has ended stays so.
func (w *watch) look(r *Keyring) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	g, err := w.caller.in(r)
	if err != nil {
		w.finish(err)
		return
	}
	if g.expires.IsZero() {
		return
	}
	keys := w.caller.gate.keys
	left := g.expires.Sub(keys.now())
	if w.timer != nil {
		w.timer.Reset(left)
		return
	}
	w.timer = time.AfterFunc(left, func() { w.look(keys.Ring()) })
}

// finish cancels with a cause; mu is held.
func (w *watch) finish(cause error) {
	w.ended = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.cancel(cause)
}

// end is the end of what the caller did. Ending twice is harmless.
func (w *watch) end() {
	w.caller.gate.keys.watches.remove(w)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.finish(context.Canceled)
	}
}

// watches are those that look at each new keyring.
type watches struct {
	mu  sync.Mutex
	all map[*watch]struct{}
}

func (s *watches) add(w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[w] = struct{}{}
}

func (s *watches) remove(w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, w)
}

// look has all of them look at a keyring. A watch takes its own lock inside that
// of the set, never the other way round.
func (s *watches) look(r *Keyring) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.all {
		w.look(r)
	}
}
