package test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestGuaranteesNameTestsThatExist: a test that docs/guarantees.md names is one of
// the package that is named before it in the same row, and a control is a build
// tag that some file has.
func TestGuaranteesNameTestsThatExist(t *testing.T) {
	page, err := os.ReadFile("../docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	found := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		pkg := ""
		for _, q := range quoted.FindAllStringSubmatch(line, -1) {
			switch name := q[1]; {
			case isDirectory("../" + name):
				pkg = name
			case regexp.MustCompile(`^Test[A-Z]\w+$`).MatchString(name):
				found++
				if !mentions(t, "^func "+name+"(", "../"+pkg) {
					t.Errorf("docs/guarantees.md: there is no %s in %q", name, pkg)
				}
			case regexp.MustCompile(`^broken\w+$`).MatchString(name):
				found++
				if !mentions(t, "^//go:build "+name+"$", "..") {
					t.Errorf("docs/guarantees.md: no file has the build tag %s", name)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d names were found", found)
	}
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// mentions reports whether a Go file below a directory has a line.
func mentions(t *testing.T, line, dir string) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "grep", "-rlE", "--include=*.go", strings.ReplaceAll(line, "(", `\(`), dir).Output()
	return err == nil && len(out) > 0
}
