package main

import (
	"bufio"
	"context"
	"encoding/json/v2"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// appendToSSE appends 20,000 events a second and measures, per event, the time
// from before its append to its arrival at a subscriber.
func appendToSSE(ctx context.Context, c config, r *report) error {
	const rate, batch, seconds = 20_000, 100, 5
	e, err := openFirn(ctx, c, filepath.Join(c.dir, "live"))
	if err != nil {
		return err
	}
	defer e.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", e.base+"/v1/instances/bench/tail?after=0", nil)
	if err != nil {
		return err
	}
	res, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	latencies := make(chan []time.Duration, 1)
	go func() { latencies <- arrivals(res, rate*seconds) }()
	next := time.Now()
	for range rate / batch * seconds {
		now := time.Now().UnixNano()
		body := strings.Repeat(fmt.Sprintf(`{"event_type":"live","payload":{"sent":%d,"text":"%s"}}`+"\n", now, strings.Repeat("x", 200)), batch)
		if _, err := e.call(ctx, "POST", "/v1/instances/bench/events", "application/x-ndjson", []byte(body)); err != nil {
			return err
		}
		next = next.Add(time.Second * batch / rate)
		time.Sleep(time.Until(next))
	}
	all := <-latencies
	if len(all) != rate*seconds {
		return fmt.Errorf("%d of %d events arrived", len(all), rate*seconds)
	}
	slices.Sort(all)
	r.row("append → SSE at 20,000 events/s", fmt.Sprintf("p50 %v, p99 %v, max %v", all[len(all)/2].Round(10*time.Microsecond), all[len(all)*99/100].Round(10*time.Microsecond), all[len(all)-1].Round(10*time.Microsecond)), "", "p99 ≤ 20 ms")
	return nil
}

// arrivals reads n events from a stream and returns how old each was.
func arrivals(res *http.Response, n int) []time.Duration {
	var out []time.Duration
	s := bufio.NewScanner(res.Body)
	s.Buffer(nil, 1<<20)
	for len(out) < n && s.Scan() {
		data, ok := strings.CutPrefix(s.Text(), "data: ")
		if !ok {
			data, ok = strings.CutPrefix(s.Text(), "data:")
		}
		if !ok {
			continue
		}
		now := time.Now().UnixNano()
		var ev struct {
			Payload struct {
				Sent int64 `json:"sent"`
			} `json:"payload"`
		}
		if json.Unmarshal([]byte(data), &ev) == nil && ev.Payload.Sent > 0 {
			out = append(out, time.Duration(now-ev.Payload.Sent))
		}
	}
	return out
}
