package overload

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/firnlog/firn/test/loadtest"
)

const (
	clients = 4
	// patience is how long a cycle waits for what must come; the promise is 5 s
	// from space to success, and the slowest is in the log.
	patience = 3 * time.Minute
)

// TestDiskFull fills the disk and frees it, over and over, under load. While it
// is full, appends are refused with 507, reading and purging go on, and the
// server stops and starts; when there is room again, by whatever means,
// appends are taken again without a word from anybody.
func TestDiskFull(t *testing.T) {
	h := newFullDisk(t)
	cycles := loadtest.Rounds(t, "FIRN_DISKFULL_CYCLES", 50, 6)
	for n := range cycles {
		if err := h.cycle(t.Context(), n); err != nil {
			t.Fatalf("cycle %d: %v\n%s", n, err, h.server.Log())
		}
	}
	if err := errors.Join(h.aging.Await(t.Context(), h.server.URL), h.server.Verify(t.Context(), h.serve.Binary)); err != nil {
		t.Error(err)
	}
	t.Logf("%d cycles, %d events expired, appends taken again %v after the space came at the latest; %v",
		cycles, h.aging.Gone(), h.slowest.Round(time.Millisecond), h.ledger.Tally())
	if h.aging.Gone() == 0 {
		t.Error("retention has removed nothing")
	}
}

type fullDisk struct {
	volume  *volume
	serve   loadtest.Serve
	server  *loadtest.Server
	ledger  *loadtest.Ledger
	aging   loadtest.Aging
	rng     *rand.Rand
	slowest time.Duration
}

func newFullDisk(t *testing.T) *fullDisk {
	h := &fullDisk{volume: newVolume(t, 32<<20), ledger: loadtest.NewLedger(), rng: rand.New(rand.NewPCG(loadtest.Seed(t), 0))}
	h.ledger.Refusals = []int{http.StatusInsufficientStorage}
	h.serve = loadtest.Serve{
		Binary: loadtest.Build(t, ""), Data: h.volume.data(),
		Args: []string{"--seal-rows", "500", "--seal-age", "1s"},
	}
	if err := h.aging.Seed(t.Context(), h.serve.Data); err != nil {
		t.Fatal(err)
	}
	if err := h.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.server.Kill() })
	return h
}

func (h *fullDisk) start(ctx context.Context) (err error) {
	h.server, err = loadtest.Start(ctx, h.serve)
	return err
}

// cycle fills the disk, looks at what still works, and frees it.
func (h *fullDisk) cycle(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	stored, err := h.store(ctx)
	if err != nil {
		return err
	}
	stop := h.load(ctx)
	defer stop()
	if err := h.fill(ctx); err != nil {
		return err
	}
	if err := h.read(ctx); err != nil {
		return fmt.Errorf("with a full disk: %w", err)
	}
	switch n % 3 {
	case 0: // somebody else frees the disk
		if err := h.healed(ctx, h.volume.free); err != nil {
			return err
		}
		err = h.purge(ctx, stored)
	case 1: // a purge does
		if err := h.healed(ctx, func() error { return h.purge(ctx, stored) }); err != nil {
			return fmt.Errorf("with a full disk: %w", err)
		}
		err = h.volume.free()
	case 2: // the server stops and starts meanwhile
		if err := h.restart(ctx, stop, n%2 == 0); err != nil {
			return fmt.Errorf("restart with a full disk: %w", err)
		}
		stop = h.load(ctx)
		defer stop()
		if err := h.healed(ctx, h.volume.free); err != nil {
			return err
		}
		err = h.purge(ctx, stored)
	}
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	return h.check(ctx)
}

func (h *fullDisk) check(ctx context.Context) error {
	if err := h.ledger.Check(ctx, h.server.URL); err != nil {
		return err
	}
	return h.aging.Check(ctx, h.server.URL)
}

