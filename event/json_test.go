package event_test

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
)

func TestAppendJSON(t *testing.T) {
	e := event.Event{
		ID: "i\"1", InstanceID: "in", StreamID: "s", SequenceNumber: 1, Position: math.MaxInt64, EventType: "a.b",
		Timestamp:  time.Date(2026, 1, 31, 17, 4, 5, 123_456_789, time.FixedZone("", 7200)),
		RecordedAt: time.Date(2026, 1, 31, 15, 4, 6, 999_999_999, time.UTC),
		Severity:   event.Alert, Subject: text("é\u2028\x01"),
		Payload: []byte(`{"z":1e3,"a":"\u0000"}`),
	}
	want := `{"id":"i\"1","instance_id":"in","stream_id":"s","sequence_number":1,"position":9223372036854775807,"event_type":"a.b",` +
		`"timestamp":"2026-01-31T15:04:05.123456Z","recorded_at":"2026-01-31T15:04:06.999Z","severity":"alert",` +
		`"actor":null,"subject":"é` + "\u2028" + `\u0001","payload":{"z":1e3,"a":"\u0000"},"metadata":{}}`
	if diff := cmp.Diff(want, string(e.AppendJSON(nil))); diff != "" {
		t.Error(diff)
	}
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { buf = e.AppendJSON(buf[:0]) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDraftAppendJSON(t *testing.T) {
	d := event.Draft{EventType: "x"}
	if got := string(d.AppendJSON(nil)); got != `{"event_type":"x"}` {
		t.Error(got)
	}
}

// drawDraft draws a draft that passes Check and would not be changed by it.
func drawDraft(t *rapid.T) event.Draft {
	d := event.Draft{
		ID: rapid.StringN(0, 30, event.MaxID).Draw(t, "id"), StreamID: rapid.StringN(0, 30, event.MaxStream).Draw(t, "stream"),
		EventType: rapid.StringN(1, 30, event.MaxType).Draw(t, "type"),
		Severity:  event.Severity(rapid.IntRange(0, 8).Draw(t, "severity")),
		Actor:     rapid.Ptr(rapid.String(), true).Draw(t, "actor"), Subject: rapid.Ptr(rapid.String(), true).Draw(t, "subject"),
	}
	if rapid.Bool().Draw(t, "timed") {
		d.Timestamp = time.UnixMicro(rapid.Int64Range(-62_167_219_200_000_000, 253_402_300_799_999_999).Draw(t, "micros")).UTC()
	}
	for _, v := range []*jsontext.Value{&d.Payload, &d.Metadata} {
		if text := append(appendRandom(t, []byte(`{"v":`), 2), '}'); jsontext.Value(text).IsValid() {
			*v = text
			_ = v.Compact()
		}
	}
	return d
}

func TestDraftJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDraft(t)
		checked := d
		if err := checked.Check(event.Limits{}); err != nil {
			return // only a number that is out of range
		}
		if diff := cmp.Diff(d, checked); diff != "" {
			t.Fatalf("Check changed %s", diff)
		}
		line := d.AppendJSON(nil)
		got, err := event.ParseBatch(line, event.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]event.Draft{d}, got); diff != "" {
			t.Fatalf("%s: %s", line, diff)
		}
	})
}

func TestEventJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDraft(t)
		e := event.Event{
			ID: d.ID, InstanceID: rapid.String().Draw(t, "instance"), StreamID: d.StreamID, EventType: d.EventType,
			SequenceNumber: rapid.Int64().Draw(t, "sequence"), Position: rapid.Int64().Draw(t, "position"),
			Timestamp: d.Timestamp, RecordedAt: time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "recorded")).UTC(),
			Severity: max(d.Severity, event.Debug), Actor: d.Actor, Subject: d.Subject, Payload: d.Payload, Metadata: d.Metadata,
		}
		if e.Payload == nil {
			e.Payload = []byte("{}")
		}
		if e.Metadata == nil {
			e.Metadata = []byte("{}")
		}
		text := e.AppendJSON(nil)
		if compact, ok := reference(text); !ok || compact != string(text) {
			// The only thing that a reference refuses here is a number in the payload.
			if !jsontext.Value(text).IsValid() {
				t.Fatalf("%s is no JSON", text)
			}
			return
		}
		var back event.Event
		if err := back.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, back); diff != "" {
			t.Fatal(diff)
		}
		list, err := json.Marshal([]event.Event{e}, jsontext.PreserveRawStrings(true))
		if err != nil || string(list) != "["+string(text)+"]" {
			t.Fatalf("json.Marshal: %s, %v", list, err)
		}
		var events []event.Event
		if err := json.Unmarshal(list, &events); err != nil || !cmp.Equal([]event.Event{e}, events) {
			t.Fatalf("json.Unmarshal: %v, %v", events, err)
		}
	})
}

