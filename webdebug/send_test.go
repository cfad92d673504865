package webdebug_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firnlog/firn/webdebug"
)

// line is a connection to a server that exists in the test's own time.
type line struct {
	mu     sync.Mutex
	bodies []string
	answer func(n int, r *http.Request) (int, string, error) // status, Retry-After
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	n := len(l.bodies)
	l.bodies = append(l.bodies, string(text))
	l.mu.Unlock()
	status, retryAfter, err := l.answer(n, r)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	if retryAfter != "" {
		header.Set("Retry-After", retryAfter)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader("because")), Request: r}, nil
}

// in runs a test in its own time with a collector that sends over l.
func in(t *testing.T, l *line, o webdebug.Options, test func(t *testing.T, c *webdebug.Collector, request func())) {
	synctest.Test(t, func(t *testing.T) {
		o.Server, o.HTTP = "http://firn.test", &http.Client{Transport: l}
		c := webdebug.New(o)
		h := c.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		test(t, c, func() { h.ServeHTTP(httptest.NewRecorder(), get("/")) })
		_ = c.Close(context.Background())
	})
}

var errDown = errors.New("connection refused")

func TestSendRetriesTheSameScheme(t *testing.T) {
	l := &line{answer: func(n int, _ *http.Request) (int, string, error) {
		switch n {
		case 0:
			return 0, "", errDown
		case 1:
			return 500, "", nil
		case 2:
			return 429, "20", nil
		}
		return 201, "", nil
	}}
	var told []error
	o := webdebug.Options{OnError: func(err error) { told = append(told, err) }}
	in(t, l, o, func(t *testing.T, c *webdebug.Collector, request func()) {
		request()
		<-time.After(19 * time.Second)
		if s := c.Stats(); s.Sent != 0 {
			t.Errorf("the server asked for 20 s: %+v", s)
		}
		<-time.After(3 * time.Second)
		if s := c.Stats(); s.Sent != 1 || s.Retries != 3 || s.Dropped != 0 {
			t.Errorf("stats %+v", s)
		}
	})
	if len(l.bodies) != 4 || l.bodies[0] != l.bodies[3] {
		t.Errorf("sent %d times, not the same", len(l.bodies))
	}
	if len(told) != 1 || !errors.Is(told[0], errDown) {
		t.Errorf("told %v; want the beginning of the failure, once", told)
	}
}

func TestSendGivesUp(t *testing.T) {
	for _, status := range []int{301, 400, 401, 403, 404, 409, 413, 422} {
		l := &line{answer: func(int, *http.Request) (int, string, error) { return status, "", nil }}
		in(t, l, webdebug.Options{}, func(t *testing.T, c *webdebug.Collector, request func()) {
			request()
			_ = c.Close(t.Context())
			if s := c.Stats(); s.Refused != 1 || len(l.bodies) != 1 || !strings.Contains(s.LastError, "because") {
				t.Errorf("%d: sent %d times, %+v", status, len(l.bodies), s)
			}
		})
	}
	l := &line{answer: func(int, *http.Request) (int, string, error) { return 0, "", errDown }}
	in(t, l, webdebug.Options{RetryFor: 10 * time.Second}, func(t *testing.T, c *webdebug.Collector, request func()) {
		request()
		<-time.After(10 * time.Second)
		if s := c.Stats(); s.Dropped != 1 || s.Sent != 0 || s.Retries < 5 {
			t.Errorf("after 10 s: %+v", s)
		}
		request()
		start := time.Now()
		err := c.Close(context.Background())
		if took := time.Since(start); took != 5*time.Second || err == nil || !strings.Contains(err.Error(), "1 schemes were not sent in time") {
			t.Errorf("Close took %v and says %v", took, err)
		}
	})
}

// TestSendNeverWaits: with a server that hangs, requests are served at once,
// the queue fills, the rest is counted, and Close keeps its deadline.
func TestSendNeverWaits(t *testing.T) {
	l := &line{answer: func(_ int, r *http.Request) (int, string, error) {
		<-r.Context().Done()
		return 0, "", r.Context().Err()
	}}
	in(t, l, webdebug.Options{Queue: 10}, func(t *testing.T, c *webdebug.Collector, request func()) {
		start := time.Now()
		for range 100 {
			request()
			synctest.Wait()
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("requests waited %v", took)
		}
		if s := c.Stats(); s.Waiting != 10 || s.Dropped != 100-10-4 {
			t.Errorf("stats %+v", s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("Close took %v", took)
		}
		request() // is served, and not collected
		if s := c.Stats(); s.Dropped != 100 || s.Waiting != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestCloseWhileRequestsRun(t *testing.T) {
	a := newApp(t, webdebug.Options{Queue: 10_000})
	h := a.debug.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	var collected int
	var mu sync.Mutex
	var group sync.WaitGroup
	started := make(chan struct{}, 4)
	for range 4 {
		group.Go(func() {
			for i := range 200 {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, get("/"))
				if i == 50 {
					started <- struct{}{}
				}
				if w.Header().Get("X-Http-Debug-Id") != "" {
					mu.Lock()
					collected++
					mu.Unlock()
				}
			}
		})
	}
	<-started
	for range 2 {
		group.Go(func() { _ = a.debug.Close(context.Background()) })
	}
	group.Wait()
	s := a.debug.Stats()
	if int(s.Sent+s.Dropped) != collected || s.Waiting != 0 {
		t.Errorf("%d collected, but %+v", collected, s)
	}
	if len(a.receiver.schemes) != int(s.Sent) {
		t.Errorf("%d arrived, %d sent", len(a.receiver.schemes), s.Sent)
	}
}

// TestRedirectIsNotFollowed: a scheme goes to the server that was named.
func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := newReceiver(t)
	a := newApp(t, webdebug.Options{})
	a.receiver.answer = func(_ int, w http.ResponseWriter) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
	a.debug.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), get("/"))
	_ = a.debug.Close(t.Context())
	if len(elsewhere.posts) != 0 || a.debug.Stats().Refused != 1 {
		t.Errorf("stats %+v, %d posts elsewhere", a.debug.Stats(), len(elsewhere.posts))
	}
}
