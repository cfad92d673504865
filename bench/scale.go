package main

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"log"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/firnlog/firn/bench/gen"
)

// The scale table asks the same questions of logs of several sizes, so that what
// grows with the log and what grows with the question only can be told apart.

// scaleStep is the log at one size.
type scaleStep struct {
	events  int
	load    time.Duration // making the events included; 0 = loaded by an earlier run
	open    time.Duration // from process start to ready
	loading []loadSample  // of the loading process, after each tenth
	loadRSS int64         // its peak
	askRSS  int64         // peak of the process that only opened and was asked
	bytes   int64
	times   map[string]timing
	costs   map[string]cost
	notes   map[string]string
	asked   []scaleQuestion
}

// loadSample is what a loading server holds.
type loadSample struct {
	rss  int64
	head float64 // events not sealed
}

// cost is the stats member of an answer.
type cost struct {
	Rows    int64 `json:"rows_scanned"`
	Scanned int64 `json:"segments_scanned"`
	Skipped int64 `json:"segments_skipped"`
	Bytes   int64 `json:"bytes_read"`
}

// scaleRuns is how often each question is asked at each size, after once to
// warm up.
const scaleRuns = 5

// scale asks a log of each size. One that -dir has already, of an earlier run, is
// not loaded again.
func scale(ctx context.Context, c config, r *report) error {
	for _, size := range c.scale {
		dir := filepath.Join(c.dir, fmt.Sprintf("scale-%d", size))
		s := &scaleStep{events: size, times: map[string]timing{}, costs: map[string]cost{}, notes: map[string]string{}}
		if _, err := os.Stat(dir + ".loaded"); err != nil {
			if err := grow(ctx, c, dir, s); err != nil {
				return err
			}
			if err := os.WriteFile(dir+".loaded", nil, 0o600); err != nil {
				return err
			}
		}
		size, err := dirBytes(filepath.Join(dir, "log", "instances"))
		if err != nil {
			return err
		}
		s.bytes = size
		if err := askAll(ctx, c, dir, s); err != nil {
			return err
		}
		r.scale = append(r.scale, s)
	}
	return nil
}

// grow appends the events, one batch a request, and waits for the sealing.
func grow(ctx context.Context, c config, dir string, s *scaleStep) error {
	e, err := openFirn(ctx, c, dir)
	if err != nil {
		return err
	}
	defer e.Close()
	start := time.Now()
	g := gen.New(c.seed, c.streams)
	for i := range 10 {
		if err := e.pour(ctx, g, s.events*(i+1)/10-s.events*i/10, c.batch); err != nil {
			return err
		}
		var now loadSample
		if now.rss, _, err = e.rss(); err != nil {
			return err
		}
		if now.head, err = e.metric(ctx, "firn_head_events"); err != nil {
			return err
		}
		s.loading = append(s.loading, now)
	}
	s.load = time.Since(start)
	log.Printf("scale: %d events appended in %v", s.events, s.load.Round(time.Millisecond))
	if err := e.Settle(ctx); err != nil {
		return err
	}
	if err := e.quiet(ctx); err != nil {
		return err
	}
	_, s.loadRSS, err = e.rss()
	return err
}

// pour appends n generated events; one batch is made while another is stored.
func (e *firnEngine) pour(ctx context.Context, g *gen.Generator, n, batch int) error {
	full, empty := make(chan []byte, 2), make(chan []byte, 3)
	for range cap(empty) {
		empty <- nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(full)
		for left := n; left > 0; left -= batch {
			b := (<-empty)[:0]
			for range min(left, batch) {
				b = g.Append(b)
			}
			select {
			case full <- b:
			case <-ctx.Done():
				return
			}
		}
	}()
	for b := range full {
		if _, err := e.post(ctx, "bench", b); err != nil {
			return err
		}
		empty <- b
	}
	return ctx.Err()
}