func TestUnmarshalEvent(t *testing.T) {
	var e event.Event
	line := []byte(`{ "id":"a", "duplicate":true, "payload":{ "a" : 1.0 }, "actor":null, "position":7, "new":{"field":[]} }`)
	if err := e.UnmarshalJSON(line); err != nil {
		t.Fatal(err)
	}
	clear(line)
	want := event.Event{ID: "a", Position: 7, Payload: []byte(`{"a":1.0}`), Metadata: []byte(`{}`)}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Error(diff)
	}
	deepest := strings.Repeat(`{"a":`, event.MaxDepth-1) + "{}" + strings.Repeat("}", event.MaxDepth-1)
	if err := new(event.Event).UnmarshalJSON([]byte(`{"payload":` + deepest + `}`)); err != nil {
		t.Errorf("a payload as deep as an append takes it: %v", err)
	}
	if err := new(event.Event).UnmarshalJSON([]byte(`{"payload":{"a":` + deepest + `}}`)); err == nil {
		t.Error("a payload deeper than an append takes it was read")
	}
	for line, message := range map[string]string{
		`[]`:                     `the value must be an object, is an array`,
		`{"id":1}`:               `event: field "id": must be a string, is a number`,
		`{"actor":{}}`:           `event: field "actor": must be a string, is an object`,
		`{"payload":null}`:       `event: field "payload": must be an object, is null`,
		`{"severity":"loud"}`:    `event: field "severity": "loud" is no severity; one of ` + event.SeverityNames,
		`{"position":1.5}`:       `event: field "position": strconv.ParseInt: parsing "1.5": invalid syntax`,
		`{"timestamp":"x"}`:      `event: field "timestamp": is not a time; want RFC 3339 such as "2026-01-31T15:04:05.123Z", or milliseconds since the epoch as a number`,
		`{"recorded_at":1}`:      `event: field "recorded_at": must be a string, is a number`,
		`{"payload":{"a":1,"a"}`: `payload: duplicate key "a"`,
	} {
		kept := e
		if err := e.UnmarshalJSON([]byte(line)); err == nil || err.Error() != message {
			t.Errorf("%s: got %v, want %s", line, err, message)
		}
		if diff := cmp.Diff(kept, e); diff != "" {
			t.Errorf("%s changed the event: %s", line, diff)
		}
	}
}

func TestCheck(t *testing.T) {
	at := time.Date(2026, 1, 31, 17, 4, 5, 123_456_789, time.FixedZone("", 7200))
	d := event.Draft{EventType: "x", Timestamp: at, Payload: []byte(" { \"a\" : [ 1 , 2 ] } "), Metadata: []byte{}}
	if err := d.Check(event.Limits{}); err != nil {
		t.Fatal(err)
	}
	want := event.Draft{EventType: "x", Timestamp: time.Date(2026, 1, 31, 15, 4, 5, 123_456_000, time.UTC), Payload: []byte(`{"a":[1,2]}`)}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
}

