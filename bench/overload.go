package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firnlog/firn/bench/gen"
)

// The load of the row overload.
const (
	overloadBatch   = 250             // events a request
	overloadClients = 64              // that wait for their answers: they measure the peak
	overloadCrowd   = 2000            // connections that requests come on at their own time
	overloadTimes   = 4               // the peak that is offered
	overloadFill    = 4 * time.Second // until heads are full and sealing sets the pace
	overloadPeak    = 6 * time.Second
	overloadOffer   = 10 * time.Second
)

// overload measures what is stored when four times as much is offered as can be.
// First clients that wait for their answers find out how much that is; then
// requests come at that times four, whether answers do or not; then the first
// again, since the machine drifts. Requests are made on the same cores.
func overload(ctx context.Context, c config, r *report) error {
	e, err := openFirn(ctx, c, filepath.Join(c.dir, "overload"))
	if err != nil {
		return err
	}
	defer e.Close()
	var bodies [][]byte
	for _, lines := range gen.Batches(c.seed, c.streams, 64*overloadBatch, overloadBatch, false) {
		bodies = append(bodies, array(lines))
	}
	if _, err := e.closedLoop(ctx, bodies, overloadFill); err != nil {
		return err
	}
	before, err := e.closedLoop(ctx, bodies, overloadPeak)
	if err != nil {
		return err
	}
	peak := before.stored()
	offered, err := e.openLoop(ctx, bodies, overloadTimes*peak/overloadBatch)
	if err != nil {
		return err
	}
	after, err := e.closedLoop(ctx, bodies, overloadPeak)
	if err != nil {
		return err
	}
	peak = (peak + after.stored()) / 2
	if _, err := e.call(ctx, "GET", "/readyz", "", nil); err != nil {
		return fmt.Errorf("after the overload: %w", err)
	}
	_, memory, err := e.rss()
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d× overload: requests of %d events on %d connections at their own time", overloadTimes, overloadBatch, overloadCrowd)
	r.row(what, fmt.Sprintf("%.0f events/s stored of %.0f offered; peak %.0f (%.0f before, %.0f after)",
		offered.stored(), offered.offered(), peak, before.stored(), after.stored()),
		fmt.Sprintf("%.2f of the peak", offered.stored()/peak), "≥ 0.70 of the peak")
	r.row("what it does not take", offered.refusals(), "", "early, with 429 or 503 and Retry-After")
	r.row("peak RSS of the server meanwhile", fmt.Sprintf("%d MiB", memory>>20), "", "≤ 512 MiB")
	return nil
}

// array makes a JSON array of lines.
func array(lines []byte) []byte {
	body := append([]byte{'['}, bytes.ReplaceAll(bytes.TrimSpace(lines), []byte("\n"), []byte(","))...)
	return append(body, ']')
}

// load is what came of requests in a time.
type load struct {
	took     time.Duration
	statuses map[int]int // 0 = no answer
	bare     int         // refusals without Retry-After
	unsent   int         // no connection was free
	lost     error       // one of those without an answer
	refused  []time.Duration
	taken    []time.Duration
}

const created, tooMany, unavailable = 201, 429, 503

// add notes an answer.
func (l *load) add(status int, retryAfter bool, err error, took time.Duration) {
	if l.statuses == nil {
		l.statuses = map[int]int{}
	}
	if err != nil {
		status, l.lost = 0, err
	}
	l.statuses[status]++
	switch status {
	case created:
		l.taken = append(l.taken, took)
	case tooMany, unavailable:
		l.refused = append(l.refused, took)
		if !retryAfter {
			l.bare++
		}
	}
}

// merge adds what another goroutine has noted.
func (l *load) merge(o *load) {
	if l.statuses == nil {
		l.statuses = map[int]int{}
	}
	for status, n := range o.statuses {
		l.statuses[status] += n
	}
	l.bare += o.bare
	l.refused, l.taken = append(l.refused, o.refused...), append(l.taken, o.taken...)
	if o.lost != nil {
		l.lost = o.lost
	}
}