// post appends lines to an instance. While the server says that too much waits
// to be stored, it sends them again, as clients do.
func (e *firnEngine) post(ctx context.Context, instance string, lines []byte) ([]byte, error) {
	for {
		out, err := e.call(ctx, "POST", "/v1/instances/"+instance+"/events?auto_create=true", "application/x-ndjson", lines)
		if err == nil && len(out) == 0 {
			return nil, fmt.Errorf("%d bytes of lines were answered with nothing", len(lines))
		}
		if err == nil || !strings.Contains(err.Error(), "urn:firn:overloaded") {
			return out, err
		}
		log.Printf("the server is busy; waiting")
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// quiet waits until the server uses no processor: compaction has ended.
func (e *firnEngine) quiet(ctx context.Context) error {
	before, err := cpuTime(e.cmd.Process.Pid)
	for err == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		var now time.Duration
		if now, err = cpuTime(e.cmd.Process.Pid); err == nil && now-before < 50*time.Millisecond {
			return nil
		}
		before = now
	}
	return err
}

// askAll asks every question of a server that has only opened the log.
func askAll(ctx context.Context, c config, dir string, s *scaleStep) error {
	start := time.Now()
	e, err := openFirn(ctx, c, dir)
	if err != nil {
		return err
	}
	defer e.Close()
	s.open = time.Since(start)
	all, err := e.scaleQuestions(ctx, s.events)
	if err != nil {
		return err
	}
	s.asked = all
	for _, q := range all {
		if err := e.askScale(ctx, q, s); err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		log.Printf("scale %d: %s: %v %s", s.events, q.name, s.times[q.name].median, s.notes[q.name])
	}
	_, s.askRSS, err = e.rss()
	return err
}

// askScale asks one question several times. One that the server refuses (it
// takes too long, or too much memory) is noted as such.
func (e *firnEngine) askScale(ctx context.Context, q scaleQuestion, s *scaleStep) error {
	var took []time.Duration
	for i := range scaleRuns + 1 {
		start := time.Now()
		out, err := e.call(ctx, "POST", "/v1/query", "application/json", []byte(q.dsl))
		if err != nil && ctx.Err() == nil {
			log.Print(err)
			s.notes[q.name] = "refused"
			return nil
		}
		if err != nil {
			return err
		}
		var a struct {
			Stats cost `json:"stats"`
		}
		if err := json.Unmarshal(out, &a); err != nil {
			return err
		}
		s.costs[q.name] = a.Stats
		if i > 0 {
			took = append(took, time.Since(start))
		}
	}
	s.times[q.name] = timingOf(took)
	return nil
}

// scaleQuestion is a query, and what its time is expected to grow with.
type scaleQuestion struct {
	name  string
	grows string // "log" or "answer"
	dsl   string
}

// scaleQuestions are the questions for a log of this many events.
func (e *firnEngine) scaleQuestions(ctx context.Context, events int) ([]scaleQuestion, error) {
	stream, err := e.streamOf(ctx, 10_000)
	if err != nil {
		return nil, err
	}
	const bench = `{"from":{"instance":"bench"},`
	// Events are 2 ms apart on average: the middle minute of the log.
	middle := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(events) * time.Millisecond)
	minute := `[{"field":"timestamp","operator":"between","value":["` + middle.Format(time.RFC3339) + `","` + middle.Add(time.Minute).Format(time.RFC3339) + `"]}]`
	busiest := `{"from":{"instance":"bench","stream":"` + gen.StreamName(40) + `"},`
	all := []scaleQuestion{}
	for _, q := range questions(config{events: events}) {
		grows := "log"
		if q.name == "rare value" || q.shape == "rows" {
			grows = "answer"
		}
		all = append(all, scaleQuestion{q.name, grows, q.dsl})
	}
	return append(all,
		scaleQuestion{"newest 100", "answer", bench + `"orderBy":{"field":"position","direction":"desc"},"limit":100,"total":false}`},
		scaleQuestion{"last event of a stream", "answer", busiest + `"orderBy":{"field":"sequence_number","direction":"desc"},"limit":1,"total":false}`},
		scaleQuestion{"a stream of about 10,000 from its start, at most 10,000", "answer",
			`{"from":{"instance":"bench","stream":"` + stream + `"},"limit":10000,"total":false}`},
		scaleQuestion{"errors of one minute", "answer", bench + `"where":[{"field":"severity","operator":"gte","value":"error"},` + minute[1:] + `,"limit":100,"total":false}`},
		scaleQuestion{"p95 by type of one minute", "answer", bench + `"where":` + minute + `,"reduce":{"type":"p95","field":"payload.duration_ms","groupBy":["event_type"]}}`},
		scaleQuestion{"page at offset 9/10 of the log", "answer", fmt.Sprintf(bench+`"offset":%d,"limit":100,"total":false}`, events/10*9)},
		scaleQuestion{"top 10 by a payload field", "log", bench + `"orderBy":{"field":"payload.duration_ms","direction":"desc"},"limit":10,"total":false}`},
		scaleQuestion{"p50, p95 and p99 of a payload field", "log", bench + `"reduce":[{"as":"p50","type":"p50","field":"payload.duration_ms"},{"as":"p95","type":"p95","field":"payload.duration_ms"},{"as":"p99","type":"p99","field":"payload.duration_ms"}]}`},
		scaleQuestion{"count_distinct of streams", "log", bench + `"reduce":{"type":"count_distinct","field":"stream_id"}}`},
		scaleQuestion{"count by 100 k groups, 10 largest", "log", bench + `"reduce":{"type":"count","groupBy":["actor","payload.status","metadata.v"]},"limit":10}`},
		scaleQuestion{"count by hour and severity", "log", bench + `"reduce":{"type":"count","groupBy":["timestamp:1h","severity"]}}`},
		scaleQuestion{"count where ten conditions", "log", bench + `"where":[` + tenConditions + `],"reduce":{"type":"count"}}`},
		scaleQuestion{"count where matches", "log", bench + `"where":[{"field":"payload.message","operator":"matches","value":"(slow|lock) .*retry$"}],"reduce":{"type":"count"}}`},
	), nil
}

