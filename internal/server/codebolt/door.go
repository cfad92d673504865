// Package codebolt is the front door for programs that use the Codebolt Event
// Log API: nine operations in JSON frames over a WebSocket. It speaks what the
// unmodified JavaScript client needs: every frame is answered, also those that
// cannot be read, an answer bears the type and the requestId of its request,
// and an error is an answer with "success": false.
//
// A connection is read by one goroutine. Operations that change something run
// one after another in the order of their arrival, appends in groups (see
// lane); the others run beside each other and beside them. One goroutine
// sends the answers.
package codebolt

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/server/door"
)

// Memory is the budget, in bytes, of what connections hold: frames that are
// being read or wait, and answers that are being sent.
type Memory interface {
	TryAcquire(bytes int64) bool
	Release(bytes int64)
}

// Options configures the door. Memory is required; the zero value of every other
// field is its default.
type Options struct {
	// Memory is the budget that all connections share.
	Memory Memory
	// Limits bounds events and batches; a frame may be as large as a batch. Give
	// what the log was opened with.
	Limits event.Limits
	// Logger is told of faults of the server, never of what a client sent.
	// Default slog.Default().
	Logger *slog.Logger
	// Now is the clock of answers and of relative times in queries. Default
	// time.Now.
	Now func() time.Time
	// WriteTimeout is how long each piece of an answer (64 KiB) may take until
	// the client is let go. Default 30 s.
	WriteTimeout time.Duration
	// PingEvery is the pause between pings. They keep proxies from taking a
	// quiet connection for dead; a client that does not answer them is kept.
	// Default 30 s.
	PingEvery time.Duration
}

func (o Options) withDefaults() Options {
	o.Limits = o.Limits.WithDefaults()
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = 30 * time.Second
	}
	if o.PingEvery == 0 {
		o.PingEvery = 30 * time.Second
	}
	return o
}

// eventLog is the door: its connections before one log.
type eventLog struct {
	log  *firn.Log
	opts Options

	stopping context.Context // done: connections answer what runs, then close
	stop     context.CancelFunc

	mu      sync.Mutex
	drain   context.Context // bounds how long that may take; nil before shutdown
	serving sync.WaitGroup
}

// New makes the door before log. Connections outlive their requests: Shutdown
// ends them.
func New(log *firn.Log, opts Options) *door.Door {
	d := newEventLog(log, opts)
	var routes []door.Route
	for _, at := range []struct{ path, name string }{{"/codebolt", "codebolt"}, {"/plugin", "codeboltPlugin"}} {
		routes = append(routes, door.Route{
			Method: http.MethodGet, Path: at.path, Name: at.name, Permission: door.Any, Stream: true,
			About: "Codebolt: the nine operations of the Event Log API over a WebSocket; each asks for its own permission. " +
				"Of the query string only a key in threadToken or pluginToken is looked for, and nothing of it is ever logged.",
			Key:     func(r *http.Request) string { return key(r.URL.RawQuery) },
			Answers: []door.Answer{{Status: http.StatusSwitchingProtocols, About: "The WebSocket is open.", Empty: true}, {Status: http.StatusUpgradeRequired, About: "This is no WebSocket upgrade."}},
			Serve:   d.serve,
		})
	}
	return &door.Door{Paths: []string{"/codebolt", "/plugin"}, Routes: routes, Fail: fail, Shutdown: d.shutdown}
}

func newEventLog(log *firn.Log, opts Options) *eventLog {
	d := &eventLog{log: log, opts: opts.withDefaults()}
	d.stopping, d.stop = context.WithCancel(context.Background())
	return d
}

// serve upgrades the request to a WebSocket and serves it to its end. The
// caller is asked for every frame, and the connection ends with the key. Host and Origin have been checked.
func (d *eventLog) serve(w http.ResponseWriter, r *door.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		return &door.Fault{Status: http.StatusUpgradeRequired, Message: "here speaks a WebSocket client"}
	}
	if !d.enter() {
		return firn.ErrClosed
	}
	defer d.serving.Done()
	kept := &keeper{ResponseWriter: w}
	ws, err := websocket.Accept(kept, r.Request, &websocket.AcceptOptions{InsecureSkipVerify: true}) // of the Origin, which is checked
	if err != nil {
		return nil // Accept has answered
	}
	ws.SetReadLimit(-1) // receive has one of its own, which answers
	newConn(d, ws, kept.conn, auth.CallerOf(r.Context())).serve(context.WithoutCancel(r.Context()))
	return nil
}

// fail answers an upgrade that is refused. The client sees the status alone.
func fail(w http.ResponseWriter, _ *http.Request, f *door.Fault) {
	text := append(event.AppendQuoted([]byte(`{"type":"error","success":false,"error":`), f.Message), "}\n"...)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(f.Status)
	_, _ = w.Write(text) // the client is gone: nobody to tell
}

// enter counts a connection, unless the door is closing.
func (d *eventLog) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping.Err() != nil {
		return false
	}
	d.serving.Add(1)
	return true
}

// shutdown lets every connection answer what it has begun, closes it with a
// close frame (1001) and waits for its end. When ctx ends first, connections
// are cut. Shutting down twice is harmless.
func (d *eventLog) shutdown(ctx context.Context) {
	d.mu.Lock()
	if d.drain == nil {
		d.drain = ctx
	}
	d.stop()
	d.mu.Unlock()
	d.serving.Wait()
}
