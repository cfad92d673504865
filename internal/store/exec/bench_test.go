package exec

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/column/columntest"
	"github.com/firnlog/firn/internal/store/segment"
	"github.com/firnlog/firn/query"
)

const benchRows = 1_000_000

// benchBlocks are a million events in four sealed segments, decoded columns
// kept.
var benchBlocks = sync.OnceValue(func() Snapshot {
	rows := columntest.NewSampler(1).Rows(benchRows)
	return sealedSnapshot(rows, 250_000, segment.NewCache(4<<30))
})

// benchHead are the same events in blocks of memory.
var benchHead = sync.OnceValue(func() Snapshot {
	sampler := columntest.NewSampler(1)
	s := Snapshot{InstanceID: "i"}
	for range 4 {
		b := column.NewBuilder(column.Meta{InstanceID: "i"})
		rows := sampler.Rows(benchRows / 4)
		for i := range rows {
			if err := b.Append(&rows[i]); err != nil {
				panic(err)
			}
		}
		block := b.Snapshot()
		first, last := rows[0], rows[len(rows)-1]
		s.LastPosition = last.Position
		s.Blocks = append(s.Blocks, BlockRef{
			Rows: len(rows), FirstPosition: first.Position, LastPosition: last.Position,
			MinTimestamp: first.Timestamp, MaxTimestamp: last.Timestamp, MinRecorded: first.RecordedAt, MaxRecorded: last.RecordedAt,
			Open: func(context.Context) (column.Block, func(), error) { return block, func() {}, nil },
		})
	}
	return s
})

var benchQueries = []struct{ name, rest string }{
	{"count by type", `"reduce":{"type":"count"},"groupBy":["event_type"]`},
	{"avg by type", `"reduce":{"type":"avg","field":"payload.duration_ms"},"groupBy":["event_type"]`},
	{"count where payload", `"where":[{"field":"payload.status","operator":"eq","value":500}],"reduce":{"type":"count"}`},
	{"count where payload text", `"where":[{"field":"payload.geo.city","operator":"eq","value":"Oslo"}],"reduce":{"type":"count"}`},
	{"substring", `"where":[{"field":"payload.message","operator":"contains","value":"timeout lock"}],"reduce":{"type":"count"}`},
	{"substring, any case", `"where":[{"field":"payload.message","operator":"icontains","value":"Timeout lock"}],"reduce":{"type":"count"}`},
	{"search", `"where":[{"search":"timeout lock"}],"total":false,"limit":100`},
	{"rare value", `"where":[{"field":"payload.session","operator":"eq","value":"` + columntest.Session(777_777) + `"}]`},
	{"latest 100 of a stream", `"where":[{"field":"stream_id","operator":"eq","value":"user-100017"}],"orderBy":{"field":"timestamp","direction":"desc"},"limit":100`},
	{"latest 100 of a stream, no total", `"where":[{"field":"stream_id","operator":"eq","value":"user-100017"}],"orderBy":{"field":"position","direction":"desc"},"limit":100,"total":false`},
	{"latest 100 of a stream by number", `"where":[{"field":"stream_id","operator":"eq","value":"user-100017"}],"orderBy":{"field":"sequence_number","direction":"desc"},"limit":100,"total":false`},
	{"latest 100", `"orderBy":{"field":"timestamp","direction":"desc"},"limit":100`},
	{"first 100", `"limit":100,"total":false`},
	{"a stream from its start", `"where":[{"field":"stream_id","operator":"eq","value":"user-100003"}],"orderBy":{"field":"sequence_number"},"limit":1000`},
	{"top 100 by duration", `"orderBy":{"field":"payload.duration_ms","direction":"desc"},"limit":100,"total":false`},
	{"p95 of duration", `"reduce":{"type":"p95","field":"payload.duration_ms"}`},
	{"p95 of duration by type", `"reduce":{"type":"p95","field":"payload.duration_ms"},"groupBy":["event_type"]`},
	{"count by stream", `"reduce":{"type":"count"},"groupBy":["stream_id"],"limit":10`},
	{"count by session, a million groups", `"reduce":{"type":"count"},"groupBy":["payload.session"],"limit":10`},
	{"count by type and city", `"reduce":{"type":"count"},"groupBy":["event_type","payload.geo.city"]`},
	{"count by actor, status and city, 100 k groups", `"reduce":{"type":"count"},"groupBy":["actor","payload.status","payload.geo.city"],"limit":10`},
	{"count by hour and severity", `"reduce":{"type":"count"},"groupBy":["timestamp:1h","severity"]`},
	{"distinct streams", `"reduce":{"type":"count_distinct","field":"stream_id"}`},
	{"p50, p95 and p99 of duration", `"reduce":[{"as":"a","type":"p50","field":"payload.duration_ms"},{"as":"b","type":"p95","field":"payload.duration_ms"},{"as":"c","type":"p99","field":"payload.duration_ms"}]`},
	{"count by hour", `"reduce":{"type":"count"},"groupBy":["timestamp:1m"],"timezone":"Europe/Berlin"`},
	{"distinct actors", `"reduce":{"type":"count_distinct","field":"actor"}`},
	{"select", `"select":["event_type","payload.duration_ms","payload.geo.city"],"limit":1000,"total":false`},
	{"max of duration by type", `"reduce":{"type":"max","field":"payload.duration_ms"},"groupBy":["event_type"]`},
}

func BenchmarkRun(b *testing.B) {
	for _, source := range []struct {
		name     string
		snapshot func() Snapshot
	}{{"sealed", benchBlocks}, {"head", benchHead}} {
		for _, bq := range benchQueries {
			b.Run(fmt.Sprintf("%s/%s", source.name, bq.name), func(b *testing.B) {
				s := source.snapshot()
				q, err := query.Parse([]byte(`{"from":{"instance":"i"},`+bq.rest+`}`), time.Unix(1_767_225_600, 0))
				if err != nil {
					b.Fatal(err)
				}
				run := func() {
					if _, err := Run(context.Background(), q, s, NewMemory(1<<30)); err != nil {
						b.Fatal(err)
					}
				}
				run() // warm
				b.ReportAllocs()
				before := processorTime()
				for b.Loop() {
					run()
				}
				b.ReportMetric(float64((processorTime()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
			})
		}
	}
}

// processorTime is what this process has used; on a busy machine it says more
// than the clock.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
