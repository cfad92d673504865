package main

import (
	"context"
	"fmt"
	"log"
	"path/filepath"
	"strconv"
	"time"

	"github.com/firnlog/firn/bench/gen"
)

// soak appends as fast as the server takes it, for a long time, and says what
// each tenth of that time was like: what must not grow is memory, and what is
// not sealed yet. Then the server is killed, and what it acknowledged counted.
func soak(ctx context.Context, c config, r *report) error {
	if c.soak == 0 {
		return nil
	}
	dir := filepath.Join(c.dir, "soak")
	e, err := openFirn(ctx, c, dir)
	if err != nil {
		return err
	}
	defer func() { e.Close() }()
	var rates, resident, head, wal []string
	g := gen.New(c.seed, c.streams)
	acknowledged := 0
	start := time.Now()
	for i := range 10 {
		tenth, before := time.Now(), acknowledged
		for time.Since(start) < c.soak*time.Duration(i+1)/10 {
			const step = 100_000
			if err := e.pour(ctx, g, step, c.batch); err != nil {
				return err
			}
			acknowledged += step
		}
		now, _, err := e.rss()
		if err != nil {
			return err
		}
		waiting, err := e.metric(ctx, "firn_head_events")
		if err != nil {
			return err
		}
		journal, err := dirBytes(filepath.Join(dir, "log", "wal"))
		if err != nil {
			return err
		}
		rate := float64(acknowledged-before) / time.Since(tenth).Seconds()
		log.Printf("soak: %d events; %.0f/s, %d MiB, %.0f not sealed", acknowledged, rate, now>>20, waiting)
		rates = append(rates, fmt.Sprintf("%.0f", rate/1000))
		resident = append(resident, fmt.Sprint(now>>20))
		head = append(head, fmt.Sprintf("%.0f", waiting/1000))
		wal = append(wal, fmt.Sprint(journal>>20))
	}
	took := time.Since(start)
	_, peak, err := e.rss()
	if err != nil {
		return err
	}
	reopened, err := e.killed(ctx, c)
	if err != nil {
		return err
	}
	e = reopened.engine
	if reopened.events != acknowledged {
		return fmt.Errorf("%d events were acknowledged, %d are there after a kill", acknowledged, reopened.events)
	}
	size, err := e.Bytes()
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%v at full speed, making the events on the same cores: ", c.soak)
	r.row(what+"events acknowledged", fmt.Sprint(acknowledged), fmt.Sprintf("%.0f events/s, %.1f bytes/event", float64(acknowledged)/took.Seconds(), float64(size)/float64(acknowledged)), "")
	r.row(what+"thousand events/s, in each tenth", fmt.Sprint(rates), "", "")
	r.row(what+"RSS after each tenth, MiB", fmt.Sprint(resident), fmt.Sprintf("peak %d MiB", peak>>20), "flat")
	r.row(what+"thousand events not sealed", fmt.Sprint(head), "", "bounded")
	r.row(what+"write-ahead log, MiB", fmt.Sprint(wal), "", "bounded")
	r.row("after it, kill -9 and a start", fmt.Sprintf("ready after %v, all %d events counted", reopened.took.Round(time.Millisecond), reopened.events), "", "nothing acknowledged is lost")
	return nil
}

// restarted is a server started again after a kill.
type restarted struct {
	engine *firnEngine
	took   time.Duration
	events int
}

// killed kills the server as a crash does, starts another on the same
// directory, and counts the events of the instance.
func (e *firnEngine) killed(ctx context.Context, c config) (restarted, error) {
	if err := e.cmd.Process.Kill(); err != nil {
		return restarted{}, err
	}
	_ = e.cmd.Wait() // it says that it was killed
	start := time.Now()
	again, err := openFirn(ctx, c, e.dir)
	if err != nil {
		return restarted{}, err
	}
	took := time.Since(start)
	counted, err := again.Ask(ctx, question{dsl: `{"from":{"instance":"bench"},"reduce":{"type":"count"}}`, shape: "number"})
	if err != nil {
		_ = again.Close()
		return restarted{}, err
	}
	n, err := strconv.ParseFloat(counted, 64)
	return restarted{again, took, int(n)}, err
}
