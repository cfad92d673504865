package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/bench/gen"
	"github.com/firnlog/firn/event"
)

// firnOnly measures the rows that have no counterpart in the other engines.
func firnOnly(ctx context.Context, c config, r *report) error {
	for _, row := range []struct {
		name string
		run  func(context.Context, config, *report) error
	}{
		{"single", singleAppends}, {"codebolt", codeboltCalls}, {"live", appendToSSE}, {"ids", withIDs}, {"idle", idle}, {"reopen", reopen}, {"small", smallThings}, {"costs", smallCosts}, {"targets", targets}, {"delivery", delivery}, {"overload", overload},
	} {
		if !c.has(row.name) {
			continue
		}
		if err := row.run(ctx, c, r); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
	}
	return nil
}

// singleAppends compares single durable appends, of a program that embeds the
// log and over HTTP, with the rate at which the same disk takes a bare write and
// fdatasync of as many bytes.
func singleAppends(ctx context.Context, c config, r *report) error {
	const seconds = 3 * time.Second
	e, err := openFirn(ctx, c, filepath.Join(c.dir, "single"))
	if err != nil {
		return err
	}
	defer e.Close()
	var bare, embedded, one, trip []float64
	for range 3 { // in turn, since the machine drifts
		for _, measure := range []struct {
			into *[]float64
			rate func() (float64, error)
		}{
			{&bare, func() (float64, error) { return bareSyncs(filepath.Join(c.dir, "bare"), 400, seconds/3) }},
			{&embedded, func() (float64, error) { return embeddedSingles(ctx, c, 1, seconds/3) }},
			{&one, func() (float64, error) { return e.appendSingles(ctx, c, 1, seconds/3) }},
			{&trip, func() (float64, error) { return e.emptyTrips(ctx, seconds/3) }},
		} {
			rate, err := measure.rate()
			if err != nil {
				return err
			}
			*measure.into = append(*measure.into, rate)
		}
	}
	crowd, err := embeddedSingles(ctx, c, 64, seconds)
	if err != nil {
		return err
	}
	many, err := e.appendSingles(ctx, c, 64, seconds)
	if err != nil {
		return err
	}
	r.row("single durable appends, 1 client, embedded", fmt.Sprintf("%.0f/s; bare write+fdatasync %.0f/s", mid(embedded), mid(bare)), fmt.Sprintf("%.2f of bare", mid(embedded)/mid(bare)), "≥ 0.6 of bare")
	r.row("the same over HTTP", fmt.Sprintf("%.0f/s; HTTP requests that write nothing %.0f/s", mid(one), mid(trip)), fmt.Sprintf("%.2f of bare", mid(one)/mid(bare)), "≥ 0.6 of bare")
	r.row("single durable appends, 64 clients, embedded", fmt.Sprintf("%.0f/s", crowd), "", "≥ 30,000/s")
	r.row("the same over HTTP, 64 connections", fmt.Sprintf("%.0f/s", many), "", "≥ 30,000/s")
	return nil
}

