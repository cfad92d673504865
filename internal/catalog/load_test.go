package catalog_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/internal/catalog"
)

// files makes a directory of names and texts, one after the other.
func files(namesAndTexts ...string) fstest.MapFS {
	dir := fstest.MapFS{}
	for i := 0; i < len(namesAndTexts); i += 2 {
		dir[namesAndTexts[i]] = &fstest.MapFile{Data: []byte(namesAndTexts[i+1])}
	}
	return dir
}

const orders = `# Types of the shop.
system: shop
types:
  - type: order.paid
    description: A customer paid.   # a comment
    severity: notice
    subject: the order's number
    schema: &paid
      type: object
      required: [total]
      properties:
        total: {type: number, minimum: 0.10}
        from: &who {type: string}
        "on": *who
        note:
          description: >
            Folded
            text
  - type: order.refunded
    description: |-
      A customer got money back.
    schema: *paid
`

func TestFilesAddAndOverride(t *testing.T) {
	c, err := catalog.Load(files(
		"shop.yaml", orders,
		"more.json", `{"types":[{"type":"message.received","system":"chat","description":"Ours.","severity":"warn"}]}`,
		"README.md", "not: [a data file", ".hidden.yaml", "not: [a data file", "dir.yaml/x", "",
	))
	if err != nil {
		t.Fatal(err)
	}
	for eventType, want := range map[string]string{
		"order.paid": `{"type":"order.paid","system":"shop","category":"order","description":"A customer paid.","severity":"notice","subject":"the order's number",` +
			`"schema":{"type":"object","required":["total"],"properties":{"total":{"type":"number","minimum":0.10},"from":{"type":"string"},"on":{"type":"string"},"note":{"description":"Folded text\n"}}},"origin":"file"}`,
		"order.refunded": `{"type":"order.refunded","system":"shop","category":"order","description":"A customer got money back.","severity":"info","subject":null,` +
			`"schema":{"type":"object","required":["total"],"properties":{"total":{"type":"number","minimum":0.10},"from":{"type":"string"},"on":{"type":"string"},"note":{"description":"Folded text\n"}}},"origin":"file"}`,
		"message.received": `{"type":"message.received","system":"chat","category":"message","description":"Ours.","severity":"warning","subject":null,"schema":{"type":"object"},"origin":"file"}`,
	} {
		e, ok := c.Lookup(eventType)
		if !ok {
			t.Errorf("%s is missing", eventType)
			continue
		}
		if diff := cmp.Diff(want, string(e.AppendJSON(nil))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", eventType, diff)
		}
	}
	if diff := cmp.Diff("payload.on: must be a string, is a boolean\npayload.total: is missing\n", lines(c.Validate("order.refunded", []byte(`{"on":true}`)))); diff != "" {
		t.Errorf("order.refunded (-want +got):\n%s", diff)
	}
}

