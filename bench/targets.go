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

// targetRun is a row: a target, and the barest way to bring the same events to
// the same kind of place, for SQL into the same table on the same server, a
// transaction a batch.
type targetRun struct {
	name, goal, bareName string
	target               func() (target.Target, error)
	// bare makes the place and returns what writes a batch to it.
	bare func(ctx context.Context) (write func([]event.Event) error, end func(), err error)
}

// targets measures how many events a second each target writes, in batches as a
// delivery gives them, each on disk when it is counted.
//
// The files come first: ext4 does not use an inode again soon after a file was
// removed, and looks at each such one whenever it makes a file, so that the cost of
// a file is that of what the other rows have removed.
func targets(ctx context.Context, c config, r *report) error {
	dir := filepath.Join(c.dir, "targets")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	files := targetRun{"file", "≥ 5,000 events/s", "create, write and fsync of one file after the other",
		func() (target.Target, error) {
			return newTarget(file.Kind(), &file.Settings{Dir: filepath.Join(dir, "file")})
		}, bareFiles(filepath.Join(dir, "bare-file"))}
	if err := files.row(ctx, c, min(c.events, 20_000), r); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	lines := targetRun{"ndjson", "≥ 500,000 events/s", "write and fdatasync of the same lines",
		func() (target.Target, error) {
			return newTarget(ndjson.Kind(), &ndjson.Settings{Dir: filepath.Join(dir, "ndjson"), MaxFileBytes: 1 << 40})
		}, bareLines(filepath.Join(dir, "bare-lines"))}
	if err := lines.row(ctx, c, min(c.events, 1_000_000), r); err != nil {
		return fmt.Errorf("ndjson: %w", err)
	}
	if err := targetsSQL(ctx, c, r); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// row has the target and the bare way write n events.
func (run targetRun) row(ctx context.Context, c config, n int, r *report) error {
	batches, err := targetBatches(c, n)
	if err != nil {
		return err
	}
	took, bare, err := run.measure(ctx, batches)
	if err != nil {
		return err
	}
	log.Printf("target %s: %d events in %v", run.name, n, took.Round(time.Millisecond))
	r.row(fmt.Sprintf("target `%s`, batches of %d", run.name, targetBatch),
		fmt.Sprintf("%.0f events/s", float64(n)/took.Seconds()),
		fmt.Sprintf("%.2f of %s (%.0f/s)", bare.Seconds()/took.Seconds(), run.bareName, float64(n)/bare.Seconds()), run.goal)
	return nil
}

// measure has both take turns, batch by batch, so that they meet the same machine.
func (run targetRun) measure(ctx context.Context, batches [][]event.Event) (took, bare time.Duration, err error) {
	write, end, err := run.bare(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("bare: %w", err)
	}
	defer end()
	t, err := run.target()
	if err != nil {
		return 0, 0, err
	}
	defer t.Close()
	if err := t.Open(ctx); err != nil {
		return 0, 0, err
	}
	for _, events := range batches {
		one, err := timed(func() error { return write(events) })
		if err != nil {
			return 0, 0, fmt.Errorf("bare: %w", err)
		}
		other, err := timed(func() error {
			n, err := t.Write(ctx, target.Batch{Log: target.Identity{ID: "bench", Epoch: 1}, Instance: target.Instance{ID: "bench", Name: "bench"},
				Events: events, Through: events[len(events)-1].Position})
			if n < len(events) {
				return fmt.Errorf("%d of %d events written: %w", n, len(events), err)
			}
			return err
		})
		if err != nil {
			return 0, 0, err
		}
		bare, took = bare+one, took+other
	}
	return took, bare, ctx.Err()
}

func timed(do func() error) (time.Duration, error) {
	start := time.Now()
	err := do()
	return time.Since(start), err
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
func bareFiles(dir string) func(context.Context) (func([]event.Event) error, func(), error) {
	return func(context.Context) (func([]event.Event) error, func(), error) {
		return func(events []event.Event) error {
			for i := range events {
				if err := bareFile(filepath.Join(dir, fmt.Sprint(events[i].Position)), events[i].AppendJSON(nil)); err != nil {
					return err
				}
			}
			return nil
		}, func() {}, os.Mkdir(dir, 0o700)
	}
}

func bareFile(name string, content []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// bareLines appends the lines to a file, and flushes as often as the target.
func bareLines(name string) func(context.Context) (func([]event.Event) error, func(), error) {
	return func(context.Context) (func([]event.Event) error, func(), error) {
		f, err := os.Create(name)
		if err != nil {
			return nil, nil, err
		}
		var out []byte
		return func(events []event.Event) error {
			out = out[:0]
			for i := range events {
				out = append(events[i].AppendJSON(out), '\n')
			}
			if _, err := f.Write(out); err != nil {
				return err
			}
			return unix.Fdatasync(int(f.Fd()))
		}, func() { f.Close() }, nil
	}
}
