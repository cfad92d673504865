package server

import (
	"encoding/json/jsontext"
	"fmt"
	"testing"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/catalog"
)

// BenchmarkValidation is durable appends of 1,000 events of a type of the
// catalog, without a catalog and with it.
func BenchmarkValidation(b *testing.B) {
	events := make([]event.Draft, 1000)
	for i := range events {
		events[i] = event.Draft{EventType: "CLICK", Payload: jsontext.Value(fmt.Sprintf(`{"path":"/products/%d","component":"DATADOC_PAGE","element":"FORMAT_BUTTON","aux":{"n":%d}}`, i, i))}
	}
	types, err := catalog.Load()
	if err != nil {
		b.Fatal(err)
	}
	for name, v := range map[string]firn.Validator{"none": nil, "catalog": types} {
		b.Run(name, func(b *testing.B) {
			log, err := firn.Open(b.TempDir(), firn.Options{Catalog: v})
			if err != nil {
				b.Fatal(err)
			}
			defer log.Close()
			b.ReportAllocs()
			for b.Loop() {
				r := firn.AppendRequest{Instance: "bench", Events: events, AutoCreate: true, Checked: true, Warn: func([]firn.Fault) { b.Error("a warning") }}
				if _, err := log.Append(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
