package webdebug

import (
	"encoding/json/jsontext"
	"strings"
	"testing"

	"github.com/firnlog/firn/event"
)

func TestRedact(t *testing.T) {
	standard := newRedactor(DefaultRedact())
	for _, x := range []struct{ in, want string }{
		// The lists of parameters of the protocol: order, duplicates and all else stay.
		{`{"headers":[{"key":"Authorization","value":"a"},{"key":"accept","value":"b"},{"key":"COOKIE","value":"c"},{"value":"d","key":"x-api-KEY"}]}`,
			`{"headers":[{"key":"Authorization","value":"#"},{"key":"accept","value":"b"},{"key":"COOKIE","value":"#"},{"value":"#","key":"x-api-KEY"}]}`},
		{`{"query":[{"key":"token","value":"a"},{"key":"token","value":"b"},{"key":"tokens","value":"c"}]}`,
			`{"query":[{"key":"token","value":"#"},{"key":"token","value":"#"},{"key":"tokens","value":"c"}]}`},
		{`{"body":[{"key":"passwd","value":["a",{"b":1}]},{"key":"user","value":{"password":"x","n":1e3}}]}`,
			`{"body":[{"key":"passwd","value":"#"},{"key":"user","value":{"password":"#","n":1e3}}]}`},
		{`{"session":[{"key":"userid","value":21114},{"key":"secret","value":1}]}`, `{"session":[{"key":"userid","value":21114},{"key":"secret","value":"#"}]}`},
		{`{"cookies":[{"key":"PHPSESS","value":"a"},{"key":"n","value":5,"path":"/"},{"key":"none","value":null}]}`,
			`{"cookies":[{"key":"PHPSESS","value":"#"},{"key":"n","value":"#","path":"#"},{"key":"none","value":"#"}]}`},
		// Objects and texts, which some emitters write.
		{`{"headers":{"Set-Cookie":["a","b"],"Proxy-Authorization":"c","host":"d"},"cookies":{"key":"a","value":"b"}}`,
			`{"headers":{"Set-Cookie":"#","Proxy-Authorization":"#","host":"d"},"cookies":{"key":"#","value":"#"}}`},
		{`{"cookies":"a=b; c=d"}`, `{"cookies":"#"}`},
		{`{"cookies":["a=b",["c"],7,null]}`, `{"cookies":["#",["#"],"#",null]}`},
		{`{"cookies":[],"headers":{}}`, `{"cookies":[],"headers":{}}`},
		{`{"cookies":null,"query":"SELECT password","body":"token"}`, `{"cookies":null,"query":"SELECT password","body":"token"}`},
		{`{"body":{"a":[{"b":{"API_Key":"x"}}]}}`, `{"body":{"a":[{"b":{"API_Key":"#"}}]}}`},
		{`{"headers":[{"name":"authorization","value":"x"}]}`, `{"headers":[{"name":"authorization","value":"#"}]}`},
		{`{"headers":[{"key":"\u0041uthorization","value":"x"}]}`, `{"headers":[{"key":"\u0041uthorization","value":"#"}]}`},
		{`{"he\u0061ders":[{"key":"token","value":"x"}]}`, `{"he\u0061ders":[{"key":"token","value":"#"}]}`},
		// Names in upper or lower case, with blanks around them, and those that forms put together.
		{`{"Headers":[{"Key":"authorization","Value":"x"}],"COOKIES":[{"Key":"a","Value":"b"}]}`, `{"Headers":[{"Key":"authorization","Value":"#"}],"COOKIES":[{"Key":"a","Value":"#"}]}`},
		{`{"headers":[{"key":" Authorization\t","value":"x"}]}`, `{"headers":[{"key":" Authorization\t","value":"#"}]}`},
		{`{"body":[{"key":"user[password]","value":"x"},{"key":"a[token][]","value":"y"},{"key":"user.Secret","value":"z"},{"key":"a[b]","value":"c"},{"key":"tokens[x]","value":"d"}]}`,
			`{"body":[{"key":"user[password]","value":"#"},{"key":"a[token][]","value":"#"},{"key":"user.Secret","value":"#"},{"key":"a[b]","value":"c"},{"key":"tokens[x]","value":"d"}]}`},
		// What is elsewhere is not looked at.
		{`{"password":"x","context":{"token":"y"},"message":"secret"}`, `{"password":"x","context":{"token":"y"},"message":"secret"}`},
		{`{}`, `{}`},
	} {
		want := strings.ReplaceAll(x.want, `"#"`, redacted)
		got := string(standard.object([]byte(x.in)))
		if got != want {
			t.Errorf("%s\n→ %s\nwant\n  %s", x.in, got, want)
		}
		if again := string(standard.object([]byte(got))); again != got {
			t.Errorf("twice: %s", again)
		}
	}
	own := newRedactor([]string{"X-Mine"})
	if got := string(own.object([]byte(`{"headers":[{"key":"x-mine","value":"a"},{"key":"authorization","value":"b"}],"cookies":{"a":1}}`))); got != `{"headers":[{"key":"x-mine","value":"[redacted]"},{"key":"authorization","value":"b"}],"cookies":{"a":"[redacted]"}}` {
		t.Errorf("a list of one's own: %s", got)
	}
}

