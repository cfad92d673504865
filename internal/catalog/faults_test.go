package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/catalog"
)

// lines are faults as lines.
func lines(faults []catalog.Fault) string {
	var b strings.Builder
	for _, f := range faults {
		fmt.Fprintf(&b, "%s: %s\n", f.Path, f.Message)
	}
	return b.String()
}

func TestFaultsOfBuiltInTypes(t *testing.T) {
	c := load(t)
	for _, x := range []struct{ eventType, payload, want string }{
		{"log", `{}`, "payload.message: is missing\n"},
		{"log", ``, "payload.message: is missing\n"},
		{"log", `{"message":7,"context":{"a":1}}`, "payload.context: must be a string, is an object\npayload.message: must be a string, is a number\n"},
		{"message.received", `{"from":null}`, "payload.from: must be a string, is null\n"},
		{"request", `{"headers":[{"key":"a","value":1},{"key":1,"value":{}},{"value":true}],"cookies":{}}`,
			"payload.cookies: must be an array, is an object\n" +
				"payload.headers[1].key: must be a string, is a number\n" +
				"payload.headers[1].value: must be null, a boolean, a number or a string, is an object\n" +
				"payload.headers[2].key: is missing\n"},
		{"email", `{"subject":"s","body":"b","from":"f","to":["a",1],"cc":7}`,
			"payload.cc: must be a string or an array, is a number\npayload.to[1]: must be a string, is a number\n"},
		{"access_check", `{"access":"MAYBE"}`, "payload.access: must be \"GRANT\" or \"DENIED\", is \"MAYBE\"\n"},
		{"response", `{"memory_peak":-1,"memoryPeak":1.5}`, "payload.memoryPeak: must be an integer, is 1.5\npayload.memory_peak: must be at least 0, is -1\n"},
		{"response", `{"memory_peak":1e3,"memoryPeak":2.0}`, ""},
		{"backfill.completed", `{"total_repos":1e-3}`, "payload.total_repos: must be an integer, is 1e-3\n"},
		{"API", `{"method":"GET"}`, "payload.route: is missing\n"},
		{"no.such.type", `{"x":1}`, ""},
	} {
		if diff := cmp.Diff(x.want, lines(c.Validate(x.eventType, []byte(x.payload)))); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", x.eventType, x.payload, diff)
		}
	}
}

