// Package server is Firn over HTTP: the native API /v1, live tails, health,
// metrics and the OpenAPI document. It is a thin door before firn.Log: it
// parses, bounds and answers; what an event, a query or an append means is said
// by the packages behind it.
//
// Every route is one row of the table in route.go.
package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/catalog"
	"github.com/firnlog/firn/internal/origin"
	"github.com/firnlog/firn/internal/server/door"
	"github.com/firnlog/firn/internal/server/happyview"
	"github.com/firnlog/firn/internal/server/webdebug"
	"github.com/firnlog/firn/target"
)

// DefaultListen is where a server listens that is told nothing: port 7070 of
// both loopback families.
const DefaultListen = "localhost:7070"

// Options configures a Server. The zero value is the default.
type Options struct {
	// Listen are the addresses, host:port. "localhost" means both loopback
	// families, port 0 any free port. Default: DefaultListen.
	Listen []string
	// AllowedHosts are Host names, with or without a port, that are answered
	// beside the loopback names: those under which a reverse proxy is asked.
	AllowedHosts []string
	// AllowedOrigins are the origins (https://host:port) of other sites whose
	// pages may ask. Default: none.
	AllowedOrigins []string
	// KeyRate is how many requests a second an API key may make, with as many at
	// once; beyond it the answer is 429. Default: any number.
	KeyRate float64
	// FailedSignIns is how many wrong keys an address may try a minute, with as
	// many at once; beyond it the answer is 429. Default 10.
	FailedSignIns int
	// Limits bounds events and batches; give what the log was opened with.
	Limits event.Limits
	// BodyMemory is the budget in bytes that all request bodies in flight
	// share, as inflated; those of appends count twice, for the events are there
	// once more until they are stored. Half as much is for answers of queries while
	// clients read them, a quarter for live tails; an eighth up to 16 MiB, or a
	// sixteenth where that is more, may wait to be stored before appends are refused.
	// Default: the smaller of 256 MiB and an eighth of the process's memory limit.
	BodyMemory int64
	// Catalog is the catalog of event types, which is to be the server's alone:
	// give what the log was opened with. The types that are stored in the log as
	// the user's own are added to it. Default: the built-in ones; nothing is
	// validated by them then.
	Catalog *catalog.Catalog
	// Targets are what the log is delivered to. Default: nothing.
	Targets *target.Deliveries
	// Logger is told of starts, stops and faults. Default slog.Default().
	Logger *slog.Logger
	// Version is what /version says of the build. Default: what the Go
	// toolchain stamped into the binary.
	Version string
	// Now is the clock that relative times (now-15m) count from; give what the
	// log was opened with. Default time.Now.
	Now func() time.Time

	// HappyView and WebDebug are the settings of those doors.
	HappyView happyview.Options
	WebDebug  webdebug.Options

	timing timing
}

// timing is every duration of the server. Zero fields are defaults; tests
// shorten them.
type timing struct {
	header     time.Duration // to send the header of a request; 10 s
	idle       time.Duration // between two requests of a connection; 2 m
	body       time.Duration // for each 256 KiB of a body; 30 s
	write      time.Duration // for each write of an answer; 30 s
	chunk      time.Duration // from a chunk's first NDJSON line to its end; 100 ms
	heartbeat  time.Duration // between two signs of life of a tail; 15 s
	drain      time.Duration // for what runs when the server stops; 10 s
	retention  time.Duration // between two sweeps; 1 h
	reconnect  time.Duration // told to subscribers when the server stops; 1 s
	throughput int           // bytes per body step; 256 KiB
}

