package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firnlog/firn/bench/gen"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/file"
	"github.com/firnlog/firn/target/ndjson"
)

// targetBatch is how many events a delivery gives a target at a time.
const targetBatch = 1000

// targetRun is one row: a target, and the barest way to bring the same events to
// the same kind of place.
type targetRun struct {
	name, goal string
	events     int
	bareName   string
	// make makes the target, and bare writes the batches as barely as can be, each
	// in a directory of its own.
	make func(ctx context.Context, dir string) (target.Target, error)
	bare func(ctx context.Context, dir string, batches [][]event.Event) error
}

// targetRuns are the rows, in order.
func targetRuns(c config) []targetRun {
	return []targetRun{
		{"file", "≥ 5,000 events/s", min(c.events, 10_000), "create, write and fsync of one file after the other",
			func(_ context.Context, dir string) (target.Target, error) {
				return file.New(file.Settings{Dir: dir}, target.Environment{Name: "file"})
			}, bareFiles},
		{"ndjson", "≥ 500,000 events/s", min(c.events, 1_000_000), "write and fdatasync of the same lines",
			func(_ context.Context, dir string) (target.Target, error) {
				return ndjson.New(ndjson.Settings{Dir: dir, MaxFileBytes: 1 << 40}, target.Environment{Name: "ndjson"})
			}, bareLines},
	}
}

// targets measures how many events a second each target writes, in batches as a
// delivery gives them, each on disk when it is counted.
func targets(ctx context.Context, c config, r *report) error {
	if err := targetsSQL(ctx, c, r); err != nil {
		return err
	}
	for _, run := range targetRuns(c) {
		batches, err := targetBatches(c, run.events)
		if err != nil {
			return err
		}
		bare, err := timed(func() error {
			dir := filepath.Join(c.dir, "bare-"+run.name)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			return run.bare(ctx, dir, batches)
		})
		if err != nil {
			return fmt.Errorf("bare %s: %w", run.name, err)
		}
		took, err := writeAll(ctx, run, filepath.Join(c.dir, "target-"+run.name), batches)
		if err != nil {
			return fmt.Errorf("%s: %w", run.name, err)
		}
		log.Printf("target %s: %d events in %v", run.name, run.events, took.Round(time.Millisecond))
		r.row(fmt.Sprintf("target `%s`, batches of %d", run.name, targetBatch),
			fmt.Sprintf("%.0f events/s", float64(run.events)/took.Seconds()),
			fmt.Sprintf("%.2f of %s (%.0f/s)", bare.Seconds()/took.Seconds(), run.bareName, float64(run.events)/bare.Seconds()), run.goal)
	}
	return nil
}

func timed(do func() error) (time.Duration, error) {
	start := time.Now()
	err := do()
	return time.Since(start), err
}

// writeAll writes the batches to a new target and returns what the writes took.
func writeAll(ctx context.Context, run targetRun, dir string, batches [][]event.Event) (time.Duration, error) {
	tgt, err := run.make(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer tgt.Close()
	if err := tgt.Open(ctx); err != nil {
		return 0, err
	}
	return timed(func() error {
		for _, events := range batches {
			b := target.Batch{Log: target.Identity{ID: "bench", Epoch: 1}, Instance: target.Instance{ID: "bench", Name: "bench"},
				Events: events, Through: events[len(events)-1].Position}
			if n, err := tgt.Write(ctx, b); n < len(events) {
				return fmt.Errorf("%d of %d events written: %w", n, len(events), err)
			}
		}
		return nil
	})
}

// targetBatches are events of the dataset as a log would give them.
func targetBatches(c config, n int) ([][]event.Event, error) {
	var out [][]event.Event
	position := int64(0)
	for _, lines := range gen.Batches(c.seed, c.streams, n, targetBatch, false) {
		var events []event.Event
		for line := range bytes.Lines(lines) {
			d, err := event.ParseLine(line, event.Limits{})
			if err != nil {
				return nil, err
			}
			position++
			events = append(events, event.Event{ID: fmt.Sprintf("019b7f0e-1c88-7a10-8000-%012d", position), InstanceID: "019b7f0e-0d10-7000-8000-6b1de1c8b9f0",
				StreamID: d.StreamID, SequenceNumber: position, Position: position, EventType: d.EventType, Timestamp: d.Timestamp,
				RecordedAt: d.Timestamp, Severity: max(d.Severity, event.Debug), Actor: d.Actor, Subject: d.Subject, Payload: d.Payload, Metadata: d.Metadata})
		}
		out = append(out, events)
	}
	return out, nil
}

// bareFiles makes a file of each event's JSON and flushes it.
func bareFiles(ctx context.Context, dir string, batches [][]event.Event) error {
	for _, events := range batches {
		for i := range events {
			f, err := os.Create(filepath.Join(dir, fmt.Sprint(events[i].Position)))
			if err != nil {
				return err
			}
			if _, err := f.Write(events[i].AppendJSON(nil)); err != nil {
				return err
			}
			if err := f.Sync(); err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// bareLines appends lines made beforehand, and flushes as often as the target.
func bareLines(ctx context.Context, dir string, batches [][]event.Event) error {
	f, err := os.Create(filepath.Join(dir, "lines"))
	if err != nil {
		return err
	}
	defer f.Close()
	var out []byte
	for _, events := range batches {
		out = out[:0]
		for i := range events {
			out = append(events[i].AppendJSON(out), '\n')
		}
		if _, err := f.Write(out); err != nil {
			return err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return err
		}
	}
	return ctx.Err()
}
