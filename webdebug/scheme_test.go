package webdebug_test

import (
	"encoding/json/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/webdebug"
)

func ptr[T any](v T) *T { return &v }

// whole is a scheme that has all there is; snake and camel are its text in
// either dialect.
var whole = webdebug.Scheme{ID: "8c1ba0a6-3e1f-4d3e-9d3a-0d6a4d3f7b11", Version: 1, Events: []webdebug.Event{
	{
		Type: "access_check", Payload: []byte(`{"access":"GRANT","own":1e3}`), Tags: []string{"db:mysql", "flag"}, Importance: webdebug.Error,
		Time: time.UnixMilli(1553990400123).UTC(), Duration: ptr(7 * time.Millisecond), Success: ptr(false),
		CalledFrom: &webdebug.Location{File: "/a.go", Line: 3, Pos: 1, PosEnd: 5}, DefinedIn: &webdebug.Location{File: "/b.go"},
		Nested: []webdebug.Event{
			{Type: "email", Payload: []byte(`{"to":["a"],"reply_to":"b"}`), Duration: ptr(time.Duration(0))},
			{Type: "response", Payload: []byte(`{"memory_peak":1}`), Success: ptr(true)},
		},
	},
	{Type: "own", Payload: []byte(`{"replyTo":"as it came"}`)},
}}

const (
	snake = `{"id":"8c1ba0a6-3e1f-4d3e-9d3a-0d6a4d3f7b11","version":1,"events":[` +
		`{"type":"access_check","payload":{"access":"GRANT","own":1e3},"tags":["db:mysql","flag"],"importance":5,"time":1553990400123,"duration":7,"success":false,` +
		`"called_from":{"file":"/a.go","line":3,"pos":1,"pos_end":5},"defined_in":{"file":"/b.go"},"nested":[` +
		`{"type":"email","payload":{"to":["a"],"reply_to":"b"},"duration":0},{"type":"response","payload":{"memory_peak":1},"success":true}]},` +
		`{"type":"own","payload":{"replyTo":"as it came"}}]}`
	camel = `{"uuid":"8c1ba0a6-3e1f-4d3e-9d3a-0d6a4d3f7b11","version":1,"events":[` +
		`{"type":"accessCheck","payload":{"access":"GRANT","own":1e3},"tags":["db:mysql","flag"],"importance":5,"time":1553990400123,"duration":7,"success":false,` +
		`"calledFrom":{"relativePath":"/a.go","line":3,"positionStart":1,"positionEnd":5},"definedIn":{"file":"/b.go"},"nested":[` +
		`{"type":"email","payload":{"to":["a"],"replyTo":"b"},"duration":0},{"type":"response","payload":{"memoryPeak":1},"success":true}]},` +
		`{"type":"own","payload":{"replyTo":"as it came"}}]}`
)

func TestSchemeDialects(t *testing.T) {
	for name, text := range map[string]string{"snake_case": snake, "camelCase": camel} {
		var got webdebug.Scheme
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(whole, got); diff != "" {
			t.Errorf("%s read (-want +got):\n%s", name, diff)
		}
	}
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(snake, string(text)); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}

func TestSchemeIsReadTolerantly(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want webdebug.Scheme
	}{
		"the official example's slips": {
			`{"uuid":"a","version":1,"events":[{"type":"email","payload":{"to":"b"},"state":false}]}`,
			webdebug.Scheme{ID: "a", Version: 1, Events: []webdebug.Event{{Type: "email", Payload: []byte(`{"to":"b"}`)}}},
		},
		"both spellings": {
			`{"uuid":"a","id":"b","events":[{"type":"email","payload":{"replyTo":"x","reply_to":"y"},"calledFrom":{"file":"/x"},"called_from":{"file":"/y"}}]}`,
			webdebug.Scheme{ID: "b", Events: []webdebug.Event{{
				Type: "email", Payload: []byte(`{"reply_to":"y"}`), CalledFrom: &webdebug.Location{File: "/y"},
			}}},
		},
		"importance beyond": {
			`{"id":"a","events":[{"type":"x","importance":0},{"type":"x","importance":9},{"type":"x","importance":2.6,"duration":1.5,"time":null}]}`,
			webdebug.Scheme{ID: "a", Events: []webdebug.Event{
				{Type: "x", Importance: 1}, {Type: "x", Importance: 8}, {Type: "x", Importance: 3, Duration: ptr(2 * time.Millisecond)},
			}},
		},
		"no events": {`{"id":"a","events":[]}`, webdebug.Scheme{ID: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got webdebug.Scheme
			if err := json.Unmarshal([]byte(c.text), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// nested is a scheme whose events nest n deep.
func nested(n int) string {
	return `{"id":"a","version":1,"events":[` + strings.Repeat(`{"type":"x","payload":{},"nested":[`, n-1) + `{"type":"x","payload":{}}` +
		strings.Repeat("]}", n-1) + "]}"
}

func TestSchemeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                                "unexpected EOF",
		`[]`:                               "JSON array",
		`{"events":{}}`:                    "/events",
		`{"id":"a","events":[{"type":1}]}`: "/events/0/type",
		`{"id":"a","id":"b"}`:              "duplicate",
		nested(webdebug.MaxNesting + 1):    "scheme a: events nest deeper than 32",
		nested(5000):                       "max depth",
	} {
		var s webdebug.Scheme
		if err := json.Unmarshal([]byte(text), &s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v; want %q", text, err, want)
		}
	}
	var deepest webdebug.Scheme
	if err := json.Unmarshal([]byte(nested(webdebug.MaxNesting)), &deepest); err != nil {
		t.Error(err)
	}
	tooDeep := webdebug.Scheme{ID: "a", Events: []webdebug.Event{{Type: "x", Nested: deepest.Events}}}
	if _, err := json.Marshal(tooDeep); err == nil || !strings.Contains(err.Error(), "deeper than 32") {
		t.Errorf("written too deep: %v", err)
	}
}

// FuzzScheme: what can be read can be written, and is read back the same.
func FuzzScheme(f *testing.F) {
	f.Add([]byte(snake))
	f.Add([]byte(camel))
	f.Add([]byte(nested(webdebug.MaxNesting)))
	f.Add([]byte(`{"uuid":"a","events":[{"payload":[],"time":1e300,"duration":-1e300,"called_from":{"line":1e99},"tags":null}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second webdebug.Scheme
		if json.Unmarshal(text, &first) != nil {
			return
		}
		once, err := json.Marshal(first)
		if err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		if err := json.Unmarshal(once, &second); err != nil {
			t.Fatalf("written, but not read: %v\n%s", err, once)
		}
		twice, err := json.Marshal(second)
		if err != nil || string(once) != string(twice) {
			t.Fatalf("%v\nonce  %s\ntwice %s", err, once, twice)
		}
	})
}
