package loadtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
)

// purgedInstance is the one that is purged under load, stream by stream. Each
// stream is the purger's alone, so it knows what is in it.
const purgedInstance = "purged"

// purger fills a stream and purges it, over and over, until the server is gone.
func (l *Ledger) purger(ctx context.Context, url, name string, rng *rand.Rand) error {
	hc, end := newClient()
	defer end()
	for n := 0; ctx.Err() == nil; n++ {
		stream := fmt.Sprintf("fleeting-%d", n%3)
		for i := range 1 + rng.IntN(4) {
			b := l.next(func() *batch {
				b := &batch{name: fmt.Sprintf("%s.%d.%d", name, n, i), instance: purgedInstance}
				for range 1 + rng.IntN(80) {
					b.add(rng, stream)
				}
				return b
			})
			receipts, err := send(context.WithoutCancel(ctx), hc, url, b)
			more, fault := l.answered(b, receipts, err)
			if fault != nil || !more {
				return fault
			}
			if err != nil && !pause(ctx) {
				return nil
			}
		}
		more, err := l.purge(context.WithoutCancel(ctx), hc, url, stream)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// purge purges one stream. A full disk is no reason to refuse, unless the server
// was robbed of its reserve: purging is what frees it.
func (l *Ledger) purge(ctx context.Context, hc *http.Client, url, stream string) (more bool, err error) {
	l.mu.Lock()
	var all []*batch
	want := int64(0)
	certain := true
	for _, b := range l.batches {
		if b.instance != purgedInstance || b.events[0].Stream != stream || b.purge == purged {
			continue
		}
		if b.purge == asked || b.unknown && b.receipts == nil {
			certain = false
		}
		if b.receipts != nil {
			want += int64(len(b.events))
		}
		b.purge = asked
		all = append(all, b)
	}
	l.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, url+"/v1/instances/"+purgedInstance+"/events?stream="+stream, nil)
	if err != nil {
		return false, err
	}
	var answer struct {
		Count int64 `json:"count"`
	}
	err = do(hc, req, http.StatusOK, &answer)
	l.mu.Lock()
	defer l.mu.Unlock()
	var refusal *Refusal
	switch {
	case l.frozen, err != nil && !errors.As(err, &refusal):
		return false, nil
	case err == nil && certain && answer.Count != want:
		return false, fmt.Errorf("purge of stream %s removed %d events, and %d were there", stream, answer.Count, want)
	case err == nil:
		for _, b := range all {
			b.purge = purged
		}
		return true, nil
	case refusal.Status == http.StatusNotFound && want == 0:
		return true, nil // the instance is made by the first append, which was lost
	case refusal.Status == http.StatusServiceUnavailable && slices.Contains(l.Refusals, refusal.Status),
		refusal.Status == http.StatusInsufficientStorage && l.NoReserve:
		l.refused[refusal.Status]++
		return true, nil
	}
	return false, fmt.Errorf("purge of stream %s: %w", stream, err)
}