// stored is events/s that were acknowledged.
func (l *load) stored() float64 {
	return float64(l.statuses[created]) * overloadBatch / l.took.Seconds()
}

// offered is events/s that were sent, or would have been.
func (l *load) offered() float64 {
	n := l.unsent
	for _, of := range l.statuses {
		n += of
	}
	return float64(n) * overloadBatch / l.took.Seconds()
}

func (l *load) refusals() string {
	all := l.unsent
	for _, n := range l.statuses {
		all += n
	}
	s := fmt.Sprintf("%.0f %% refused, %s after sending; taken: %s; statuses %v", 100*float64(len(l.refused))/float64(max(all, 1)), spread(l.refused), spread(l.taken), l.statuses)
	if l.bare > 0 {
		s += fmt.Sprintf("; **%d without Retry-After**", l.bare)
	}
	if l.unsent > 0 {
		s += fmt.Sprintf("; %d not sent, as every connection waited for an answer", l.unsent)
	}
	if l.lost != nil {
		s += fmt.Sprintf("; 0 = no answer: %v", l.lost)
	}
	return s
}

func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "none"
	}
	slices.Sort(all)
	return fmt.Sprintf("p50 %v, p99 %v", all[len(all)/2].Round(100*time.Microsecond), all[len(all)*99/100].Round(100*time.Microsecond))
}

// closedLoop has clients send the next batch after the answer.
func (e *firnEngine) closedLoop(ctx context.Context, bodies [][]byte, long time.Duration) (*load, error) {
	start := time.Now()
	return e.crowd(ctx, start, overloadClients, func(i int, c *caller) {
		for n := i; ctx.Err() == nil && time.Since(start) < long; n++ {
			c.send(ctx, bodies[n%len(bodies)])
		}
	})
}

// openLoop sends so many requests a second, each on whichever connection waits
// for no answer.
func (e *firnEngine) openLoop(ctx context.Context, bodies [][]byte, rate float64) (*load, error) {
	due := make(chan int)
	var unsent atomic.Int64
	start := time.Now()
	go func() {
		defer close(due)
		for n := 0; ctx.Err() == nil; {
			passed := time.Since(start)
			if passed > overloadOffer {
				return
			}
			for ; float64(n) < rate*passed.Seconds(); n++ {
				select {
				case due <- n:
				default:
					unsent.Add(1)
				}
			}
			time.Sleep(time.Millisecond)
		}
	}()
	l, err := e.crowd(ctx, start, overloadCrowd, func(_ int, c *caller) {
		for n := range due {
			c.send(ctx, bodies[n%len(bodies)])
		}
	})
	if err == nil {
		l.unsent = int(unsent.Load())
	}
	return l, err
}

// crowd runs callers at once and adds up what they noted.
func (e *firnEngine) crowd(ctx context.Context, start time.Time, n int, run func(i int, c *caller)) (*load, error) {
	var group sync.WaitGroup
	callers := make([]caller, n)
	for i := range callers {
		callers[i].base = e.base
		group.Go(func() {
			run(i, &callers[i])
			callers[i].hangUp()
		})
	}
	group.Wait()
	all := &load{took: time.Since(start)}
	for i := range callers {
		all.merge(&callers[i].load)
	}
	if all.statuses[created] == 0 {
		return nil, fmt.Errorf("nothing was stored: statuses %v, %w", all.statuses, all.lost)
	}
	return all, ctx.Err()
}

// caller is one client with its connection, made anew where it was closed.
type caller struct {
	load
	base string
	wire *wire
}

func (c *caller) send(ctx context.Context, body []byte) {
	start := time.Now()
	if c.wire == nil {
		w, err := dial(ctx, c.base, "/v1/instances/bench/events", "application/json")
		if err != nil {
			c.add(0, false, err, 0)
			return
		}
		c.wire = w
	}
	status, err := c.wire.post(body)
	c.add(status, c.wire.retryAfter, err, time.Since(start))
	if err != nil || c.wire.closing {
		c.hangUp()
	}
}

func (c *caller) hangUp() {
	if c.wire != nil {
		_ = c.wire.Close() // nothing is waited for
		c.wire = nil
	}
}
