// Package gen makes the dataset of the benchmarks: events of about 310 bytes of
// JSON, ten types, streams drawn by Zipf's law, nested and missing fields. The
// same seed gives the same bytes on every machine.
package gen

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// Types are the event types, the first the most frequent.
var Types = []string{
	"page.viewed", "api.called", "query.executed", "message.received", "message.sent",
	"user.login", "file.uploaded", "hook.triggered", "payment.captured", "script.error",
}

var (
	cities   = []string{"Oslo", "Bergen", "Berlin", "Lyon", "Porto", "Graz", "Turku", "Gent", "Sopot", "Brno"}
	agents   = []string{"Firefox/144 Linux", "curl/8.11", "okhttp/5.0", "Safari/26 macOS"}
	words    = []string{"the", "request", "was", "served", "from", "cache", "after", "retry", "upstream", "slow", "timeout", "row", "lock", "commit", "index", "scan"}
	statuses = []int{200, 200, 200, 200, 201, 204, 301, 404, 422, 500}
	// severities by rising weight of the common ones.
	severities = []string{"info", "info", "info", "info", "info", "info", "debug", "notice", "warning", "error"}
)

// Needle is a word that about one message in 5,000 holds.
const Needle = "avalanche"

// Generator makes events one after the other. It is not safe for concurrent use.
type Generator struct {
	r       *rand.Rand
	zipf    *rand.Zipf
	at      time.Time
	n       int64
	WithIDs bool // every event brings an id of its own
}

// New returns a generator over the given number of streams.
func New(seed uint64, streams int) *Generator {
	r := rand.New(rand.NewPCG(seed, 0xf112))
	return &Generator{
		r:    r,
		zipf: rand.NewZipf(r, 1.1, 8, uint64(streams-1)),
		at:   time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// StreamName is the name of stream n, 0 the busiest.
func StreamName(n int) string { return "user-" + strconv.Itoa(100000+n) }

// RareSession is the session of event n, which no other event has.
func RareSession(n int64) string {
	x := uint64(n)*0x9e3779b97f4a7c15 + 0x1234567
	return "s-" + strconv.FormatUint(x, 36)
}

// Append appends the next event as one line of JSON, line feed included.
func (g *Generator) Append(b []byte) []byte {
	r := g.r
	g.at = g.at.Add(time.Duration(1+r.IntN(4000)) * time.Microsecond)
	t := typeOf(r)
	b = append(b, '{')
	if g.WithIDs {
		b = append(b, `"id":"`...)
		b = strconv.AppendUint(b, r.Uint64(), 16)
		b = append(b, '-')
		b = strconv.AppendInt(b, g.n, 16)
		b = append(b, `",`...)
	}
	b = append(b, `"stream_id":"`...)
	b = append(b, StreamName(int(g.zipf.Uint64()))...)
	b = append(b, `","event_type":"`...)
	b = append(b, Types[t]...)
	b = append(b, `","timestamp":"`...)
	b = g.at.AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	b = append(b, `","severity":"`...)
	b = append(b, severities[r.IntN(len(severities))]...)
	b = append(b, '"')
	if r.IntN(5) > 0 {
		b = append(b, `,"actor":"u`...)
		b = strconv.AppendInt(b, int64(r.IntN(5000)), 10)
		b = append(b, '"')
	}
	b = g.appendPayload(append(b, `,"payload":`...), t)
	b = append(b, `,"metadata":{"source":"web-`...)
	b = strconv.AppendInt(b, int64(r.IntN(8)), 10)
	b = append(b, `","v":"1.`...)
	b = strconv.AppendInt(b, int64(r.IntN(4)), 10)
	b = append(b, ".0\"}}\n"...)
	g.n++
	return b
}

func typeOf(r *rand.Rand) int {
	t := 0
	for t < len(Types)-1 && r.IntN(3) > 0 {
		t++
	}
	return t
}

func (g *Generator) appendPayload(b []byte, t int) []byte {
	r := g.r
	b = append(b, `{"status":`...)
	b = strconv.AppendInt(b, int64(statuses[r.IntN(len(statuses))]), 10)
	b = append(b, `,"duration_ms":`...)
	b = strconv.AppendFloat(b, float64(r.IntN(20000))/8, 'f', -1, 64)
	if t%2 == 0 {
		b = append(b, `,"geo":{"city":"`...)
		b = append(b, cities[r.IntN(len(cities))]...)
		b = append(b, `","zip":`...)
		b = strconv.AppendInt(b, int64(10000+r.IntN(900)), 10)
		b = append(b, '}')
	}
	b = append(b, `,"session":"`...)
	b = append(b, RareSession(g.n)...)
	b = append(b, `","message":"`...)
	for i := range 3 + r.IntN(3) {
		if i > 0 {
			b = append(b, ' ')
		}
		if r.IntN(20000) == 0 {
			b = append(b, Needle...)
			continue
		}
		b = append(b, words[r.IntN(len(words))]...)
	}
	b = append(b, `","agent":"`...)
	b = append(b, agents[r.IntN(len(agents))]...)
	b = append(b, '"')
	if r.IntN(10) == 0 {
		b = append(b, `,"retry":true`...)
	}
	return append(b, '}')
}

// Batches returns events lines in batches of size each.
func Batches(seed uint64, streams, events, size int, withIDs bool) [][]byte {
	g := New(seed, streams)
	g.WithIDs = withIDs
	var out [][]byte
	for n := 0; n < events; n += size {
		b := make([]byte, 0, size*330)
		for range min(size, events-n) {
			b = g.Append(b)
		}
		out = append(out, b)
	}
	return out
}
