package querybook

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/catalog"
	"github.com/firnlog/firn/internal/server/door"
	"github.com/firnlog/firn/query"
)

// net/http lingers for half a second on a connection that it cuts off.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

type running struct {
	t    *testing.T
	log  *firn.Log
	door *door.Door
}

func start(t *testing.T, limits event.Limits) *running {
	t.Helper()
	types, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	log, err := firn.Open(t.TempDir(), firn.Options{Limits: limits, Catalog: types})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return &running{t, log, New(log, Options{Limits: limits, Host: "here"})}
}

// post sends a body as the server hands it to the door.
func (r *running) post(rawQuery, body string) (status int, answer string) {
	r.t.Helper()
	w := httptest.NewRecorder()
	hr := httptest.NewRequest(http.MethodPost, "/ds/context_log/?"+rawQuery, nil)
	released := false
	receive := func(int64) ([]byte, func(), error) { return []byte(body), func() { released = true }, nil }
	err := r.door.Routes[0].Serve(w, &door.Request{Request: hr, Receive: receive})
	if f, ok := errors.AsType[*door.Fault](err); ok {
		r.door.Fail(w, hr, f)
	} else if err != nil {
		r.t.Fatal(err)
	} else if !released {
		r.t.Error("the body was not given back")
	}
	return w.Code, strings.TrimSpace(w.Body.String())
}

// events are all that are stored, each in one line.
func (r *running) events() []string {
	r.t.Helper()
	q := &query.Query{Instance: Instance, Limit: query.MaxLimit}
	result, err := r.log.Query(r.t.Context(), q)
	if errors.Is(err, firn.ErrNotFound) {
		return nil
	}
	if err != nil {
		r.t.Fatal(err)
	}
	var lines []string
	for _, e := range result.Events {
		lines = append(lines, strings.Join([]string{e.StreamID, *e.Actor, e.EventType, event.FormatTime(e.Timestamp), string(e.Payload)}, " "))
	}
	return lines
}

const click = `{"type":"CLICK","data":{"path":"/env/datadoc/1/","component":"DATADOC_PAGE","element":"FORMAT_BUTTON","aux":{}},"timestamp":1672531200123}`

// TestCatalogIsEnforced: what the catalog refuses is among the bad entries, and
// costs the good ones nothing.
func TestCatalogIsEnforced(t *testing.T) {
	r := start(t, event.Limits{})
	if _, err := r.log.CreateInstance(t.Context(), firn.Instance{Name: Instance, Validation: firn.ValidationEnforce}); err != nil {
		t.Fatal(err)
	}
	status, answer := r.post("uid=12", `[7,`+click+`,{"type":"VIEW","data":{"path":7}},{"data":{}},`+click+`,{"type":"VIEW","data":{"path":8,"element":9}}]`)
	want := regexp.MustCompile(`^{"data":null,"host":"here","rejected":\[{"index":0,"error":".+"},{"index":2,"error":"data.path: must be a string, is a number"},` +
		`{"index":3,"error":".+"},{"index":5,"error":"data.element: must be a string, is a number"}]}$`)
	if status != 200 || !want.MatchString(answer) {
		t.Errorf("%d %s", status, answer)
	}
	if n := len(r.events()); n != 2 {
		t.Errorf("%d events are stored, want the 2 good ones", n)
	}
	// More than one round of faults.
	many := strings.Repeat(`{"type":"VIEW","data":{"path":7}},`, 250)
	if status, answer := r.post("uid=12", `[`+many+click+`]`); status != 200 || strings.Count(answer, "must be a string") != 250 {
		t.Errorf("%d %.300s", status, answer)
	}
	if n := len(r.events()); n != 3 {
		t.Errorf("%d events are stored, want 3", n)
	}
	if status, answer := r.post("uid=12", `[`+many[:len(many)-1]+`]`); status != 200 || len(r.events()) != 3 {
		t.Errorf("nothing but bad ones: %d %.300s", status, answer)
	}
}

