package query_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/firnlog/firn/query"
	"github.com/firnlog/firn/query/querytest"
)

// samePlan compares plans without what is prepared from them, and without the
// spelling of fields, which String makes canonical.
var samePlan = cmp.Options{
	cmpopts.IgnoreUnexported(query.Compare{}, query.Search{}, query.Value{}),
	cmpopts.IgnoreFields(query.Field{}, "Name"),
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b query.Number) bool { return a == b }),
	cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
}

func TestStringParsesToTheSamePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := querytest.Text(t)
		q := querytest.MustParse(t, text)
		again := querytest.MustParse(t, q.String())
		if diff := cmp.Diff(q, again, samePlan); diff != "" {
			t.Fatalf("%s\nprinted as %s\nis another plan (-first +second):\n%s", text, q, diff)
		}
	})
}

func TestConditionStringParsesToTheSamePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := querytest.Condition(t)
		if c == nil {
			return
		}
		again, err := query.ParseCondition([]byte(c.String()), querytest.Now)
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		if diff := cmp.Diff(c, again, samePlan); diff != "" {
			t.Fatalf("%s is another plan (-first +second):\n%s", c, diff)
		}
	})
}

func TestParseField(t *testing.T) {
	for text, want := range map[string]string{
		"eventType": "event_type", "created_at": "recorded_at", "uid": "actor", "importance": "importance",
		"data.a.b": "payload.a.b", `detail["a"]["b.c"]`: `payload.a["b.c"]`, "payload.items[10].x": "payload.items[10].x",
		"metadata[0]": "metadata[0]", `payload["a\"b"]`: `payload["a\"b"]`, "payload.größe": `payload["größe"]`, `payload["\u0061"]`: "payload.a",
	} {
		f, err := query.ParseField(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if f.String() != want || f.Name != text {
			t.Errorf("%s: got %s, named %s, want %s", text, f, f.Name, want)
		}
	}
}

func TestParseFieldRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"": "is empty", "payload[": "closing ]", "payload.a[]": "for groupBy", "payload[00]": "neither an index", "payload[+1]": "neither an index",
		"payload[99999999999]": "neither an index", `payload["a"`: `closing "]`, `payload["\x"]`: "not a JSON string", "payloads": "did you mean payload", "stream": "did you mean stream_id?", "level": "did you mean severity?",
		"payload[0]x": "is not expected", "severity[0]": "no inner fields", "payload\xff": "UTF-8", "payload" + strings.Repeat(".a", 200): "more than 128 steps",
	} {
		f, err := query.ParseField(text)
		var fault *query.Error
		if !errors.As(err, &fault) || !strings.Contains(fault.Message, want) {
			t.Errorf("%s: got %v and %v, want an error that says %q", text, f, err, want)
		}
	}
}

func TestHostileQueriesAreRefused(t *testing.T) {
	nested := func(open, inner, end string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	search := `{"search":"x"}`
	for name, c := range map[string]struct{ where, want string }{
		"nots":              {nested(`{"not":`, search, "}", 100), "nest deeper than 64"},
		"nots without end":  {nested(`{"not":`, search, "}", 100_000), "not JSON"},
		"ors":               {nested(`{"or":[`, search, "]}", 65), "nest deeper than 64"},
		"many":              {"[" + strings.Repeat(search+",", 1000) + search + "]", "more than 1000 conditions"},
		"many inside":       {`{"or":[` + strings.Repeat(search+",", 1000) + search + "]}", "more than 1000 conditions"},
		"operands":          {`{"field":"id","operator":"in","value":[` + strings.Repeat("1,", 10_000) + "1]}", "has 10001 values"},
		"a deep value":      {`{"field":"payload.a","operator":"eq","value":` + nested("[", "", "]", 9000) + "}", "nests deeper than 128"},
		"a long number":     {`{"field":"payload.a","operator":"eq","value":` + strings.Repeat("1", 1001) + "}", "1001 characters"},
		"a large exponent":  {`{"field":"payload.a","operator":"eq","value":1e-99999999999}`, "beyond ±1000"},
		"a long pattern":    {`{"field":"id","operator":"matches","value":"` + strings.Repeat("a", 1001) + `"}`, "1001 bytes"},
		"a costly pattern":  {`{"field":"id","operator":"matches","value":"(a{1000}){1000}"}`, "not an RE2 pattern"},
		"a larger text":     {`{"search":"` + strings.Repeat("x", query.MaxText) + `"}`, "at most 1048576"},
		"a long unknown":    {`{"` + strings.Repeat("x", 100_000) + `":1}`, "is not a key"},
		"a long operator":   {`{"field":"id","operator":"` + strings.Repeat("x", 100_000) + `"}`, "is not an operator"},
		"a long severity":   {`{"field":"severity","operator":"eq","value":"` + strings.Repeat("x", 100_000) + `"}`, "is not a severity"},
		"a long time":       {`{"field":"timestamp","operator":"eq","value":"now-` + strings.Repeat("9", 100_000) + `d"}`, "not a relative time"},
		"a time long ago":   {`{"field":"timestamp","operator":"eq","value":"now-4294967295w"}`, "not a relative time"},
		"a long field name": {`{"field":"` + strings.Repeat("x", 100_000) + `","operator":"exists"}`, "is not a field"},
	} {
		_, err := query.Parse([]byte(`{"from":{"instance":"i"},"where":`+c.where+`}`), querytest.Now)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %.200v, want an error that says %q", name, err, c.want)
		}
		if err != nil && !strings.HasPrefix(name, "a long unknown") && len(err.Error()) > 2000 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	}
}

