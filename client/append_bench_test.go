package client_test

import (
	"encoding/json/jsontext"
	"fmt"
	"testing"

	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
)

// BenchmarkAppend is durable appends of 1,000 events through the client, with
// the server in the same process.
func BenchmarkAppend(b *testing.B) {
	drafts := make([]event.Draft, 1000)
	for i := range drafts {
		drafts[i] = event.Draft{EventType: "page.view", StreamID: fmt.Sprint("user-", i%97), Actor: new("alice"),
			Payload: jsontext.Value(fmt.Sprintf(`{"path":"/products/%d","status":200,"duration":%d.5,"geo":{"city":"Berlin","lat":52.52,"lon":13.405}}`, i, i))}
	}
	for name, attempts := range map[string]int{"once": 1, "with ids": 4} {
		b.Run(name, func(b *testing.B) {
			web, _ := open(b, nil)
			c := connect(b, web.URL, client.Options{Attempts: attempts})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Append(b.Context(), "bench", drafts, client.AppendOptions{AutoCreate: true}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "events/s")
		})
	}
}
