// Package stop stops a real `firn serve` in good order under load, over and
// over: it must answer what runs, tell its subscribers where to go on, end with
// success, and leave nothing to recover. Meanwhile a second server on the same
// directory is refused.
package stop

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firnlog/firn/test/loadtest"
)

const (
	clients  = 8
	followed = "app-0"
	// A data directory lives so many stops, so that all of it can be read back
	// after each.
	roundsPerDirectory = 10
)

func TestStop(t *testing.T) {
	binary, seed := loadtest.Build(t, ""), loadtest.Seed(t)
	rounds := loadtest.Rounds(t, "FIRN_STOP_ROUNDS", 60, 10)
	var total loadtest.Tally
	slowest, deliveries := time.Duration(0), 0
	for left, n := rounds, uint64(0); left > 0; left, n = left-roundsPerDirectory, n+1 {
		h := newHarness(t, binary, rand.New(rand.NewPCG(seed, n)))
		for i := range min(left, roundsPerDirectory) {
			if err := h.round(t, i); err != nil {
				t.Fatalf("directory %d, stop %d: %v", n, i, err)
			}
		}
		total.Add(h.ledger.Tally())
		slowest, deliveries = max(slowest, h.slowest), deliveries+len(h.delivered)
	}
	t.Logf("%d stops, the slowest in %v; %d deliveries to subscribers; %v", rounds, slowest.Round(time.Millisecond), deliveries, total)
}

// harness is a data directory through its servers.
type harness struct {
	serve     loadtest.Serve
	rng       *rand.Rand
	ledger    *loadtest.Ledger
	delivered []int64 // positions, to the subscriber that goes on from server to server
	slowest   time.Duration
}

func newHarness(t *testing.T, binary string, rng *rand.Rand) *harness {
	h := &harness{
		serve: loadtest.Serve{Binary: binary, Data: filepath.Join(t.TempDir(), "data")},
		rng:   rng, ledger: loadtest.NewLedger(),
	}
	h.ledger.Refusals = []int{http.StatusServiceUnavailable} // that it is stopping
	return h
}

func (h *harness) round(t *testing.T, n int) error {
	ctx := t.Context()
	c, err := loadtest.Start(ctx, h.serve)
	if err != nil {
		return err
	}
	defer c.Kill()
	if n == 0 {
		var answer any
		if err := loadtest.Post(ctx, c.URL, "/instances", fmt.Appendf(nil, `{"name": %q}`, followed), http.StatusCreated, &answer); err != nil {
			return err
		}
	}
	if strings.Contains(c.Log(), "level=") {
		return fmt.Errorf("it has something to report after a stop in good order:\n%s", c.Log())
	}
	if err := h.ledger.Check(ctx, c.URL); err != nil {
		return err
	}
	loaded, ended := make(chan error, 1), make(chan error, 1)
	rng := rand.New(rand.NewPCG(h.rng.Uint64(), 0))
	go func() { loaded <- h.ledger.Load(ctx, c.URL, clients, rng) }()
	go func() { ended <- h.follow(ctx, c.URL) }()
	if n == 0 {
		if err := h.second(ctx); err != nil {
			return err
		}
	}
	// The moment of the stop is what the test is about; nothing waits for it.
	loadtest.After(t, h.rng, 10*time.Millisecond, 300*time.Millisecond)
	err = h.stop(ctx, c)
	if err := errors.Join(err, <-loaded, <-ended); err != nil {
		return fmt.Errorf("%w\n%s", err, c.Log())
	}
	return ctx.Err()
}

// stop asks the server to stop and waits for it.
func (h *harness) stop(ctx context.Context, c *loadtest.Server) error {
	began := time.Now()
	if err := c.Terminate(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loadtest.StartTimeout)
	defer cancel()
	code, err := c.Wait(ctx)
	h.slowest = max(h.slowest, time.Since(began))
	switch {
	case err != nil:
		return err
	case code != 0:
		return fmt.Errorf("it ended with exit code %d", code)
	case !strings.Contains(c.Log(), "everything acknowledged is on disk"):
		return errors.New("it does not say that it has stopped")
	}
	return nil
}

// second starts another server on the directory, which must not be.
func (h *harness) second(ctx context.Context) error {
	_, err := loadtest.Start(ctx, h.serve)
	if refused, ok := errors.AsType[*loadtest.RefusedError](err); !ok || !strings.Contains(refused.Log, "serves this directory already") {
		return fmt.Errorf("a second server on the directory: %w", err)
	}
	out, err := exec.CommandContext(ctx, h.serve.Binary, "query", "--data", h.serve.Data, "--instance", followed).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		return fmt.Errorf("a command that opens the directory: %w\n%s", err, out)
	}
	return nil
}

// follow reads a tail to its end: from where the one before it has ended, each
// event once, and a word of farewell.
func (h *harness) follow(ctx context.Context, url string) error {
	before := int64(0)
	if n := len(h.delivered); n > 0 {
		before = h.delivered[n-1]
	}
	farewell, err := loadtest.Follow(ctx, url, followed, before, func(position int64) {
		h.delivered = append(h.delivered, position)
	})
	if errors.Is(err, loadtest.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.IsSorted(h.delivered) || len(slices.Compact(slices.Clone(h.delivered))) != len(h.delivered) {
		return fmt.Errorf("a subscriber got positions out of order, or twice: %v", h.delivered)
	}
	n := len(h.delivered)
	if n > 0 && h.delivered[n-1] != int64(n) {
		return fmt.Errorf("a subscriber has %d positions up to %d", n, h.delivered[n-1])
	}
	if !farewell {
		return errors.New("a subscriber was not told that the server stops")
	}
	return nil
}