// withDefaults returns o with every unset field at its default.
func (o Options) withDefaults() Options {
	if len(o.Listen) == 0 {
		o.Listen = []string{DefaultListen}
	}
	if o.BodyMemory == 0 {
		o.BodyMemory = min(256<<20, debug.SetMemoryLimit(-1)/8)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Limits = o.Limits.WithDefaults()
	for _, d := range []struct {
		field     *time.Duration
		otherwise time.Duration
	}{
		{&o.timing.header, 10 * time.Second}, {&o.timing.idle, 2 * time.Minute},
		{&o.timing.body, 30 * time.Second}, {&o.timing.write, 30 * time.Second},
		{&o.timing.chunk, 100 * time.Millisecond}, {&o.timing.heartbeat, 15 * time.Second},
		{&o.timing.drain, 10 * time.Second}, {&o.timing.retention, time.Hour},
		{&o.timing.reconnect, time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.otherwise
		}
	}
	if o.timing.throughput == 0 {
		o.timing.throughput = 256 << 10
	}
	return o
}

// Validate reports every problem of the options at once.
func (o Options) Validate() error {
	var all []error
	for _, address := range o.Listen {
		if _, _, err := net.SplitHostPort(address); err != nil {
			all = append(all, fmt.Errorf("listen address %q: must be host:port, such as 127.0.0.1:7070", address))
		}
	}
	for _, site := range o.AllowedOrigins {
		if fault := origin.Check(site); fault != "" {
			all = append(all, fmt.Errorf("allowed origin %q: %s", site, fault))
		}
	}
	for _, host := range o.AllowedHosts {
		if host == "" || strings.ContainsAny(host, "/ *") {
			all = append(all, fmt.Errorf("allowed host %q: must be a name or name:port", host))
		}
	}
	if !(o.KeyRate >= 0) {
		all = append(all, fmt.Errorf("key rate %v: must be a number of requests a second, 0 for any number", o.KeyRate))
	}
	if o.BodyMemory < 0 {
		all = append(all, fmt.Errorf("body memory %d: must not be negative", o.BodyMemory))
	}
	return errors.Join(all...)
}

// Server serves one log over HTTP.
type Server struct {
	log     *firn.Log
	opts    Options
	logger  *slog.Logger
	bodies  *budget
	answers *budget // of queries, while clients read them
	appends *admission
	tails   *tails
	metrics *metrics
	routes  []route
	doors   []*door.Door
	handler http.Handler
	gate    *auth.Gate
	catalog *catalog.Catalog

	sessions sessions
	// invalid is why the server must not start.
	invalid error
	// document is the OpenAPI document, made when it is first asked for.
	document func() ([]byte, error)

	// draining is done when the server begins to stop: tails and streamed
	// appends then end, and readiness says no.
	draining context.Context
	drain    context.CancelFunc

	listening sync.Mutex
	listeners []net.Listener
}

// New makes a server before log. It does nothing until Run, or until Handler
// is served by other means.
func New(log *firn.Log, opts Options) *Server {
	opts = opts.withDefaults()
	s := &Server{log: log, opts: opts, logger: opts.Logger}
	s.bodies = newBudget(opts.BodyMemory)
	s.answers, s.tails = newBudget(opts.BodyMemory/2), newTails(opts.BodyMemory/4)
	s.appends = newAdmission(max(opts.BodyMemory/16, min(opts.BodyMemory/8, 16<<20)))
	s.draining, s.drain = context.WithCancel(context.Background())
	s.gate = newGate(log, &s.opts)
	s.catalog, s.invalid = newCatalog(log, &s.opts)
	s.routes, s.doors = routes(), s.makeDoors()
	for _, d := range s.doors {
		s.routes = append(s.routes, mount(d)...)
	}
	s.invalid = errors.Join(s.invalid, checkRoutes(s.routes))
	s.sessions.byToken = map[[sha256.Size]byte]session{}
	s.document = sync.OnceValues(func() ([]byte, error) { return describe(s.routes) })
	s.metrics = newMetrics(log, opts.Targets)
	s.handler = s.outer(s.mux(s.routes))
	return s
}

// Handler is the whole API with its checks.
func (s *Server) Handler() http.Handler { return s.handler }

// OwnerHandler is Handler for the owner of the directory, who is asked for no
// key and may do everything, make the first key too. It must be reachable for
// nobody else: a socket of mode 0600, a program that serves a log to itself.
func (s *Server) OwnerHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), ownerKey{}, true)))
	})
}

// Addrs are the addresses that Listen opened.
func (s *Server) Addrs() []netip.AddrPort {
	s.listening.Lock()
	defer s.listening.Unlock()
	addrs := make([]netip.AddrPort, len(s.listeners))
	for i, l := range s.listeners {
		addrs[i] = l.Addr().(*net.TCPAddr).AddrPort()
	}
	return addrs
}

// URL is where the server is reached on this machine; empty before Listen.
func (s *Server) URL() string {
	addrs := s.Addrs()
	if len(addrs) == 0 {
		return ""
	}
	return "http://" + addrs[0].String()
}
