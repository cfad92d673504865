package webdebug

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	senders       = 4        // requests to the server at once
	maxQueueBytes = 64 << 20 // of the recordings that wait
	closeFor      = 5 * time.Second
)

// sender posts recordings to the server from its own goroutines.
type sender struct {
	collector *Collector
	url       string
	queue     chan *recording
	held      atomic.Int64 // bytes in the queue
	failing   atomic.Bool  // the last attempt of anybody failed

	closed  atomic.Bool
	gate    sync.RWMutex  // held for reading while something is put into the queue
	closing chan struct{} // closed when nothing is put any more
	once    sync.Once
	ctx     context.Context // ends when there is no time left
	stop    context.CancelFunc
	workers sync.WaitGroup
}

func startSender(c *Collector, url string) *sender {
	s := &sender{collector: c, url: url, queue: make(chan *recording, c.opts.Queue), closing: make(chan struct{})}
	s.ctx, s.stop = context.WithCancel(context.Background())
	for range senders {
		s.workers.Go(s.run)
	}
	return s
}

// put queues a recording or counts it as dropped. It never waits.
func (s *sender) put(r *recording) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	size := r.size()
	if held := s.held.Add(size); held <= maxQueueBytes && !s.closed.Load() {
		select {
		case s.queue <- r:
			return
		default:
		}
	}
	s.held.Add(-size)
	s.collector.counts.dropped.Add(1)
	r.giveBack()
}

// close lets the workers send what waits, until ctx ends.
func (s *sender) close(ctx context.Context) error {
	lost := s.collector.counts.dropped.Load()
	s.once.Do(func() {
		s.gate.Lock()
		s.closed.Store(true)
		s.gate.Unlock()
		close(s.closing)
	})
	ctx, cancel := context.WithTimeout(ctx, closeFor)
	defer cancel()
	unhook := context.AfterFunc(ctx, s.stop)
	defer unhook()
	s.workers.Wait()
	s.stop()
	s.collector.opts.HTTP.CloseIdleConnections()
	if ctx.Err() == nil {
		return nil
	}
	if lost = s.collector.counts.dropped.Load() - lost; lost == 0 {
		return nil
	}
	return fmt.Errorf("webdebug: %d schemes were not sent in time: %w", lost, ctx.Err())
}

// run sends until the queue is closing and empty.
func (s *sender) run() {
	for {
		select {
		case r := <-s.queue:
			s.deliver(r)
			continue
		case <-s.closing:
		}
		select {
		case r := <-s.queue:
			s.deliver(r)
		default:
			return
		}
	}
}

// deliver sends one scheme, as often as it takes: a scheme has an id, so that
// the server keeps it once.
func (s *sender) deliver(r *recording) {
	defer s.held.Add(-r.size())
	counts := &s.collector.counts
	scheme := r.scheme()
	// Not a spare buffer: a transport may read it after it has returned.
	body := scheme.append(make([]byte, 0, len(r.text)+len(r.request)+len(r.entries)*entryBytes))
	r.giveBack()
	deadline := time.Now().Add(s.collector.opts.RetryFor)
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := s.post(body)
		if err == nil {
			s.failing.Store(false)
			counts.sent.Add(1)
			return
		}
		refused, isRefusal := errors.AsType[*refusal](err)
		if isRefusal && refused.final() {
			counts.refused.Add(1)
			s.collector.failed(fmt.Errorf("webdebug: scheme %s is given up: %w", r.id, err))
			return
		}
		wait := pause/2 + rand.N(pause/2+1) //nolint:gosec // jitter
		if isRefusal {
			wait = max(wait, refused.retryAfter)
		}
		if s.ctx.Err() != nil || time.Now().Add(wait).After(deadline) {
			counts.dropped.Add(1)
			s.collector.failed(fmt.Errorf("webdebug: scheme %s is given up: %w", r.id, err))
			return
		}
		counts.retries.Add(1)
		if !s.failing.Swap(true) {
			s.collector.failed(fmt.Errorf("webdebug: schemes can not be sent, trying again: %w", err))
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.ctx.Done():
			timer.Stop()
		}
	}
}

// refusal is an answer that is no success.
type refusal struct {
	status     int
	text       string // the start of the body
	retryAfter time.Duration
}

func (r *refusal) Error() string { return fmt.Sprintf("the server answers %d: %s", r.status, r.text) }

// final reports whether the same scheme, sent again, would be refused again.
func (r *refusal) final() bool {
	return r.status < 500 && r.status != http.StatusTooManyRequests && r.status != http.StatusRequestTimeout
}

// post makes one attempt.
func (s *sender) post(body []byte) error {
	request, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if key := s.collector.opts.Key; key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := s.collector.opts.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	const enough = 64 << 10 // bytes: read to its end, the connection can be used again
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		// The scheme is stored, whatever becomes of the rest of the answer.
		_, _ = io.CopyN(io.Discard, response.Body, enough)
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 500))
	r := &refusal{status: response.StatusCode, text: string(bytes.ToValidUTF8(text, []byte("\ufffd")))}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		r.retryAfter = min(time.Duration(max(seconds, 0))*time.Second, time.Minute)
	}
	return r
}