// load lets clients send until the function that it returns is called; that
// returns what the server did wrong.
func (h *fullDisk) load(ctx context.Context) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	loaded := make(chan error, 1)
	url, rng := h.server.URL, rand.New(rand.NewPCG(h.rng.Uint64(), 0))
	go func() { loaded <- h.ledger.Load(ctx, url, clients, rng) }()
	return func() error {
		cancel()
		err := <-loaded
		loaded <- nil // called again it has nothing more to say
		return err
	}
}

// fill leaves no room until clients notice.
func (h *fullDisk) fill(ctx context.Context) error {
	before := h.ledger.Answers()
	for {
		if err := h.volume.fill(); err != nil {
			return err
		}
		soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		err := h.ledger.Await(soon, func(a loadtest.Answers) bool { return a.Refused > before.Refused })
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

// healed does what makes room, and waits until an append is taken.
func (h *fullDisk) healed(ctx context.Context, makeRoom func() error) error {
	before := h.ledger.Answers()
	if err := makeRoom(); err != nil {
		return err
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := h.ledger.Await(ctx, func(a loadtest.Answers) bool { return a.Acked > before.Acked })
	h.slowest = max(h.slowest, time.Since(began))
	return err
}

// The instance that is stored to be purged.
const (
	bulk       = "bulk"
	bulkEvents = 40
	bulkBytes  = 64 << 10
)

// store stores events that do not compress, 2.5 MiB, and returns how many.
func (h *fullDisk) store(ctx context.Context) (events int, err error) {
	text := make([]byte, bulkBytes)
	for i := range text {
		text[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"[h.rng.IntN(64)]
	}
	for i := range bulkEvents {
		text[0] = byte('a' + i%26)
		h.rng.Shuffle(len(text), func(i, j int) { text[i], text[j] = text[j], text[i] })
		event, err := json.Marshal(map[string]any{"event_type": "bulk", "payload": map[string]string{"text": string(text)}})
		if err != nil {
			return 0, err
		}
		var answer any
		if err := loadtest.Post(ctx, h.server.URL, "/instances/"+bulk+"/events?auto_create=true", event, http.StatusCreated, &answer); err != nil {
			return 0, err
		}
	}
	return bulkEvents, nil
}

// purge removes what store has stored.
func (h *fullDisk) purge(ctx context.Context, events int) error {
	var answer struct {
		Count int `json:"count"`
	}
	if err := loadtest.Delete(ctx, h.server.URL, "/instances/"+bulk+"/events?type=bulk", &answer); err != nil {
		return err
	}
	if answer.Count != events {
		return fmt.Errorf("the purge removed %d events, and %d were there", answer.Count, events)
	}
	return nil
}

// read asks for a list, a count and an aggregation.
func (h *fullDisk) read(ctx context.Context) error {
	var list struct {
		Events []any `json:"events"`
	}
	if err := loadtest.Get(ctx, h.server.URL, "/instances/"+bulk+"/events?limit="+strconv.Itoa(2*bulkEvents), &list); err != nil {
		return err
	}
	if len(list.Events) != bulkEvents {
		return fmt.Errorf("%d events of instance %s are listed instead of %d", len(list.Events), bulk, bulkEvents)
	}
	var answer any
	return loadtest.Post(ctx, h.server.URL, "/query", []byte(`{"from": {"instance": "app-0"},
		"reduce": {"type": "max", "field": "payload.index", "groupBy": ["event_type"]}}`), http.StatusOK, &answer)
}

// restart stops the server, in good order or not, and starts it.
func (h *fullDisk) restart(ctx context.Context, stop func() error, orderly bool) error {
	if orderly {
		if err := errors.Join(stop(), h.server.Terminate()); err != nil {
			return err
		}
		if code, err := h.server.Wait(ctx); err != nil || code != 0 {
			return fmt.Errorf("it ended with exit code %d: %w", code, err)
		}
	} else {
		h.server.Kill()
		if err := stop(); err != nil {
			return err
		}
	}
	if err := h.start(ctx); err != nil {
		return err
	}
	return h.check(ctx)
}
