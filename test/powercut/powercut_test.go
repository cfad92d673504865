// Package powercut takes the disk away from a real `firn serve` under load: a
// file system in a file (ext4, xfs) is shut down without its journal being
// written, which leaves on it what a power cut would. After each cut it is
// mounted again, and the next server must have every event that was acknowledged
// before the cut, once and as it was sent; numbers without gap; nothing half.
//
// It finds a missing fsync, of a file or of a directory. It needs root (mount,
// loop devices) and mkfs.ext4 and mkfs.xfs, which test/setup.sh installs.
package powercut

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/firnlog/firn/test/loadtest"
)

const (
	clients = 8
	// A file system lives so many cuts, so that all of it can be read back after
	// each.
	roundsPerDisk = 15
)

var fileSystems = []string{"ext4", "xfs"}

func TestPowerCut(t *testing.T) {
	binary := loadtest.Build(t, "")
	for _, kind := range fileSystems {
		t.Run(kind, func(t *testing.T) {
			seed := loadtest.Seed(t)
			rounds := loadtest.Rounds(t, "FIRN_POWERCUT_ROUNDS", 30, 5)
			var total loadtest.Tally
			slowest, expired := time.Duration(0), 0
			for left, n := rounds, uint64(0); left > 0; left, n = left-roundsPerDisk, n+1 {
				h := newHarness(t, kind, binary, rand.New(rand.NewPCG(seed, n)))
				if err := h.run(t, min(left, roundsPerDisk)); err != nil {
					t.Fatalf("disk %d: %v", n, err)
				}
				total.Add(h.ledger.Tally())
				slowest, expired = max(slowest, h.slowest), expired+h.aging.Gone()
			}
			t.Logf("%d cuts, slowest start %v, %d events expired; %v", rounds, slowest.Round(time.Millisecond), expired, total)
			if total.Acked == 0 || total.Unanswered == 0 || total.Purged == 0 || expired == 0 {
				t.Error("the load proves nothing")
			}
		})
	}
}

// TestControl runs a build that never syncs: the cuts must find it, or passing
// proves nothing.
func TestControl(t *testing.T) {
	binary := loadtest.Build(t, "brokensync")
	for _, kind := range fileSystems {
		t.Run(kind, func(t *testing.T) {
			h := newHarness(t, kind, binary, rand.New(rand.NewPCG(loadtest.Seed(t), 0)))
			err := h.run(t, roundsPerDisk)
			var lost *lossError
			switch {
			case err == nil:
				t.Errorf("%d cuts of a build that never syncs lost nothing", h.cuts)
			case !errors.As(err, &lost):
				t.Errorf("found something else than a loss: %v", err)
			default:
				t.Logf("found after %d cuts: %.300s", h.cuts, err)
			}
		})
	}
}

// lossError says that a server does not have what it must.
type lossError struct{ err error }

func (e *lossError) Error() string { return e.err.Error() }
func (e *lossError) Unwrap() error { return e.err }

// harness is one disk through its cuts.
type harness struct {
	disk    *disk
	serve   loadtest.Serve
	rng     *rand.Rand
	ledger  *loadtest.Ledger // outside the disk
	aging   *loadtest.Aging
	cuts    int
	slowest time.Duration // start, recovery included
}

func newHarness(t *testing.T, kind, binary string, rng *rand.Rand) *harness {
	d := newDisk(t, kind)
	return &harness{
		disk: d, rng: rng, ledger: loadtest.NewLedger(), aging: &loadtest.Aging{},
		serve: loadtest.Serve{
			Binary: binary, Data: filepath.Join(d.mountpoint, "data"),
			Args: []string{"--seal-rows", "500", "--seal-age", "1s"},
		},
	}
}

// run cuts the power so many times and checks what is left after each.
func (h *harness) run(t *testing.T, cuts int) error {
	if err := h.disk.mount(t.Context()); err != nil {
		return err
	}
	if err := h.aging.Seed(t.Context(), h.serve.Data); err != nil {
		return err
	}
	for range cuts {
		if err := h.round(t); err != nil {
			return fmt.Errorf("after %d cuts: %w", h.cuts, err)
		}
	}
	c, err := h.start(t)
	if err != nil {
		return fmt.Errorf("after %d cuts: %w", h.cuts, err)
	}
	err = h.aging.Await(t.Context(), c.URL)
	c.Kill()
	return errors.Join(err, h.disk.unmount(t.Context()))
}

// start starts the server and checks what it has.
func (h *harness) start(t *testing.T) (*loadtest.Server, error) {
	c, err := loadtest.Start(t.Context(), h.serve)
	if err != nil {
		return nil, &lossError{err}
	}
	h.slowest = max(h.slowest, c.Started)
	err = h.ledger.Check(t.Context(), c.URL)
	if err == nil {
		err = h.aging.Check(t.Context(), c.URL)
	}
	if err == nil {
		err = c.Verify(t.Context(), h.serve.Binary)
	}
	if err != nil {
		c.Kill()
		return nil, &lossError{fmt.Errorf("%w\n%s", err, c.Log())}
	}
	return c, nil
}

// round loads the server, cuts the power at a random moment and brings it back.
func (h *harness) round(t *testing.T) error {
	c, err := h.start(t)
	if err != nil {
		return err
	}
	defer c.Kill()
	h.ledger.Thaw()
	loaded := make(chan error, 1)
	rng := rand.New(rand.NewPCG(h.rng.Uint64(), 0))
	go func() { loaded <- h.ledger.Load(t.Context(), c.URL, clients, rng) }()
	// The moment of the cut is what the test is about; nothing waits for it.
	loadtest.After(t, h.rng, 20*time.Millisecond, time.Second)
	// What is acknowledged is what clients were told before the cut. An answer
	// that arrives while the disk goes proves nothing.
	h.ledger.Freeze()
	err = h.disk.cut()
	c.Kill()
	h.cuts++
	if err := errors.Join(err, <-loaded, t.Context().Err()); err != nil {
		return err
	}
	if err := h.disk.unmount(t.Context()); err != nil {
		return err
	}
	return h.disk.mount(t.Context())
}
