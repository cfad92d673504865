package webdebug_test

import (
	"bytes"
	"encoding/json/jsontext"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/server/webdebug"
)

const whole = `{
  "id": "0f8fad5b-d9cb-469f-a165-70867728950e",
  "version": 1,
  "events": [
    {"type": "request", "payload": {"method": "GET", "uri": "/articles/2?full=1"}, "importance": 2, "time": 1553100000000, "duration": 120, "nested": [
      {"type": "middleware", "payload": {"name": "auth"}, "time": 1553100000001, "defined_in": {"file": "/app/auth.php", "line": 3}, "nested": [
        {"type": "access_check", "payload": {"access": "GRANT", "control": "Engines", "object": "R2-D2"}, "success": true, "importance": 1, "time": 1553100000002}
      ]},
      {"type": "query", "payload": {"target": "mysql", "query": "SELECT 1", "syntax": "sql"}, "tags": ["db:mysql", "is_production"], "importance": 1, "time": 1553100000003, "duration": 30, "success": false, "called_from": {"file": "/app/Article.php", "line": 21, "pos": 4, "pos_end": 9}}
    ]},
    {"type": "log", "payload": {"message": "done", "context": "{\"user_id\": 12345}"}, "importance": 4, "time": 1553100000120}
  ]
}`

const wholeID = "0f8fad5b-d9cb-469f-a165-70867728950e"

func compact(t *testing.T, text string) string {
	t.Helper()
	v := jsontext.Value(text)
	if err := v.Compact(jsontext.AllowDuplicateNames(true)); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return string(v)
}

