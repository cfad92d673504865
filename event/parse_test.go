package event_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
)

func text(s string) *string { return &s }

func TestParseBatch(t *testing.T) {
	at := time.Date(2026, 1, 31, 15, 4, 5, 123_456_000, time.UTC)
	full := event.Draft{
		ID: "a-1", StreamID: "user-1", EventType: "user.login", Timestamp: at, Severity: event.Warning,
		Actor: text("12"), Subject: text("s"), Payload: []byte(`{"a":[1,{"b":"x y"}],"n":1e3}`), Metadata: []byte(`{}`),
	}
	for _, c := range []struct {
		name, body string
		want       []event.Draft
	}{
		{"nothing", " [ ]\n", []event.Draft{}},
		{"least", `{"event_type":"x"}`, []event.Draft{{EventType: "x"}}},
		{"canonical", `{"id":"a-1","stream_id":"user-1","event_type":"user.login","timestamp":"2026-01-31T15:04:05.123456Z","severity":"warning",` +
			`"actor":"12","subject":"s","payload":{"a":[1,{"b":"x y"}],"n":1e3},"metadata":{}}`, []event.Draft{full}},
		{"camelCase and documents", `[{"type":"user.login","streamId":"user-1","id":"a-1","created_at":"2026-01-31T17:04:05.1234569+02:00","importance":4,` +
			`"uid":12,"subject":"s","data": { "a" : [ 1 , { "b" : "x y" } ] ,` + "\r\n\t" + `"n":1e3 } ,"metadata":{ }}]`, []event.Draft{full}},
		{"HappyView", `{"eventType":"user.login","streamId":"user-1","id":"a-1","createdAt":"2026-01-31T15:04:05.123456000-00:00","severity":"warn",` +
			`"actor_did":"12","subject":"s","detail":{"a":[1,{"b":"x y"}],"n":1e3},"metadata":{}}`, []event.Draft{full}},
		{"Querybook", `{"event_type":"API","event_data":{"r":1},"timestamp":1769871845123.4567,"uid":"7","severity":8}`, []event.Draft{{
			EventType: "API", Payload: []byte(`{"r":1}`), Timestamp: at, Actor: text("7"), Severity: event.Emergency}}},
		{"nulls", `{"type":"x","id":null,"stream_id":null,"timestamp":null,"severity":null,"actor":null,"subject":null}`, []event.Draft{{EventType: "x"}}},
		{"escapes", `{"\u0074ype":"a\u00e9\ud834\udd1e\u0000","payload":{"\u0061":"\u0000\/"},"actor":"\"","subject":""}`, []event.Draft{{
			EventType: "aé𝄞\x00", Payload: []byte(`{"\u0061":"\u0000\/"}`), Actor: text(`"`), Subject: text("")}}},
		{"several", `[{"type":"a","actor":"1"},{"type":"b","actor":"2","subject":"3"} , {"type":"c","subject":"4"}]`, []event.Draft{
			{EventType: "a", Actor: text("1")}, {EventType: "b", Actor: text("2"), Subject: text("3")}, {EventType: "c", Subject: text("4")}}},
		{"lossless", `{"type":"x","payload":{"z":1,"a":-0,"big":9223372036854775808,"d":0.1000,"e":1E+3,"s":"\u00e9é\ud83d\ude00"}}`, []event.Draft{{
			EventType: "x", Payload: []byte(`{"z":1,"a":-0,"big":9223372036854775808,"d":0.1000,"e":1E+3,"s":"\u00e9é\ud83d\ude00"}`)}}},
		{"same key in two objects", `{"type":"x","payload":{"a":{"a":1},"b":[{"a":1},{"a":2}]}}`, []event.Draft{{
			EventType: "x", Payload: []byte(`{"a":{"a":1},"b":[{"a":1},{"a":2}]}`)}}},
		{"nested as deep as may be", `{"type":"x","payload":` + nested(event.MaxDepth) + `}`, []event.Draft{{
			EventType: "x", Payload: []byte(nested(event.MaxDepth))}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := event.ParseBatch([]byte(c.body), event.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// nested is an object that holds depth-1 objects inside each other.
func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + `{}` + strings.Repeat(`}`, depth-1)
}

func TestParseBatchRefuses(t *testing.T) {
	digits := strings.Repeat("9", event.MaxNumber+1)
	for _, c := range []struct{ body, code, want string }{
		// What is no batch.
		{``, "invalid_json", `the body is empty; want an event object or an array of them`},
		{" \n", "invalid_json", `the body is empty; want an event object or an array of them`},
		{`"x"`, "wrong_type", `the body must be an event object or an array of them, is a string`},
		{`null`, "wrong_type", `the body must be an event object or an array of them, is null`},
		{"\ufeff{}", "invalid_json", "invalid JSON: expected an event object or an array of them, found '\\ufeff' at column 1"},
		{`[1]`, "wrong_type", `events[0]: the element must be an event object, is a number`},
		{`[{"type":"a"},[]]`, "wrong_type", `events[1]: the element must be an event object, is an array`},
		{`[{"type":"a"},]`, "invalid_json", `events[1]: invalid JSON: expected an event object, found ']' at column 15`},
		{`[{"type":"a"}`, "invalid_json", `events[0]: invalid JSON: expected "," or "]" after the event, found the end of the text at column 14`},
		{`[{"type":"a"}]x`, "invalid_json", `invalid JSON: expected the end of the text, found 'x' at column 15`},
		{`{"type":"a"}` + "\n" + `{"type":"b"}`, "invalid_json", `events[0]: invalid JSON: expected the end of the text, found '{' at line 2 column 1; several events go into an array, or as NDJSON with Content-Type application/x-ndjson`},

		// Fields.
		{`{}`, "missing_field", `events[0].event_type: is missing; every event needs a type such as "user.login"`},
		{`{"type":null}`, "missing_field", `events[0].event_type: is missing; every event needs a type such as "user.login"`},
		{`[{"type":"x"},{"payload":{}}]`, "missing_field", `events[1].event_type: is missing; every event needs a type such as "user.login"`},
		{`{"type":"x","event_type":"x"}`, "two_spellings", `events[0]: "type" and "event_type" name the same field; send one of them`},
		{`{"type":"x","data":{},"payload":{}}`, "two_spellings", `events[0]: "data" and "payload" name the same field; send one of them`},
		{`{"type":"x","uid":null,"actor":null}`, "two_spellings", `events[0]: "uid" and "actor" name the same field; send one of them`},
		{`{"type":"x","\u0074ype":"y"}`, "duplicate_key", `events[0]: duplicate key "type"`},
		{`{"strem_id":"x"}`, "unknown_field", `events[0]: "strem_id" is no field of an event; did you mean "stream_id"?`},
		{`{"stream":"x"}`, "unknown_field", `events[0]: "stream" is no field of an event; did you mean "stream_id"?`},
		{`{"EVENT_TYPE":"x"}`, "unknown_field", `events[0]: "EVENT_TYPE" is no field of an event; did you mean "event_type"?`},
		{`{"ſtream_id":"x"}`, "unknown_field", `events[0]: "ſtream_id" is no field of an event; did you mean "stream_id"?`},
		{`{"meta":{}}`, "unknown_field", `events[0]: "meta" is no field of an event; did you mean "metadata"?`},
		{`{"time":1}`, "unknown_field", `events[0]: "time" is no field of an event; did you mean "timestamp"?`},
		{`{"colour":1}`, "unknown_field", `events[0]: "colour" is no field of an event; put it into "payload" or "metadata"`},
		{`{"` + strings.Repeat("k", 99) + `":1}`, "unknown_field", `events[0]: "` + strings.Repeat("k", 64) + `"… is no field of an event; put it into "payload" or "metadata"`},
		{`{"position":1}`, "server_field", `events[0]: "position" is set by the log; leave it out`},
		{`{"recordedAt":1}`, "server_field", `events[0]: "recordedAt" is set by the log; leave it out`},
		{`{"instance_id":1}`, "server_field", `events[0]: "instance_id" is set by the log; leave it out`},
		{`{"sequenceNumber":1}`, "server_field", `events[0]: "sequenceNumber" is set by the log; leave it out`},
		{`{"category":"a"}`, "server_field", `events[0]: "category" is set by the log; leave it out`},
		{`{"type":7}`, "wrong_type", `events[0].type: must be a string, is a number`},
		{`{"type":""}`, "empty", `events[0].type: is empty; want 1 to 256 bytes`},
		{`{"type":"` + strings.Repeat("é", 129) + `"}`, "too_long", `events[0].type: is 258 bytes long; the most is 256`},
		{`{"type":"x","id":""}`, "empty", `events[0].id: is empty; want 1 to 128 bytes`},
		{`{"type":"x","id":"` + strings.Repeat("i", 129) + `"}`, "too_long", `events[0].id: is 129 bytes long; the most is 128`},
		{`{"type":"x","streamId":"` + strings.Repeat("s", 513) + `"}`, "too_long", `events[0].streamId: is 513 bytes long; the most is 512`},
		{`{"type":"x","stream_id":true}`, "wrong_type", `events[0].stream_id: must be a string, is a boolean`},
		{`{"type":"x","actor":12}`, "wrong_type", `events[0].actor: must be a string, is a number`},
		{`{"type":"x","uid":1.5}`, "wrong_type", `events[0].uid: must be a string or an integer, is the number 1.5`},
		{`{"type":"x","uid":[]}`, "wrong_type", `events[0].uid: must be a string, is an array`},
		{`{"type":"x","subject":{}}`, "wrong_type", `events[0].subject: must be a string, is an object`},
		{`{"type":"x","severity":"ERROR"}`, "invalid_severity", `events[0].severity: "ERROR" is no severity; one of debug, info, notice, warning, error, critical, alert, emergency`},
		{`{"type":"x","importance":9}`, "invalid_severity", `events[0].importance: 9 is no importance; want 1 (debug) to 8 (emergency)`},
		{`{"type":"x","severity":1.0}`, "invalid_severity", `events[0].severity: 1.0 is no importance; want 1 (debug) to 8 (emergency)`},
		{`{"type":"x","severity":{}}`, "wrong_type", `events[0].severity: must be the name of a severity or a number from 1 to 8, is an object`},
		{`{"type":"x","timestamp":"yesterday"}`, "invalid_time", `events[0].timestamp: is not a time; want RFC 3339 such as "2026-01-31T15:04:05.123Z", or milliseconds since the epoch as a number`},
		{`{"type":"x","created_at":"2026-02-29T00:00:00Z"}`, "invalid_time", `events[0].created_at: has a day that its month does not have`},
		{`{"type":"x","timestamp":"0001-01-01T00:00:00Z"}`, "invalid_time", `events[0].timestamp: is 0001-01-01T00:00:00Z, which stands for no time; leave it out for the time of the log's clock`},
		{`{"type":"x","timestamp":1e20}`, "invalid_time", `events[0].timestamp: is outside the years 0 to 9999`},
		{`{"type":"x","timestamp":false}`, "wrong_type", `events[0].timestamp: must be an RFC 3339 string or a number of milliseconds since the epoch, is a boolean`},
		{`{"type":"x","payload":null}`, "wrong_type", `events[0].payload: must be an object, is null`},
		{`{"type":"x","data":[1]}`, "wrong_type", `events[0].data: must be an object, is an array`},
		{`{"type":"x","payload":"{}"}`, "wrong_type", `events[0].payload: must be an object, is a string`},
		{`{"type":"x","metadata":3}`, "wrong_type", `events[0].metadata: must be an object, is a number`},

		// JSON inside payloads.
		{`[{"type":"x"},{"type":"x","payload":{"geo":{"city":1,"city":2}}}]`, "duplicate_key", `events[1].payload.geo: duplicate key "city"`},
		{`{"type":"x","payload":{"a":{"city":1,"\u0063ity":2}}}`, "duplicate_key", `events[0].payload.a: duplicate key "city"`},
		{`{"type":"x","payload":{"":1,"":2}}`, "duplicate_key", `events[0].payload: duplicate key ""`},
		{`{"type":"x","metadata":{"tags":[1,{"dotted.key":[0,1,{"a":tru}]}]}}`, "invalid_json", `events[0].metadata.tags[1]["dotted.key"][2].a: invalid JSON: expected a value, found 't' at column 59`},
		{`{"type":"x","payload":{"a":01}}`, "invalid_json", `events[0].payload.a: invalid JSON: expected "," or "}" after the value, found '1' at column 29`},
		{`{"type":"x","payload":{"a":-}}`, "invalid_json", `events[0].payload.a: invalid JSON: expected a digit in the number, found '}' at column 29`},
		{`{"type":"x","payload":{"a":1.}}`, "invalid_json", `events[0].payload.a: invalid JSON: expected a digit after the decimal point, found '}' at column 30`},
		{`{"type":"x","payload":{"a":1e}}`, "invalid_json", `events[0].payload.a: invalid JSON: expected a digit in the exponent, found '}' at column 30`},
		{`{"type":"x","payload":{"a":NaN}}`, "invalid_json", `events[0].payload.a: invalid JSON: expected a value, found 'N' at column 28`},
		{`{"type":"x","payload":{"a":1,}}`, "invalid_json", `events[0].payload: invalid JSON: expected a key in quotes, found '}' at column 30`},
		{`{"type":"x","payload":{'a':1}}`, "invalid_json", `events[0].payload: invalid JSON: expected a key in quotes, found '\'' at column 24`},
		{`{"type":"x","payload":{"a" 1}}`, "invalid_json", `events[0].payload.a: invalid JSON: expected ":" after the key, found '1' at column 28`},
		{`{"type":"x","payload":{"a":[1 2]}}`, "invalid_json", `events[0].payload.a[0]: invalid JSON: expected "," or "]" after the element, found '2' at column 31`},
		{`{"type":"x","payload":{"a":"b`, "invalid_json", `events[0].payload.a: invalid JSON: expected the closing quote of a string, found the end of the text at column 30`},
		{`{"type":"x","payload":{"a":"` + "\n" + `"}}`, "invalid_json", `events[0].payload.a: invalid JSON: expected a string without control characters (write them as \n, \t or \u00XX), found '\n' at line 1 column 29`},
		{`{"type":"x","payload":{"a":"\x"}}`, "invalid_json", `events[0].payload.a: invalid JSON: expected one of "\/bfnrtu after a backslash, found 'x' at column 30`},
		{`{"type":"x","payload":{"a":"\u12g4"}}`, "invalid_json", `events[0].payload.a: invalid JSON: expected four hexadecimal digits after \u at column 29`},
		{`{"type":"x","payload":{"a":"\ud834x"}}`, "lone_surrogate", `events[0].payload.a: lone surrogate \ud834 in a string; a \u escape above U+FFFF needs both halves`},
		{`{"type":"x","payload":{"a":"\udd1e\ud834"}}`, "lone_surrogate", `events[0].payload.a: lone surrogate \udd1e in a string; a \u escape above U+FFFF needs both halves`},
		{`{"type":"x","payload":{"a":"` + "\xff" + `"}}`, "invalid_utf8", `events[0].payload.a: string that is not valid UTF-8 (0xFF is no character)`},
		{`{"type":"x","payload":{"a":"` + "\xed\xa0\x80" + `"}}`, "invalid_utf8", `events[0].payload.a: string that is not valid UTF-8 (0xED is no character)`},
		{`{"type":"x` + "\xc0" + `"}`, "invalid_utf8", `events[0].type: string that is not valid UTF-8 (0xC0 is no character)`},
		{`{"type":"x","payload":` + nested(event.MaxDepth+1) + `}`, "too_deep", `events[0].payload` + strings.Repeat(".a", event.MaxDepth) + `: nested deeper than 128 levels`},
		{`{"type":"x","payload":{"n":[` + digits + `]}}`, "number_range", `events[0].payload.n[0]: number of 1001 characters; the most is 1000`},
		{`{"type":"x","payload":{"n":1e-1001}}`, "number_range", `events[0].payload.n: number with an exponent beyond ±1000; send it as a string`},
		{`{"type":"x","payload":{"n":1E+99999999999999999999}}`, "number_range", `events[0].payload.n: number with an exponent beyond ±1000; send it as a string`},
	} {
		name := c.body
		if len(name) > 60 {
			name = name[:60]
		}
		t.Run(name, func(t *testing.T) {
			drafts, err := event.ParseBatch([]byte(c.body), event.Limits{})
			wantInvalid(t, err, c.code, c.want)
			if drafts != nil {
				t.Errorf("drafts: %v", drafts)
			}
		})
	}
}

func wantInvalid(t *testing.T, err error, code, message string) {
	t.Helper()
	var invalid *event.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v, want an InvalidError: %s", err, message)
	}
	if string(invalid.Code) != code {
		t.Errorf("code %s, want %s", invalid.Code, code)
	}
	if diff := cmp.Diff(message, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestParseLimits(t *testing.T) {
	lim := event.Limits{EventBytes: 20, BatchBytes: 100, BatchEvents: 2}
	one := `{"type":"x","payload":{"a":"0123456789"},"metadata":{}}`
	if _, err := event.ParseBatch([]byte(one), lim); err != nil {
		t.Errorf("compact size of the limit: %v", err)
	}
	if _, err := event.ParseBatch([]byte(`{"type":"x","payload": { "a" : "0123456789" }, "metadata":{ }}`), lim); err != nil {
		t.Errorf("white space counts: %v", err)
	}
	_, err := event.ParseBatch([]byte(`{"type":"x","payload":{"a":"0123456789"},"metadata":{"":0}}`), lim)
	wantInvalid(t, err, "event_too_large", `events[0]: payload and metadata together are over the limit of 20 bytes`)
	_, err = event.ParseBatch([]byte(`{"type":"x","actor":"`+strings.Repeat("a", 21)+`"}`), lim)
	wantInvalid(t, err, "too_long", `events[0].actor: is 21 bytes long; the most is 20`)
	_, err = event.ParseBatch([]byte(strings.Repeat(" ", 101)), lim)
	wantInvalid(t, err, "batch_too_large", `the batch is 101 bytes; the most is 100`)
	if _, err := event.ParseBatch([]byte(`[{"type":"x"},{"type":"x"}]`), lim); err != nil {
		t.Errorf("as many events as may be: %v", err)
	}
	_, err = event.ParseBatch([]byte(`[{"type":"x"},{"type":"x"},{"type":"x"}]`), lim)
	wantInvalid(t, err, "too_many_events", `the batch has more than 2 events`)
	_, err = event.ParseLine([]byte(strings.Repeat(" ", 101)), lim)
	wantInvalid(t, err, "batch_too_large", `the event is 101 bytes of JSON; the most is 100`)
}

func TestParseLine(t *testing.T) {
	d, err := event.ParseLine([]byte(" {\"type\":\"x\"}\r\n"), event.Limits{})
	if err != nil || d.EventType != "x" {
		t.Errorf("%v, %v", d, err)
	}
	for line, want := range map[string]string{
		"":                                     `the line is empty; want an event object`,
		`[{"type":"x"}]`:                       `the line must be an event object, is an array`,
		`{"type":"x"}{"type":"y"}`:             `invalid JSON: expected the end of the text, found '{' at column 13; several events go into an array, or as NDJSON with Content-Type application/x-ndjson`,
		`{"type":"x","payload":{"a":1,"a":2}}`: `payload: duplicate key "a"`,
	} {
		if _, err := event.ParseLine([]byte(line), event.Limits{}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", line, err, want)
		}
	}
}

func TestParserAppendLine(t *testing.T) {
	p := event.Parser{DropServerFields: true}
	var drafts []event.Draft
	var err error
	for i := range 1000 {
		line := fmt.Sprintf(`{"id":"%d","instance_id":"i","stream_id":"s","sequence_number":1,"position":2,"event_type":"a.b","recorded_at":"x",`+
			`"category":{ "a" : [] },"actor":"a%d","subject":null,"payload":{ "n" : %d }}`, i, i, i)
		if drafts, err = p.AppendLine(drafts, []byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	for i, d := range drafts {
		want := event.Draft{ID: fmt.Sprint(i), StreamID: "s", EventType: "a.b", Actor: text(fmt.Sprintf("a%d", i)),
			Payload: []byte(fmt.Sprintf(`{"n":%d}`, i))}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Fatalf("%d: %s", i, diff)
		}
	}
	same, err := p.AppendLine(drafts, []byte(`{"type":"x","position":1,"position":2}`))
	wantInvalid(t, err, "duplicate_key", `events[1000]: duplicate key "position"`)
	if len(same) != len(drafts) {
		t.Errorf("%d drafts after a refusal, want %d", len(same), len(drafts))
	}
	_, err = p.AppendLine(nil, []byte(`{"type":"x","category":[1,{]}`))
	wantInvalid(t, err, "invalid_json", `events[0].category[1]: invalid JSON: expected a key in quotes, found ']' at column 28`)
}

// TestManyKeys: duplicates are found in large objects, and large objects do not
// take long (a quadratic scanner would need minutes).
func TestManyKeys(t *testing.T) {
	var b strings.Builder
	const n = 200_000
	for i := range n {
		fmt.Fprintf(&b, `"k%d":{"k%d":0},`, i, i)
	}
	many := b.String()
	if _, err := event.CompactObject([]byte(`{`+many+`"last":1}`), event.Limits{EventBytes: 1 << 30}); err != nil {
		t.Error(err)
	}
	for _, key := range []string{`"k0"`, `"\u006b31"`, `"k32"`, `"k199999"`} {
		_, err := event.CompactObject([]byte(`{"a":{`+many+key+`:1}}`), event.Limits{EventBytes: 1 << 30})
		wantInvalid(t, err, "duplicate_key", `a: duplicate key "`+strings.Replace(strings.Trim(key, `"`), `\u006b`, "k", 1)+`"`)
	}
	_, err := event.CompactObject([]byte(`{"a":{`+many+`"x":1}}`), event.Limits{EventBytes: 1000})
	wantInvalid(t, err, "event_too_large", `a: payload and metadata together are over the limit of 1000 bytes`)
}
