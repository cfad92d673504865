package catalog

import (
	"bytes"
	"encoding/json/jsontext"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/event"
)

var update = flag.Bool("update", false, "write docs/event-types.md anew")

// systems are the data files in the order of the page, with their titles.
var systems = []struct{ file, title string }{
	{"whatshooked", "whatshooked"},
	{"happyview", "HappyView"},
	{"querybook", "Querybook"},
	{"webdebug", "Web debug"},
	{"firn", "Firn"},
}

// TestPageIsUpToDate compares docs/event-types.md with the data files;
// go test ./internal/catalog -update writes it.
func TestPageIsUpToDate(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "event-types.md")
	want := eventTypesPage(t)
	if *update {
		if err := os.WriteFile(page, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/event-types.md is stale; run go test ./internal/catalog -update (-data files +page):\n%s", diff)
	}
}

// TestExampleOfThePageLoads: the entry that the page shows is one.
func TestExampleOfThePageLoads(t *testing.T) {
	intro, err := os.ReadFile(filepath.Join("testdata", "event-types.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := bytes.Cut(intro, []byte("```yaml\n"))
	example, _, _ = bytes.Cut(example, []byte("```\n"))
	c, err := Load(fstest.MapFS{"shop.yaml": &fstest.MapFile{Data: example}})
	if err != nil {
		t.Fatal(err)
	}
	if faults := c.Validate("order.paid", []byte(`{"total":12.50,"currency":"CHF"}`)); faults != nil {
		t.Errorf("faults %v", faults)
	}
	want := []Fault{{Path: "payload.currency", Message: `must be "CHF" or "EUR", is "USD"`}, {Path: "payload.total", Message: "is missing"}}
	if diff := cmp.Diff(want, c.Validate("order.paid", []byte(`{"currency":"USD"}`))); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// eventTypesPage is the page: the introduction, then a section a system.
func eventTypesPage(t *testing.T) []byte {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("testdata", "event-types.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join("data", "*.yaml"))
	if err != nil || len(files) != len(systems) {
		t.Fatalf("%d data files (%v), but %d systems in the order of the page: add it to systems", len(files), err, len(systems))
	}
	for _, s := range systems {
		text, err := os.ReadFile(filepath.Join("data", s.file+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		page = append(page, systemSection(t, s.title, text)...)
	}
	return page
}

// systemSection is a data file's leading comment, the table of its types, and
// a table of the keys of each schema that has some.
func systemSection(t *testing.T, title string, file []byte) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n", title)
	for line := range strings.Lines(string(file)) {
		comment, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		b.WriteString(strings.TrimPrefix(comment, " "))
	}
	entries := entriesInOrder(t, file)
	subjects := slices.ContainsFunc(entries, func(e Entry) bool { return e.Subject != "" })
	if subjects {
		b.WriteString("\n| type | severity | what it means | subject | payload |\n|---|---|---|---|---|\n")
	} else {
		b.WriteString("\n| type | severity | what it means | payload |\n|---|---|---|---|\n")
	}
	groups := map[string][]string{} // schema → the types that have it
	var order []string
	for _, e := range entries {
		fmt.Fprintf(&b, "| `%s` | %s | %s | ", e.Type, e.Severity, cell(e.Description))
		if subjects {
			fmt.Fprintf(&b, "%s | ", cell(e.Subject))
		}
		fmt.Fprintf(&b, "%s |\n", keyNames(e.Schema))
		if schema := string(e.Schema); len(rowsOf(e.Schema, "")) > 0 {
			if groups[schema] == nil {
				order = append(order, schema)
			}
			groups[schema] = append(groups[schema], "`"+e.Type+"`")
		}
	}
	for _, schema := range order {
		fmt.Fprintf(&b, "\nPayload of %s:\n\n| key | type | |\n|---|---|---|\n", strings.Join(groups[schema], ", "))
		for _, row := range rowsOf(jsontext.Value(schema), "") {
			b.WriteString(row)
		}
	}
	return b.String()
}

// entriesInOrder are the built-in entries in the order of their file.
func entriesInOrder(t *testing.T, file []byte) []Entry {
	t.Helper()
	text, err := jsonOfYAML(file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	types, _ := event.Member(text, "types")
	var entries []Entry
	for item := event.WalkElements(types); item.Next(); {
		name, _ := event.Member(item.Value, "type")
		entries = append(entries, all[event.Unquoted(name)])
	}
	return entries
}

// keyNames are the keys of a payload, those that must be there in bold.
func keyNames(schema jsontext.Value) string {
	properties, _ := event.Member(schema, "properties")
	var names []string
	for p := event.WalkMembers(properties); p.Next(); {
		names = append(names, keyName(schema, event.Unquoted(p.Key), ""))
	}
	return strings.Join(names, ", ")
}

func keyName(schema jsontext.Value, name, prefix string) string {
	required, _ := event.Member(schema, "required")
	for r := event.WalkElements(required); r.Next(); {
		if event.EqualQuoted(r.Value, name) {
			return "**`" + prefix + name + "`**"
		}
	}
	return "`" + prefix + name + "`"
}

// rowsOf are the rows of a schema's keys, those of objects inside included.
func rowsOf(schema jsontext.Value, prefix string) []string {
	var rows []string
	properties, _ := event.Member(schema, "properties")
	for p := event.WalkMembers(properties); p.Next(); {
		name := event.Unquoted(p.Key)
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", keyName(schema, name, prefix), cell(typeText(p.Value)), cell(remark(p.Value))))
		if items, ok := event.Member(p.Value, "items"); ok {
			rows = append(rows, rowsOf(items, prefix+name+"[].")...)
		}
		rows = append(rows, rowsOf(p.Value, prefix+name+".")...)
	}
	return rows
}

// typeText says what a schema takes: string; integer ≥ 0; array of strings;
// "a" or "b".
func typeText(schema jsontext.Value) string {
	if list, ok := event.Member(schema, "anyOf"); ok {
		return each(list, typeText)
	}
	if list, ok := event.Member(schema, "enum"); ok {
		return each(list, func(v jsontext.Value) string { return "`" + event.Unquoted(v) + "`" })
	}
	name, ok := event.Member(schema, "type")
	if !ok {
		return "anything"
	}
	if event.KindOf(name) == '[' {
		return each(name, func(v jsontext.Value) string { return event.Unquoted(v) })
	}
	text := event.Unquoted(name)
	if items, ok := event.Member(schema, "items"); ok {
		text += " of " + typeText(items) + "s"
	}
	if least, ok := event.Member(schema, "minimum"); ok {
		text += " ≥ " + string(least)
	}
	return text
}

// each joins what is said about the elements of an array.
func each(list jsontext.Value, say func(jsontext.Value) string) string {
	var texts []string
	for e := event.WalkElements(list); e.Next(); {
		texts = append(texts, say(e.Value))
	}
	return alternatives(texts)
}

// remark is a schema's description, then its examples.
func remark(schema jsontext.Value) string {
	var texts []string
	if d, ok := event.Member(schema, "description"); ok {
		texts = append(texts, event.Unquoted(d))
	}
	if list, ok := event.Member(schema, "examples"); ok {
		texts = append(texts, "Such as "+each(list, func(v jsontext.Value) string { return "`" + event.Unquoted(v) + "`" })+".")
	}
	return strings.Join(texts, " ")
}

// cell makes text safe inside a table of Markdown; what stands between
// backquotes is left as it is.
func cell(text string) string {
	parts := strings.Split(text, "`")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], "|", `\|`)
		if i%2 == 0 {
			parts[i] = strings.NewReplacer("<", `\<`, "*", `\*`).Replace(parts[i])
		}
	}
	return strings.Join(slices.Clip(parts), "`")
}
