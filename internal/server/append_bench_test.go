package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	firn "github.com/firnlog/firn"
)

// benchEvents is n events of about 310 bytes, as an array or as lines.
func benchEvents(n int, lines bool) string {
	var b bytes.Buffer
	for i := range n {
		if !lines {
			b.WriteString([]string{",", "["}[min(1, max(0, 1-i))])
		}
		fmt.Fprintf(&b, `{"event_type":"page.view","stream_id":"user-%d","actor":"user-%d","severity":"info","timestamp":"2025-03-30T12:00:%02d.%03dZ","payload":{"path":"/products/%d","status":200,"duration":%d.%d,"geo":{"city":"Berlin","lat":52.52,"lon":13.405},"referrer":"https://example.com/search?q=%d","agent":"Mozilla/5.0"},"metadata":{"source":"web","version":"1.2.3"}}`,
			i%97, i%97, i%60, i%1000, i*7, i%900, i%10, i)
		if lines {
			b.WriteByte('\n')
		}
	}
	if !lines {
		b.WriteByte(']')
	}
	return b.String()
}

// BenchmarkAppend is durable appends over loopback, 1,000 events a request, one
// client; the client is in the process.
func BenchmarkAppend(b *testing.B) {
	for _, kind := range []media{jsonMedia, ndjsonMedia} {
		b.Run(kind, func(b *testing.B) {
			log, err := firn.Open(b.TempDir(), firn.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer log.Close()
			s := New(log, Options{Listen: []string{"127.0.0.1:0"}})
			if err := s.Listen(b.Context()); err != nil {
				b.Fatal(err)
			}
			go func() { _ = s.Run(b.Context()) }()
			body := benchEvents(1000, kind == ndjsonMedia)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				response, err := http.Post(s.URL()+"/v1/instances/bench/events?auto_create=true", kind, strings.NewReader(body)) //nolint:forbidigo,noctx // a benchmark
				if err != nil {
					b.Fatal(err)
				}
				text, _ := io.ReadAll(response.Body)
				response.Body.Close()
				if response.StatusCode >= 300 {
					b.Fatalf("%s", text)
				}
			}
			b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "events/s")
		})
	}
}
