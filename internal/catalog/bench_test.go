package catalog_test

import (
	"strings"
	"testing"

	"github.com/firnlog/firn/internal/cputest"
)

// large is a request as a browser sends it.
var large = `{"method":"GET","uri":"/api/hello?foo=bar","headers":[` + strings.TrimSuffix(strings.Repeat(`{"key":"accept-language","value":"de-CH,de;q=0.9"},`, 16), ",") +
	`],"query":[{"key":"foo","value":"bar"}],"body":[],"cookies":[{"key":"PHPSESS","value":"[redacted]"}],"session":[{"key":"userid","value":21114}]}`

// BenchmarkValidate is the cost of an event of the catalog (to reach: 5 µs; on a
// busy machine look at cpu-ns/path).
func BenchmarkValidate(b *testing.B) {
	c := load(b)
	const own = `{"description":"A test.","schema":{"properties":{"key":{"type":"string","pattern":"^[a-z-]+$"},"n":{"oneOf":[{"type":"integer","maximum":10},{"type":"null"}]}}}}`
	if _, _, err := c.Put("own", []byte(own), nil); err != nil {
		b.Fatal(err)
	}
	for _, x := range []struct{ name, eventType, payload string }{
		{"unknown", "page.viewed", examples[0].payload},
		{"message.received", "message.received", examples[0].payload},
		{"API", "API", `{"method":"PUT","route":"/table/<schema_name>/<table_name>/sync/","params":{"schema_name":"a","table_name":"b"}}`},
		{"request", "request", large},
		{"request with a fault", "request", strings.Replace(large, `"session":[{"key":"userid"`, `"session":[{"key":1`, 1)},
		{"log with a fault", "log", `{"context":"{}"}`},
		{"own schema, in full", "own", `{"key":"some-name","n":7}`},
	} {
		b.Run(x.name, func(b *testing.B) {
			payload := []byte(x.payload)
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			cputest.Report(b, 1, func() {
				for b.Loop() {
					c.Validate(x.eventType, payload)
				}
			})
		})
	}
	b.Run("every example", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, x := range examples {
				c.Validate(x.eventType, []byte(x.payload))
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(examples)), "ns/event")
	})
}
