package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// smallThings measures logs of many small or odd things: what the server holds
// of them, and how it starts with them.
func smallThings(ctx context.Context, c config, r *report) error {
	for i, what := range []struct {
		name string
		load func(ctx context.Context, e *firnEngine) error
	}{
		{"10,000 instances with an event each", tenThousandInstances},
		{"1,000,000 streams with an event each", lines(1_000_000, func(i int) string { return fmt.Sprintf(`{"event_type":"x","stream_id":"s-%d"}`, i) })},
		{"10,000 event types, 100 events each", lines(1_000_000, func(i int) string { return fmt.Sprintf(`{"event_type":"family-%d.type-%d"}`, i%100, i%10_000) })},
		{"500 payloads of 1 MiB", lines(500, func(i int) string {
			return fmt.Sprintf(`{"event_type":"x","payload":{"n":%d,"text":"%s"}}`, i, strings.Repeat(fmt.Sprintf("%08x ", i*2654435761), 1<<20/9))
		})},
		{"20,000 payloads of 500 different keys", lines(20_000, wide)},
		{"100,000 payloads nested 100 deep", lines(100_000, func(i int) string {
			return fmt.Sprintf(`{"event_type":"x","payload":%s%d%s}`, strings.Repeat(`{"a":`, 100), i, strings.Repeat("}", 100))
		})},
	} {
		dir := filepath.Join(c.dir, fmt.Sprintf("small-%d", i))
		if err := small(ctx, c, r, dir, what.name, what.load); err != nil {
			return fmt.Errorf("%s: %w", what.name, err)
		}
	}
	return nil
}

// wide is an event of 500 keys of 5,000.
func wide(i int) string {
	var b strings.Builder
	b.WriteString(`{"event_type":"x","payload":{`)
	for k := range 500 {
		if k > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"key%d":%d`, (i%10)*500+k, i+k)
	}
	b.WriteString("}}")
	return b.String()
}

func small(ctx context.Context, c config, r *report, dir, name string, load func(context.Context, *firnEngine) error) error {
	e, err := openFirn(ctx, c, dir)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := load(ctx, e); err != nil {
		e.Close()
		return err
	}
	took := time.Since(start)
	_, peak, err := e.rss()
	if err != nil {
		e.Close()
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	start = time.Now()
	if e, err = openFirn(ctx, c, dir); err != nil {
		return err
	}
	defer e.Close()
	opened := time.Since(start)
	if err := e.quiet(ctx); err != nil {
		return err
	}
	now, _, err := e.rss()
	r.row(name, fmt.Sprintf("appended in %v, peak RSS %d MiB; opened in %d ms, RSS %d MiB", took.Round(time.Millisecond), peak>>20, opened.Milliseconds(), now>>20), "", "≤ 512 MiB")
	return err
}

// lines appends n lines, 1,000 or 4 MiB a request.
func lines(n int, line func(i int) string) func(context.Context, *firnEngine) error {
	return func(ctx context.Context, e *firnEngine) error {
		var b []byte
		for i := range n {
			b = append(append(b, line(i)...), '\n')
			if (i+1)%1000 != 0 && len(b) < 4<<20 && i+1 < n {
				continue
			}
			if _, err := e.call(ctx, "POST", "/v1/instances/bench/events", "application/x-ndjson", b); err != nil {
				return err
			}
			b = b[:0]
		}
		return nil
	}
}

func tenThousandInstances(ctx context.Context, e *firnEngine) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for i := range numbers {
				if _, err := e.call(ctx, "POST", fmt.Sprintf("/v1/instances/tenant-%d/events?auto_create=true", i), "application/json", []byte(`{"event_type":"x"}`)); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range 10_000 {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
	return context.Cause(ctx)
}
