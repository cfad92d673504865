package loadtest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// Aging is an instance whose events reach the end of their retention, one day,
// while the test runs: they were recorded a day ago, some seconds apart. Every
// start of a server sweeps, so that retention goes on under the load.
type Aging struct {
	recorded []time.Time // by position - 1
	gone     int         // at the last check; they are the oldest
}

const (
	agingInstance = "aging"
	agingEvents   = 3000
	agingStep     = 50 * time.Millisecond
	agingSegment  = 200
)

// Seed writes the instance into a data directory before any server runs on it.
func (a *Aging) Seed(ctx context.Context, data string) error {
	// A third has expired already. The last event is of an hour ago, so that the
	// clock of the server has not jumped.
	now := time.Now().Add(-24*time.Hour - agingEvents/3*agingStep)
	var clock atomic.Pointer[time.Time] // which background work reads too
	set := func(t time.Time) { now = t; clock.Store(&t) }
	set(now)
	log, err := firn.Open(data, firn.Options{SealRows: agingSegment, SealAge: time.Minute, Now: func() time.Time { return *clock.Load() }})
	if err != nil {
		return err
	}
	defer log.Close()
	if _, err := log.CreateInstance(ctx, firn.Instance{Name: agingInstance, RetentionDays: 1}); err != nil {
		return err
	}
	for i := range agingEvents {
		if set(now.Add(agingStep)); i == agingEvents-1 {
			set(time.Now().Add(-time.Hour))
		}
		receipts, err := log.Append(ctx, firn.AppendRequest{Instance: agingInstance, Events: []event.Draft{{EventType: "aging"}}})
		if err != nil {
			return err
		}
		a.recorded = append(a.recorded, receipts[0].RecordedAt)
		if i%agingSegment == agingSegment-1 {
			if err := log.Seal(ctx); err != nil {
				return err
			}
		}
	}
	return log.Close()
}

// Check: what is gone is the oldest, has expired, and does not come back.
func (a *Aging) Check(ctx context.Context, url string) error {
	events, err := export(ctx, url, agingInstance)
	if err != nil {
		return err
	}
	expired := time.Now().Add(-24 * time.Hour)
	gone := agingEvents - len(events)
	for i, e := range events {
		if e.Position != int64(gone+i+1) {
			return fmt.Errorf("instance %s: position %d instead of %d: what is left is not the newest", agingInstance, e.Position, gone+i+1)
		}
	}
	if gone < a.gone {
		return fmt.Errorf("instance %s: %d events came back that had expired", agingInstance, a.gone-gone)
	}
	if gone > 0 && !a.recorded[gone-1].Before(expired) {
		return fmt.Errorf("instance %s: position %d of %s was removed before %s", agingInstance, gone, a.recorded[gone-1], expired)
	}
	a.gone = gone
	return nil
}

// Await waits until something has gone: a server that has started sweeps, sooner
// or later.
func (a *Aging) Await(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	for a.gone == 0 {
		if err := a.Check(ctx, url); err != nil {
			return fmt.Errorf("while its events are to expire: %w", err)
		}
	}
	return nil
}

// Gone is how many events were gone at the last Check.
func (a *Aging) Gone() int { return a.gone }
