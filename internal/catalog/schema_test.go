package catalog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/catalog"
)

func TestMistakesInSchemas(t *testing.T) {
	for _, x := range []struct{ schema, want string }{
		{`[]`, `schema: must be an object, is an array`},
		{`{"typ":"object"}`, `schema: "typ" is no keyword of JSON Schema 2020-12; did you mean "type"?; names of your own begin with x-`},
		{`{"weight":1}`, `schema: "weight" is no keyword of JSON Schema 2020-12; names of your own begin with x-`},
		{`{"properties":{"a":{"type":"date"}}}`, `schema.properties.a.type: "date" is no type; one of null, boolean, object, array, number, integer, string`},
		{`{"type":["string","string"]}`, `schema.type[1]: "string" is there twice`},
		{`{"type":[]}`, `schema.type: must be a list of at least one type`},
		{`{"type":null}`, `schema.type: must be a type or a list of types, is null`},
		{`{"type":[1]}`, `schema.type[0]: must be a type, is a number`},
		{`{"required":"a"}`, `schema.required: must be a list of names, is a string`},
		{`{"required":["a","a"]}`, `schema.required[1]: "a" is there twice`},
		{`{"required":[1]}`, `schema.required[0]: must be a name, is a number`},
		{`{"dependentRequired":{"a":1}}`, `schema.dependentRequired.a: must be a list of names, is a number`},
		{`{"dependentRequired":[]}`, `schema.dependentRequired: must be an object of lists of names, is an array`},
		{`{"properties":[]}`, `schema.properties: must be an object of schemas, is an array`},
		{`{"properties":{"a.b":1}}`, `schema.properties["a.b"]: must be a schema: an object or a boolean, is a number`},
		{`{"items":[{"type":"string"}]}`, `schema.items: must be a schema: an object or a boolean, is an array`},
		{`{"anyOf":[]}`, `schema.anyOf: must be a list of at least one schema`},
		{`{"anyOf":{}}`, `schema.anyOf: must be a list of schemas, is an object`},
		{`{"anyOf":[{},{"not":0}]}`, `schema.anyOf[1].not: must be a schema: an object or a boolean, is a number`},
		{`{"enum":[]}`, `schema.enum: must be a list of at least one value`},
		{`{"enum":"a"}`, `schema.enum: must be a list, is a string`},
		{`{"minLength":-1}`, `schema.minLength: must be a whole number from 0 to 1000000000, is -1`},
		{`{"maxItems":1e400}`, `schema.maxItems: must be a whole number from 0 to 1000000000, is 1e400`},
		{`{"minimum":"1"}`, `schema.minimum: must be a number, is a string`},
		{`{"multipleOf":0}`, `schema.multipleOf: must be greater than 0, is 0`},
		{`{"multipleOf":0.00e5}`, `schema.multipleOf: must be greater than 0, is 0.00e5`},
		{`{"multipleOf":-1}`, `schema.multipleOf: must be greater than 0, is -1`},
		{`{"uniqueItems":1}`, `schema.uniqueItems: must be true or false, is a number`},
		{`{"title":1}`, `schema.title: must be a string, is a number`},
		{`{"pattern":"("}`, "schema.pattern: \"(\" is no regular expression of the RE2 syntax: error parsing regexp: missing closing ): `(`"},
		{`{"pattern":"(?!a)"}`, "schema.pattern: \"(?!a)\" is no regular expression of the RE2 syntax: error parsing regexp: invalid or unsupported Perl syntax: `(?!`"},
		{`{"patternProperties":{"[":{}}}`, "schema.patternProperties: \"[\" is no regular expression of the RE2 syntax: error parsing regexp: missing closing ]: `[`"},
		{`{"patternProperties":[]}`, `schema.patternProperties: must be an object of schemas, is an array`},
		{`{"$schema":"http://json-schema.org/draft-07/schema#"}`, `schema.$schema: is "http://json-schema.org/draft-07/schema#"; must be "https://json-schema.org/draft/2020-12/schema", or be left out`},
		{`{"definitions":{}}`, `schema: definitions is of an older JSON Schema: write $defs`},
		{`{"$dynamicRef":"#a"}`, `schema: $dynamicRef is not supported: write $ref`},
		{`{"properties":{"a":{"$id":"x"}}}`, `schema.properties.a: has an $id; only the whole schema may have one`},
	} {
		wantMistakes(t, x.schema, x.want)
	}
}

