// Command bench measures Firn beside SQLite, DuckDB and PostgreSQL on one
// dataset, on one machine, in one run, and writes RESULTS.md. Absolute times
// depend on the machine and the hour; the ratios are what to read.
//
//	go run . -events 1000000
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firnlog/firn/bench/gen"
)

// config is what one run measures.
type config struct {
	events  int
	streams int
	batch   int
	seed    uint64
	runs    int
	engines []string
	rows    []string
	scale   []int
	idScale []int
	soak    time.Duration
	dir     string
	binary  string
}

func main() {
	log.SetFlags(0)
	var c config
	var engines, rows, sizes, idSizes, out string
	flag.IntVar(&c.events, "events", 1_000_000, "events in the dataset")
	flag.IntVar(&c.streams, "streams", 10_000, "streams in the dataset")
	flag.IntVar(&c.batch, "batch", 1_000, "events a batch")
	flag.Uint64Var(&c.seed, "seed", 1, "seed of the dataset")
	flag.IntVar(&c.runs, "runs", 15, "counted runs of each question")
	flag.StringVar(&engines, "engines", "firn,sqlite,duckdb,postgres", "what to measure")
	flag.StringVar(&rows, "rows", "ingest,questions,single,codebolt,live,ids,idle,reopen,small,costs,targets,delivery,overload", "which tables")
	flag.StringVar(&sizes, "scale", "", "ask logs of these numbers of events too: 1000000,10000000,100000000; those that -dir has already are not loaded again")
	flag.StringVar(&idSizes, "ids-scale", "", "measure what ids of the caller cost in a log of these numbers of events, rising: 1000000,10000000,100000000")
	flag.DurationVar(&c.soak, "soak", 0, "append at full speed for so long, such as 1h, and say what each tenth of it was like")
	flag.StringVar(&c.dir, "dir", "", "where to keep the data; default a temporary directory, removed afterwards")
	flag.StringVar(&c.binary, "firn", "", "firn binary; default: built from this checkout")
	flag.StringVar(&out, "out", "RESULTS.md", "where to write the report, - for standard output")
	flag.Parse()
	c.engines, c.rows = strings.Split(engines, ","), strings.Split(rows, ",")
	c.scale, c.idScale = numbers("scale", sizes), numbers("ids-scale", idSizes)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := run(ctx, c)
	if err != nil {
		log.Fatal("bench: ", err)
	}
	if out == "-" {
		fmt.Print(report)
		return
	}
	if err := os.WriteFile(out, []byte(report), 0o644); err != nil {
		log.Fatal("bench: ", err)
	}
}

// numbers are those of a flag: numbers of events with commas between them.
func numbers(flag, text string) (all []int) {
	for size := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(size)
		if err != nil {
			log.Fatalf("bench: -%s %s: %s is no number of events", flag, text, size)
		}
		all = append(all, n)
	}
	return all
}

func (c config) has(row string) bool { return slices.Contains(c.rows, row) }

func run(ctx context.Context, c config) (string, error) {
	if c.dir == "" {
		dir, err := os.MkdirTemp("", "firn-bench-")
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(dir)
		c.dir = dir
	}
	if c.binary == "" && slices.Contains(c.engines, "firn") {
		binary, err := buildFirn(ctx, c.dir)
		if err != nil {
			return "", err
		}
		c.binary = binary
	}
	log.Printf("making %d events", c.events)
	start := time.Now()
	batches := gen.Batches(c.seed, c.streams, c.events, c.batch, false)
	size := 0
	for _, b := range batches {
		size += len(b)
	}
	log.Printf("made %d MB in %v", size>>20, time.Since(start).Round(time.Millisecond))
	r := &report{config: c, datasetBytes: size}
	r.machine(ctx)
	for _, name := range c.engines {
		if err := measure(ctx, c, name, batches, r); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	if slices.Contains(c.engines, "firn") {
		if err := columns(ctx, c, r); err != nil {
			return "", fmt.Errorf("columns: %w", err)
		}
		if err := firnOnly(ctx, c, r); err != nil {
			return "", err
		}
	}
	if err := scale(ctx, c, r); err != nil {
		return "", fmt.Errorf("scale: %w", err)
	}
	if err := idScale(ctx, c, r); err != nil {
		return "", fmt.Errorf("ids-scale: %w", err)
	}
	if err := soak(ctx, c, r); err != nil {
		return "", fmt.Errorf("soak: %w", err)
	}
	if c.has("ingest") {
		r.yardstick(ctx, batches)
	}
	return r.markdown(), nil
}

// measure loads the dataset into one engine and asks it the questions.
func measure(ctx context.Context, c config, name string, batches [][]byte, r *report) error {
	if !c.has("ingest") && !c.has("questions") {
		return nil
	}
	e, err := openEngine(ctx, c, name)
	if err != nil {
		return err
	}
	defer e.Close()
	took, err := e.Load(ctx, batches)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	log.Printf("%s: loaded %d events in %v", name, c.events, took.Round(time.Millisecond))
	if err := e.Settle(ctx); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	size, err := e.Bytes()
	if err != nil {
		return err
	}
	r.engine(name, e.Version(), c.events, took, size)
	if !c.has("questions") {
		return nil
	}
	for _, q := range questions(c) {
		t, answer, err := ask(ctx, c, e, q)
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		log.Printf("%s: %s: %v", name, q.name, t.median)
		r.question(name, q, t, answer)
	}
	return nil
}

// timing is what several runs of one thing took.
type timing struct{ min, median, max time.Duration }

func timingOf(all []time.Duration) timing {
	slices.Sort(all)
	return timing{all[0], all[len(all)/2], all[len(all)-1]}
}

// ask asks one question: three times to warm up, then c.runs times.
func ask(ctx context.Context, c config, e engine, q question) (timing, string, error) {
	var answer string
	var all []time.Duration
	for i := range c.runs + 3 {
		start := time.Now()
		got, err := e.Ask(ctx, q)
		took := time.Since(start)
		if err != nil {
			return timing{}, "", err
		}
		if i >= 3 {
			all = append(all, took)
		}
		answer = got
	}
	return timingOf(all), answer, nil
}
