package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/bench/gen"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/null"
)

// hanging is a target whose writes do not return until it is released.
type hanging struct{ release chan struct{} }

func (hanging) Open(context.Context) error { return nil }
func (hanging) Close() error               { return nil }
func (h hanging) Write(context.Context, target.Batch) (int, error) {
	<-h.release
	return 0, errors.New("it hung")
}

// delivery measures what a log delivers to a target that costs nothing, and what
// targets, one of which hangs, cost those who append.
func delivery(ctx context.Context, c config, r *report) error {
	l, err := firn.Open(filepath.Join(c.dir, "delivery"), firn.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
	quiet := target.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if err := deliverAll(ctx, c, l, quiet, r); err != nil {
		return err
	}
	return appendBeside(ctx, l, filepath.Join(c.dir, "delivery", "targets"), quiet, r)
}

// deliverAll fills the log and has a target get all of it.
func deliverAll(ctx context.Context, c config, l *firn.Log, o target.Options, r *report) error {
	n := min(c.events, 500_000)
	for _, lines := range gen.Batches(c.seed, c.streams, n, c.batch, false) {
		var events []event.Draft
		for line := range bytes.Lines(lines) {
			d, err := event.ParseLine(line, event.Limits{})
			if err != nil {
				return err
			}
			events = append(events, d)
		}
		if _, err := l.Append(ctx, firn.AppendRequest{Instance: "bench", Events: events, AutoCreate: true, Checked: true}); err != nil {
			return err
		}
	}
	o.Dir = filepath.Join(c.dir, "delivery", "all")
	began := time.Now()
	ds, err := target.Deliver(l, []target.Spec{{Name: "null", Kind: null.Kind(), Start: target.Start{Beginning: true}}}, o)
	if err != nil {
		return err
	}
	defer ds.Close()
	for ds.Status()[0].Delivered < int64(n) {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	took := time.Since(began)
	r.row("delivery to a target that costs nothing, its cursor on disk after each batch", fmt.Sprintf("%.0f events/s", float64(n)/took.Seconds()), "", "")
	return nil
}

// appendBeside appends one event at a time without targets, with one that works
// and with one that hangs, in turns, so that all see the same disk.
func appendBeside(ctx context.Context, l *firn.Log, dir string, o target.Options, r *report) error {
	var release chan struct{}
	hangs := target.NewKind("hanging", struct{}{}, func(struct{}, target.Environment) (target.Target, error) { return hanging{release}, nil })
	kinds := []*target.Kind{nil, new(null.Kind()), &hangs}
	took := make([][]time.Duration, len(kinds))
	const rounds, appends = 12, 250
	for round := range rounds {
		for i := range kinds {
			i = (i + round) % len(kinds)
			var specs []target.Spec
			if kinds[i] != nil {
				specs = []target.Spec{{Name: fmt.Sprintf("t%d-%d", i, round), Kind: *kinds[i]}}
			}
			o.Dir, release = dir, make(chan struct{})
			ds, err := target.Deliver(l, specs, o)
			if err != nil {
				return err
			}
			for range appends {
				began := time.Now()
				_, err := l.Append(ctx, firn.AppendRequest{Instance: "bench", Events: []event.Draft{{EventType: "a"}}})
				if err != nil {
					return err
				}
				took[i] = append(took[i], time.Since(began))
			}
			close(release)
			ds.Close()
		}
	}
	p := func(i, percent int) time.Duration {
		slices.Sort(took[i])
		return took[i][len(took[i])*percent/100]
	}
	for i, name := range []string{"", "a target that works", "a target that hangs"} {
		if i > 0 {
			r.row("one append at a time beside "+name, fmt.Sprintf("p50 %v, p99 %v", p(i, 50).Round(time.Microsecond), p(i, 99).Round(time.Microsecond)),
				fmt.Sprintf("p50 %.2f, p99 %.2f of without (%v, %v)", float64(p(i, 50))/float64(p(0, 50)), float64(p(i, 99))/float64(p(0, 99)), p(0, 50).Round(time.Microsecond), p(0, 99).Round(time.Microsecond)),
				map[bool]string{true: "p99 ≤ 1.10 with one that hangs"}[i == 2])
		}
	}
	return nil
}
