//go:build unix

package server

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// page follows a tail with the browser's own EventSource and reports, in order,
// every message and every loss of the connection to the server that it is from.
const page = `<!doctype html><title>tail</title><script>
const queue = [];
let busy = false, batch = 0;
async function report(what) {
	queue.push(what);
	if (busy) return;
	busy = true;
	while (queue.length > 0) {
		const body = JSON.stringify({batch: ++batch, reports: queue.splice(0)});
		while (!await fetch("/report", {method: "POST", body}).then(a => a.ok, () => false)) {
			await new Promise(again => setTimeout(again, 50)); // it was cut
		}
	}
	busy = false;
}
const source = new EventSource(%q);
source.onmessage = m => report({id: m.lastEventId, n: JSON.parse(m.data).payload.n, origin: m.origin});
source.onerror = () => report({lost: true, ended: source.readyState === EventSource.CLOSED});
</script>`

// report is a message, or the loss of a connection.
type report struct {
	ID     string `json:"id"`
	N      int    `json:"n"`
	Origin string `json:"origin"`
	Lost   bool   `json:"lost"`
	Ended  bool   `json:"ended"` // the browser does not try again
}

// relay passes connections on to a server until they are cut.
type relay struct {
	net.Listener
	to    string
	mu    sync.Mutex
	conns []net.Conn
	ended sync.WaitGroup
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l, to: strings.TrimPrefix(to, "http://")}
	r.ended.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.pass(conn)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		r.cut()
		r.ended.Wait()
	})
	return r
}

func (r *relay) pass(in net.Conn) {
	out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", r.to)
	if err != nil {
		_ = in.Close()
		return
	}
	r.mu.Lock()
	r.conns = append(r.conns, in, out)
	r.mu.Unlock()
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		r.ended.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // it is cut, or one side has ended
			_ = in.Close()
			_ = out.Close()
		})
	}
}

// cut ends every connection, in the middle of whatever it is at.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}

func (r *relay) url() string { return "http://" + r.Addr().String() }

// browse opens a page in a browser and returns what stops it.
func browse(t *testing.T, url string) {
	t.Helper()
	name, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("there is no browser; run test/setup.sh: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its processes end with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("the browser says:\n%s", said.String())
		}
	})
}

// TestEventSource follows a tail in a real browser: on a page of an allowed
// origin, and on one of Firn's own. The connection is cut while nothing comes and
// in the middle of many events; the browser comes back by itself with
// Last-Event-ID, and has every event once and in order.
func TestEventSource(t *testing.T) {
	for _, own := range []bool{false, true} {
		t.Run(fmt.Sprintf("own=%v", own), func(t *testing.T) {
			t.Parallel()
			reports := make(chan report, 10_000)
			take := taker(reports)
			var firn http.Handler = http.NotFoundHandler()
			var tail string
			site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
				switch hr.URL.Path {
				case "/page":
					w.Header().Set("Content-Type", "text/html; charset=utf-8")
					_, _ = fmt.Fprintf(w, page, tail)
				case "/report":
					take(w, hr)
				default:
					firn.ServeHTTP(w, hr)
				}
			}))
			t.Cleanup(site.Close) // behind the relays, which end what is open
			r := start(t, Options{AllowedOrigins: []string{site.URL}})
			if own {
				firn = r.Handler()
			}
			between := newRelay(t, map[bool]string{true: site.URL, false: r.url}[own])
			const path = "/v1/instances/shop/tail?after=0&type=n"
			at := site.URL
			tail = between.url() + path
			if own {
				at, tail = between.url(), path
			}
			r.instance("shop")
			sent := 0
			appendSome := func(n int) {
				var lines strings.Builder
				for range n {
					sent++
					fmt.Fprintf(&lines, `{"event_type":"n","payload":{"n":%d,"x":%q}}`+"\n", sent, strings.Repeat("x", 500))
				}
				r.must(200, "POST", "/v1/instances/shop/events", lines.String(), "Content-Type", ndjsonMedia)
			}
			w := &watcher{t: t, reports: reports, origin: between.url()}
			appendSome(3)
			browse(t, at+"/page")
			w.until(3)
			between.cut()
			appendSome(3)
			w.until(6)
			w.lostSome(1)
			appendSome(2_000)
			w.until(100)
			between.cut() // most of it is on its way
			appendSome(10)
			w.until(sent)
			w.lostSome(2)
		})
	}
}

// taker passes reports on, each batch once: what was cut is sent again.
func taker(reports chan<- report) http.HandlerFunc {
	var mu sync.Mutex
	last := 0
	return func(w http.ResponseWriter, r *http.Request) {
		var some struct {
			Batch   int      `json:"batch"`
			Reports []report `json:"reports"`
		}
		if err := json.UnmarshalRead(r.Body, &some); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if some.Batch <= last {
			return
		}
		last = some.Batch
		for _, one := range some.Reports {
			reports <- one
		}
	}
}

// watcher checks the reports of a page.
type watcher struct {
	t        *testing.T
	reports  chan report
	origin   string
	n, lost  int
	lastSeen string
}

// until waits for message n.
func (w *watcher) until(n int) {
	w.t.Helper()
	patience := time.NewTimer(5 * time.Minute)
	defer patience.Stop()
	for w.n < n {
		select {
		case <-patience.C:
			w.t.Fatalf("the browser has %d of %d events after five minutes; the connection was lost %d times", w.n, n, w.lost)
		case one := <-w.reports:
			switch {
			case one.Ended:
				w.t.Fatalf("the browser gives up behind event %d", w.n)
			case one.Lost:
				w.lost++
			case one.N != w.n+1 || one.ID == w.lastSeen || one.Origin != w.origin:
				w.t.Fatalf("behind event %d came %+v", w.n, one)
			default:
				w.n, w.lastSeen = one.N, one.ID
			}
		}
	}
}

// lostSome checks that the connection was cut for the browser too.
func (w *watcher) lostSome(n int) {
	w.t.Helper()
	if w.lost < n {
		w.t.Errorf("the browser has lost its connection %d times, want %d: nothing was tried", w.lost, n)
	}
}
