// Package loadtest is what the end-to-end tests share: a real `firn serve` as a
// child process, clients that load it, a ledger of what they sent and what they
// were told, and the check of what the server has against that ledger.
//
// The tests differ in what they do to the server meanwhile: test/crash kills it,
// test/powercut takes its disk away, test/overload its space and its memory.
package loadtest

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Build makes the command with build tags, and returns where it is.
func Build(t *testing.T, tags string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "firn")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", tags, "-o", binary, "github.com/firnlog/firn/cmd/firn")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build firn: %v\n%s", err, out)
	}
	return binary
}

// Rounds is how often a test does what it does: what the environment variable
// says, else ci where $CI is set, else otherwise.
func Rounds(t *testing.T, variable string, ci, otherwise int) int {
	t.Helper()
	if s := os.Getenv(variable); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("%s=%q: want a number from 1", variable, s)
		}
		return n
	}
	if os.Getenv("CI") != "" {
		return ci
	}
	return otherwise
}

// Seed is the seed of a test's load and moments: what $FIRN_SEED says, else the
// time. It is logged, so that a failure's load can be had again; the moments
// of a real machine cannot.
func Seed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("FIRN_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("FIRN_SEED=%q: want a number from 0", s)
		}
	}
	t.Logf("seed: FIRN_SEED=%d go test -run '^%s$'", seed, t.Name())
	return seed
}

// After is closed when a random time between the two has passed, or with the
// test.
func After(t *testing.T, rng *rand.Rand, least, most time.Duration) {
	t.Helper()
	timer := time.NewTimer(least + rng.N(most-least))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}