func TestSchemeIsStoredFlat(t *testing.T) {
	d := open(t, webdebug.Options{})
	answer := d.put(201, "?app=shop", whole)
	if answer.SchemeID != wholeID || len(answer.Events) != 6 || len(answer.Warnings) != 0 {
		t.Errorf("answer %+v", answer)
	}
	var lines []string
	for _, e := range d.stored("debug") {
		if e.StreamID != "shop" {
			t.Errorf("stream %s", e.StreamID)
		}
		lines = append(lines, strings.ReplaceAll(fmt.Sprintf("%d %s %s %s %s %s", e.SequenceNumber, e.ID, e.EventType, e.Severity, e.Payload, e.Metadata), wholeID, "ID"))
	}
	want := []string{
		`1 ID scheme info {"id":"ID","version":1,"events":5} {"scheme_id":"ID"}`,
		`2 ID:0 request info {"method":"GET","uri":"/articles/2?full=1"} {"scheme_id":"ID","index":0,"duration":120}`,
		`3 ID:1 middleware info {"name":"auth"} {"scheme_id":"ID","parent_id":"ID:0","index":1,"defined_in":{"file":"/app/auth.php","line":3},"envelope":["type","payload","time","defined_in","nested"]}`,
		`4 ID:2 access_check debug {"access":"GRANT","control":"Engines","object":"R2-D2"} {"scheme_id":"ID","parent_id":"ID:1","index":2,"success":true,"envelope":["type","payload","success","importance","time"]}`,
		`5 ID:3 query debug {"target":"mysql","query":"SELECT 1","syntax":"sql"} {"scheme_id":"ID","parent_id":"ID:0","index":3,"tags":["db:mysql","is_production"],"duration":30,"success":false,"called_from":{"file":"/app/Article.php","line":21,"pos":4,"pos_end":9}}`,
		`6 ID:4 log warning {"message":"done","context":"{\"user_id\": 12345}"} {"scheme_id":"ID","index":4}`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if at := answer.Events[4].Timestamp; at != "2019-03-20T16:40:00.003Z" {
		t.Errorf("timestamp %s", at)
	}
	if got := d.scheme(wholeID); got != compact(t, whole) {
		t.Errorf("out: %s\nin:  %s", got, compact(t, whole))
	}
}

// lossless are schemes that must come out as they went in, letter by letter,
// with the warnings there are.
var lossless = []struct{ name, scheme, warning string }{
	{"empty", `{"id":"a","version":1,"events":[]}`, ""},
	{"camelCase", `{"id":"a","version":1,"events":[{"type":"accessCheck","payload":{"access":"DENIED","control":"Cockpit","object":"R2-D2"},"calledFrom":{"relativePath":"/a.php","line":1,"positionStart":2,"positionEnd":3},"definedIn":{"file":"/b.php"}},{"type":"email","payload":{"subject":"s","body":"b","from":"f","to":["t"],"replyTo":"r"}},{"type":"response","payload":{"memoryPeak":1000000},"duration":5}]}`, ""},
	{"the official example's slips", `{"uuid":"a","version":1,"events":[{"type":"request","payload":{"target":"mysql","query":"SELECT"},"state":false},{"type":"email","payload":{"to":"one@example.com"}}]}`,
		`events[0].state is no member that the protocol knows; kept as it came, and of no effect; events[0].payload.query must be an array, is a string; events[1].payload.body is missing; events[1].payload.from is missing; events[1].payload.subject is missing`},
	{"id and uuid", `{"uuid":"b","id":"a","version":1,"events":[]}`, ""},
	{"order of keys", `{"events":[{"time":5,"nested":[{"payload":{},"type":"x"}],"payload":{"z":1,"a":2},"type":"y"}],"version":1,"id":"a"}`, ""},
	{"keys of one's own", `{"id":"a","version":1,"host":"php_03","events":[{"type":"log","payload":{"message":"m"},"trace id":"\u0000\/","nested":[],"x":{"y":[1,2]}}],"":null}`,
		`events[0]["trace id"] is no member that the protocol knows; kept as it came, and of no effect; events[0].x is no member that the protocol knows; kept as it came, and of no effect; host is no member that the protocol knows; kept as it came, and of no effect; [""] is no member that the protocol knows; kept as it came, and of no effect`},
	{"numbers", `{"id":"a","version":1.0,"events":[{"type":"t","payload":{"n":1e3,"m":9223372036854775808,"z":-0,"f":0.1000},"time":1.5531e12,"duration":1e1,"importance":2.0},{"type":"t","payload":{},"time":1553100000000.125}]}`, ""},
	{"strings", `{"id":"a\u0062","version":1,"events":[{"type":"l\u006fg","payload":{"message":"\u00e9\ud83d\ude00é😀\/"},"tags":["\u0061:b"]}]}`, ""},
	{"nulls, as some emitters write", `{"id":"a","version":1,"events":[{"type":"t","payload":null,"tags":null,"importance":null,"time":null,"duration":null,"success":null,"called_from":null,"defined_in":null,"nested":null}]}`, ""},
	{"empty arrays, as PHP writes objects", `{"id":"a","version":1,"events":[{"type":"t","payload":[],"tags":[],"called_from":[],"nested":[]}]}`, ""},
	{"no payload", `{"id":"a","version":1,"events":[{"type":"t"}]}`, ""},
	{"no version", `{"id":"a","events":[]}`, ""},
	{"version of another type", `{"id":"a","version":"1","events":[{"type":"t","payload":{}}]}`, ""},
	{"other types", `{"id":"a","version":1,"events":[{"type":"t","payload":{},"tags":["a",1],"duration":"5","success":0,"called_from":"/a.php:3","nested":"none"}]}`, ""},
	{"importance 9", `{"id":"a","version":1,"events":[{"type":"t","payload":{},"importance":9}]}`, `events[0].importance is not one of 1 to 8; stored as 8 (emergency)`},
	{"importance 0", `{"id":"a","version":1,"events":[{"type":"t","payload":{},"importance":0}]}`, `events[0].importance is not one of 1 to 8; stored as 1 (debug)`},
	{"importance -1e400", `{"id":"a","version":1,"events":[{"type":"t","payload":{},"importance":-1e400}]}`, `events[0].importance is not one of 1 to 8; stored as 1 (debug)`},
	{"importance 3.7", `{"id":"a","version":1,"events":[{"type":"t","payload":{},"importance":3.7}]}`, `events[0].importance is not one of 1 to 8; stored as 3 (notice)`},
	{"importance of another type", `{"id":"a","version":1,"events":[{"type":"t","payload":{},"importance":"high"}]}`, `events[0].importance is no number from 1 to 8; stored as info`},
	{"time of another type", `{"id":"a","version":1,"events":[{"type":"t","payload":{},"time":"2019-03-20"}]}`, `events[0].time is no time in milliseconds since 1970; stored with the time of its arrival`},
	{"time out of range", `{"id":"a","version":1,"events":[{"type":"t","payload":{},"time":1e300}]}`, `events[0].time is no time in milliseconds since 1970; stored with the time of its arrival`},
	{"time of nothing", `{"id":"a","version":1,"events":[{"type":"t","payload":{},"time":-62135596800000}]}`, `events[0].time is no time in milliseconds since 1970; stored with the time of its arrival`},
	{"a time in front of the message", `{"id":"a","version":1,"events":[{"type":"t","payload":{},"nested":[{"type":"log","payload":{"message":"[14:12:20] Hello world"}}]}]}`, `events[0].nested[0].payload.message begins with a time; the event's time is the place for it`},
	{"both spellings", `{"id":"a","version":1,"events":[{"type":"t","payload":{},"calledFrom":{"file":"/camel"},"called_from":{"file":"/snake"}}]}`, ""},
	{"a key spelled with an escape", `{"id":"a","version":1,"events":[{"t\u0079pe":"t","payload":{},"t\u0061gs":["x"]}],"ver\u0073ion ":2}`,
		`["version "] is no member that the protocol knows; kept as it came, and of no effect`},
	{"an event named scheme", `{"id":"a","version":1,"events":[{"type":"scheme","payload":{"id":"a","version":1,"events":7}}]}`, ""},
}

func TestSchemesComeOutAsTheyCame(t *testing.T) {
	for _, x := range lossless {
		t.Run(x.name, func(t *testing.T) {
			d := open(t, webdebug.Options{})
			answer := d.put(201, "", x.scheme)
			if got := d.scheme(answer.SchemeID); got != x.scheme {
				t.Errorf("out: %s\nin:  %s", got, x.scheme)
			}
			told := make([]string, len(answer.Warnings))
			for i, w := range answer.Warnings {
				told[i] = w.Field + " " + w.Message
			}
			if said := strings.Join(told, "; "); said != x.warning {
				t.Errorf("warnings %q, want %q", said, x.warning)
			}
			d.put(200, "", x.scheme)
			if err := d.log.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := d.scheme(answer.SchemeID); got != x.scheme {
				t.Errorf("sealed: %s", got)
			}
		})
	}
}

// TestCanonicalNames: where both spellings are there, the canonical one is
// stored; types have one name.
func TestCanonicalNames(t *testing.T) {
	d := open(t, webdebug.Options{})
	d.put(201, "", `{"id":"a","version":1,"events":[{"type":"accessCheck","payload":{},"calledFrom":{"file":"/camel"},"called_from":{"file":"/snake"},"definedIn":{"file":"/d"}}]}`)
	e := d.stored("debug")[1]
	if from, _ := event.Member(e.Metadata, "called_from"); e.EventType != "access_check" || string(from) != `{"file":"/snake"}` {
		t.Errorf("%s %s", e.EventType, e.Metadata)
	}
	if in, _ := event.Member(e.Metadata, "defined_in"); string(in) != `{"file":"/d"}` {
		t.Errorf("%s", e.Metadata)
	}
}

// TestSeedPayloads: every example of the seed document goes in and out.
func TestSeedPayloads(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "payloads.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, webdebug.Options{})
	events := compact(t, "["+strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", ",")+"]")
	scheme := `{"id":"seed","version":1,"events":` + events + `}`
	answer := d.put(201, "", scheme)
	if len(answer.Events) < 13 {
		t.Errorf("%d events", len(answer.Events))
	}
	want := strings.NewReplacer(`"l6q632qbzua97o3p2p71biefbkrijbil"`, `"[redacted]"`, `"15356948596"`, `"[redacted]"`).Replace(scheme)
	if got := d.scheme("seed"); got != want {
		t.Errorf("out: %s\nin:  %s", got, want)
	}
}

func TestSameAgain(t *testing.T) {
	d := open(t, webdebug.Options{})
	first := d.put(201, "?app=shop", whole)
	again := d.put(200, "?app=shop", compact(t, whole)) // white space does not count
	for i, e := range again.Events {
		if !e.Duplicate || e.Position != first.Events[i].Position {
			t.Errorf("again %d: %+v, first %+v", i, e, first.Events[i])
		}
	}
	for name, other := range map[string]string{
		"payload": strings.Replace(whole, `"done"`, `"undone"`, 1), "fewer": `{"id":"` + wholeID + `","version":1,"events":[]}`,
		"version": strings.Replace(whole, `"version": 1`, `"version": 2`, 1), "a key": strings.Replace(whole, `"version": 1`, `"version": 1, "k": 0`, 1),
		"no time": strings.Replace(whole, `, "time": 1553100000120`, ``, 1), "order": strings.Replace(whole, `"importance": 4, "time": 1553100000120`, `"time": 1553100000120, "importance": 4`, 1),
	} {
		if status, text := d.ask("POST", "/debug/schemes?app=shop", other); status != 409 || !strings.Contains(text, wholeID) {
			t.Errorf("%s: %d %s, want 409", name, status, text)
		}
	}
	if status, _ := d.ask("POST", "/debug/schemes?app=other", whole); status != 409 {
		t.Errorf("another app: %d, want 409", status)
	}
	if n := len(d.stored("debug")); n != 6 {
		t.Errorf("%d events are stored, want 6", n)
	}
	if _, err := d.log.CreateInstance(t.Context(), instance("qa")); err != nil {
		t.Fatal(err)
	}
	d.put(201, "?instance=qa", whole)
	if status, text := d.ask("GET", "/_profile/?instance=qa&id="+wholeID, ""); status != 200 || text != compact(t, whole) {
		t.Errorf("qa: %d %s", status, text)
	}
}

func TestCatalogIsEnforced(t *testing.T) {
	d := open(t, webdebug.Options{})
	in, err := d.log.CreateInstance(t.Context(), firn.Instance{Name: webdebug.Instance, Validation: firn.ValidationEnforce})
	if err != nil {
		t.Fatal(err)
	}
	bad := `{"id":"a","version":1,"events":[{"type":"t","payload":{},"nested":[{"type":"log","payload":{"message":7}},{"type":"log","payload":{"message":8}}]}]}`
	status, text := d.ask("POST", "/debug/schemes", bad)
	if status != 422 || !strings.Contains(text, "events[0].nested[0].payload.message: must be a string") || !strings.Contains(text, "(and 1 more)") {
		t.Errorf("%d %s", status, text)
	}
	if stats, err := d.log.InstanceStats(t.Context(), in.ID); err != nil || stats.Events != 0 {
		t.Errorf("%d events are stored, %v", stats.Events, err)
	}
	d.put(201, "", `{"id":"a","version":1,"events":[{"type":"log","payload":{"message":"fine"}}]}`)
}

func TestRefused(t *testing.T) {
	d := open(t, webdebug.Options{Limits: event.Limits{EventBytes: 1000, BatchEvents: 40, BatchBytes: 100_000}})
	nested := func(levels int) string {
		return `{"id":"deep","version":1,"events":[` + strings.Repeat(`{"type":"t","payload":{},"nested":[`, levels-1) + `{"type":"t","payload":{}}` + strings.Repeat("]}", levels-1) + `]}`
	}
	events := func(n int) string {
		return `{"id":"many","version":1,"events":[` + strings.Repeat(`{"type":"t","payload":{}},`, n-1) + `{"type":"t","payload":{}}]}`
	}
	for _, x := range []struct {
		body   string
		status int
		says   string
	}{
		{`[]`, 400, "must be"}, {`null`, 400, "must be"}, {`"x"`, 400, "must be"}, {`{`, 400, ""}, {`{}x`, 400, ""},
		{`{"version":1,"events":[]}`, 400, "id: is missing"},
		{`{"id":7,"events":[]}`, 400, "id: must be a string"}, {`{"id":"","events":[]}`, 400, "id: must be a string"},
		{`{"id":"` + strings.Repeat("x", 121) + `","events":[]}`, 400, "1 to 120 bytes"},
		{`{"id":"a"}`, 400, "events: must be a list"}, {`{"id":"a","events":{}}`, 400, "events: must be a list"},
		{`{"id":"a","events":[7]}`, 400, "events[0]: must be an object"},
		{`{"id":"a","events":[{"payload":{}}]}`, 400, "events[0].type: must be a string"},
		{`{"id":"a","events":[{"type":"","payload":{}}]}`, 400, "events[0].type"},
		{`{"id":"a","events":[{"type":"t"},{"type":"t","nested":[{"type":7}]}]}`, 400, "events[1].nested[0].type"},
		{`{"id":"a","events":[{"type":"t","payload":[1]}]}`, 400, "events[0].payload: must be an object"},
		{`{"id":"a","events":[{"type":"t","payload":"x"}]}`, 400, "events[0].payload: must be an object"},
		{`{"id":"a","events":[{"type":"t","payload":{"k":1,"k":2}}]}`, 400, "duplicate key"},
		{`{"id":"a","events":[{"type":"t","payload":{"k":"\ud800"}}]}`, 400, "events[0].payload.k"},
		{"{\"id\":\"a\",\"events\":[{\"type\":\"\xff\"}]}", 400, "UTF-8"},
		{`{"id":"a","events":[{"type":"` + strings.Repeat("t", 257) + `"}]}`, 400, "events[0]."},
		{`{"id":"a","events":[{"type":"t"},{"type":"t","payload":{"k":"` + strings.Repeat("x", 1000) + `"}}]}`, 413, "events[1]."},
		{`{"id":"a","events":[{"type":"t","payload":{"n":1e9999}}]}`, 400, "events[0].payload.n"},
		{nested(33), 400, "deeper than 32"},
		{events(40), 413, "at most 39 events"},
		{`{"id":"big","events":[],"x":"` + strings.Repeat("x", 100_000) + `"}`, 413, ""},
		{``, 415, ""},
	} {
		status, text := d.ask("POST", "/debug/schemes", x.body)
		if status != x.status || !strings.Contains(text, x.says) {
			t.Errorf("%.80s: %d %s; want %d, %q", x.body, status, text, x.status, x.says)
		}
	}
	for path, want := range map[string]int{"/debug/schemes?ap=x": 400, "/debug/schemes?app=a&app=b": 400, "/debug/schemes?instance=none": 404, "/debug/scheme": 404} {
		if status, text := d.ask("POST", path, `{"id":"a","events":[]}`); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, text, want)
		}
	}
	if _, err := d.log.Instance("debug"); err == nil && len(d.stored("debug")) > 0 {
		t.Errorf("stored: %+v", d.stored("debug"))
	}
	limits := open(t, webdebug.Options{})
	limits.put(201, "", nested(32))
	if got := limits.scheme("deep"); got != nested(32) {
		t.Errorf("32 levels: %s", got)
	}
}

