package loadtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Ledger is what clients have sent and were told. It is in the memory of the
// test, so nothing that happens to the server's disk happens to it.
type Ledger struct {
	// Refusals are the statuses that clients take for "nothing stored, not now".
	// Default: none, every refusal fails the test.
	Refusals []int
	// NoReserve says that the server lacks the space that it keeps for purging, so
	// that a full disk refuses purges too.
	NoReserve bool

	mu      sync.Mutex
	told    *sync.Cond // of mu: an answer was noted
	frozen  bool
	batches map[string]*batch
	retry   []*batch // those with own ids that are not acknowledged
	answers Answers
	refused map[int]int // of answers.Refused, by status
	clients int         // that have been started
}

// Answers counts the answers that clients had.
type Answers struct{ Acked, Refused int }

// NewLedger returns a ledger of nothing.
func NewLedger() *Ledger {
	l := &Ledger{batches: map[string]*batch{}, refused: map[int]int{}}
	l.told = sync.NewCond(&l.mu)
	return l
}

// Answers is what clients have been answered so far.
func (l *Ledger) Answers() Answers {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers
}

// Await waits for answers.
func (l *Ledger) Await(ctx context.Context, enough func(Answers) bool) error {
	defer context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.told.Broadcast()
	})()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !enough(l.answers) {
		if ctx.Err() != nil {
			return fmt.Errorf("%+v are not the answers waited for: %w", l.answers, context.Cause(ctx))
		}
		l.told.Wait()
	}
	return nil
}

// Freeze stops believing: an answer that comes from now on counts as lost. It
// returns when all that came before are noted.
func (l *Ledger) Freeze() { l.setFrozen(true) }

// Thaw ends what Freeze began.
func (l *Ledger) Thaw() { l.setFrozen(false) }

func (l *Ledger) setFrozen(frozen bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = frozen
}

// next is the batch that a client sends next: one without an answer, or a new
// one.
func (l *Ledger) next(make func() *batch) *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b *batch
	if len(l.retry) > 0 {
		b, l.retry = l.retry[0], l.retry[1:]
	} else {
		b = make()
		l.batches[b.name] = b
	}
	b.sends++
	return b
}

// answered notes how a send of a batch ended. The error says that the server
// did what it may not do.
func (l *Ledger) answered(b *batch, receipts []receipt, err error) (more bool, fault error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.told.Broadcast()
	var refusal *Refusal
	switch {
	case l.frozen, err != nil && !errors.As(err, &refusal):
		b.unknown = true // nobody knows
		l.again(b)
		return false, nil
	case err == nil && len(receipts) != len(b.events):
		return false, fmt.Errorf("%s: %d receipts for %d events", b, len(receipts), len(b.events))
	case err == nil:
		b.receipts, b.retried = receipts, b.sends > 1
		l.answers.Acked++
		return true, nil
	case refusal.Status != http.StatusInsufficientStorage && (refusal.RetryAfter <= 0 || !strings.HasPrefix(refusal.Type, "urn:firn:")):
		return false, fmt.Errorf("%s: %w (type %q, Retry-After %v): a refusal must be a problem that says when to come again", b, err, refusal.Type, refusal.RetryAfter)
	case slices.Contains(l.Refusals, refusal.Status):
		l.refused[refusal.Status]++
		l.answers.Refused++
		l.again(b)
		return true, nil
	}
	return false, fmt.Errorf("%s: %w", b, err)
}

// again has a batch sent again if that can be done without doubling it.
func (l *Ledger) again(b *batch) {
	if b.ownIDs {
		l.retry = append(l.retry, b)
	}
}

// Load sends batches from clients, each one after another, until the server is
// gone or ctx ends, and returns when the last answer is there. An error is
// something that the server may not do.
func (l *Ledger) Load(ctx context.Context, url string, clients int, rng *rand.Rand) error {
	var group sync.WaitGroup
	errs := make([]error, clients+1)
	for i := range clients {
		rng, name := rand.New(rand.NewPCG(rng.Uint64(), uint64(i))), l.name()
		group.Go(func() { errs[i] = l.client(ctx, url, name, rng) })
	}
	rng, name := rand.New(rand.NewPCG(rng.Uint64(), uint64(clients))), l.name()
	group.Go(func() { errs[clients] = l.purger(ctx, url, name, rng) })
	group.Wait()
	return errors.Join(errs...)
}

// name names a client; its batches bear it.
func (l *Ledger) name() string {
	l.clients++
	return fmt.Sprintf("c%d", l.clients)
}

func newClient() (hc *http.Client, end func()) {
	transport := &http.Transport{}
	return &http.Client{Transport: transport, Timeout: StartTimeout}, transport.CloseIdleConnections
}

// client sends batches until the server is gone.
func (l *Ledger) client(ctx context.Context, url, name string, rng *rand.Rand) error {
	hc, end := newClient()
	defer end()
	for n := 0; ctx.Err() == nil; n++ {
		b := l.next(func() *batch { return newBatch(rng, fmt.Sprintf("%s.%d", name, n)) })
		receipts, err := send(context.WithoutCancel(ctx), hc, url, b)
		more, fault := l.answered(b, receipts, err)
		if fault != nil || !more {
			return fault
		}
		if err != nil && !pause(ctx) {
			return nil
		}
	}
	return nil
}

// pause is how long a client that was refused waits. It reports whether to go
// on.
func pause(ctx context.Context) bool {
	timer := time.NewTimer(20 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Tally counts what a ledger has seen.
type Tally struct {
	Acked      int // events
	Retried    int // batches acknowledged at another try than the first
	Unanswered int // batches whose answer was lost
	Purged     int // events whose purge was acknowledged
	Refused    map[int]int
}

// Tally counts what the ledger has seen.
func (l *Ledger) Tally() Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := Tally{Refused: map[int]int{}}
	t.add(l)
	return t
}

func (t *Tally) add(l *Ledger) {
	for status, n := range l.refused {
		t.Refused[status] += n
	}
	for _, b := range l.batches {
		if b.receipts != nil {
			t.Acked += len(b.events)
		}
		if b.retried {
			t.Retried++
		}
		if b.unknown {
			t.Unanswered++
		}
		if b.purge == purged {
			t.Purged += len(b.events)
		}
	}
}

// Add adds what another ledger has seen.
func (t *Tally) Add(o Tally) {
	t.Acked += o.Acked
	t.Retried += o.Retried
	t.Unanswered += o.Unanswered
	t.Purged += o.Purged
	if t.Refused == nil {
		t.Refused = map[int]int{}
	}
	for status, n := range o.Refused {
		t.Refused[status] += n
	}
}

func (t Tally) String() string {
	return fmt.Sprintf("%d events acknowledged, %d of them purged; %d batches acknowledged at a retry; %d answers lost; refused by status: %v",
		t.Acked, t.Purged, t.Retried, t.Unanswered, t.Refused)
}
