package databasetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/firnlog/firn/target"
)

// Faults breaks the way to a server, and the server, while a target writes: each
// event is there exactly once, and no event is blamed. place returns a new
// database whose targets reach the server at a port.
func Faults(t *testing.T, s *Server, place func(t *testing.T, port int) Place) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *Proxy, Place)
	}{
		{"refused", refused},
		{"a black hole", blackHole},
		{"slow", slow},
		{"reset in COMMIT, which is not done", func(t *testing.T, proxy *Proxy, p Place) { resetInCommit(t, proxy, p, false) }},
		{"reset in COMMIT, which is done", func(t *testing.T, proxy *Proxy, p Place) { resetInCommit(t, proxy, p, true) }},
		{"cut anywhere", cutAnywhere},
		{"the server restarts", func(t *testing.T, proxy *Proxy, p Place) { restarts(t, s, p) }},
		{"the server is killed", func(t *testing.T, proxy *Proxy, p Place) { kills(t, s, p) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			proxy := NewProxy(t, s)
			c.test(t, proxy, place(t, proxy.Port))
		})
	}
}

// rounds is how often a fault is repeated: a modest number, or that of the
// environment.
func rounds(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number of rounds", variable, text)
	}
	return n
}

// wantFault expects of an error that it blames neither an event nor a setting:
// it will be tried again by itself.
func wantFault(t testing.TB, what string, err error) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s succeeded", what)
	}
	var refused *target.RefusedError
	var stop *target.StopError
	var pause *target.PauseError
	if errors.As(err, &refused) || errors.As(err, &stop) || errors.As(err, &pause) {
		t.Fatalf("%s: %T %v; want one that is tried again", what, err, err)
	}
}

// deliver writes the events from the one behind the cursor to last as package
// target does: again where it failed, after an Open. Each failure is told.
func deliver(t testing.TB, to target.Checkpointer, from, last, size int, failed func(error)) {
	t.Helper()
	open := false
	for from <= last {
		var err error
		if !open {
			err = to.Open(t.Context())
		}
		if err == nil {
			open = true
			b := Batch(Numbered(from, min(size, last-from+1)))
			var written int
			written, err = to.Write(t.Context(), b)
			from += written
		}
		if err != nil {
			open = false
			wantFault(t, "delivery", err)
			failed(err)
			select {
			case <-t.Context().Done():
				t.Fatal(err)
			case <-time.After(10 * time.Millisecond): // the delivery's backoff
			}
		}
	}
}

func refused(t *testing.T, proxy *Proxy, p Place) {
	to := p.Open(t, "one")
	Write(t, to, Batch(Numbered(1, 10)))
	proxy.Refuse()
	written, err := to.Write(t.Context(), Batch(Numbered(11, 10)))
	wantFault(t, "Write", err)
	if written != 0 {
		t.Errorf("Write says that %d are written", written)
	}
	wantFault(t, "Open", to.Open(t.Context()))
	proxy.Accept(t)
	if err := to.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	Write(t, to, Batch(Numbered(11, 10)))
	p.Want(t, 20)
}

// blackHole swallows what the server says: Write ends with its context.
func blackHole(t *testing.T, proxy *Proxy, p Place) {
	to := p.Open(t, "one")
	Write(t, to, Batch(Numbered(1, 10)))
	for _, direction := range []string{"downstream", "upstream"} {
		proxy.Poison(t, "timeout", direction, map[string]any{"timeout": 0})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := to.Write(ctx, Batch(Numbered(11, 10)))
		wantFault(t, "Write", err)
		wantFault(t, "Open", to.Open(ctx))
		cancel()
		proxy.Heal()
		if err := to.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	deliver(t, to, 11, 20, 10, func(err error) { t.Log(err) })
	p.Want(t, 20)
}

func slow(t *testing.T, proxy *Proxy, p Place) {
	proxy.Poison(t, "latency", "upstream", map[string]any{"latency": 30, "jitter": 20})
	proxy.Poison(t, "slicer", "downstream", map[string]any{"average_size": 3, "size_variation": 2, "delay": 100})
	to := p.Open(t, "one")
	for from := 1; from <= 50; from += 10 {
		Write(t, to, Batch(Numbered(from, 10)))
	}
	p.Want(t, 50)
}

// resetInCommit cuts the connection in each COMMIT, a good number of times,
// with and without the server having done it.
func resetInCommit(t *testing.T, proxy *Proxy, p Place, after bool) {
	const size = 5
	to := p.Open(t, "one")
	n := rounds(t, "FIRN_COMMIT_ROUNDS", 25)
	done := 0
	for round := range n {
		b := Batch(Numbered(1+round*size, size))
		times := proxy.CutCommits(t, after)
		_, err := to.Write(t.Context(), b)
		wantFault(t, "Write", err)
		if times() != 1 {
			t.Fatalf("round %d: %d commits were cut, want 1", round, times())
		}
		proxy.Heal()
		if err := to.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		c, ok, err := to.Checkpoint(t.Context(), Log.ID, b.Instance.ID)
		if err != nil {
			t.Fatal(err)
		}
		if ok && c.Position == b.Through {
			done++
		}
		Write(t, to, b)
	}
	if after != (done > 0) {
		t.Errorf("%d of %d commits were done, after = %v: the fault is not the one it is to be", done, n, after)
	}
	p.Want(t, n*size)
}

// cutAnywhere ends connections after a random number of bytes.
func cutAnywhere(t *testing.T, proxy *Proxy, p Place) {
	const size = 5
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // not for secrets
	to := p.Open(t, "one")
	n := rounds(t, "FIRN_CUT_ROUNDS", 25)
	failures := 0
	for round := range n {
		direction := []string{"upstream", "downstream"}[random.IntN(2)]
		proxy.Poison(t, "limit_data", direction, map[string]any{"bytes": 1 + random.IntN(1500)})
		from := 1 + round*size
		for range 3 {
			if _, err := to.Write(t.Context(), Batch(Numbered(from, size))); err != nil {
				wantFault(t, "Write", err)
				failures++
				break
			}
		}
		proxy.Heal()
		deliver(t, to, from, from+size-1, size, func(err error) { failures++ })
	}
	if failures == 0 {
		t.Errorf("nothing was cut in %d rounds", n)
	}
	p.Want(t, n*size)
}

func restarts(t *testing.T, s *Server, p Place) {
	to := p.Open(t, "one")
	Write(t, to, Batch(Numbered(1, 10)))
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	_, err := to.Write(t.Context(), Batch(Numbered(11, 10)))
	wantFault(t, "Write", err)
	wantFault(t, "Open", to.Open(t.Context()))
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	deliver(t, to, 11, 20, 10, func(err error) { t.Log(err) })
	p.Want(t, 20)
}

// kills kills the server under load, as a crash does.
func kills(t *testing.T, s *Server, p Place) {
	const perRound = 200
	n := rounds(t, "FIRN_DATABASE_KILLS", 3)
	to := p.Open(t, "one")
	for round := range n {
		half := make(chan struct{})
		done := make(chan struct{})
		from := 1 + round*perRound
		go func() {
			defer close(done)
			deliver(t, to, from, from+perRound/2-1, 2, func(error) {})
			close(half)
			deliver(t, to, from+perRound/2, from+perRound-1, 2, func(error) {})
		}()
		<-half
		s.Kill()
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		<-done
	}
	p.Want(t, n*perRound)
}
