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

	"github.com/firnlog/firn/bench/gen"
)

// firnOnly measures the rows that have no counterpart in the other engines.
func firnOnly(ctx context.Context, c config, r *report) error {
	for _, row := range []struct {
		name string
		run  func(context.Context, config, *report) error
	}{
		{"single", singleAppends}, {"codebolt", codeboltCalls}, {"live", appendToSSE}, {"ids", withIDs}, {"idle", idle}, {"reopen", reopen},
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

// singleAppends compares single durable appends with the rate at which the
// same disk takes a bare write and fdatasync of as many bytes.
func singleAppends(ctx context.Context, c config, r *report) error {
	const seconds = 3 * time.Second
	e, err := openFirn(ctx, c, filepath.Join(c.dir, "single"))
	if err != nil {
		return err
	}
	defer e.Close()
	var bare, one []float64
	for range 3 { // in turn, since the machine drifts
		b, err := bareSyncs(filepath.Join(c.dir, "bare"), 400, seconds/3)
		if err != nil {
			return err
		}
		o, err := e.appendSingles(ctx, c, 1, seconds/3)
		if err != nil {
			return err
		}
		bare, one = append(bare, b), append(one, o)
	}
	many, err := e.appendSingles(ctx, c, 64, seconds)
	if err != nil {
		return err
	}
	r.row("single durable appends, 1 client", fmt.Sprintf("%.0f/s; bare write+fdatasync %.0f/s", mid(one), mid(bare)), fmt.Sprintf("%.2f of bare", mid(one)/mid(bare)), "≥ 0.6 of bare")
	r.row("single durable appends, 64 clients", fmt.Sprintf("%.0f/s", many), "", "≥ 30,000/s")
	return nil
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
			g := gen.New(c.seed+uint64(i), c.streams)
			for time.Since(start) < d {
				if _, err := e.call(ctx, "POST", "/v1/instances/bench/events", "application/json", g.Append(nil)); err != nil {
					cancel(err)
					return
				}
				n.Add(1)
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
