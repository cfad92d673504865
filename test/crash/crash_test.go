// Package crash kills a real `firn serve` under load, hundreds of times, and
// looks at what the next one serves: every acknowledged event once, as it was
// sent; numbers without gap; of a batch that was not answered all or nothing;
// what was purged gone.
//
// It finds what a process forgets to write before it answers. What a disk
// forgets is found by test/powercut, and in memory by the crash tests of
// internal/store/wal: after a kill the page cache is still there.
package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/firnlog/firn/test/loadtest"
)

const (
	clients = 8
	// A data directory lives so many kills, so that all of it can be read back
	// after each.
	roundsPerDirectory = 25
)

func TestKill(t *testing.T) {
	binary, seed := loadtest.Build(t, ""), loadtest.Seed(t)
	var total loadtest.Tally
	slowest := time.Duration(0)
	rounds := loadtest.Rounds(t, "FIRN_CRASH_ROUNDS", 200, 25)
	for left, n := rounds, uint64(0); left > 0; left, n = left-roundsPerDirectory, n+1 {
		h := newHarness(t, binary, rand.New(rand.NewPCG(seed, n)))
		if err := h.run(t, min(left, roundsPerDirectory)); err != nil {
			t.Fatalf("directory %d: %v", n, err)
		}
		total.Add(h.ledger.Tally())
		slowest = max(slowest, h.slowest)
	}
	t.Logf("%d kills, slowest start %v; %v", rounds, slowest.Round(time.Millisecond), total)
	if total.Acked == 0 || total.Unanswered == 0 || total.Purged == 0 {
		t.Errorf("%v: the load proves nothing", total)
	}
}

// TestControls runs builds that are broken on purpose: each must be found, or
// passing proves nothing.
func TestControls(t *testing.T) {
	tests := []struct{ tag, want string }{
		// It acknowledges before it writes, so it loses events, or purges before
		// they are there.
		{"brokenack", `events are there|purge of stream`},
		{"brokenid", `is there twice`}, // forgets callers' ids at a restart
	}
	for _, tt := range tests {
		t.Run(tt.tag, func(t *testing.T) {
			binary, seed := loadtest.Build(t, tt.tag), loadtest.Seed(t)
			for n := range uint64(4) {
				err := newHarness(t, binary, rand.New(rand.NewPCG(seed, n))).run(t, roundsPerDirectory)
				if err == nil {
					continue
				}
				if !regexp.MustCompile(tt.want).MatchString(err.Error()) {
					t.Errorf("found something else than %q: %v", tt.want, err)
				}
				return
			}
			t.Errorf("%d kills of a build that is %s found nothing", 4*roundsPerDirectory, tt.tag)
		})
	}
}

// harness is one data directory through its kills.
type harness struct {
	serve   loadtest.Serve
	rng     *rand.Rand
	ledger  *loadtest.Ledger
	kills   int
	slowest time.Duration // start, recovery included
}

func newHarness(t *testing.T, binary string, rng *rand.Rand) *harness {
	serve := loadtest.Serve{Binary: binary, Data: filepath.Join(t.TempDir(), "data")}
	return &harness{serve: serve, rng: rng, ledger: loadtest.NewLedger()}
}

// run starts, checks, loads and kills the server so many times, and checks what
// is left in the end.
func (h *harness) run(t *testing.T, kills int) error {
	for range kills {
		if err := h.round(t); err != nil {
			return fmt.Errorf("after %d kills: %w", h.kills, err)
		}
	}
	c, err := h.start(t.Context())
	if err != nil {
		return fmt.Errorf("after %d kills: %w", h.kills, err)
	}
	defer c.Kill()
	return c.Verify(t.Context(), h.serve.Binary)
}

// start starts the server and checks what it has.
func (h *harness) start(ctx context.Context) (*loadtest.Server, error) {
	c, err := loadtest.Start(ctx, h.serve)
	if err != nil {
		return nil, err
	}
	h.slowest = max(h.slowest, c.Started)
	if err := h.ledger.Check(ctx, c.URL); err != nil {
		c.Kill()
		return nil, fmt.Errorf("%w\n%s", err, c.Log())
	}
	return c, nil
}

func (h *harness) round(t *testing.T) error {
	c, err := h.start(t.Context())
	if err != nil {
		return err
	}
	defer c.Kill()
	loaded := make(chan error, 1)
	rng := rand.New(rand.NewPCG(h.rng.Uint64(), 0))
	go func() { loaded <- h.ledger.Load(t.Context(), c.URL, clients, rng) }()
	// The moment of the kill is what the test is about; nothing waits for it.
	loadtest.After(t, h.rng, 10*time.Millisecond, 500*time.Millisecond)
	c.Kill()
	h.kills++
	return errors.Join(<-loaded, t.Context().Err())
}
