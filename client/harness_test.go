package client_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/internal/server"
)

// net/http lingers for half a second on a connection that it cuts off.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// open serves a log of its own for the length of a test.
func open(t testing.TB, wrap func(http.Handler) http.Handler) (*httptest.Server, *firn.Log) {
	t.Helper()
	log, err := firn.Open(t.TempDir(), firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	handler := server.New(log, server.Options{Logger: slog.New(slog.DiscardHandler)}).Handler()
	if wrap != nil {
		handler = wrap(handler)
	}
	web := httptest.NewServer(handler)
	t.Cleanup(func() {
		web.CloseClientConnections()
		web.Close()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return web, log
}

func connect(t testing.TB, url string, opts client.Options) *client.Client {
	t.Helper()
	c, err := client.New(url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// flaky is a network that can be cut: connections that are open break, answers
// get lost.
type flaky struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
	// lose says whether the answer to a request is to be lost.
	lose func(*http.Request) bool
	lost atomic.Int64
}

func (f *flaky) client() *http.Client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			f.mu.Lock()
			f.conns[conn] = true
			f.mu.Unlock()
		}
		return conn, err
	}
	return &http.Client{Transport: lossy{f, &http.Transport{DialContext: dial}}}
}

// cut breaks every connection.
func (f *flaky) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.conns {
		_ = conn.Close()
		delete(f.conns, conn)
	}
}

type lossy struct {
	*flaky
	next *http.Transport
}

func (l lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(r)
	if err == nil && l.lose != nil && l.lose(r) {
		_ = response.Body.Close()
		l.lost.Add(1)
		return nil, io.ErrUnexpectedEOF
	}
	return response, err
}

func (l lossy) CloseIdleConnections() { l.next.CloseIdleConnections() }
