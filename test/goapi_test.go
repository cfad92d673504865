package test

import (
	"encoding/json/v2"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoExamplesOfTheDocuments compiles every block fenced with go that is a
// whole file, in README.md and docs/*.md. docs/go-api.md has no other.
func TestGoExamplesOfTheDocuments(t *testing.T) {
	top, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob(filepath.Join(top, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	overlay := map[string]string{} // file of the module that is not there, to one that is
	dir := t.TempDir()
	var packages []string
	for _, name := range append(documents, filepath.Join(top, "README.md")) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for n, block := range strings.Split(string(text), "\n```go\n")[1:] {
			code, _, _ := strings.Cut(block, "\n```")
			if !strings.HasPrefix(code, "package ") {
				if filepath.Base(name) == "go-api.md" {
					t.Errorf("%s: block %d is no whole file", name, n+1)
				}
				continue
			}
			example := fmt.Sprintf("%s-%d", strings.TrimSuffix(filepath.Base(name), ".md"), n+1)
			file := filepath.Join(dir, example+".go")
			if err := os.WriteFile(file, []byte(code+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			overlay[filepath.Join(top, "test", "testdata", "go", example, "example.go")] = file
			packages = append(packages, "./test/testdata/go/"+example)
		}
	}
	if len(packages) < 4 {
		t.Fatalf("found %d examples, want those of docs/go-api.md at least", len(packages))
	}
	replace, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(config, replace, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", append([]string{"build", "-overlay", config, "-o", t.TempDir() + "/"}, packages...)...)
	build.Dir = top
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
