package store

import (
	"context"
	"encoding/json/jsontext"
	"fmt"
	"slices"
	"testing"

	"github.com/firnlog/firn/event"
)

func benchEvents(n int, ids bool) []event.Draft {
	out := make([]event.Draft, n)
	for i := range out {
		out[i] = event.Draft{
			StreamID: fmt.Sprintf("user-%d", i%500), EventType: "message.received", Severity: event.Info,
			Payload: jsontext.Value(fmt.Sprintf(`{"user":"user-%d","duration":%d,"path":"/api/v1/messages/%d","status":200,"geo":{"city":"Bern","country":"CH"},"text":"the quick brown fox jumps over the lazy dog"}`, i%500, i%1000, i)),
		}
		if ids {
			out[i].ID = "placeholder"
		}
	}
	return out
}

func BenchmarkAppendBatch(b *testing.B) {
	for _, ids := range []bool{false, true} {
		b.Run(fmt.Sprintf("ids=%t", ids), func(b *testing.B) {
			l := open(b, b.TempDir(), Options{})
			create(b, l, "app")
			events := benchEvents(1000, ids)
			n := 0
			for b.Loop() {
				if ids {
					for i := range events {
						events[i].ID = fmt.Sprintf("id-%d", n)
						n++
					}
				}
				if _, err := l.Append(context.Background(), AppendRequest{Instance: "app", Events: events}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkAppendAgain appends batches of events that are sealed already.
func BenchmarkAppendAgain(b *testing.B) {
	l := open(b, b.TempDir(), Options{Quiet: true})
	create(b, l, "app")
	events := benchEvents(100_000, true)
	for i := range events {
		events[i].ID = fmt.Sprintf("id-%d", i)
	}
	for some := range slices.Chunk(events, 1000) {
		appendTo(b, l, "app", some...)
	}
	if err := l.Seal(b.Context()); err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		if r := appendTo(b, l, "app", events[n:n+1000]...); !r[0].Duplicate {
			b.Fatal("it is not known again")
		}
		n = (n + 1000) % len(events)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkAppendOne(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			l := open(b, b.TempDir(), Options{})
			create(b, l, "app")
			event := benchEvents(1, false)
			b.SetParallelism(clients)
			if clients == 1 {
				for b.Loop() {
					appendTo(b, l, "app", event...)
				}
			} else {
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						appendTo(b, l, "app", event...)
					}
				})
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkCatchUp reads sealed events by a subscription in steps as the tail
// over HTTP takes them.
func BenchmarkCatchUp(b *testing.B) {
	l := open(b, b.TempDir(), Options{})
	create(b, l, "app")
	const events = 100_000
	for range events / 10_000 {
		appendTo(b, l, "app", benchEvents(10_000, false)...)
	}
	if err := l.Seal(context.Background()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := l.Subscribe(context.Background(), SubscribeRequest{Instance: "app"})
		if err != nil {
			b.Fatal(err)
		}
		for n := 0; n < events; {
			d, err := s.Next(context.Background(), 256)
			if err != nil {
				b.Fatal(err)
			}
			n += len(d.Events)
		}
		s.Close()
	}
	b.ReportMetric(float64(b.N)*events/b.Elapsed().Seconds(), "events/s")
}