// TestHostileSchemas are refused before they cost anything.
func TestHostileSchemas(t *testing.T) {
	nested := strings.Repeat(`{"not":`, 33) + `{}` + strings.Repeat(`}`, 33)
	doubling := `{"$defs":{"z":{}`
	for i := range 20 {
		doubling += fmt.Sprintf(`,"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]}`, i, i+1, i+1)
	}
	doubling += `,"d20":{}},"$ref":"#/$defs/d0"}`
	for _, x := range []struct{ schema, want string }{
		{`{"$ref":"https://example.com/schema.json"}`, `schema.$ref: "https://example.com/schema.json" is elsewhere; a reference stays inside the schema, such as #/$defs/name`},
		{`{"$ref":"file:///etc/passwd"}`, `schema.$ref: "file:///etc/passwd" is elsewhere; a reference stays inside the schema, such as #/$defs/name`},
		{`{"$ref":"other.json#/x"}`, `schema.$ref: "other.json#/x" is elsewhere; a reference stays inside the schema, such as #/$defs/name`},
		{`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, `schema.$ref: "https://json-schema.org/draft/2020-12/schema" is elsewhere; a reference stays inside the schema, such as #/$defs/name`},
		{`{"x-hidden":{"$ref":"https://example.com/schema.json"},"$ref":"#/x-hidden"}`, `schema: `},
		{`{"$ref":"#/$defs/none"}`, `schema: `},
		{`{"$ref":"#none"}`, `schema: `},
		{`{"$ref":"#%zz"}`, `schema.$ref: must be a uri-reference, is "#%zz"`},
		{`{"$ref":"#"}`, `schema: refers to itself at #; write the levels out, or leave the inner ones open`},
		{`{"properties":{"a":{"items":{"$ref":"#/properties/a"}}}}`, `schema: refers to itself at #/properties/a; write the levels out, or leave the inner ones open`},
		{doubling, `schema: has more than 2000 schemas inside, each counted as often as it is referred to`},
		{nested, `schema` + strings.Repeat(".not", 33) + `: nests deeper than 32 schemas`},
		{`{"anyOf":[` + strings.Repeat(`{},`, 1000) + `{}]}`, `schema: has 1002 schemas inside; the most is 1000`},
		{`{"enum":["` + strings.Repeat("x", 64<<10) + `"]}`, `schema: is 65549 bytes long, white space left out; the most is 65536`},
		{`{"pattern":"` + strings.Repeat("x", 501) + `"}`, `schema.pattern: has a regular expression of 501 bytes; the most is 500`},
		{`{"pattern":"(abcdefghij){1000}"}`, `schema.pattern: "(abcdefghij){1000}" is too large a regular expression; use smaller repetitions`},
		{`{"pattern":"((a{1000}){1000}){1000}"}`, "schema.pattern: \"((a{1000}){1000}){1000}\" is no regular expression of the RE2 syntax: error parsing regexp: invalid repeat count: `{1000}`"},
		{`{"pattern":"` + strings.Repeat("(", 400) + `"}`, "schema.pattern: "},
	} {
		wantMistakes(t, x.schema, x.want)
	}
	if _, _, err := load(t).Put("t", []byte(strings.Repeat(`{"schema":`, 200)), nil); err == nil || !strings.Contains(err.Error(), "deep") {
		t.Errorf("a document of 200 levels: %v", err)
	}
}

// wantMistakes puts an entry with a schema and compares the error; a wanted one
// that ends in ": " is the beginning of it.
func wantMistakes(t *testing.T, schema, want string) {
	t.Helper()
	_, _, err := load(t).Put("t", fmt.Appendf(nil, `{"description":"A test.","schema":%s}`, schema), nil)
	var bad *catalog.InvalidError
	if !errors.As(err, &bad) {
		t.Errorf("%.200s: error %v, want %s", schema, err, want)
		return
	}
	got := strings.TrimPrefix(err.Error(), `"t": `)
	if strings.HasSuffix(want, ": ") || strings.HasSuffix(want, "schema: ") {
		if !strings.HasPrefix(got, want) {
			t.Errorf("%.200s:\n got %s\nwant %s…", schema, got, want)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%.200s (-want +got):\n%s", schema, diff)
	}
}

// TestLargeButHonestSchemas are taken.
func TestLargeButHonestSchemas(t *testing.T) {
	var properties []string
	for i := range 400 {
		properties = append(properties, fmt.Sprintf(`"field_%d":{"type":["string","null"],"maxLength":100,"x-unit":"m"}`, i))
	}
	for _, schema := range []string{
		`{"properties":{` + strings.Join(properties, ",") + `}}`,
		`{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://json-schema.org/draft/2020-12/schema","type":"object"}`,
		`{"$schema":"https://json-schema.org/draft/2020-12/schema#","properties":{"a":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}}}`,
		`{"properties":{"$ref":{"type":"string"},"definitions":{"const":{"$ref":"http://example.com"}}},"default":{"$ref":"x"},"examples":[{"typ":1}]}`,
		`{"$defs":{"a":{"properties":{"b":{"$ref":"#/$defs/b"}}},"b":{"type":"string"}},"properties":{"x":{"$ref":"#/$defs/a"},"y":{"$ref":"#/$defs/a"}}}`,
	} {
		if _, _, err := load(t).Put("t", fmt.Appendf(nil, `{"description":"A test.","schema":%s}`, schema), nil); err != nil {
			t.Errorf("%.200s: %v", schema, err)
		}
	}
}
