package crash

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

const clients = 8

// sent is one event as a client sends it.
type sent struct {
	ID      string  `json:"id,omitzero"`
	Stream  string  `json:"stream_id"`
	Type    string  `json:"event_type"`
	Payload payload `json:"payload"`
}

// payload says which batch an event is of, and its place in it.
type payload struct {
	Batch string `json:"batch"`
	Index int    `json:"index"`
	Text  string `json:"text"`
}

// receipt is what the server acknowledges an event with.
type receipt struct {
	ID       string `json:"id"`
	Stream   string `json:"stream_id"`
	Sequence int64  `json:"sequence_number"`
	Position int64  `json:"position"`
	// A retry of a batch whose answer was lost is told so.
	Duplicate bool   `json:"duplicate"`
	Timestamp string `json:"timestamp"`
}

// batch is what a client sent at once, and what it was told.
type batch struct {
	name     string
	instance string
	events   []sent
	ownIDs   bool
	sends    int       // tries
	receipts []receipt // nil = not acknowledged
}

// ledger is what the clients know. It is not in the server's directory.
type ledger struct {
	mu      sync.Mutex
	batches map[string]*batch
	retry   []*batch // unanswered ones with own ids
}

func (l *ledger) add(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batches[b.name] = b
}

// unanswered takes a batch to send again, nil if there is none.
func (l *ledger) unanswered() *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.retry) == 0 {
		return nil
	}
	b := l.retry[0]
	l.retry = l.retry[1:]
	return b
}

func (l *ledger) acked(b *batch, r []receipt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b.receipts = r
}

func (l *ledger) lost(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.ownIDs {
		l.retry = append(l.retry, b)
	}
}

// client sends batches, one after another, until the server is gone. Any error
// that is not of a lost connection is the test's failure.
func (l *ledger) client(ctx context.Context, url, name string, rng *rand.Rand) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	hc := &http.Client{Transport: transport, Timeout: startTimeout}
	for n := 0; ctx.Err() == nil; n++ {
		b := l.unanswered()
		if b == nil {
			b = newBatch(rng, fmt.Sprintf("%s.%d", name, n))
			l.add(b)
		}
		b.sends++
		receipts, status, err := send(ctx, hc, url, b)
		switch {
		case err != nil: // the connection was lost: nobody knows
			l.lost(b)
			return nil
		case status != http.StatusCreated:
			return fmt.Errorf("batch %s: the server answered %d", b.name, status)
		case len(receipts) != len(b.events):
			return fmt.Errorf("batch %s: %d receipts for %d events", b.name, len(receipts), len(b.events))
		}
		l.acked(b, receipts)
	}
	return nil
}

func newBatch(rng *rand.Rand, name string) *batch {
	b := &batch{name: name, instance: fmt.Sprintf("app-%d", rng.IntN(3)), ownIDs: rng.IntN(2) == 0}
	size := 1
	if rng.IntN(3) > 0 {
		size += rng.IntN(20)
	}
	for i := range size {
		e := sent{
			Stream:  fmt.Sprintf("stream-%d", rng.IntN(6)),
			Type:    fmt.Sprintf("kind.%d", rng.IntN(4)),
			Payload: payload{Batch: name, Index: i, Text: strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(300))},
		}
		if b.ownIDs {
			e.ID = fmt.Sprintf("%s.%d", name, i)
		}
		b.events = append(b.events, e)
	}
	return b
}

func send(ctx context.Context, hc *http.Client, url string, b *batch) ([]receipt, int, error) {
	body, err := json.Marshal(b.events)
	if err != nil {
		return nil, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		url+"/v1/instances/"+b.instance+"/events?auto_create=true", bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := hc.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusCreated {
		return nil, resp.StatusCode, err
	}
	var parsed struct {
		Events []receipt `json:"events"`
	}
	if err := json.Unmarshal(answer, &parsed); err != nil {
		return nil, 0, fmt.Errorf("answer %q: %w", answer, err)
	}
	return parsed.Events, resp.StatusCode, nil
}

// harness is one data directory through its kills.
type harness struct {
	binary, data string
	rng          *rand.Rand
	ledger       *ledger
	kills        int
	slowest      time.Duration // start, recovery included
}

func newHarness(binary, data string, rng *rand.Rand) *harness {
	return &harness{binary: binary, data: data, rng: rng, ledger: &ledger{batches: map[string]*batch{}}}
}

// run starts, checks, loads and kills the server so many times, and checks what
// is left in the end.
func (h *harness) run(ctx context.Context, kills int) error {
	for range kills {
		if err := h.round(ctx); err != nil {
			return fmt.Errorf("after %d kills: %w", h.kills, err)
		}
	}
	c, err := start(ctx, h.binary, h.data)
	if err != nil {
		return err
	}
	err = h.ledger.check(ctx, c.url)
	c.kill()
	if err != nil {
		return fmt.Errorf("after %d kills: %w\n%s", h.kills, err, c.log)
	}
	return nil
}

func (h *harness) round(ctx context.Context) error {
	began := time.Now()
	c, err := start(ctx, h.binary, h.data)
	if err != nil {
		return err
	}
	defer c.kill()
	h.slowest = max(h.slowest, time.Since(began))
	if err := h.ledger.check(ctx, c.url); err != nil {
		return fmt.Errorf("%w\n%s", err, c.log)
	}
	var group sync.WaitGroup
	errs := make([]error, clients)
	for i := range clients {
		rng := rand.New(rand.NewPCG(h.rng.Uint64(), uint64(i)))
		group.Go(func() {
			errs[i] = h.ledger.client(ctx, c.url, fmt.Sprintf("r%d.c%d", h.kills, i), rng)
		})
	}
	// The moment of the kill is what the test is about; nothing waits for it.
	timer := time.NewTimer(10*time.Millisecond + time.Duration(h.rng.Int64N(int64(490*time.Millisecond))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	c.kill()
	group.Wait()
	h.kills++
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tally counts what a test has seen.
type tally struct {
	kills, acked, retried, unanswered int
	slowest                           time.Duration
}

func (h *harness) tally() tally {
	t := tally{kills: h.kills, slowest: h.slowest}
	for _, b := range h.ledger.batches {
		switch {
		case b.receipts == nil:
			t.unanswered++
		case b.sends > 1:
			t.retried++
			fallthrough
		default:
			t.acked += len(b.events)
		}
	}
	return t
}

func (t *tally) add(o tally) {
	t.kills += o.kills
	t.acked += o.acked
	t.retried += o.retried
	t.unanswered += o.unanswered
	t.slowest = max(t.slowest, o.slowest)
}

func (t tally) String() string {
	return fmt.Sprintf("%d kills, %d events acknowledged, %d batches acknowledged at a retry, %d never answered, slowest start %v",
		t.kills, t.acked, t.retried, t.unanswered, t.slowest.Round(time.Millisecond))
}