// TestFaultsOfEveryKeyword has a schema and a payload for each way to be wrong.
func TestFaultsOfEveryKeyword(t *testing.T) {
	for _, x := range []struct{ schema, payload, want string }{
		{`{"properties":{"a":{"minimum":9007199254740993}}}`, `{"a":9007199254740992}`, "payload.a: must be at least 9007199254740993, is 9007199254740992"},
		{`{"properties":{"a":{"minimum":9007199254740993}}}`, `{"a":9007199254740993.0}`, ""},
		{`{"properties":{"a":{"maximum":0.1}}}`, `{"a":0.10000000000000000001}`, "payload.a: must be at most 0.1, is 0.10000000000000000001"},
		{`{"properties":{"a":{"const":1.0}}}`, `{"a":1e0}`, ""},
		{`{"properties":{"a":{"const":{"b":1}}}}`, `{"a":2}`, "payload.a: must be an object, is 2"},
		{`{"properties":{"a":{"exclusiveMinimum":0,"exclusiveMaximum":1}}}`, `{"a":0}`, "payload.a: must be greater than 0, is 0"},
		{`{"properties":{"a":{"exclusiveMaximum":1e2}}}`, `{"a":1e1000}`, "payload.a: must be less than 100, is 1e1000"},
		{`{"properties":{"a":{"multipleOf":0.01}}}`, `{"a":1.001}`, "payload.a: must be a multiple of 0.01, is 1.001"},
		{`{"properties":{"a":{"minimum":1e-30}}}`, `{"a":0}`, "payload.a: must be at least 1/1000000000000000000000000000000, is 0"},
		{`{"properties":{"a":{"minLength":3}}}`, `{"a":"Zü"}`, "payload.a: must have at least 3 characters, has 2"},
		{`{"properties":{"a":{"maxLength":1}}}`, `{"a":"Zü"}`, "payload.a: must have at most 1 character, has 2"},
		{`{"properties":{"a":{"pattern":"^[a-z]+$"}}}`, `{"a":"A"}`, `payload.a: must match the regular expression "^[a-z]+$", is "A"`},
		{`{"properties":{"a":{"format":"date-time"}}}`, `{"a":"yesterday"}`, ""},
		{`{"properties":{"a":{"minItems":1,"maxItems":0}}}`, `{"a":[]}`, "payload.a: must have at least 1 element, has 0"},
		{`{"properties":{"a":{"maxItems":0}}}`, `{"a":[1,2]}`, "payload.a: must have at most 0 elements, has 2"},
		{`{"properties":{"a":{"uniqueItems":true}}}`, `{"a":[1,2,1.0]}`, "payload.a: must not have an element twice; [0] and [2] are equal"},
		{`{"properties":{"a":{"contains":{"const":1}}}}`, `{"a":[2]}`, "payload.a: must have an element as the schema's contains says"},
		{`{"properties":{"a":{"contains":{"const":1},"minContains":2}}}`, `{"a":[1]}`, "payload.a: must have at least 2 elements as the schema's contains says, has 1"},
		{`{"properties":{"a":{"contains":{"const":1},"maxContains":1}}}`, `{"a":[1,1]}`, "payload.a: must have at most 1 element as the schema's contains says, has 2"},
		{`{"minProperties":1}`, `{}`, "payload: must have at least 1 key, has 0"},
		{`{"maxProperties":1}`, `{"a":1,"b":2}`, "payload: must have at most 1 key, has 2"},
		{`{"required":["b","a.b"]}`, `{}`, "payload[\"a.b\"]: is missing\npayload.b: is missing"},
		{`{"dependentRequired":{"a":["b"]}}`, `{"a":1}`, `payload.b: is missing; it must be there because "a" is`},
		{`{"dependentSchemas":{"a":{"required":["c"]}}}`, `{"a":1}`, "payload.c: is missing"},
		{`{"properties":{"a":true},"additionalProperties":false}`, `{"a":1,"b.c":2}`, `payload["b.c"]: is not allowed: the schema has no such key`},
		{`{"additionalProperties":{"type":"string"}}`, `{"a":1}`, "payload.a: must be a string, is a number"},
		{`{"patternProperties":{"^n_":{"type":"number"}}}`, `{"n_a":"x","s":"x"}`, "payload.n_a: must be a number, is a string"},
		{`{"properties":{"a":{"propertyNames":{"maxLength":2}},"b":{}}}`, `{"a":{"xx":1,"yyy":2},"b":{"zzz":1}}`, "payload.a.yyy: has a name that is not allowed here"},
		{`{"properties":{"a":{}},"unevaluatedProperties":false}`, `{"a":1,"b":2}`, "payload.b: is not allowed"},
		{`{"properties":{"a":{"prefixItems":[{"type":"string"}],"items":{"type":"number"}}}}`, `{"a":["x",1,"y"]}`, "payload.a[2]: must be a number, is a string"},
		{`{"properties":{"a":{"prefixItems":[true],"unevaluatedItems":false}}}`, `{"a":[1,2]}`, "payload.a[1]: is not allowed"},
		{`{"properties":{"a":false}}`, `{"a":1}`, "payload.a: is not allowed"},
		{`{"not":{"required":["a"]}}`, `{"a":1}`, "payload: is what the schema excludes"},
		{`{"allOf":[{"required":["a"]},{"required":["b"]}]}`, `{}`, "payload.a: is missing\npayload.b: is missing"},
		{`{"oneOf":[{"required":["a"]},{"required":["b"]}]}`, `{"a":1,"b":2}`, "payload: matches alternative 0 and alternative 1, counted from 0; exactly one may match"},
		{`{"oneOf":[{"required":["a"]},{"required":["b"]}]}`, `{}`, "payload: must match one of the alternatives, but payload.a is missing; and payload.b is missing"},
		{`{"properties":{"a":{"anyOf":[{"type":"string"},{"type":"object","required":["b"]}]}}}`, `{"a":{}}`, "payload.a.b: is missing"},
		{`{"if":{"properties":{"k":{"const":"x"}}},"then":{"required":["a"]},"else":{"required":["b"]}}`, `{"k":"y"}`, "payload.b: is missing"},
		{`{"$defs":{"id":{"type":"string"}},"properties":{"a":{"$ref":"#/$defs/id"}}}`, `{"a":1}`, "payload.a: must be a string, is a number"},
		{`{"$id":"https://example.com/s","$defs":{"id":{"$anchor":"id","type":"string"}},"properties":{"a":{"$ref":"#id"}}}`, `{"a":1}`, "payload.a: must be a string, is a number"},
		{`{"properties":{"a":{"enum":[1,2,3,4,5,6,7,8,9,10,11,"x"]}}}`, `{"a":[]}`, "payload.a: must be one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more, is an array"},
		{`{"properties":{"a":{"properties":{"0":{"type":"string"}}}}}`, `{"a":{"0":1}}`, "payload.a.0: must be a string, is a number"},
	} {
		c := load(t)
		if _, _, err := c.Put("t", fmt.Appendf(nil, `{"description":"A test.","schema":%s}`, x.schema), nil); err != nil {
			t.Errorf("%s: %v", x.schema, err)
			continue
		}
		want := x.want
		if want != "" {
			want += "\n"
		}
		if diff := cmp.Diff(want, lines(c.Validate("t", []byte(x.payload)))); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", x.schema, x.payload, diff)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	c := load(t)
	got := c.Validate("request", []byte(`{"headers":[`+strings.TrimSuffix(strings.Repeat("1,", 1000), ",")+`]}`))
	if len(got) != 21 || got[0].Path != "payload.headers[0]" || got[19].Path != "payload.headers[19]" || got[20] != (catalog.Fault{Path: "payload", Message: "has 980 more faults"}) {
		t.Errorf("1000 faults: %v", got)
	}
	big := `{"headers":[` + strings.Repeat(`{"key":"a","value":"b"},`, 60_000) + `{"key":"a"}]}`
	want := "payload: has more than 50000 values, too many to be checked one by one\n"
	if diff := cmp.Diff(want, lines(c.Validate("request", []byte(big)))); diff != "" {
		t.Errorf("a huge payload with a fault (-want +got):\n%s", diff)
	}
	if faults := c.Validate("request", []byte(strings.Replace(big, `{"key":"a"}]`, `{"key":"a","value":0}]`, 1))); faults != nil {
		t.Errorf("a huge payload without fault: %v", faults)
	}
}