func TestBoundsOfLists(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`"id",`, 101), ",")
	for _, rest := range []string{
		`"select":[` + many + `]`,
		`"orderBy":[` + strings.ReplaceAll(many, `"id"`, `{"field":"id"}`) + `]`,
		`"reduce":[` + strings.ReplaceAll(many, `"id"`, `{"type":"count"}`) + `]`,
		`"reduce":{"type":"count"},"groupBy":[` + many + `]`,
	} {
		_, err := query.Parse([]byte(`{"from":{"instance":"i"},`+rest+`}`), querytest.Now)
		if err == nil || !strings.Contains(err.Error(), "has 101") {
			t.Errorf("%.60s…: got %v", rest, err)
		}
	}
}

func TestParseConditionNamesThePathInside(t *testing.T) {
	for text, want := range map[string]string{
		`{"field":"id","operator":"like"}`:        "operator",
		`[{"search":"x"},{"field":"nope"}]`:       "[1].field",
		`{"or":[{"field":"id","operator":"in"}]}`: "or[0].value",
		`5`: "",
	} {
		_, err := query.ParseCondition([]byte(text), querytest.Now)
		var fault *query.Error
		if !errors.As(err, &fault) || fault.Path != want {
			t.Errorf("%s: got %v, want a fault at %q", text, err, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	q, err := query.Parse([]byte(`{"from":{"instance":"i"}}`), querytest.Now)
	if err != nil {
		t.Fatal(err)
	}
	want := &query.Query{Instance: "i", Limit: query.DefaultLimit, Now: querytest.Now}
	if diff := cmp.Diff(want, q, samePlan); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, rest := range []string{
		``, `,"where":[{"field":"event_type","operator":"eq","value":"login"},{"or":[{"not":{"search":"x"}}]}]`,
		`,"where":{"field":"timestamp","operator":"between","value":["now-1d",1e12]}`, `,"select":["payload.a[0]"],"limit":3,"offset":2`,
		`,"orderBy":[{"field":"payload[\"a.b\"]","direction":"desc"}],"cursor":"AQ","total":false`,
		`,"reduce":[{"as":"n","type":"count"},{"type":"p95","field":"payload.n"}],"groupBy":["timestamp:1h","metadata.tags[]"],"timezone":"Europe/Berlin"`,
	} {
		f.Add([]byte(`{"from":{"instance":"i","stream":"s"}` + rest + `}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		q, err := query.Parse(text, querytest.Now)
		if err != nil {
			var fault *query.Error
			if !errors.As(err, &fault) || fault.Message == "" {
				t.Fatalf("not a *query.Error: %v", err)
			}
			return
		}
		again, err := query.Parse([]byte(q.String()), querytest.Now)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		if q.String() != again.String() {
			t.Errorf("printed as %s and then as %s", q, again)
		}
	})
}

func FuzzParseField(f *testing.F) {
	for _, text := range []string{"id", "payload.a", `payload["a.b"][0].c`, "metadata.tags[]", `data["\u00e9"]`, "payload.[", "x.y"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		field, err := query.ParseField(text)
		if err != nil {
			return
		}
		again, err := query.ParseField(field.String())
		if err != nil || !again.Same(field) {
			t.Errorf("%q is printed as %s, which is %v, %v", text, field, again, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`{"from":{"instance":"user-activity","stream":"user-123"},"where":[{"field":"event_type","operator":"eq","value":"login"},` +
		`{"or":[{"field":"payload.status","operator":"gte","value":500},{"not":{"field":"actor","operator":"exists"}}]}],` +
		`"orderBy":{"field":"timestamp","direction":"desc"},"limit":100,"reduce":{"type":"count","groupBy":["event_type"]}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := query.Parse(text, querytest.Now); err != nil {
			b.Fatal(err)
		}
	}
}