// embeddedSingles has goroutines of this process append one event at a time to
// a log of its own.
func embeddedSingles(ctx context.Context, c config, clients int, d time.Duration) (float64, error) {
	dir, err := os.MkdirTemp(c.dir, "embedded-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	l, err := firn.Open(dir, firn.Options{})
	if err != nil {
		return 0, err
	}
	defer l.Close()
	if _, err := l.CreateInstance(ctx, firn.Instance{Name: "bench"}); err != nil {
		return 0, err
	}
	var n atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	start := time.Now()
	for i := range clients {
		wg.Go(func() {
			g := gen.New(c.seed+uint64(i), c.streams)
			for time.Since(start) < d {
				drafts, err := event.ParseBatch(g.Append(nil), event.Limits{}.WithDefaults())
				if err == nil {
					_, err = l.Append(ctx, firn.AppendRequest{Instance: "bench", Events: drafts, Checked: true})
				}
				if err != nil {
					failed.Store(&err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(n.Load()) / time.Since(start).Seconds(), nil
}

// emptyTrips is how fast the server answers posts that it refuses at once: what
// of a single append is HTTP.
func (e *firnEngine) emptyTrips(ctx context.Context, d time.Duration) (float64, error) {
	w, err := dial(ctx, e.base, "/v1/instances/none-of-this-name/events", "application/json")
	if err != nil {
		return 0, err
	}
	defer w.Close()
	body := gen.New(1, 1).Append(nil)
	n := 0
	start := time.Now()
	for time.Since(start) < d {
		status, err := w.post(body)
		if err != nil {
			return 0, err
		}
		if status != 404 {
			return 0, fmt.Errorf("empty trips: answered %d", status)
		}
		n++
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// bareSyncs appends and syncs size bytes for a while and returns the rate.
func bareSyncs(path string, size int, d time.Duration) (float64, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	b := make([]byte, size)
	n := 0
	start := time.Now()
	for time.Since(start) < d {
		if _, err := f.Write(b); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// appendSingles has clients append one event a request for a while.
func (e *firnEngine) appendSingles(ctx context.Context, c config, clients int, d time.Duration) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var n atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for i := range clients {
		wg.Go(func() {
			if err := e.appendOneByOne(ctx, gen.New(c.seed+uint64(i), c.streams), start.Add(d), &n); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return float64(n.Load()) / took.Seconds(), nil
}

// appendOneByOne is one client of appendSingles; it counts what was
// acknowledged.
func (e *firnEngine) appendOneByOne(ctx context.Context, g *gen.Generator, until time.Time, n *atomic.Int64) error {
	w, err := dial(ctx, e.base, "/v1/instances/bench/events", "application/json")
	if err != nil {
		return err
	}
	defer w.Close()
	bodies := make([][]byte, 256) // made beforehand: what costs is to be the server
	for i := range bodies {
		bodies[i] = g.Append(nil)
	}
	for i := 0; time.Now().Before(until) && ctx.Err() == nil; i++ {
		status, err := w.post(bodies[i%len(bodies)])
		if err != nil {
			return err
		}
		if status != 201 {
			return fmt.Errorf("single append: answered %d", status)
		}
		n.Add(1)
	}
	return nil
}

// withIDs compares loading events that bring ids with loading events without.
func withIDs(ctx context.Context, c config, r *report) error {
	events := min(c.events, 500_000)
	var times [2]time.Duration
	for i, ids := range []bool{false, true} {
		e, err := openFirn(ctx, c, filepath.Join(c.dir, fmt.Sprintf("ids-%v", ids)))
		if err != nil {
			return err
		}
		times[i], err = e.Load(ctx, gen.Batches(c.seed, c.streams, events, c.batch, ids))
		if cerr := e.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	r.row(fmt.Sprintf("ids of the caller, %d events", events), fmt.Sprintf("%v with, %v without", times[1].Round(time.Millisecond), times[0].Round(time.Millisecond)),
		fmt.Sprintf("%.2f×", float64(times[1])/float64(times[0])), "≤ 1.5×")
	return nil
}

// idle measures an empty server that has been left alone for a while.
func idle(ctx context.Context, c config, r *report) error {
	e, err := openFirn(ctx, c, filepath.Join(c.dir, "idle"))
	if err != nil {
		return err
	}
	defer e.Close()
	before, err := cpuTime(e.cmd.Process.Pid)
	if err != nil {
		return err
	}
	time.Sleep(5 * time.Second)
	after, err := cpuTime(e.cmd.Process.Pid)
	if err != nil {
		return err
	}
	now, _, err := e.rss()
	r.row("idle", fmt.Sprintf("RSS %.1f MiB, %v of CPU in 5 s", float64(now)/(1<<20), after-before), "", "≤ 40 MiB, no CPU")
	return err
}

// reopen measures starting on the loaded directory, and memory after it.
func reopen(ctx context.Context, c config, r *report) error {
	dir := filepath.Join(c.dir, "firn")
	if _, err := os.Stat(dir); err != nil {
		log.Print("reopen: no loaded directory, left out")
		return nil
	}
	start := time.Now()
	e, err := openFirn(ctx, c, dir)
	if err != nil {
		return err
	}
	took := time.Since(start)
	defer e.Close()
	for _, q := range questions(c) {
		if _, err := e.Ask(ctx, q); err != nil {
			return err
		}
	}
	_, peak, err := e.rss()
	r.row(fmt.Sprintf("open %d events", c.events), fmt.Sprintf("%v to ready (process start included); peak RSS after the six questions %.0f MiB", took.Round(time.Millisecond), float64(peak)/(1<<20)), "", "10 M in < 1 s; ≤ 512 MiB")
	return err
}