// FuzzScheme: whatever comes in, it is refused, or told again as it came once
// its secrets are out.
func FuzzScheme(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","version":1,"events":[{"type":"log","payload":{"message":"m"},"time":5,"importance":3,"nested":[{"type":"t","payload":{}}]}]}`,
		`{"uuid":"a","events":[{"type":"accessCheck","payload":[],"calledFrom":{"relativePath":"/a"},"tags":["x"],"nested":[],"success":null}],"x":1}`,
		`{"id":"a","version":1.0,"events":[{"type":"t","time":1e3,"importance":9,"duration":"x"},{"time":0,"type":"t","payload":{"cookies":{"a":1}}}]}`,
		`{"id":"a","events":[],"headers":{"token":1}}`,
	} {
		f.Add([]byte(seed))
	}
	redact := newRedactor(DefaultRedact())
	f.Fuzz(func(t *testing.T, body []byte) {
		in := &reader{redact: redact, limits: event.Limits{}.WithDefaults()}
		if in.read(body) != nil {
			return
		}
		got, ok := rebuilt(t, in)
		if !ok {
			return // the log refuses it
		}
		if !jsontext.Value(got).IsValid() {
			t.Fatalf("%s\n→ %s is no JSON", body, got)
		}
		want := jsontext.Value(body).Clone()
		if err := want.Compact(); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if !holdsSecretPlaces(want) && string(got) != string(want) {
			t.Fatalf("in:  %s\nout: %s", want, got)
		}
		again := &reader{redact: redact, limits: in.limits}
		if err := again.read(got); err != nil {
			t.Fatalf("%s is refused: %v", got, err)
		}
		if twice, _ := rebuilt(t, again); string(twice) != string(got) {
			t.Fatalf("once:  %s\ntwice: %s", got, twice)
		}
	})
}

// holdsSecretPlaces reports whether something of a scheme may have been
// redacted.
func holdsSecretPlaces(text []byte) bool {
	for _, name := range []string{"cookies", "headers", "query", "body", "session", `\u`} {
		if strings.Contains(strings.ToLower(string(text)), name) {
			return true
		}
	}
	return false
}

// rebuilt is the scheme that a reader's drafts tell; ok is false if the log would
// refuse one.
func rebuilt(t *testing.T, in *reader) (scheme []byte, ok bool) {
	t.Helper()
	tr := &tree{id: in.schemeID, events: make([]event.Event, len(in.drafts)-1), there: make([]bool, len(in.drafts)-1), children: make([][]int, len(in.drafts))}
	var first event.Event
	for i := range in.drafts {
		d := &in.drafts[i]
		if d.Check(in.limits) != nil {
			return nil, false
		}
		e := event.Event{ID: d.ID, EventType: d.EventType, Timestamp: d.Timestamp, Severity: max(d.Severity, event.Debug), Payload: d.Payload, Metadata: d.Metadata}
		if i == 0 {
			first = e
			continue
		}
		tr.put(&e)
	}
	if n, ok := eventsOf(&first, in.schemeID); !ok || n != len(in.drafts)-1 {
		t.Fatalf("the scheme's own event %s %s says %d, %v", first.Payload, first.Metadata, n, ok)
	}
	tr.link()
	k := keptOf(&first)
	k.scheme = true
	return k.append(nil, func(dst []byte) []byte { return tr.appendEvents(dst, 0) }), true
}