func TestABeacon(t *testing.T) {
	r := start(t, event.Limits{})
	for _, x := range []struct{ query, body, warned string }{
		{"uid=12", "[" + click + "]", ""},
		{"", `[ {"type" : "VIEW", "data":{"path":"/"}, "timestamp":"2023-01-01T01:00:00.5+01:00"} ] `, ""},
		{"uid=007", `[{"event_type":"HOVER","event_data":{},"created_at":1672531200123}]`, ""},
		{"uid=", `[{"type":"API","data":[1, 2],"timestamp":1672531200123},{"type":"API","data":null,"timestamp":1672531200123}]`,
			`,"warnings":[{"index":0,"warning":"data.method: is missing"},{"index":0,"warning":"data.route: is missing"},` +
				`{"index":1,"warning":"data.method: is missing"},{"index":1,"warning":"data.route: is missing"}]`},
		{"uid=12&page=1", `[]`, ""},
	} {
		if status, answer := r.post(x.query, x.body); status != 200 || answer != `{"data":null,"host":"here"`+x.warned+`}` {
			t.Errorf("%s: %d %s", x.body, status, answer)
		}
	}
	want := []string{
		`12 12 CLICK 2023-01-01T00:00:00.123Z {"path":"/env/datadoc/1/","component":"DATADOC_PAGE","element":"FORMAT_BUTTON","aux":{}}`,
		`0 0 VIEW 2023-01-01T00:00:00.500Z {"path":"/"}`,
		`7 7 HOVER 2023-01-01T00:00:00.123Z {}`,
		`0 0 API 2023-01-01T00:00:00.123Z {"value":[1,2]}`,
		`0 0 API 2023-01-01T00:00:00.123Z {"value":null}`,
	}
	if diff := cmp.Diff(want, r.events()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

// TestGoodEntriesAreKept mixes good entries with each kind of bad one.
func TestGoodEntriesAreKept(t *testing.T) {
	r := start(t, event.Limits{EventBytes: 10_000})
	for _, x := range []struct{ entry, why string }{
		{`7`, "must be an object"},
		{`null`, "must be an object"},
		{`{}`, "event_type: is missing"},
		{`{"type":"","data":{}}`, "type: is empty"},
		{`{"type":7,"data":{}}`, "must be a string"},
		{`{"type":"A","data":{"a":1,"a":2}}`, `data: duplicate key \"a\"`},
		{`{"type":"A","type":"B"}`, `duplicate key \"type\"`},
		{`{"type":"A","event_type":"B"}`, "event_type"},
		{"{\"type\":\"A\",\"data\":{\"a\":\"\xff\"}}", "UTF-8"},
		{`{"type":"A","data":{"a":"\ud800"}}`, "surrogate"},
		{`{"type":"A","data":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, "nested deeper"},
		{`{"type":"A","data":{"a":"` + strings.Repeat("x", 10_000) + `"}}`, "over the limit"},
		{`{"type":"A","data":{},"timestamp":"yesterday"}`, "timestamp"},
		{`{"type":"A","data":{},"uid":7}`, "uid: is not for the page to say"},
		{`{"type":"A","data":{},"stream_id":"7"}`, `\"stream_id\": is no member`},
	} {
		before := len(r.events())
		status, answer := r.post("uid=1", "["+click+","+x.entry+","+click+"]")
		if status != 200 || !strings.HasPrefix(answer, `{"data":null,"host":"here","rejected":[{"index":1,"error":"`) || !strings.Contains(answer, x.why) {
			t.Errorf("%.100s: %d %s", x.entry, status, answer)
		}
		if got := len(r.events()) - before; got != 2 {
			t.Errorf("%.100s: %d of the 2 good entries are stored", x.entry, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	r := start(t, event.Limits{BatchEvents: 2})
	for _, x := range []struct {
		query, body string
		status      int
		says        string
	}{
		{"uid=1", ``, 400, "JSON"},
		{"uid=1", `nothing`, 400, "not valid JSON"},
		{"uid=1", click, 400, "must be a list"},
		{"uid=1", `[` + click, 400, "JSON"},
		{"uid=1", `[` + click + `] x`, 400, "nothing behind"},
		{"uid=1", `[` + click + `,]`, 400, "JSON"},
		{"uid=1", `[` + click + `,` + click + `,` + click + `]`, 413, "more than 2 events"},
		{"uid=-1", `[]`, 400, "uid"},
		{"uid=alice", `[]`, 400, "uid"},
		{"uid=1.5", `[]`, 400, "uid"},
		{"uid=99999999999999999999", `[]`, 400, "uid"},
		{"uid=1&uid=2", `[]`, 400, "uid: is given twice"},
		{"uid=%zz", `[]`, 400, "query string"},
	} {
		status, answer := r.post(x.query, x.body)
		if status != x.status || !strings.HasPrefix(answer, `{"host":"here","error":"`) || !strings.Contains(answer, x.says) {
			t.Errorf("?%s %.100s: %d %s", x.query, x.body, status, answer)
		}
	}
	if stored := r.events(); len(stored) > 0 {
		t.Errorf("refused, yet stored: %s", stored)
	}
}

// FuzzParse reads bodies: nothing panics, and what is taken is an event.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`[` + click + `,{"type":"A","data":null},7]`))
	f.Add([]byte(`[{"data":`))
	f.Fuzz(func(t *testing.T, body []byte) {
		drafts, rejected, err := parse(body, event.Limits{})
		if err != nil && len(drafts)+len(rejected) > 0 {
			t.Errorf("%q: both refused and taken", body)
		}
		for i := range drafts {
			if err := drafts[i].Check(event.Limits{}); err != nil {
				t.Errorf("%q: taken, but: %v", body, err)
			}
		}
	})
}
