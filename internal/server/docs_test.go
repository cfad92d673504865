package server

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// example is a fenced block of commands and what it prints.
type example struct {
	line     int
	info     string // behind ```sh: nothing, "fails" or "exit=N"
	commands string
	output   string // "…" matches anything; empty = not compared
}

func examplesOf(t *testing.T, path string) []example {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []example
	var inside string // info string of the block
	var body strings.Builder
	for i, line := range strings.Split(string(text), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && inside == "":
			inside = fence
			body.Reset()
		case isFence && strings.HasPrefix(inside, "sh"):
			all = append(all, example{line: i + 1, info: strings.TrimSpace(inside[2:]), commands: body.String()})
			inside = ""
		case isFence:
			if inside == "output" {
				all[len(all)-1].output = strings.TrimSpace(body.String())
			}
			inside = ""
		case inside != "":
			body.WriteString(line + "\n")
		}
	}
	return all
}

// TestDocumentedExamplesRun runs docs/http-api.md from top to bottom with curl,
// with nothing changed but the server's address.
func TestDocumentedExamplesRun(t *testing.T) {
	r := startDelivering(t, Options{})
	refuse(r)
	dir := t.TempDir()
	examples := examplesOf(t, filepath.Join("..", "..", "docs", "http-api.md"))
	if len(examples) < 15 {
		t.Fatalf("only %d examples", len(examples))
	}
	tried := ""
	for _, x := range examples {
		tried += x.commands
		commands := strings.ReplaceAll(x.commands, "http://127.0.0.1:7070", r.url)
		run := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c",
			`curl() { command curl --fail-with-body "$@"; }`+"\n"+commands)
		run.Dir = dir
		var told strings.Builder
		run.Stderr = &told
		out, err := run.Output()
		where := fmt.Sprintf("docs/http-api.md:%d:\n%s%s%s", x.line, x.commands, out, told.String())
		if code, want := exitCode(t, err), wantedCode(x.info); code != want {
			t.Errorf("%s\nexit code %d, want %d", where, code, want)
		}
		if x.output != "" && !outputPattern(x.output).Match(out) {
			t.Errorf("%s\ndoes not print\n%s", where, x.output)
		}
	}
	for _, row := range routes() {
		path := strings.NewReplacer("{instance}", "shop", "{id}/mail", "", "{id}", "", "{key}", "", "{event_type}", "", "{view}", "", "{name}", "archive").Replace(row.path)
		if !row.page && !strings.Contains(tried, path) {
			t.Errorf("docs/http-api.md has no example of %s %s", row.method, row.path)
		}
	}
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("the documented commands need bash, curl and gzip: %v", err)
	}
	return exit.ExitCode()
}

func wantedCode(info string) int {
	switch info {
	case "fails":
		return 22 // of curl --fail
	case "exit=28":
		return 28 // of curl --max-time
	default:
		return 0
	}
}

// outputPattern matches an output in which "…" stands for anything.
func outputPattern(output string) *regexp.Regexp {
	parts := strings.Split(output, "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + `\s*$`)
}
