package codebolt

import (
	"bytes"
	"encoding/json/jsontext"
	"testing"

	"golang.org/x/sync/semaphore"

	"github.com/firnlog/firn/event"
)

// FuzzFrame takes frames apart: nothing panics, and what goes back of a request
// is JSON.
func FuzzFrame(f *testing.F) {
	for _, frame := range []string{
		`{"type":"eventLog.appendEvent","requestId":"a","params":{"instanceId":"x","streamId":"s","eventType":"t","payload":{"a":[1,"b"]},"id":"i","timestamp":1}}`,
		`{"type":"eventLog.appendEvents","requestId":1,"params":{"instanceId":"x","events":[{"payload":null},{"type":"a"},7],"autoCreateInstance":true}}`,
		`{"type":"eventLog.queryEvents","params":{"query":{"from":{"instance":"x"}}}}`,
		`{"type":"eventLog.createInstance","params":{"name":"a","name":"b"}}`,
		"{\"type\":\"\\ud800\",\"requestId\":\"\xff\"} {}", `[`, ``, `null`,
	} {
		f.Add([]byte(frame))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		r := &request{}
		err := r.parse(frame)
		for _, echo := range []jsontext.Value{r.typeText, r.id} {
			if len(echo) > 0 && !echo.IsValid() {
				t.Errorf("%q would go back as %q", frame, echo)
			}
		}
		if err != nil {
			if text, known := explain(err); !known || text == "" {
				t.Errorf("%q: %v is not explained", frame, err)
			}
			return
		}
		for _, single := range []bool{true, false} {
			b, err := parseAppend(r.params, single, event.Limits{})
			if err != nil {
				if text, known := explain(err); !known || text == "" {
					t.Errorf("%q: %v is not explained", frame, err)
				}
				continue
			}
			for i := range b.events {
				if err := b.events[i].Check(event.Limits{}); err != nil {
					t.Errorf("%q: event %d is taken, but: %v", frame, i, err)
				}
			}
		}
		if _, err := queryText(r.params); err != nil {
			if _, known := explain(err); !known {
				t.Errorf("%q: %v is not explained", frame, err)
			}
		}
		for _, v := range []any{&ofInstance{}, &struct{}{}} {
			if err := decode(r.params, v); err != nil {
				if _, known := explain(err); !known {
					t.Errorf("%q: %v is not explained", frame, err)
				}
			}
		}
	})
}

// FuzzKey searches query strings.
func FuzzKey(f *testing.F) {
	f.Add("id=1&threadToken=firn_%41%zz&%=&;")
	f.Fuzz(func(_ *testing.T, query string) { key(query) })
}

// FuzzReceive reads frames of any size against small limits, and gives all
// memory back.
func FuzzReceive(f *testing.F) {
	f.Add([]byte("some"), uint16(3), uint16(100))
	f.Add(bytes.Repeat([]byte("x"), 9_000), uint16(4_000), uint16(8_000))
	f.Fuzz(func(t *testing.T, frame []byte, limit, budget uint16) {
		memory := semaphore.NewWeighted(int64(budget))
		got, held, err := receive(bytes.NewReader(frame), int64(limit), memory)
		if err == nil && !bytes.Equal(got, frame) || err == nil && len(frame) > int(limit) {
			t.Errorf("%d of %d bytes came, limit %d", len(got), len(frame), limit)
		}
		if err != nil && !bytes.HasPrefix(frame, got) {
			t.Error("the head is not the frame's")
		}
		memory.Release(held)
		if !memory.TryAcquire(int64(budget)) {
			t.Error("memory was not given back")
		}
	})
}
