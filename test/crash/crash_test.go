// Package crash kills a real `firn serve` under load, hundreds of times, and
// looks at what the next one serves: every acknowledged event once, as it was
// sent; numbers without gap; of a batch that was not answered all or nothing.
//
// It finds what a process forgets to write before it answers. What a disk
// forgets is found by the crash tests of internal/store/wal, in memory: after a
// kill the page cache is still there.
package crash

import (
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	roundsFlag = flag.Int("rounds", 0, "how many times to kill (default: $FIRN_CRASH_ROUNDS, or 200 where $CI is set, else 25)")
	seedFlag   = flag.Uint64("seed", 0, "seed of the load and of the moments of the kills (default: the time)")
)

// A data directory lives so many kills, so that all of it can be read back after
// each.
const roundsPerDirectory = 25

func rounds(t *testing.T) int {
	t.Helper()
	if *roundsFlag > 0 {
		return *roundsFlag
	}
	if s := os.Getenv("FIRN_CRASH_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("FIRN_CRASH_ROUNDS=%q: want a number from 1", s)
		}
		return n
	}
	if os.Getenv("CI") != "" {
		return 200
	}
	return 25
}

func seed(t *testing.T) uint64 {
	t.Helper()
	s := *seedFlag
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("seed: go test ./test/crash -run %s -seed %d", t.Name(), s)
	return s
}

// build makes the command, with build tags.
func build(t *testing.T, tags string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "firn")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", tags, "-o", binary, "./cmd/firn")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build firn: %v\n%s", err, out)
	}
	return binary
}

func TestKill(t *testing.T) {
	binary, s := build(t, ""), seed(t)
	var total tally
	for left, n := rounds(t), uint64(0); left > 0; left, n = left-roundsPerDirectory, n+1 {
		h := newHarness(binary, filepath.Join(t.TempDir(), "data"), rand.New(rand.NewPCG(s, n)))
		if err := h.run(t.Context(), min(left, roundsPerDirectory)); err != nil {
			t.Fatalf("directory %d: %v", n, err)
		}
		total.add(h.tally())
	}
	t.Log(total)
	if total.acked == 0 || total.unanswered == 0 {
		t.Errorf("%v: the load proves nothing", total)
	}
}

// TestControls runs builds that are broken on purpose: each must be found, or
// passing proves nothing.
func TestControls(t *testing.T) {
	tests := []struct{ tag, want string }{
		{"brokenack", `events are there`}, // acknowledges before it writes
		{"brokenid", `is there twice`},    // forgets callers' ids at a restart
	}
	for _, tt := range tests {
		t.Run(tt.tag, func(t *testing.T) {
			binary, s := build(t, tt.tag), seed(t)
			for n := range uint64(4) {
				h := newHarness(binary, filepath.Join(t.TempDir(), "data"), rand.New(rand.NewPCG(s, n)))
				err := h.run(t.Context(), roundsPerDirectory)
				if err == nil {
					continue
				}
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("found something else than %q: %v", tt.want, err)
				}
				return
			}
			t.Errorf("%d kills of a build that is %s found nothing", 4*roundsPerDirectory, tt.tag)
		})
	}
}