func TestMistakesInFiles(t *testing.T) {
	entry := func(rest string) string {
		return "types:\n  - type: a.b\n    description: A test.\n" + rest
	}
	for _, x := range []struct{ name, text, want string }{
		{"f.yaml", "", `f.yaml: is empty; it must have system and types`},
		{"f.yaml", "- a", `f.yaml: the value must be an object, is an array (at column 1)`},
		{"f.yaml", "types: {}", `f.yaml: types: must be a list of entries`},
		{"f.yaml", "typs: []\ntypes: []", `f.yaml: "typs" is no key of a data file; did you mean "types"?`},
		{"f.yaml", "types: []\ntypes: []", `f.yaml: [2:1] mapping key "types" already defined at [1:1]`},
		{"f.yaml", "types: [1]", `f.yaml: types[0]: must be an entry: an object with type, system, category, description, severity, subject, schema`},
		{"f.yaml", "types: [{}]", `f.yaml: types[0].type: is missing; every entry names its event type`},
		{"f.yaml", "types: [{type: 7}]", `f.yaml: types[0].type: must be a string, is a number`},
		{"f.yaml", "types: [{type: ''}]", `f.yaml: types[0].type: is empty`},
		{"f.yaml", "types: [{type: a.b}]", `f.yaml: "a.b": description: is missing; say in a sentence what such an event means`},
		{"f.yaml", entry("    seveerity: info"), `f.yaml: "a.b": "seveerity" is no key of an entry; did you mean "severity"?`},
		{"f.yaml", entry("    severity: loud"), `f.yaml: "a.b": severity: "loud" is no severity; one of debug, info, notice, warning, error, critical, alert, emergency`},
		{"f.yaml", entry("    severity: 4"), `f.yaml: "a.b": severity: 4 is no severity; one of debug, info, notice, warning, error, critical, alert, emergency`},
		{"f.yaml", entry("    category: c"), `f.yaml: "a.b": category: is "c", but the category of "a.b" is what stands before its first dot: "a"; leave it out`},
		{"f.yaml", entry("    subject: [x]"), `f.yaml: "a.b": subject: must be a string, is an array`},
		{"f.yaml", entry("    system: \"a\\nb\""), `f.yaml: "a.b": system: has a line break or another control character; write one line of plain text`},
		{"f.yaml", entry("    schema: true"), `f.yaml: "a.b": schema: must be an object, is a boolean`},
		{"f.yaml", entry("  - type: a.b\n    description: Twice."), `f.yaml: "a.b": is in f.yaml already; a type has one entry`},
		{"f.yaml", "types: *x", `f.yaml: line 1: the alias *x has no anchor above it`},
		{"f.yaml", "types: !own []", `f.yaml: line 1: tags have no place here; remove "!own"`},
		{"f.yaml", "a: &a {b: c}\ntypes:\n  <<: *a", `f.yaml: line 3: "<<" is no key; keys are strings: quote it`},
		{"f.yaml", "types: []\n1: x", `f.yaml: line 2: "1" is no key; keys are strings: quote it`},
		{"f.yaml", "types: []\n---\ntypes: []", `f.yaml: line 3: a second document begins; put all types into one`},
		{"f.yaml", "types: 0x10", `f.yaml: line 1: "0x10" is no number as JSON spells them; write it plainly, or quote it`},
		{"f.yaml", "types: .inf", `f.yaml: line 1: ".inf" is no number as JSON spells them; write it plainly, or quote it`},
		{"f.yaml", "types: [\xff]", `f.yaml: is not valid UTF-8`},
		{"f.yaml", "types: " + strings.Repeat("[", 65), `f.yaml: line 1: nests deeper than 64 levels`},
		{"f.yaml", strings.Repeat("- ", 65), `f.yaml: line 1: nests deeper than 64 levels`},
		{"f.yaml", strings.Repeat("#", 1<<20+1), `f.yaml: is 1048577 bytes long; the most is 1048576: divide it`},
		{"f.json", `{"types":[],"types":[]}`, `f.json: duplicate key "types" (at column 13)`},
		{"f.json", `{"types":[`, `f.json: types[0]: invalid JSON: expected a value, found the end of the text at column 11`},
	} {
		_, err := catalog.Load(files(x.name, x.text))
		var bad *catalog.InvalidError
		if !errors.As(err, &bad) {
			t.Errorf("%q: error %v, want %s", x.text, err, x.want)
			continue
		}
		if got := err.Error(); got != x.want {
			t.Errorf("%.80q:\n got %s\nwant %s", x.text, got, x.want)
		}
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	_, err := catalog.Load(
		files("a.yaml", "types:\n  - {type: x, severity: loud}\n  - {description: D.}\n", "b.yaml", "types: ["),
		files("c.json", `{"types":[{"type":"y","description":"D.","schema":{"type":"strng","requird":[]}}]}`, "d.json", `{"types":[{"type":"y","description":"D."}]}`, "e.json", `{"types":[{"type":"y","description":"D."}]}`),
	)
	want := `a.yaml: "x": severity: "loud" is no severity; one of debug, info, notice, warning, error, critical, alert, emergency
a.yaml: "x": description: is missing; say in a sentence what such an event means
a.yaml: types[1].type: is missing; every entry names its event type
b.yaml: [1:8] sequence end token ']' not found
c.json: "y": schema.type: "strng" is no type; did you mean "string"?
c.json: "y": schema: "requird" is no keyword of JSON Schema 2020-12; did you mean "required"?; names of your own begin with x-
e.json: "y": is in d.json already; a type has one entry`
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	many := "types:\n" + strings.Repeat("  - {}\n", 100)
	_, err = catalog.Load(files("f.yaml", many))
	if n := strings.Count(err.Error(), "\n") + 1; n != 51 || !strings.HasSuffix(err.Error(), "and more: these are the first 50") {
		t.Errorf("100 mistakes are told in %d lines:\n%v", n, err)
	}
}

func TestADirectoryThatIsNotThere(t *testing.T) {
	_, err := catalog.Load(missing{})
	if err == nil || !strings.Contains(err.Error(), "the directory of the catalog: ") {
		t.Errorf("error %v", err)
	}
}

// TestAliasesDoNotExplode: ten levels of ten aliases each would be ten billion
// values.
func TestAliasesDoNotExplode(t *testing.T) {
	text := "types: []\na0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
	for i := range 9 {
		from, to := string(rune('0'+i)), string(rune('1'+i))
		text += "a" + to + ": &a" + to + " [" + strings.TrimSuffix(strings.Repeat("*a"+from+", ", 10), ", ") + "]\n"
	}
	_, err := catalog.Load(files("f.yaml", text))
	if err == nil || !strings.Contains(err.Error(), "the file becomes longer than 4194304 bytes, aliases written out") {
		t.Errorf("error %.300v", err)
	}
}

// missing is a directory that cannot be read.
type missing struct{}

func (missing) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
