// Package linear holds histories of concurrent clients against a model of the
// log (porcupine): every append, conditional append, retry and read must look as
// if it had happened at one moment between its call and its answer. Clients are
// cut off meanwhile, events are sealed and merged, and the log is closed and
// opened again.
package linear

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/server"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const (
	clients = 8
	mostOps = 2000
)

// TestLinearizability checks so many histories (FIRN_HISTORIES); every fifth one
// is of HTTP clients.
func TestLinearizability(t *testing.T) {
	histories := number(t, "FIRN_HISTORIES", 10)
	seed := uint64(number(t, "FIRN_SEED", int(time.Now().UnixNano())))
	t.Logf("seed: FIRN_SEED=%d", seed)
	var total tally
	slowest := time.Duration(0)
	for n := range histories {
		h := newHistory(t, rand.New(rand.NewPCG(seed, uint64(n))), n%5 == 4)
		if err := h.run(t.Context()); err != nil {
			t.Fatalf("history %d: %v", n, err)
		}
		operations, err := h.settled()
		if err != nil {
			t.Fatalf("history %d: %v", n, err)
		}
		total.add(h, operations)
		began := time.Now()
		result, info := porcupine.CheckOperationsVerbose(model, operations, time.Minute)
		slowest = max(slowest, time.Since(began))
		if result != porcupine.Ok {
			t.Fatalf("history %d of %d operations: %s is what porcupine says; what it found is in %s", n, len(operations), result, visualize(t, info))
		}
	}
	t.Logf("%d histories: %+v; the slowest check took %v", histories, total, slowest.Round(time.Millisecond))
	if total.Conflicts == 0 || total.Duplicates == 0 || total.Unknown == 0 || total.Restarts == 0 {
		t.Error("the load proves nothing")
	}
}

// TestLinearizabilityFindsAStaleExpectation has a build that compares
// expected_sequence with what readers see, and not with what is on its way to the
// disk: it must be found, or passing proves nothing.
func TestLinearizabilityFindsAStaleExpectation(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-tags", "brokenexpected", "-run", "^TestLinearizability$", ".")
	cmd.Env = append(os.Environ(), "FIRN_HISTORIES=5", "TMPDIR="+t.TempDir()) // where what is found is drawn
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Illegal is what porcupine says") {
		t.Fatalf("a build that is brokenexpected passes, or fails otherwise:\n%s", out)
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	s := os.Getenv(variable)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number from 1", variable, s)
	}
	return n
}

// visualize writes what porcupine found as a page.
func visualize(t *testing.T, info porcupine.LinearizationInfo) string {
	f, err := os.CreateTemp("", "firn-history-*.html")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := porcupine.Visualize(model, info, f); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// tally counts what histories had.
type tally struct{ Operations, Appends, Conflicts, Duplicates, Unknown, Reads, Restarts int }

func (t *tally) add(h *history, operations []porcupine.Operation) {
	t.Restarts += h.restarts
	for _, o := range operations {
		t.Operations++
		in, out := o.Input.(input), o.Output.(output)
		switch {
		case in.op != appendEvents:
			t.Reads++
		case out.unknown:
			t.Unknown++
		case out.conflict:
			t.Conflicts++
		case out.duplicates[0]:
			t.Duplicates++
		default:
			t.Appends++
		}
	}
}

// history is one log with its clients.
type history struct {
	t     *testing.T
	rng   *rand.Rand
	dir   string
	began time.Time
	url   string // of HTTP clients
	web   *httptest.Server

	open     sync.RWMutex // held for reading by who uses the log
	log      *firn.Log
	restarts int

	mu         sync.Mutex
	operations []porcupine.Operation
}

func newHistory(t *testing.T, rng *rand.Rand, overHTTP bool) *history {
	h := &history{t: t, rng: rng, dir: filepath.Join(t.TempDir(), "data"), began: time.Now()}
	h.start()
	if _, err := h.log.CreateInstance(t.Context(), firn.Instance{Name: "app"}); err != nil {
		t.Fatal(err)
	}
	if overHTTP {
		h.web = httptest.NewServer(server.New(h.log, server.Options{Logger: slog.New(slog.DiscardHandler)}).Handler())
		h.url = h.web.URL
	}
	return h
}

func (h *history) start() {
	log, err := firn.Open(h.dir, firn.Options{SealRows: 40, Report: func(r firn.Report) { h.t.Errorf("report: %s: %s", r.Severity, r.Message) }})
	if err != nil {
		h.t.Fatal(err)
	}
	h.log = log
}

// run has clients do what they do, and reads everything at the end.
func (h *history) run(ctx context.Context) error {
	defer func() {
		if h.web != nil {
			h.web.Close()
		}
		if err := h.log.Close(); err != nil {
			h.t.Error(err)
		}
	}()
	group, groupCtx := errgroup.WithContext(ctx)
	each := (100 + h.rng.IntN(mostOps-100)) / clients
	var all []*client
	for i := range clients {
		c := newClient(h, i, rand.New(rand.NewPCG(h.rng.Uint64(), uint64(i))))
		all = append(all, c)
		group.Go(func() error { return c.run(groupCtx, each) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return all[0].do(ctx, input{op: readAll})
}

// settled is the history as porcupine takes it. An append that its client was
// told nothing of may take effect until the end, and gets the numbers that its
// events have then; one that never did is left out.
func (h *history) settled() ([]porcupine.Operation, error) {
	end := h.operations[len(h.operations)-1]
	last := log{text: end.Output.(output).text}
	var kept []porcupine.Operation
	for _, o := range h.operations {
		in := o.Input.(input)
		if out := o.Output.(output); out.unknown {
			found := 0
			for _, e := range in.events {
				n := last.number(e)
				if n > 0 {
					found++
				}
				out.numbers, out.duplicates = append(out.numbers, n), append(out.duplicates, false)
				out.positions = append(out.positions, last.position(e))
			}
			if found == 0 {
				continue
			}
			if found != len(in.events) {
				return nil, fmt.Errorf("%d of the %d events of a batch are there: %v", found, len(in.events), in.events)
			}
			o.Output, o.Return = out, end.Return
		}
		kept = append(kept, o)
	}
	return kept, nil
}

// note adds an operation that a client has done.
func (h *history) note(client int, in input, out output, call, back time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, porcupine.Operation{ClientId: client, Input: in, Call: int64(call), Output: out, Return: int64(back)})
}

// restart closes the log and opens it again, between the operations of others.
func (h *history) restart() error {
	h.open.Lock()
	defer h.open.Unlock()
	if err := h.log.Close(); err != nil {
		return err
	}
	h.start()
	h.restarts++
	return nil
}
