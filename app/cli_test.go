package app

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// net/http lingers for half a second on a connection that it cuts off.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

var update = flag.Bool("update", false, "rewrite docs/cli.md")

// TestCommandLineDocument holds docs/cli.md against the command line itself.
func TestCommandLineDocument(t *testing.T) {
	want := commandLineDocument(t)
	name := filepath.Join("..", "docs", "cli.md")
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/cli.md is not what --help says (-help +document); go test ./app -update rewrites it:\n%s", diff)
	}
}

func commandLineDocument(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Command line

What ` + "`firn COMMAND --help`" + ` says, command by command. (This page is made from the program: ` + "`go test ./app -update`" + `.)

Commands speak to a server: the one of ` + "`--server`" + `, else of ` + "`FIRN_SERVER`" + `, else ` + defaultServer + `; with the key of ` + "`--api-key`" + ` or
` + "`FIRN_API_KEY`" + `. Or they open a directory that no server has open: ` + "`--data DIR`" + `. Results go to standard output, everything
else (progress, summaries, errors) to standard error. On a terminal results are tables; in a pipe they are NDJSON.

Exit codes: 0 it worked, 1 it was tried and did not work, 2 the command line makes no sense and nothing was tried.

`)
	var cli commands
	model, err := kong.New(&cli, kong.Name("firn"), vars)
	if err != nil {
		t.Fatal(err)
	}
	b.WriteString("## firn\n\n" + helpBlock(t))
	for _, leaf := range model.Model.Leaves(true) {
		path := strings.Fields(leaf.FullPath())
		b.WriteString("\n## " + strings.Join(path, " ") + "\n\n" + helpBlock(t, path[1:]...))
	}
	return b.String()
}

// helpBlock is a command's help as a fenced block.
func helpBlock(t *testing.T, command ...string) string {
	t.Helper()
	var out bytes.Buffer
	env := &environment{in: strings.NewReader(""), out: &out, err: &out, width: 100, getenv: func(string) string { return "" }}
	if code := run(t.Context(), Options{}, env, append(command, "--help")); code != exitOK {
		t.Fatalf("firn %s --help: exit code %d\n%s", strings.Join(command, " "), code, out.String())
	}
	var b strings.Builder
	b.WriteString("```text\n")
	for line := range strings.Lines(out.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String() + "```\n"
}

// TestEveryFlagIsDescribed: help that teaches leaves nothing out.
func TestEveryFlagIsDescribed(t *testing.T) {
	var cli commands
	model, err := kong.New(&cli, kong.Name("firn"), vars)
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range model.Model.Leaves(true) {
		if leaf.Help == "" {
			t.Errorf("%s has no help", leaf.FullPath())
		}
		for _, v := range leaf.Values() {
			if v.Help == "" {
				t.Errorf("%s: %s has no help", leaf.FullPath(), v.Summary())
			}
		}
	}
}