const tenConditions = `{"field":"event_type","operator":"in","value":["page.viewed","query.executed","user.login"]},` +
	`{"field":"severity","operator":"gte","value":"notice"},{"field":"payload.status","operator":"between","value":[200,499]},` +
	`{"field":"payload.duration_ms","operator":"gt","value":10},{"field":"payload.duration_ms","operator":"lt","value":2400},` +
	`{"field":"payload.geo.city","operator":"neq","value":"Oslo"},{"field":"payload.geo.zip","operator":"gte","value":10100},` +
	`{"field":"actor","operator":"exists"},{"field":"metadata.source","operator":"starts_with","value":"web-"},` +
	`{"not":{"field":"payload.retry","operator":"eq","value":true}}`

// streamOf finds the stream whose number of events is nearest to n.
func (e *firnEngine) streamOf(ctx context.Context, n int64) (name string, err error) {
	cursor, count := "", int64(0)
	for {
		out, err := e.call(ctx, "GET", "/v1/instances/bench/streams?limit=1000"+cursor, "", nil)
		if err != nil {
			return "", err
		}
		var page struct {
			Streams []struct {
				ID    string `json:"stream_id"`
				Count int64  `json:"count"`
			} `json:"streams"`
			Next string `json:"next_cursor"`
		}
		if err := json.Unmarshal(out, &page); err != nil {
			return "", err
		}
		for _, s := range page.Streams {
			if name == "" || max(s.Count-n, n-s.Count) < max(count-n, n-count) {
				name, count = s.ID, s.Count
			}
		}
		if page.Next == "" {
			return name, nil
		}
		cursor = "&cursor=" + url.QueryEscape(page.Next)
	}
}

// scaleTable has a column a size.
func (r *report) scaleTable(b *strings.Builder) {
	if len(r.scale) == 0 {
		return
	}
	fmt.Fprintf(b, "## As the log grows\n\nMilliseconds, the median of %d after one to warm up; in brackets segments read, of all there are. ×: how many times the size before.\n\n", scaleRuns)
	row := func(name, grows string, cell func(i int, s *scaleStep) string) {
		fmt.Fprintf(b, "| %s | %s |", name, grows)
		for i, s := range r.scale {
			fmt.Fprintf(b, " %s |", cell(i, s))
		}
		b.WriteString("\n")
	}
	row("what", "is to grow with", func(_ int, s *scaleStep) string { return fmt.Sprintf("%d events", s.events) })
	fmt.Fprintf(b, "|---|---|%s\n", strings.Repeat("---|", len(r.scale)))
	loaded := func(s *scaleStep, cell string) string {
		if s.load == 0 {
			return "loaded before"
		}
		return cell
	}
	row("appended, events/s (making them on the same cores included)", "", func(_ int, s *scaleStep) string {
		return loaded(s, fmt.Sprintf("%.0f", float64(s.events)/s.load.Seconds()))
	})
	row("events not sealed, after each tenth, thousands", "nothing", func(_ int, s *scaleStep) string {
		return tenths(s, func(l loadSample) int64 { return int64(l.head) / 1000 })
	})
	row("RSS while loading, after each tenth, MiB", "nothing", func(_ int, s *scaleStep) string {
		return tenths(s, func(l loadSample) int64 { return l.rss >> 20 })
	})
	row("its peak", "nothing", func(_ int, s *scaleStep) string { return loaded(s, fmt.Sprintf("%d MiB", s.loadRSS>>20)) })
	row("peak RSS of opening and all questions (goal ≤ 512 MiB)", "nothing", func(_ int, s *scaleStep) string { return fmt.Sprintf("%d MiB", s.askRSS>>20) })
	row("open, ms (10 M: goal < 1,000)", "", func(_ int, s *scaleStep) string { return fmt.Sprintf("%d", s.open.Milliseconds()) })
	row("bytes/event", "", func(_ int, s *scaleStep) string { return fmt.Sprintf("%.1f", float64(s.bytes)/float64(s.events)) })
	for _, q := range r.scale[0].asked {
		row(q.name, q.grows, func(i int, s *scaleStep) string { return r.scaleCell(q.name, i) })
	}
	b.WriteString("\n")
}

// tenths lists a figure of the loading, after each tenth.
func tenths(s *scaleStep, of func(loadSample) int64) string {
	var all []string
	for _, l := range s.loading {
		all = append(all, fmt.Sprint(of(l)))
	}
	return strings.Join(all, " ")
}

func (r *report) scaleCell(name string, i int) string {
	s := r.scale[i]
	t, ok := s.times[name]
	if !ok {
		return s.notes[name]
	}
	c := s.costs[name]
	cell := fmt.Sprintf("**%.2f** (%d of %d)", t.median.Seconds()*1000, c.Scanned, c.Scanned+c.Skipped)
	if i > 0 {
		if before, ok := r.scale[i-1].times[name]; ok {
			cell += fmt.Sprintf(" %.1f×", t.median.Seconds()/before.median.Seconds())
		}
	}
	return cell
}
