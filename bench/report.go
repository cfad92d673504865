package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// report gathers what one run measured.
type report struct {
	config       config
	datasetBytes int
	lines        []string // the machine
	engines      []engineRow
	questions    []questionRow
	rows         [][4]string
	scale        []*scaleStep
	ids          []*idStep
	zstd         string
	columns      string
}

type engineRow struct {
	name, version string
	events        int
	took          time.Duration
	bytes         int64
}

type questionRow struct {
	engine string
	q      question
	t      timing
	answer string
}

func (r *report) engine(name, version string, events int, took time.Duration, size int64) {
	r.engines = append(r.engines, engineRow{name, version, events, took, size})
}

func (r *report) question(engine string, q question, t timing, answer string) {
	r.questions = append(r.questions, questionRow{engine, q, t, answer})
}

func (r *report) row(what, measured, ratio, goal string) {
	r.rows = append(r.rows, [4]string{what, measured, ratio, goal})
}

// machine says where the figures are from.
func (r *report) machine(ctx context.Context) {
	kernel, _ := exec.CommandContext(ctx, "uname", "-sr").Output()
	cpu := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				cpu = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(name), ":"))
				break
			}
		}
	}
	revision := "unknown"
	if out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output(); err == nil {
		revision = strings.TrimSpace(string(out))
	} else if info, ok := debug.ReadBuildInfo(); ok {
		revision = info.Main.Version
	}
	load := "unknown"
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(b), " ")
	}
	r.lines = []string{
		fmt.Sprintf("%d cores, %s, %s, %s", runtime.NumCPU(), cpu, strings.TrimSpace(string(kernel)), runtime.Version()),
		fmt.Sprintf("commit %s, %s", revision, time.Now().UTC().Format(time.DateOnly)),
		fmt.Sprintf("load average %s when it began", load),
	}
}

// yardstick compresses the whole NDJSON as one stream with zstd -19.
func (r *report) yardstick(ctx context.Context, batches [][]byte) {
	if _, err := exec.LookPath("zstd"); err == nil {
		cmd := exec.CommandContext(ctx, "zstd", "-19", "-T2", "-c", "-q")
		in, err := cmd.StdinPipe()
		if err != nil {
			return
		}
		go func() {
			defer in.Close()
			for _, b := range batches[:min(len(batches), 200)] {
				if _, err := in.Write(b); err != nil {
					return
				}
			}
		}()
		var out bytes.Buffer
		cmd.Stdout = &out
		if cmd.Run() == nil {
			n := min(len(batches), 200) * r.config.batch
			r.zstd = fmt.Sprintf("`zstd -19` of the first %d events' NDJSON: %.1f bytes/event", n, float64(out.Len())/float64(n))
		}
		return
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return
	}
	n, size := 0, 0
	for _, b := range batches[:min(len(batches), 200)] {
		n += len(b)
		size += len(enc.EncodeAll(b, nil))
	}
	events := min(len(batches), 200) * r.config.batch
	r.zstd = fmt.Sprintf("no `zstd` command here; klauspost's best level, a frame a batch: %.1f bytes/event", float64(size)/float64(events))
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Results\n\nWritten by `make bench`; do not edit. %s.\n\n", strings.Join(r.lines, "; "))
	fmt.Fprintf(&b, "Dataset: %d events, %d bytes of JSON each, %d streams, batches of %d, seed %d. A question is asked 3 times to warm up, then %d times: median (min–max).\n\n",
		r.config.events, r.datasetBytes/max(r.config.events, 1), r.config.streams, r.config.batch, r.config.seed, r.config.runs)
	r.ingestTable(&b)
	r.questionTable(&b)
	r.scaleTable(&b)
	r.idTable(&b)
	if len(r.rows) > 0 {
		b.WriteString("## Firn alone\n\n| what | measured | ratio | goal |\n|---|---|---|---|\n")
		for _, row := range r.rows {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row[0], row[1], row[2], row[3])
		}
		b.WriteString("\n")
	}
	b.WriteString(profiles)
	return b.String()
}

// profiles says where the time goes; people write it, from what perf shows.
//
//go:embed PROFILES.md
var profiles string

func (r *report) ingestTable(b *strings.Builder) {
	if len(r.engines) == 0 {
		return
	}
	base := r.engines[0]
	b.WriteString("## Ingest and size\n\n| engine | events/s | Firn is | bytes/event |\n|---|---|---|---|\n")
	for _, e := range r.engines {
		fmt.Fprintf(b, "| %s | %.0f | %s | %.1f |\n", e.version, float64(e.events)/e.took.Seconds(), times(e.took, base.took), float64(e.bytes)/float64(e.events))
	}
	fmt.Fprintf(b, "\n%s. Goals: ≥ 300,000 events/s, ≥ 4× SQLite, ≤ 40 bytes/event.\n\n", r.zstd)
	if r.columns != "" {
		fmt.Fprintf(b, "%s\n\n", r.columns)
	}
}

// questionTable has a row a question and a column an engine.
func (r *report) questionTable(b *strings.Builder) {
	if len(r.questions) == 0 {
		return
	}
	var names []string
	for _, q := range r.questions {
		if !slices.Contains(names, q.engine) {
			names = append(names, q.engine)
		}
	}
	fmt.Fprintf(b, "## Questions\n\n| question | goal per million |")
	for _, n := range names {
		fmt.Fprintf(b, " %s |", n)
	}
	fmt.Fprintf(b, " answers agree |\n|---|---|%s---|\n", strings.Repeat("---|", len(names)))
	for _, q := range questions(r.config) {
		fmt.Fprintf(b, "| %s | %v |", q.name, q.goal)
		var first *questionRow
		agree := "yes"
		for _, n := range names {
			i := slices.IndexFunc(r.questions, func(x questionRow) bool { return x.engine == n && x.q.name == q.name })
			x := &r.questions[i]
			if first == nil {
				first = x
				fmt.Fprintf(b, " **%s** (%s–%s) |", ms(x.t.median), ms(x.t.min), ms(x.t.max))
			} else {
				fmt.Fprintf(b, " %s, %s |", ms(x.t.median), times(x.t.median, first.t.median))
			}
			if x.answer != first.answer {
				agree = "**no**"
			}
		}
		fmt.Fprintf(b, " %s |\n", agree)
	}
	b.WriteString("\n")
}

func ms(d time.Duration) string { return strconv.FormatFloat(d.Seconds()*1000, 'f', 2, 64) + " ms" }

func times(other, base time.Duration) string {
	return fmt.Sprintf("%.1f×", other.Seconds()/base.Seconds())
}

func mid(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
