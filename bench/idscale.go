package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"path/filepath"
	"strings"
	"time"

	"github.com/firnlog/firn/bench/gen"
)

// The table of ids lets one log grow whose events all bring ids of their own,
// and measures at each size what these cost.

// idStep is that log at one size.
type idStep struct {
	events  int
	with    timing // a turn of new events that bring ids
	without timing // of as many that bring none, in another instance
	again   timing // of as many that the log has already: each is found to be a duplicate
	rss     int64  // peak so far
	bytes   int64
}

// A turn is so many events, and there are so many turns of each kind at a size,
// in turn, since the machine drifts.
const (
	idTurn  = 200_000
	idTurns = 5
)

// idScale lets the log grow to each size and measures.
func idScale(ctx context.Context, c config, r *report) error {
	if len(c.idScale) == 0 {
		return nil
	}
	e, err := openFirn(ctx, c, filepath.Join(c.dir, "id-scale"))
	if err != nil {
		return err
	}
	defer e.Close()
	g := gen.New(c.seed, c.streams)
	g.WithIDs = true
	stored := 0
	for _, size := range c.idScale {
		if err := e.pour(ctx, g, size-stored, c.batch); err != nil {
			return err
		}
		stored = size
		s := &idStep{events: size}
		if err := e.idTurns(ctx, c, g, s); err != nil {
			return err
		}
		stored += idTurn * idTurns
		log.Printf("ids at %d events: with %v, without %v, duplicates %v", size, s.with.median, s.without.median, s.again.median)
		r.ids = append(r.ids, s)
	}
	return nil
}

// idTurns takes the turns at one size. Its new events stay in the log.
func (e *firnEngine) idTurns(ctx context.Context, c config, fresh *gen.Generator, s *idStep) error {
	plain := gen.New(c.seed+1, c.streams)
	var with, without, again []time.Duration
	for range idTurns {
		old := gen.New(c.seed, c.streams)
		old.WithIDs = true
		for _, turn := range []struct {
			into     *[]time.Duration
			from     *gen.Generator
			instance string
			stored   string // what the answer to a batch says
		}{
			{&with, fresh, "bench", `"duplicates":0`},
			{&without, plain, "plain", `"duplicates":0`},
			{&again, old, "bench", fmt.Sprintf(`"duplicates":%d`, c.batch)},
		} {
			batches := make([][]byte, 0, idTurn/c.batch)
			for range cap(batches) {
				var b []byte
				for range c.batch {
					b = turn.from.Append(b)
				}
				batches = append(batches, b)
			}
			start := time.Now()
			for _, b := range batches {
				out, err := e.post(ctx, turn.instance, b)
				if err != nil {
					return err
				}
				if !bytes.Contains(out, []byte(turn.stored)) {
					return fmt.Errorf("ids at %d events: answered %.300s, want %s", s.events, out, turn.stored)
				}
			}
			*turn.into = append(*turn.into, time.Since(start))
		}
	}
	s.with, s.without, s.again = timingOf(with), timingOf(without), timingOf(again)
	var err error
	if _, s.rss, err = e.rss(); err != nil {
		return err
	}
	s.bytes, err = dirBytes(filepath.Join(e.dir, "log", "instances"))
	return err
}

func (t timing) String() string {
	return fmt.Sprintf("%.2f s (%.2f–%.2f)", t.median.Seconds(), t.min.Seconds(), t.max.Seconds())
}

// idTable has a row a size.
func (r *report) idTable(b *strings.Builder) {
	if len(r.ids) == 0 {
		return
	}
	fmt.Fprintf(b, "## Ids as the log grows\n\nEvery event of the log brings an id. %d turns of %d events each, in turn: median (min–max). Goal: with ids ≤ 1.5× without, at 100 M events too.\n\n", idTurns, idTurn)
	b.WriteString("| events | new, with ids | without | with ÷ without | again, all duplicates | bytes/event | peak RSS |\n|---|---|---|---|---|---|---|\n")
	for _, s := range r.ids {
		fmt.Fprintf(b, "| %d | %s | %s | **%.2f** | %s | %.1f | %d MiB |\n",
			s.events, s.with, s.without, s.with.median.Seconds()/s.without.median.Seconds(), s.again, float64(s.bytes)/float64(s.events), s.rss>>20)
	}
	b.WriteString("\n")
}