func TestUnknownAndForbidden(t *testing.T) {
	d := open(t, webdebug.Options{})
	d.put(201, "", whole)
	for _, path := range []string{"/debug/schemes/none", "/_profile/?id=none", "/_profile/", "/_profile/?id=", "/debug/schemes/" + wholeID + ":0",
		"/debug/schemes/" + strings.Repeat("x", 500), "/debug/schemes/" + wholeID + "?instance=none", "/_profile/more"} {
		if status, text := d.ask("GET", path, ""); status != 404 {
			t.Errorf("%s: %d %s, want 404", path, status, text)
		}
	}
	off := open(t, webdebug.Options{Disabled: true})
	for _, path := range []string{"/debug/schemes/" + wholeID, "/_profile/?id=" + wholeID, "/debug/schemes/none"} {
		if status, text := off.ask("GET", path, ""); status != 403 {
			t.Errorf("disabled, %s: %d %s, want 403", path, status, text)
		}
	}
	if status, text := off.ask("POST", "/debug/schemes", whole); status != 403 {
		t.Errorf("disabled: %d %s, want 403", status, text)
	}
	made, secret, err := d.server.Keys().Create(t.Context(), auth.Owner(), auth.NewKey{Name: "k", Permissions: auth.SetOf(auth.EventsAppend)})
	if err != nil || made == nil {
		t.Fatal(err)
	}
	if status, text := d.ask("GET", "/_profile/?id="+wholeID, ""); status != 401 {
		t.Errorf("no key: %d %s", status, text)
	}
	d.key = secret
	if status, text := d.ask("GET", "/_profile/?id="+wholeID, ""); status != 403 || !strings.Contains(text, "events:read") {
		t.Errorf("no permission: %d %s", status, text)
	}
	d.put(200, "?app=default", strings.Replace(whole, `"done"`, `"done"`, 1))
}

