package columntest

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
)

var (
	sampleTypes = []string{"page.viewed", "api.called", "query.executed", "message.received", "message.sent",
		"user.login", "file.uploaded", "hook.triggered", "payment.captured", "script.error"}
	sampleCities = []string{"Oslo", "Bergen", "Berlin", "Lyon", "Porto", "Graz", "Turku", "Gent", "Sopot", "Brno"}
	sampleAgents = []string{"Firefox/144 Linux", "curl/8.11", "okhttp/5.0", "Safari/26 macOS"}
	sampleWords  = []string{"the", "request", "was", "served", "from", "cache", "after", "retry", "upstream", "slow",
		"timeout", "row", "lock", "commit", "index", "scan"}
	sampleStatus = []int{200, 200, 200, 200, 201, 204, 301, 404, 422, 500}
)

// Sampler makes the events of the benchmarks: about 310 bytes of JSON each, ten
// types, streams drawn by Zipf's law out of ten thousand. The same seed gives
// the same events.
type Sampler struct {
	r        *rand.Rand
	zipf     *rand.Zipf
	position int64
	micros   int64
	last     map[string]int64
}

// NewSampler makes a sampler.
func NewSampler(seed uint64) *Sampler {
	r := rand.New(rand.NewPCG(seed, 0xf112))
	return &Sampler{r: r, zipf: rand.NewZipf(r, 1.1, 8, 9_999), micros: 1_767_225_600_000_000, last: map[string]int64{}}
}

// Session is the session of the event at a position, which no other has.
func Session(position int64) string {
	return "s-" + strconv.FormatUint(uint64(position)*0x9e3779b97f4a7c15+0x1234567, 36)
}

// Rows makes the next n events.
func (s *Sampler) Rows(n int) []column.Row {
	rows := make([]column.Row, n)
	for i := range rows {
		rows[i] = s.row()
	}
	return rows
}

func (s *Sampler) row() column.Row {
	s.position++
	s.micros += int64(1 + s.r.IntN(4000))
	stream := "user-" + strconv.FormatUint(100_000+s.zipf.Uint64(), 10)
	s.last[stream]++
	t := 0
	for t < len(sampleTypes)-1 && s.r.IntN(3) > 0 {
		t++
	}
	row := column.Row{
		Position: s.position, SequenceNumber: s.last[stream], Timestamp: s.micros,
		RecordedAt: s.position/1000*2000/1000 + 1_767_225_600_000, // batches of a thousand
		Severity:   event.Info, StreamID: stream, EventType: sampleTypes[t], Payload: s.payload(t),
		Metadata: fmt.Appendf(nil, `{"source":"web-%d","v":"1.%d.0"}`, s.r.IntN(8), s.r.IntN(4)),
	}
	if s.r.IntN(3) == 0 {
		row.Severity = event.Severity(1 + s.r.IntN(5))
	}
	if s.r.IntN(5) > 0 {
		actor := "u" + strconv.Itoa(s.r.IntN(5000))
		row.Actor = &actor
	}
	return row
}

func (s *Sampler) payload(t int) []byte {
	r := s.r
	b := fmt.Appendf(nil, `{"status":%d,"duration_ms":`, sampleStatus[r.IntN(len(sampleStatus))])
	b = strconv.AppendFloat(b, float64(r.IntN(20000))/8, 'f', -1, 64)
	if t%2 == 0 {
		b = fmt.Appendf(b, `,"geo":{"city":%q,"zip":%d}`, sampleCities[r.IntN(len(sampleCities))], 10000+r.IntN(900))
	}
	b = fmt.Appendf(b, `,"session":%q,"message":"`, Session(s.position))
	for i := range 3 + r.IntN(3) {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, sampleWords[r.IntN(len(sampleWords))]...)
	}
	b = fmt.Appendf(b, `","agent":%q`, sampleAgents[r.IntN(len(sampleAgents))])
	if r.IntN(10) == 0 {
		b = append(b, `,"retry":true`...)
	}
	return append(b, '}')
}
