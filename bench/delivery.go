package main

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// delivery measures what a log delivers to a target that costs nothing, in which
// memory, and what targets, one of which hangs, cost those who append.
func delivery(ctx context.Context, c config, r *report) error {
	beside, err := openBeside(ctx, filepath.Join(c.dir, "beside"))
	if err != nil {
		return err
	}
	defer beside.close()
	if err := deliverAll(ctx, c, r); err != nil {
		return err
	}
	if err := deliverMany(ctx, c, r); err != nil {
		return err
	}
	return beside.measure(ctx, r)
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// deliverAll fills a log and has a target get all of it.
func deliverAll(ctx context.Context, c config, r *report) error {
	l, err := firn.Open(filepath.Join(c.dir, "delivery"), firn.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
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
	began := time.Now()
	ds, err := target.Deliver(l, []target.Spec{{Name: "null", Kind: null.Kind(), Start: target.Start{Beginning: true}}},
		target.Options{Dir: filepath.Join(c.dir, "delivery", "all"), Logger: quiet})
	if err != nil {
		return err
	}
	defer ds.Close()
	if err := until(ctx, time.Millisecond, func() (bool, error) { return ds.Status()[0].Delivered >= int64(n), nil }); err != nil {
		return err
	}
	took := time.Since(began)
	r.row("delivery to a target that costs nothing, its cursor on disk after each batch", fmt.Sprintf("%.0f events/s", float64(n)/took.Seconds()), "", "")
	return nil
}

// until asks again and again whether something is so.
func until(ctx context.Context, every time.Duration, so func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if is, err := so(); is || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// manyEvents is how many events memory must not grow with.
const manyEvents = 10_000_000

// deliverMany has servers deliver a log of many events, and looks at the memory
// of each meanwhile. The log is a copy of that of the scale table, if -dir has it.
func deliverMany(ctx context.Context, c config, r *report) error {
	dir := filepath.Join(c.dir, "delivered")
	scale := filepath.Join(c.dir, fmt.Sprintf("scale-%d", manyEvents))
	if _, err := os.Stat(scale + ".loaded"); err == nil {
		if err := os.CopyFS(dir, os.DirFS(scale)); err != nil {
			return err
		}
	} else if err := grow(ctx, c, dir, &scaleStep{events: manyEvents}); err != nil {
		return err
	}
	for _, kind := range []string{"null", "ndjson"} {
		if err := deliverTo(ctx, c, r, dir, kind); err != nil {
			return fmt.Errorf("%d events to %s: %w", manyEvents, kind, err)
		}
	}
	return os.RemoveAll(dir)
}

// deliverTo has a new server deliver the whole log in dir to a target.
func deliverTo(ctx context.Context, c config, r *report, dir, kind string) error {
	to := filepath.Join(dir, "to-"+kind)
	settings := "targets:\n  - {type: \"" + kind + "\", instances: [bench], start: beginning"
	if kind != "null" {
		settings += fmt.Sprintf(", file_dir: %q", to)
	}
	path := dir + "-" + kind + ".yaml"
	if err := os.WriteFile(path, []byte(settings+"}\n"), 0o600); err != nil {
		return err
	}
	e, err := openFirn(ctx, c, dir, "--config", path)
	if err != nil {
		return err
	}
	defer e.Close()
	began := time.Now()
	var highest [10]int64 // of each tenth
	err = until(ctx, 20*time.Millisecond, func() (bool, error) {
		now, _, err := e.rss()
		if err != nil {
			return false, err
		}
		done, err := e.delivered(ctx)
		tenth := min(done*10/manyEvents, 9)
		highest[tenth] = max(highest[tenth], now)
		return done >= manyEvents, err
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	log.Printf("%d events to %s in %v, RSS by tenths %d", manyEvents, kind, took.Round(time.Millisecond), highest)
	r.row(fmt.Sprintf("RSS of a server that delivers %d events to `%s`", manyEvents, kind),
		fmt.Sprintf("at most %d MiB in the first tenth, %d MiB in the first half, %d MiB in the second half", highest[0]>>20, slices.Max(highest[:5])>>20, slices.Max(highest[5:])>>20),
		fmt.Sprintf("%.2f of the first half; %.0f events/s", float64(slices.Max(highest[5:]))/float64(slices.Max(highest[:5])), manyEvents/took.Seconds()), "flat")
	return os.RemoveAll(to)
}

// delivered is how many events the server's only target has had.
func (e *firnEngine) delivered(ctx context.Context) (int64, error) {
	out, err := e.call(ctx, "GET", "/v1/targets", "", nil)
	if err != nil {
		return 0, err
	}
	var all struct {
		Targets []struct {
			Delivered int64  `json:"delivered"`
			Error     string `json:"last_error"`
		} `json:"targets"`
	}
	if err := json.Unmarshal(out, &all); err != nil {
		return 0, err
	}
	if len(all.Targets) != 1 || all.Targets[0].Error != "" {
		return 0, fmt.Errorf("targets: %s", out)
	}
	return all.Targets[0].Delivered, nil
}

// besides are logs of one program, alike but for their targets.
type besides struct {
	all     []*besideLog
	release chan struct{} // lets what hangs end
}

type besideLog struct {
	name string
	log  *firn.Log
	ds   *target.Deliveries // nil = none
	took []time.Duration
}

// openBeside opens a log without targets, another one, to tell the difference
// that there is between two that are alike, one with a target that works and one
// with a target that hangs.
func openBeside(ctx context.Context, dir string) (*besides, error) {
	b := &besides{release: make(chan struct{})}
	hangs := target.NewKind("hanging", struct{}{}, func(struct{}, target.Environment) (target.Target, error) { return hanging{b.release}, nil })
	for _, one := range []struct {
		name string
		kind *target.Kind
	}{{"", nil}, {"nothing, once more", nil}, {"a target that works", new(null.Kind())}, {"a target that hangs", &hangs}} {
		at := filepath.Join(dir, fmt.Sprint(len(b.all)))
		l, err := firn.Open(at, firn.Options{})
		if err != nil {
			b.close()
			return nil, err
		}
		next := &besideLog{name: one.name, log: l}
		b.all = append(b.all, next)
		if one.kind != nil {
			next.ds, err = target.Deliver(l, []target.Spec{{Name: "t", Kind: *one.kind}}, target.Options{Dir: filepath.Join(at, "targets"), Logger: quiet})
		}
		if err == nil {
			_, err = l.Append(ctx, firn.AppendRequest{Instance: "bench", Events: []event.Draft{{EventType: "a"}}, AutoCreate: true})
		}
		if err != nil {
			b.close()
			return nil, err
		}
	}
	return b, nil
}

func (b *besides) close() {
	close(b.release)
	for _, one := range b.all {
		if one.ds != nil {
			one.ds.Close()
		}
		one.log.Close()
	}
}

// measure appends one event at a time to each log in short turns, so that all
// see the same disk, once the target that hangs was left behind.
func (b *besides) measure(ctx context.Context, r *report) error {
	hung := b.all[len(b.all)-1].ds
	err := until(ctx, 100*time.Millisecond, func() (bool, error) { return strings.Contains(hung.Status()[0].LastError, "hangs"), nil })
	if err != nil {
		return err
	}
	const turns, warm, counted = 300, 10, 60
	for turn := range turns {
		for i := range b.all {
			one := b.all[(i+turn)%len(b.all)]
			for n := range warm + counted { // the first ones may meet what the turn before has left
				began := time.Now()
				_, err := one.log.Append(ctx, firn.AppendRequest{Instance: "bench", Events: []event.Draft{{EventType: "a"}}})
				if err != nil {
					return err
				}
				if n >= warm {
					one.took = append(one.took, time.Since(began))
				}
			}
		}
	}
	p := func(i, percent int) time.Duration {
		slices.Sort(b.all[i].took)
		return b.all[i].took[len(b.all[i].took)*percent/100]
	}
	for i, one := range b.all[1:] {
		i++
		r.row("one append at a time beside "+one.name, fmt.Sprintf("p50 %v, p99 %v, of %d in %d turns", p(i, 50).Round(time.Microsecond), p(i, 99).Round(time.Microsecond), len(one.took), turns),
			fmt.Sprintf("p50 %.2f, p99 %.2f of without (%v, %v)", float64(p(i, 50))/float64(p(0, 50)), float64(p(i, 99))/float64(p(0, 99)), p(0, 50).Round(time.Microsecond), p(0, 99).Round(time.Microsecond)),
			map[bool]string{true: "p99 ≤ 1.10 with one that hangs"}[one.ds == hung])
	}
	return nil
}