// TestPurgedEvents: what is left of a scheme is told; sent again it is whole.
func TestPurgedEvents(t *testing.T) {
	d := open(t, webdebug.Options{})
	d.put(201, "", whole)
	if _, err := d.log.Purge(t.Context(), "debug", condition(t, `{"field":"event_type","operator":"in","value":["middleware","log"]}`), false); err != nil {
		t.Fatal(err)
	}
	if got := d.scheme(wholeID); !strings.Contains(got, `"access_check"`) || strings.Contains(got, `"middleware"`) {
		t.Errorf("left: %s", got)
	}
	again := d.put(201, "", whole)
	if dup := again.Events; !dup[0].Duplicate || dup[2].Duplicate || dup[5].Duplicate {
		t.Errorf("again: %+v", dup)
	}
	if got := d.scheme(wholeID); got != compact(t, whole) {
		t.Errorf("out: %s", got)
	}
}

// TestHostileStore: events that somebody else put into the instance under the
// names of this door are no schemes, or at least no harm.
func TestHostileStore(t *testing.T) {
	d := open(t, webdebug.Options{})
	d.put(201, "", `{"id":"ok","version":1,"events":[]}`)
	for i, e := range []struct{ payload, metadata string }{
		{`{"events":1000001}`, `{"scheme_id":"#"}`}, {`{"events":-1}`, `{"scheme_id":"#"}`}, {`{"events":"1"}`, `{"scheme_id":"#"}`},
		{`{"events":5}`, `{"scheme_id":"#","envelope":[1,null,[],"events",{"a":1},"nonsense","","type"]}`}, {`{"events":5}`, `{"scheme_id":7}`},
		{`{"events":5}`, `{"scheme_id":"#","envelope":7}`}, {`{}`, `{}`},
	} {
		id := fmt.Sprint("bad", i)
		text := func(s string) []byte { return []byte(strings.ReplaceAll(s, "#", id)) }
		d.append(event.Draft{ID: id, EventType: "scheme", Payload: text(e.payload), Metadata: text(e.metadata)},
			event.Draft{ID: id + "-1", EventType: "t", Metadata: text(`{"scheme_id":"#","index":0,"parent_id":"` + id + `-1","envelope":["nested","type"]}`)},
			event.Draft{ID: id + "-2", EventType: "t", Metadata: text(`{"scheme_id":"#","index":1,"parent_id":"` + id + `-3"}`)},
			event.Draft{ID: id + "-3", EventType: "t", Metadata: text(`{"scheme_id":"#","index":2,"parent_id":"` + id + `-2"}`)},
			event.Draft{ID: id + "-4", EventType: "t", Metadata: text(`{"scheme_id":"#","index":99}`)})
		status, got := d.ask("GET", "/_profile/?id="+id, "")
		if status != 200 && status != 404 {
			t.Errorf("%s: %d %s", id, status, got)
		}
		if status == 200 && !jsontext.Value(bytes.TrimSpace([]byte(got))).IsValid() {
			t.Errorf("%s: %s is no JSON", id, got)
		}
	}
}
