package overload

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firnlog/firn/test/loadtest"
)

const (
	memoryLimit = 256 << 20
	stalled     = 1000     // subscribers that read nothing
	largeBodies = 200      // that are sent at once
	largeBody   = 10 << 20 // bytes of each
	largeEvent  = 1 << 20  // bytes
	largeEvents = 200
	hungry      = 24 // clients of large answers
)

// TestMemory gives a server 256 MiB, in a control group, and asks too much of it
// from all sides at once: a thousand subscribers that read nothing, 200 bodies of
// 10 MiB, queries at their limits, and answers of up to 200 MiB that are read
// slowly. It must refuse what it cannot do with 503 or 429 and Retry-After, go on
// answering those who ask for little, and never be killed for want of memory.
func TestMemory(t *testing.T) {
	group, server, m := underPressure(t)
	many := loadtest.Rounds(t, "FIRN_MEMORY_EVENTS", 1_000_000, 300_000)
	if err := m.fill(t.Context(), many); err != nil {
		peak, kills, _ := group.used()
		t.Fatalf("while it was filled: %v (peak %d MiB, %d processes were killed for want of memory)\n%s", err, peak>>20, kills, server.Log())
	}
	err := m.run(t.Context())
	peak, kills, usedErr := group.used()
	t.Logf("peak %d MiB of %d; %s", peak>>20, memoryLimit>>20, m)
	if err := errors.Join(err, usedErr); err != nil {
		t.Errorf("%v\n%s", err, server.Log())
	}
	select {
	case <-server.Ended():
		t.Fatalf("the server has ended, %d processes were killed for want of memory\n%s", kills, server.Log())
	default:
	}
	if kills > 0 {
		t.Errorf("%d processes were killed for want of memory", kills)
	}
	if err := m.well(t.Context(), many); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestMemoryWithoutBounds is the control of TestMemory: the same is asked of a
// server whose bounds are far above what the control group gives it. It must be
// killed.
func TestMemoryWithoutBounds(t *testing.T) {
	const without = "64GiB"
	group, server, m := underPressure(t, "GOMEMLIMIT="+without, "FIRN_LIMITS_QUERY_MEMORY="+without, "FIRN_LIMITS_BODY_MEMORY="+without)
	err := m.fill(t.Context(), 20_000)
	if err == nil {
		err = m.run(t.Context())
	}
	_, kills, usedErr := group.used()
	if usedErr != nil {
		t.Fatal(usedErr)
	}
	if kills == 0 {
		t.Fatalf("a server without bounds has enough in %d MiB: the load proves nothing; %s; it ended with %v\n%s", memoryLimit>>20, m, err, server.Log())
	}
	if err == nil {
		t.Error("the server was killed, and nobody has noticed")
	}
}

// underPressure starts a server in a control group.
func underPressure(t *testing.T, env ...string) (*cgroup, *loadtest.Server, *pressure) {
	t.Helper()
	group := newCgroup(t, memoryLimit)
	server, err := loadtest.Start(t.Context(), loadtest.Serve{
		Binary: loadtest.Build(t, ""), Data: t.TempDir() + "/data", Cgroup: group.dir, Env: env,
		Args: []string{"--seal-rows", "50000", "--seal-age", "2s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	return group, server, &pressure{url: server.URL, answers: map[string]*atomic.Int64{}}
}

// pressure is what is asked of the server.
type pressure struct {
	url string

	mu      sync.Mutex
	answers map[string]*atomic.Int64 // by what was asked, and the status
	acked   atomic.Int64             // small events
}

func (m *pressure) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for name, n := range m.answers {
		all = append(all, fmt.Sprintf("%s: %d", name, n.Load()))
	}
	return strings.Join(all, ", ")
}

func (m *pressure) count(asked string, status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := fmt.Sprintf("%s %d", asked, status)
	if m.answers[name] == nil {
		m.answers[name] = new(atomic.Int64)
	}
	m.answers[name].Add(1)
}

func (m *pressure) had(asked string, status int) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.answers[fmt.Sprintf("%s %d", asked, status)]; n != nil {
		return n.Load()
	}
	return 0
}

// fill stores many small events and some large ones. Where the server is busy it
// sends again.
func (m *pressure) fill(ctx context.Context, many int) error {
	var b bytes.Buffer
	for n := 0; n < many; {
		b.Reset()
		for range min(10_000, many-n) {
			fmt.Fprintf(&b, `{"id":"n%d","event_type":"kind.%d","stream_id":"s%d","payload":{"n":%d,"name":"user-%d"}}`+"\n", n, n%10, n%100, n, n)
			n++
		}
		if err := m.store(ctx, "small", "application/x-ndjson", b.Bytes(), http.StatusOK); err != nil {
			return err
		}
	}
	for n := range largeEvents {
		b.Reset()
		fmt.Fprintf(&b, `{"id":"large%d","event_type":"large","payload":{"text":"%s"}}`, n, noise(n, largeEvent))
		if err := m.store(ctx, "large", "application/json", b.Bytes(), http.StatusCreated); err != nil {
			return err
		}
	}
	return nil
}

// noise is text that does not compress.
func noise(seed, size int) []byte {
	text, x := make([]byte, size), uint64(seed)*0x9e3779b97f4a7c15+1
	for i := range text {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		text[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"[x%64]
	}
	return text
}

// store sends until it is taken.
func (m *pressure) store(ctx context.Context, instance, kind string, body []byte, want int) error {
	for {
		status, wait, err := m.post(ctx, "/v1/instances/"+instance+"/events?auto_create=true", kind, body)
		if err != nil || status == want {
			return err
		}
		if status != http.StatusServiceUnavailable {
			return fmt.Errorf("store in %s: the server answered %d", instance, status)
		}
		if !rest(ctx, wait) {
			return context.Cause(ctx)
		}
	}
}

func rest(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// post sends a body and reads the answer away. A refusal must say when to ask
// again.
func (m *pressure) post(ctx context.Context, path, kind string, body []byte) (status int, wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Content-Type", kind)
	transport := &http.Transport{ExpectContinueTimeout: time.Second}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, 0, err
	}
	wait, err = retryAfter(resp)
	return resp.StatusCode, wait, err
}

// retryAfter is how long a refusal asks to wait; an error if it does not say.
func retryAfter(resp *http.Response) (time.Duration, error) {
	if resp.StatusCode != http.StatusServiceUnavailable && resp.StatusCode != http.StatusTooManyRequests {
		return 0, nil
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		return 0, fmt.Errorf("%s has Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	return time.Duration(seconds) * time.Second, nil
}

// run lets all of it loose, until the bodies and the small clients are done.
func (m *pressure) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	held, heldCtx := errgroup.WithContext(ctx)
	defer held.Wait()
	stop, stopHeld := context.WithCancel(heldCtx)
	defer stopHeld()
	connected := make(chan struct{}, stalled)
	for range stalled {
		held.Go(func() error { return m.stall(stop, connected) })
	}
	for range stalled {
		select {
		case <-connected:
		case <-heldCtx.Done():
			return context.Cause(heldCtx)
		}
	}
	for i := range hungry {
		held.Go(func() error { return m.eat(stop, i) })
	}
	load, loadCtx := errgroup.WithContext(ctx)
	body := largeBatch()
	load.Go(func() error { return m.patient(loadCtx, body) })
	for range largeBodies - 1 {
		load.Go(func() error {
			status, _, err := m.post(loadCtx, "/v1/instances/bodies/events?auto_create=true", "application/json", body)
			m.count("body", status)
			return unlessCut(err)
		})
	}
	for i := range 4 {
		load.Go(func() error { return m.small(loadCtx, i) })
	}
	err := load.Wait()
	stopHeld()
	if err := errors.Join(err, held.Wait()); err != nil {
		return err
	}
	if n := m.had("body", http.StatusServiceUnavailable); n == 0 {
		return errors.New("no large body was refused: the load proves nothing")
	}
	return nil
}

// patient sends a large body until it is stored, at most a hundred times.
func (m *pressure) patient(ctx context.Context, body []byte) error {
	for range 100 {
		status, wait, err := m.post(ctx, "/v1/instances/bodies/events?auto_create=true", "application/json", body)
		m.count("body", status)
		if status == http.StatusCreated || unlessCut(err) != nil {
			return err
		}
		if !rest(ctx, max(wait, time.Second)) {
			break
		}
	}
	return errors.New("a large body was refused each time that it was sent")
}

// unlessCut is an error but for that of a connection that was closed while the
// body was on its way: the answer to it may be lost with it.
func unlessCut(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return err
}

func largeBatch() []byte {
	var b bytes.Buffer
	b.WriteString("[")
	for n := 0; b.Len() < largeBody-11_000; n++ {
		if n > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"event_type":"body","payload":{"text":"%s"}}`, noise(n, 10_000))
	}
	b.WriteString("]")
	return b.Bytes()
}

// stall subscribes and reads the head of the answer alone.
func (m *pressure) stall(ctx context.Context, connected chan<- struct{}) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(m.url, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "GET /v1/instances/large/tail?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReaderSize(conn, 16).ReadString('\n')
	if err != nil {
		return fmt.Errorf("a subscriber: %w", err)
	}
	m.count("tail", status(line))
	connected <- struct{}{}
	<-ctx.Done()
	return nil
}

func status(line string) int {
	n, _ := strconv.Atoi(strings.Split(line+"   ", " ")[1])
	return n
}

// hungryQueries are at the limits of what may be asked, but for the first: it
// collects more values than an answer may have, which waiting does not mend.
var hungryQueries = []string{
	`{"from":{"instance":"small"},"reduce":{"type":"collect","field":"payload.name"}}`,
	`{"from":{"instance":"small"},"where":[{"field":"payload.n","operator":"lt","value":99000}],"reduce":{"type":"collect","field":"payload.name"}}`,
	`{"from":{"instance":"large"},"limit":10000}`,
	`{"from":{"instance":"large"},"limit":20}`,
	`{"from":{"instance":"large"},"select":["payload.text"],"limit":15}`,
	`{"from":{"instance":"small"},"reduce":{"type":"count","groupBy":["payload.name"]}}`,
	`{"from":{"instance":"small"},"limit":10000,"orderBy":{"field":"payload.name"}}`,
}

// eat asks for much, over and over, and reads it as slowly as it may.
func (m *pressure) eat(ctx context.Context, n int) error {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		return conn, err
	}}
	defer transport.CloseIdleConnections()
	for ; ctx.Err() == nil; n++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url+"/v1/query", strings.NewReader(hungryQueries[n%len(hungryQueries)]))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := transport.RoundTrip(req)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("query %s: %w", hungryQueries[n%len(hungryQueries)], err)
		}
		m.count("query", resp.StatusCode)
		wait, err := retryAfter(resp)
		switch {
		case err != nil:
		case resp.StatusCode == http.StatusOK:
			err = sip(ctx, resp.Body)
		case resp.StatusCode == http.StatusBadRequest:
			err = tooMuch(ctx, n, resp.Body)
		}
		resp.Body.Close()
		if err != nil {
			return err
		}
		if wait > 0 && !rest(ctx, wait/10) { // it is impatient too
			return nil
		}
	}
	return nil
}

// tooMuch reads why a query was refused for good: only the first one may be.
func tooMuch(ctx context.Context, n int, from io.Reader) error {
	text, err := io.ReadAll(from)
	if err != nil {
		return unlessEnded(ctx, err)
	}
	if n%len(hungryQueries) != 0 || !bytes.Contains(text, []byte("collect: more than 100,000 values")) {
		return fmt.Errorf("query %s: 400: %s", hungryQueries[n%len(hungryQueries)], text)
	}
	return nil
}

// sip reads a little every now and then, for some seconds.
func sip(ctx context.Context, from io.Reader) error {
	for range 40 {
		if _, err := io.CopyN(io.Discard, from, 32<<10); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return unlessEnded(ctx, err)
		}
		if !rest(ctx, 50*time.Millisecond) {
			return nil
		}
	}
	return nil
}

func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// small asks for little: it must be answered, if not at once then when it asks
// again.
func (m *pressure) small(ctx context.Context, client int) error {
	for n := range 25 {
		event := fmt.Appendf(nil, `{"id":"c%d.%d","event_type":"healthy","payload":{"n":%d}}`, client, n, n)
		if err := m.store(ctx, "healthy", "application/json", event, http.StatusCreated); err != nil {
			return fmt.Errorf("a healthy client's append: %w", err)
		}
		m.acked.Add(1)
		for {
			status, wait, err := m.post(ctx, "/v1/query", "application/json", []byte(`{"from":{"instance":"healthy"},"reduce":{"type":"count"}}`))
			if err != nil {
				return fmt.Errorf("a healthy client's query: %w", err)
			}
			m.count("small query", status)
			if status == http.StatusOK {
				break
			}
			if status != http.StatusServiceUnavailable || !rest(ctx, wait) {
				return fmt.Errorf("a healthy client's query: the server answered %d: %w", status, ctx.Err())
			}
		}
	}
	return nil
}

// well: everything that was acknowledged is there.
func (m *pressure) well(ctx context.Context, many int) error {
	perBody := bytes.Count(largeBatch(), []byte("event_type"))
	for instance, want := range map[string]int64{
		"small": int64(many), "large": largeEvents, "healthy": m.acked.Load(),
		"bodies": m.had("body", http.StatusCreated) * int64(perBody),
	} {
		var answer struct {
			Total int64 `json:"total"`
		}
		body, err := json.Marshal(map[string]any{"from": map[string]string{"instance": instance}, "limit": 0})
		if err != nil {
			return err
		}
		if err := loadtest.Post(ctx, m.url, "/query", body, http.StatusOK, &answer); err != nil {
			return err
		}
		if instance == "bodies" && answer.Total > want && answer.Total%int64(perBody) == 0 {
			continue // an answer may have been lost with its connection
		}
		if answer.Total != want {
			return fmt.Errorf("instance %s has %d events, and %d were acknowledged", instance, answer.Total, want)
		}
	}
	return nil
}
