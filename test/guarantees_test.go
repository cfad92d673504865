package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// row is a row of docs/guarantees.md.
type row struct {
	tests    []proof
	paths    []string // of this repository
	controls []string // build tags that must turn a test of the row red
}

// proof is a test and the package that is named before it.
type proof struct{ pkg, test string }

var (
	quoted      = regexp.MustCompile("`([^`]+)`")
	testName    = regexp.MustCompile(`^Test[A-Z]\w+$`)
	controlName = regexp.MustCompile(`^broken\w+$`)
	pathName    = regexp.MustCompile(`^[a-z]+(/[\w.]+)+$`)
)

func guarantees(t *testing.T) (rows []row) {
	t.Helper()
	page, err := os.ReadFile("../docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| promise") {
			continue
		}
		var r row
		pkg := ""
		for _, q := range quoted.FindAllStringSubmatch(line, -1) {
			info, err := os.Stat("../" + q[1])
			switch name := q[1]; {
			case err == nil && info.IsDir():
				pkg = name
			case testName.MatchString(name):
				r.tests = append(r.tests, proof{pkg, name})
			case controlName.MatchString(name):
				r.controls = append(r.controls, name)
			case pathName.MatchString(name):
				r.paths = append(r.paths, name)
			}
		}
		rows = append(rows, r)
	}
	if len(rows) < 30 {
		t.Fatalf("docs/guarantees.md has %d rows", len(rows))
	}
	return rows
}

// TestGuaranteesNameWhatExists: a test that docs/guarantees.md names is one of the
// package that is named before it in the same row, and a path is one.
func TestGuaranteesNameWhatExists(t *testing.T) {
	tests := testFiles(t)
	for _, r := range guarantees(t) {
		for _, p := range r.paths {
			if _, err := os.Stat("../" + p); err != nil {
				t.Errorf("docs/guarantees.md: there is no %s", p)
			}
		}
		for _, p := range r.tests {
			defined := func(f testFile) bool {
				return filepath.Dir(f.name) == p.pkg && strings.Contains(f.text, "\nfunc "+p.test+"(")
			}
			if !slices.ContainsFunc(tests, defined) {
				t.Errorf("docs/guarantees.md: there is no %s in %q", p.test, p.pkg)
			}
		}
	}
}

// TestGuaranteesCanFail: a build tag that docs/guarantees.md names beside tests is
// what some test builds with, to see one of these very tests fail.
func TestGuaranteesCanFail(t *testing.T) {
	tests := testFiles(t)
	for _, r := range guarantees(t) {
		for _, tag := range r.controls {
			turnsRed := func(f testFile) bool {
				return strings.Contains(f.text, `"`+tag+`"`) && slices.ContainsFunc(r.tests, func(p proof) bool {
					return regexp.MustCompile(`["^]` + p.test + `["$]|\nfunc ` + p.test + `\(`).MatchString(f.text)
				})
			}
			if !slices.ContainsFunc(tests, turnsRed) {
				t.Errorf("docs/guarantees.md: no test builds with %s to see one of %v fail", tag, r.tests)
			}
		}
	}
}

// testFile is a file of tests.
type testFile struct{ name, text string } // name within the repository

func testFiles(t *testing.T) (all []testFile) {
	t.Helper()
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return fs.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(name)
		all = append(all, testFile{strings.TrimPrefix(name, "../"), string(text)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
