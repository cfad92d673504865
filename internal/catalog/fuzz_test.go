package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/catalog"
)

// FuzzFile: a data file is taken or refused with an *InvalidError, and what is
// taken can be put back as it reads.
func FuzzFile(f *testing.F) {
	for _, text := range []string{
		orders, "types: []", "types: [{type: a, description: b, schema: {type: [string]}}]", "a: &a [*a]", "? a\n: b", "- - - a", "a: |\n  b\n", "'a': \"\\u0061\"",
		"types:\n- type: t\n  description: d\n  schema:\n    properties: {a: {pattern: '^x'}, b: {$ref: '#/properties/a'}}",
		"%YAML 1.2\n---\ntypes: []\n...\n", "types: [{type: a, description: 1e3}]", "types: {<<: *a}", "!!binary x", "a: !!str", "&a", "*", "[,]", "{?}", "\t- x", "- >+2\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := catalog.Load(files("f.yaml", text))
		if err != nil {
			wantInvalid(t, err)
			return
		}
		for _, e := range c.List() {
			if e.Origin != catalog.OriginFile {
				continue
			}
			again, _, err := c.Put(e.Type, e.AppendJSON(nil), nil)
			if err != nil {
				t.Fatalf("%s: %v", e.AppendJSON(nil), err)
			}
			if again.Description != e.Description || string(again.Schema) != string(e.Schema) || again.Severity != e.Severity || again.Subject != e.Subject {
				t.Fatalf("%s became %s", e.AppendJSON(nil), again.AppendJSON(nil))
			}
		}
	})
}

// FuzzValidate: whatever the schema and the payload, there is an answer, and
// faults have a path and a message.
func FuzzValidate(f *testing.F) {
	f.Add(`{"type":"object","required":["a"],"properties":{"a":{"type":"string"}}}`, `{"a":1}`)
	f.Add(`{"oneOf":[{"required":["a"]},{"minProperties":2}]}`, `{"a":[{}]}`)
	f.Add(`{"properties":{"a":{"multipleOf":0.1,"minimum":1e-1000}}}`, `{"a":1e1000}`)
	f.Add(`{"propertyNames":{"pattern":"^[a-z]"},"unevaluatedProperties":{"$ref":"#/$defs/n"},"$defs":{"n":{"type":"number"}}}`, `{"A":"x"}`)
	f.Add(`{"properties":{"a":{"prefixItems":[{"const":{"b":[1]}}],"contains":{"type":"null"},"uniqueItems":true}}}`, `{"a":[{"b":[1.0]},2,2]}`)
	f.Add(`{"if":{"required":["a"]},"then":{"dependentSchemas":{"a":{"maxProperties":1}}},"else":false}`, `{"b":1}`)
	f.Fuzz(func(t *testing.T, schema, payload string) {
		c := load(t)
		if _, _, err := c.Put("t", []byte(`{"description":"A test.","schema":`+schema+`}`), nil); err != nil {
			wantInvalid(t, err)
			return
		}
		object, err := event.CompactObject([]byte(payload), event.Limits{})
		if err != nil {
			return
		}
		for _, fault := range c.Validate("t", object) {
			if !strings.HasPrefix(fault.Path, "payload") || fault.Message == "" {
				t.Fatalf("fault %+v", fault)
			}
		}
	})
}

func wantInvalid(t *testing.T, err error) {
	t.Helper()
	var bad *catalog.InvalidError
	if !errors.As(err, &bad) || len(bad.Mistakes) == 0 {
		t.Fatalf("error %v is no *InvalidError", err)
	}
	for _, m := range bad.Mistakes {
		if m.Message == "" {
			t.Fatalf("a mistake without message: %+v", m)
		}
	}
}
