package exec_test

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firnlog/firn/target"
	"github.com/firnlog/firn/target/exec"
)

// TestExamples runs the plugins of examples/exec: all events arrive, in order and
// once, and what a plugin does not take is refused.
func TestExamples(t *testing.T) {
	for name, example := range map[string]struct {
		command []string
		spoil   func(*target.Batch) // makes the fourth event one that is refused
		refusal string
	}{
		"plugin.py": {[]string{"/usr/bin/python3"}, func(b *target.Batch) { b.Events[3].EventType = strings.Repeat("x", 101) },
			"refused by the plugin: event_type is longer than 100 characters"},
		"plugin.sh": {nil, func(b *target.Batch) {
			b.Events[3].Payload = jsontext.Value(`{"a":"` + strings.Repeat("x", 1_000_000) + `"}`)
		},
			"refused by the plugin: larger than a megabyte"},
	} {
		t.Run(name, func(t *testing.T) {
			program, err := filepath.Abs("../../examples/exec/" + name)
			must(t, err)
			out := filepath.Join(t.TempDir(), "out")
			s := *exec.Kind().Settings().(*exec.Settings)
			s.Command = append(example.command, program, out)
			tgt := open(t, s, io.Discard)
			b := batch(1, 40)
			b.Events[5].Payload = jsontext.Value(`{"odd":"a\u0000\\\"%s\n","é":1e400}`)
			example.spoil(&b)
			n, err := tgt.Write(t.Context(), b)
			refusal, ok := errors.AsType[*target.RefusedError](err)
			if n != 3 || !ok || refusal.Error() != example.refusal {
				t.Fatalf("%d written, %v; want 3 and: %s", n, err, example.refusal)
			}
			if n, err := tgt.Write(t.Context(), rest(b, 4)); n != 36 {
				t.Fatalf("%d written, %v", n, err)
			}
			must(t, tgt.Close())
			text, err := os.ReadFile(out)
			must(t, err)
			position := int64(0)
			for line := range bytes.Lines(text) {
				if position++; position == 4 {
					position++
				}
				want := b.Events[position-1]
				if name == "plugin.sh" {
					if string(line) != string(want.AppendJSON(nil))+"\n" {
						t.Errorf("line %q, want %q", line, want.AppendJSON(nil))
					}
					continue
				}
				var row []jsontext.Value
				if err := json.Unmarshal(line, &row); err != nil && position != 6 { // Python writes 1e400 as Infinity
					t.Errorf("%v: %s", err, line)
				}
				if !bytes.Contains(line, []byte(want.Timestamp.Format("15:04:05"))) {
					t.Errorf("line %s is not of %s", line, want.Timestamp)
				}
			}
			if position != 40 {
				t.Errorf("the last line is of event %d, want 40", position)
			}
		})
	}
}

// TestDocumentShowsExamples: the page shows the programs as they are.
func TestDocumentShowsExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/target-exec.md")
	must(t, err)
	for _, name := range []string{"plugin.py", "plugin.sh"} {
		text, err := os.ReadFile("../../examples/exec/" + name)
		must(t, err)
		if !bytes.Contains(page, text) {
			t.Errorf("docs/target-exec.md does not show examples/exec/%s as it is", name)
		}
	}
}
