package file_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/file"
)

const crashDir = "FIRN_FILE_CRASH_DIR"

// crashBatch is the batch of the crash test that begins with a position: many
// events share a second.
func crashBatch(first int64) []event.Event {
	events := make([]event.Event, 50)
	for i := range events {
		position := first + int64(i)
		events[i] = at("type."+strconv.FormatInt(position%3, 10), "2024-01-01T00:00:00Z")
		events[i].Timestamp = events[i].Timestamp.Add(time.Duration(position/20) * time.Second)
	}
	return events
}

// TestCrashChild writes batches until it is killed; it is a test only as the
// child of TestCrash.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		return
	}
	first, err := strconv.ParseInt(os.Getenv(crashDir+"_FROM"), 10, 64)
	must(t, err)
	tgt, err := file.New(file.Settings{Dir: dir}, target.Environment{Name: "file"})
	must(t, err)
	must(t, tgt.Open(context.Background()))
	for ; ; first += 50 {
		write(t, tgt, first, crashBatch(first)...)
		fmt.Printf("written %d\n", first+49)
	}
}

// TestCrash kills the writer at moments of its own choosing: every file is
// whole, each event that was reported is there once, and after the same batch
// came again in the next life, each of that batch is too.
func TestCrash(t *testing.T) {
	const rounds = 12
	dir, next := t.TempDir(), int64(1)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range rounds {
		cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
		cmd.Env = append(os.Environ(), crashDir+"="+dir, crashDir+"_FROM="+strconv.FormatInt(next, 10))
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		last := next - 1
		batches := 1 + random.IntN(6)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			position, ok := strings.CutPrefix(lines.Text(), "written ")
			if !ok {
				t.Fatalf("the child says %q", lines.Text())
			}
			last, err = strconv.ParseInt(position, 10, 64)
			must(t, err)
			if batches--; batches == 0 {
				for range random.IntN(20_000) { // somewhere in the next batch
				}
				must(t, cmd.Process.Kill())
			}
		}
		cmd.Wait() // killed
		next = last + 1
	}
	tgt := open(t, dir)
	write(t, tgt, next, crashBatch(next)...)
	all := readAll(t, dir)
	for i, d := range all {
		if d.Position != int64(i+1) {
			t.Fatalf("file %d in order has position %d (%s)", i+1, d.Position, d.path)
		}
	}
	if want := next + 49; int64(len(all)) < want {
		t.Errorf("%d files, want at least %d", len(all), want)
	}
}
