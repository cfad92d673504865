package crash

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json/v2"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/test/loadtest"
)

// TestCutAnswers has clients append through a proxy that cuts three answers of
// ten off, somewhere, and send again with the same ids until they have an answer;
// now and then they send what was answered once more. Every event is there once.
// FIRN_CUT_EVENTS is how many events there are.
func TestCutAnswers(t *testing.T) {
	seed := loadtest.Seed(t)
	server, err := loadtest.Start(t.Context(), loadtest.Serve{Binary: loadtest.Build(t, ""), Data: filepath.Join(t.TempDir(), "data")})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	p := &cutting{server: server.URL, rng: rand.New(rand.NewPCG(seed, 0))}
	proxy := httptest.NewServer(p)
	defer proxy.Close()
	total := loadtest.Rounds(t, "FIRN_CUT_EVENTS", 10_000, 5_000)
	writers := make([]*writer, clients)
	group, ctx := errgroup.WithContext(t.Context())
	for i := range writers {
		w := &writer{name: fmt.Sprintf("w%d", i), rng: rand.New(rand.NewPCG(seed, uint64(i+1)))}
		writers[i] = w
		events := total / clients
		if i == 0 {
			events += total % clients
		}
		group.Go(func() error { return w.write(ctx, proxy.URL, events) })
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, server.Log())
	}
	if err := countCut(t.Context(), server.URL, writers, total); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events, %d of %d answers cut off", total, p.cut.Load(), p.answers.Load())
	if p.cut.Load() < p.answers.Load()/5 {
		t.Error("too few answers were cut off for three of ten")
	}
}

// writer appends to a stream of its own.
type writer struct {
	name string
	rng  *rand.Rand
	acks map[string]client.Receipt // by id
}

func (w *writer) write(ctx context.Context, url string, events int) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := client.New(url, client.Options{HTTP: &http.Client{Transport: transport}, Attempts: 100, Backoff: time.Microsecond})
	if err != nil {
		return err
	}
	w.acks = map[string]client.Receipt{}
	var before []event.Draft
	for n := 0; n < events; {
		var batch []event.Draft
		for range min(1+w.rng.IntN(40), events-n) {
			n++
			batch = append(batch, event.Draft{ID: fmt.Sprintf("%s-%d", w.name, n), EventType: "cut"})
		}
		opts := client.AppendOptions{Stream: w.name, AutoCreate: true}
		if w.rng.IntN(2) == 0 {
			opts.ExpectedSequence = new(int64(n - len(batch)))
		}
		if err := w.append(ctx, c, batch, opts); err != nil {
			return err
		}
		if w.rng.IntN(10) == 0 && before != nil { // as one who was not sure
			if err := w.append(ctx, c, before, client.AppendOptions{Stream: w.name}); err != nil {
				return err
			}
		}
		before = batch
	}
	return nil
}

// append appends a batch; an id that was acknowledged before is acknowledged the
// same.
func (w *writer) append(ctx context.Context, c *client.Client, batch []event.Draft, opts client.AppendOptions) error {
	receipts, err := c.Append(ctx, "cut", batch, opts)
	if err != nil {
		return fmt.Errorf("%s, events %s to %s: %w", w.name, batch[0].ID, batch[len(batch)-1].ID, err)
	}
	for i, r := range receipts {
		old, again := w.acks[r.ID]
		switch {
		case r.ID != batch[i].ID:
			return fmt.Errorf("%s is acknowledged as %s", batch[i].ID, r.ID)
		case again && (!r.Duplicate || r.Position != old.Position || r.SequenceNumber != old.SequenceNumber):
			return fmt.Errorf("%s is acknowledged as %+v, and was as %+v", r.ID, r, old)
		}
		w.acks[r.ID] = r
	}
	return nil
}

// countCut reads everything past the proxy: each event once, where it was
// acknowledged, and no other.
func countCut(ctx context.Context, url string, writers []*writer, total int) error {
	c, err := client.New(url, client.Options{})
	if err != nil {
		return err
	}
	export, err := c.Export(ctx, "cut", client.NDJSON, client.Filter{})
	if err != nil {
		return err
	}
	defer export.Close()
	lines := bufio.NewScanner(export)
	seen := 0
	for ; lines.Scan(); seen++ {
		var e struct {
			ID       string `json:"id"`
			Stream   string `json:"stream_id"`
			Sequence int64  `json:"sequence_number"`
			Position int64  `json:"position"`
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return err
		}
		var told client.Receipt
		for _, w := range writers {
			if w.name == e.Stream {
				told = w.acks[e.ID]
				delete(w.acks, e.ID) // seen
			}
		}
		if told.ID != e.ID || told.SequenceNumber != e.Sequence || told.Position != e.Position || e.Position != int64(seen+1) || e.ID != fmt.Sprintf("%s-%d", e.Stream, e.Sequence) {
			return fmt.Errorf("event %d is %+v, and what was acknowledged and not seen yet is %+v", seen+1, e, told)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if seen != total {
		return fmt.Errorf("%d events are there, and %d were sent", seen, total)
	}
	return nil
}

// cutting passes requests on and cuts answers off.
type cutting struct {
	server       string
	mu           sync.Mutex
	rng          *rand.Rand
	cut, answers atomic.Int64
}

func (p *cutting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The whole request first: what is cut off is the answer, not what was asked.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, p.server+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req.Header = r.Header.Clone()
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	var answer strings.Builder
	fmt.Fprintf(&answer, "HTTP/1.1 %s\r\nContent-Type: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", res.Status, res.Header.Get("Content-Type"), len(text), text)
	p.answer(conn, answer.String())
}

// answer sends an answer, whole or not.
func (p *cutting) answer(conn net.Conn, text string) {
	p.mu.Lock()
	end, whole := p.rng.IntN(len(text)), p.rng.IntN(10) >= 3
	p.mu.Unlock()
	p.answers.Add(1)
	if whole {
		end = len(text)
	} else {
		p.cut.Add(1)
	}
	_, _ = io.WriteString(conn, text[:end]) // the client may have given up
}