func TestCheckRefuses(t *testing.T) {
	type draft = event.Draft
	for _, c := range []struct {
		draft      draft
		code, want string
	}{
		{draft{}, "missing_field", `event_type: is missing; every event needs a type such as "user.login"`},
		{draft{EventType: strings.Repeat("x", 257)}, "too_long", `event_type: is 257 bytes long; the most is 256`},
		{draft{EventType: "x", ID: strings.Repeat("x", 129)}, "too_long", `id: is 129 bytes long; the most is 128`},
		{draft{EventType: "x", StreamID: strings.Repeat("x", 513)}, "too_long", `stream_id: is 513 bytes long; the most is 512`},
		{draft{EventType: "\xff"}, "invalid_utf8", `event_type: is not valid UTF-8`},
		{draft{EventType: "x", ID: "\xff"}, "invalid_utf8", `id: is not valid UTF-8`},
		{draft{EventType: "x", StreamID: "\xff"}, "invalid_utf8", `stream_id: is not valid UTF-8`},
		{draft{EventType: "x", Actor: text("\xff")}, "invalid_utf8", `actor: is not valid UTF-8`},
		{draft{EventType: "x", Subject: text("\xff")}, "invalid_utf8", `subject: is not valid UTF-8`},
		{draft{EventType: "x", Actor: text(strings.Repeat("x", 51))}, "too_long", `actor: is 51 bytes long; the most is 50`},
		{draft{EventType: "x", Severity: 9}, "invalid_severity", `severity: 9 is no importance; want 1 (debug) to 8 (emergency), or 0 for the default`},
		{draft{EventType: "x", Timestamp: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "invalid_time", `timestamp: is outside the years 0 to 9999`},
		{draft{EventType: "x", Timestamp: time.Date(-1, 12, 31, 0, 0, 0, 0, time.UTC)}, "invalid_time", `timestamp: is outside the years 0 to 9999`},
		{draft{EventType: "x", Timestamp: time.Time{}.Add(999)}, "invalid_time", `timestamp: is 0001-01-01T00:00:00Z, which stands for no time; leave it out for the time of the log's clock`},
		{draft{EventType: "x", Payload: []byte(`[]`)}, "wrong_type", `payload: the value must be an object, is an array`},
		{draft{EventType: "x", Payload: []byte(`{"a":{"b":1,"b":2}}`)}, "duplicate_key", `payload.a: duplicate key "b"`},
		{draft{EventType: "x", Metadata: []byte(`{"a.b":nul}`)}, "invalid_json", `metadata["a.b"]: invalid JSON: expected a value, found 'n' at column 8`},
		{draft{EventType: "x", Metadata: []byte(`{} {}`)}, "invalid_json", `metadata: invalid JSON: expected the end of the text, found '{' at column 4`},
		{draft{EventType: "x", Payload: []byte(`{"a":"` + strings.Repeat("x", 40) + `"}`), Metadata: []byte(`{"":1}`)}, "event_too_large",
			`payload and metadata together are over the limit of 50 bytes`},
		{draft{EventType: "x", Payload: []byte(`{"a":"` + strings.Repeat("x", 50) + `"}`)}, "event_too_large",
			`payload: payload and metadata together are over the limit of 50 bytes`},
	} {
		wantInvalid(t, c.draft.Check(event.Limits{EventBytes: 50}), c.code, c.want)
	}
}

func TestCompactObject(t *testing.T) {
	compact := []byte(`{"a":1}`)
	v, err := event.CompactObject(compact, event.Limits{})
	if err != nil || &v[0] != &compact[0] {
		t.Errorf("compact text was copied, %v", err)
	}
	if v, err = event.CompactObject([]byte(" {\"a\"\n:\t1\r} "), event.Limits{}); err != nil || string(v) != `{"a":1}` {
		t.Errorf("%s, %v", v, err)
	}
	_, err = event.CompactObject([]byte(`"x"`), event.Limits{})
	wantInvalid(t, err, "wrong_type", `the value must be an object, is a string`)
	_, err = event.CompactObject(nil, event.Limits{})
	wantInvalid(t, err, "invalid_json", `invalid JSON: expected an object, found the end of the text at column 1`)
	_, err = event.CompactValue([]byte(`[1,[{"a":"\q"}]]`), event.Limits{})
	wantInvalid(t, err, "invalid_json", `[1][0].a: invalid JSON: expected one of "\/bfnrtu after a backslash, found 'q' at column 12`)
}

func TestSeverity(t *testing.T) {
	names := strings.Split(event.SeverityNames, ", ")
	for i, name := range names {
		want := event.Severity(i + 1)
		if s, ok := event.ParseSeverity(name); !ok || s != want {
			t.Errorf("ParseSeverity(%s) = %d, %v", name, s, ok)
		}
		if s, ok := event.SeverityOf(int64(i + 1)); !ok || s != want || !s.Valid() || s.String() != name {
			t.Errorf("SeverityOf(%d) = %v, %v", i+1, s, ok)
		}
	}
	if s, ok := event.ParseSeverity("warn"); !ok || s != event.Warning {
		t.Errorf("warn = %v, %v", s, ok)
	}
	for _, name := range []string{"", "WARN", "Error", "fatal", "err", "unknown", "1"} {
		if s, ok := event.ParseSeverity(name); ok {
			t.Errorf("ParseSeverity(%q) = %v", name, s)
		}
	}
	for _, n := range []int64{0, 9, -1, 257, math.MaxInt64} {
		if s, ok := event.SeverityOf(n); ok {
			t.Errorf("SeverityOf(%d) = %v", n, s)
		}
	}
	for _, s := range []event.Severity{0, 9, 255} {
		if s.Valid() || s.String() != "unknown" {
			t.Errorf("%d: %v, %s", s, s.Valid(), s)
		}
	}
}

func TestPath(t *testing.T) {
	var path []byte
	for _, key := range []string{"payload", "geo", "dotted.key", "", "user-id_1$", "é", "a\"b"} {
		path = event.AppendPathKey(path, key)
	}
	path = event.AppendPathIndex(path, 2)
	if want := `payload.geo["dotted.key"][""].user-id_1$["é"]["a\"b"][2]`; string(path) != want {
		t.Errorf("%s, want %s", path, want)
	}
	if got := event.Category("message.received.twice") + event.Category("API") + event.Category(".x"); got != "messageAPI" {
		t.Error(got)
	}
}
