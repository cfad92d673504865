package catalog

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
)

// compiled compiles a schema of a test.
func compiled(t interface{ Fatalf(string, ...any) }, text string) *schema {
	m := &mistakes{}
	s := compileSchema(m, []byte(text))
	if err := m.err(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

// fullyRight is the library's word on a payload.
func (s *schema) fullyRight(payload string) bool {
	object, _ := (&decoder{left: maxValues}).object([]byte(payload))
	return s.full.Validate(object) == nil
}

var (
	someNames   = rapid.SampledFrom([]string{"a", "b", "c", "ü", "a.b", `q"`, ""})
	someNumbers = rapid.SampledFrom([]string{"0", "-0", "1", "-1", "7", "2.0", "1.5", "1e3", "1e-3", "9007199254740993", "123456789012345678901234567890", "-5e1000"})
	someStrings = rapid.SampledFrom([]string{`""`, `"a"`, `"b"`, `"\u0061"`, `"ü"`, `"\ud83d\ude00"`, `"a\"b"`})
)

// drawSchema draws a schema of the keywords that the quick check knows.
func drawSchema(t *rapid.T, depth int) string {
	if depth == 0 || rapid.IntRange(0, 9).Draw(t, "leaf") == 0 {
		return rapid.SampledFrom([]string{"true", "false", "{}", `{"type":"string"}`, `{"type":["integer","null"]}`, `{"enum":["a","ü"]}`, `{"type":"number","minimum":1}`, `{"minimum":-1}`}).Draw(t, "leaf")
	}
	var keywords []string
	add := func(name string, draw func() string) {
		if rapid.IntRange(0, 2).Draw(t, name) == 0 {
			keywords = append(keywords, fmt.Sprintf("%q:%s", name, draw()))
		}
	}
	quoted := func(s string) string { return string(event.AppendQuoted(nil, s)) }
	add("type", func() string {
		return rapid.SampledFrom([]string{`"object"`, `"array"`, `["object","array","string"]`, `"integer"`}).Draw(t, "types")
	})
	add("properties", func() string {
		var list []string
		for _, name := range rapid.SliceOfNDistinct(someNames, 0, 3, rapid.ID).Draw(t, "names") {
			list = append(list, quoted(name)+":"+drawSchema(t, depth-1))
		}
		return "{" + strings.Join(list, ",") + "}"
	})
	add("required", func() string {
		var list []string
		for _, name := range rapid.SliceOfNDistinct(someNames, 0, 2, rapid.ID).Draw(t, "required names") {
			list = append(list, quoted(name))
		}
		return "[" + strings.Join(list, ",") + "]"
	})
	add("additionalProperties", func() string { return drawSchema(t, depth-1) })
	add("items", func() string { return drawSchema(t, depth-1) })
	add("enum", func() string { return `["a","b","\u0061\"b"]` })
	add("minimum", func() string { return rapid.SampledFrom([]string{"0", "-3", "7"}).Draw(t, "least") })
	add("anyOf", func() string { return "[" + drawSchema(t, depth-1) + "," + drawSchema(t, depth-1) + "]" })
	return "{" + strings.Join(keywords, ",") + "}"
}

// drawValue draws a JSON value.
func drawValue(t *rapid.T, depth int) string {
	switch kind := rapid.IntRange(0, 6).Draw(t, "kind"); {
	case kind == 0:
		return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "word")
	case kind <= 2 || depth == 0:
		return someStrings.Draw(t, "string")
	case kind == 3:
		return someNumbers.Draw(t, "number")
	case kind == 4:
		var list []string
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			list = append(list, drawValue(t, depth-1))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	return drawObject(t, depth)
}

func drawObject(t *rapid.T, depth int) string {
	var list []string
	for _, name := range rapid.SliceOfNDistinct(someNames, 0, 4, rapid.ID).Draw(t, "keys") {
		list = append(list, string(event.AppendQuoted(nil, name))+":"+drawValue(t, depth-1))
	}
	return "{" + strings.Join(list, ",") + "}"
}

// TestQuickAgreesWithTheLibrary: what the quick check accepts is right; and what
// is right it accepts, but for the spellings that it leaves to the library.
func TestQuickAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawSchema(t, 3)
		if text == "true" || text == "false" {
			text = "{}"
		}
		s := compiled(t, text)
		if s.quick == nil {
			t.Fatalf("no quick check for %s", text)
		}
		for range 10 {
			payload := drawObject(t, 3)
			quickly, fully := s.quick.accepts([]byte(payload)), s.fullyRight(payload)
			if quickly && !fully {
				t.Fatalf("accepted quickly, but wrong: %s against %s", payload, text)
			}
			if !quickly && fully && !strings.ContainsAny(payload, `\.e`) && !strings.Contains(payload, "123456789012345678901234567890") {
				t.Fatalf("right, but not accepted quickly: %s against %s", payload, text)
			}
			if faults := s.validate([]byte(payload)); (len(faults) == 0) != fully {
				t.Fatalf("faults %v of %s against %s, the library says right: %v", faults, payload, text, fully)
			}
		}
	})
}

// TestQuickKnowsItsLimits: a schema with any other keyword is left to the
// library whole.
func TestQuickKnowsItsLimits(t *testing.T) {
	annotations := map[string]bool{}
	for _, name := range []string{"$schema", "$id", "$comment", "$defs", "$anchor", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format"} {
		annotations[name] = true
	}
	known := map[string]bool{"type": true, "enum": true, "minimum": true, "properties": true, "required": true, "additionalProperties": true, "items": true, "anyOf": true}
	for name := range keywords {
		q := &quick{}
		if got := q.keyword(name, []byte(`[]`)); got && !annotations[name] && !known[name] {
			t.Errorf("%s is ignored", name)
		}
	}
	var many []string
	for i := range 65 {
		many = append(many, fmt.Sprintf("%q", fmt.Sprint(i)))
	}
	for _, text := range []string{
		`{"required":[` + strings.Join(many, ",") + `]}`, `{"minimum":0.5}`, `{"enum":[1]}`, `{"items":{"maxLength":1}}`,
		`{"properties":{"a":{"pattern":"x"}}}`, `{"anyOf":[{"const":1}]}`, `{"additionalProperties":{"not":{}}}`,
	} {
		if s := compiled(t, text); s.quick != nil {
			t.Errorf("%.60s has a quick check", text)
		}
	}
}

// TestBuiltInSchemasAreQuick: the types that are seen most cost least.
func TestBuiltInSchemasAreQuick(t *testing.T) {
	entries, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.schema.quick == nil {
			t.Errorf("%s: %s", e.Type, e.Schema)
		}
	}
}
