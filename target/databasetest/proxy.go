package databasetest

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

// Proxy stands between a target and its server, and breaks what goes through.
type Proxy struct {
	Port  int
	proxy *toxiproxy.Proxy
}

// NewProxy starts a proxy before a server. It ends with the test.
func NewProxy(t testing.TB, s *Server) *Proxy {
	t.Helper()
	register()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &Proxy{Port: port, proxy: toxiproxy.NewProxy(api, t.Name(), fmt.Sprintf("127.0.0.1:%d", port), s.Address())}
	p.Accept(t)
	t.Cleanup(p.Refuse)
	return p
}

// IgnoreProxies keeps goleak from blaming a target for toxiproxy, which may leave
// a goroutine behind where a connection ends while a toxic is added.
func IgnoreProxies() goleak.Option {
	return goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run")
}

// Refuse breaks every connection and lets none come.
func (p *Proxy) Refuse() { p.proxy.Stop() }

// Accept ends Refuse.
func (p *Proxy) Accept(t testing.TB) {
	t.Helper()
	if err := p.proxy.Start(); err != nil {
		t.Fatal(err)
	}
}

// Poison adds a toxic to a direction, "upstream" or "downstream", until Heal.
func (p *Proxy) Poison(t testing.TB, kind, direction string, attributes map[string]any) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"type": kind, "stream": direction, "attributes": attributes})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.proxy.Toxics.AddToxicJson(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

// Heal takes all toxics away.
func (p *Proxy) Heal() { p.proxy.Toxics.ResetToxics(context.Background()) }

// cuts counts the connections that CutCommits cut; committing says that a COMMIT
// has gone to the server and is not answered.
var (
	cuts       atomic.Int64
	committing atomic.Bool
)

// CutCommits cuts the connection at the next COMMIT that a client sends: before
// the server has it, or (after) in place of its answer. It returns a function that
// says how often that has happened.
func (p *Proxy) CutCommits(t testing.TB, after bool) (times func() int64) {
	t.Helper()
	before := cuts.Load()
	committing.Store(false)
	p.Poison(t, "cut_commit", "upstream", map[string]any{"after": after})
	if after {
		p.Poison(t, "cut_answer", "downstream", nil)
	}
	return func() int64 { return cuts.Load() - before }
}

var register = sync.OnceFunc(func() {
	toxics.Register("cut_commit", new(cutCommit))
	toxics.Register("cut_answer", new(cutAnswer))
})

// commit is the statement in either protocol, and not READ COMMITTED.
var commit = regexp.MustCompile(`COMMIT(\x00|$)`)

// cutCommit is what the client says.
type cutCommit struct {
	After bool `json:"after"`
}

// Pipe passes what is said until it is COMMIT.
func (c *cutCommit) Pipe(stub *toxics.ToxicStub) {
	pipe(stub, func(chunk *stream.StreamChunk) (pass bool) {
		if !commit.Match(chunk.Data) {
			return true
		}
		if c.After {
			committing.Store(true)
			return true
		}
		cuts.Add(1)
		return false
	})
}

// cutAnswer is what the server says.
type cutAnswer struct{}

// Pipe passes what is said until it is the answer to COMMIT.
func (c *cutAnswer) Pipe(stub *toxics.ToxicStub) {
	pipe(stub, func(*stream.StreamChunk) (pass bool) {
		if !committing.Swap(false) {
			return true
		}
		cuts.Add(1)
		return false
	})
}

// pipe passes chunks while it may, and then closes the connection.
func pipe(stub *toxics.ToxicStub, may func(*stream.StreamChunk) bool) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-stub.Input:
			if chunk == nil || !may(chunk) {
				stub.Close()
				return
			}
			stub.Output <- chunk
		}
	}
}
