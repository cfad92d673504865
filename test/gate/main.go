// Command gate reads the record of `go test -json` from standard input and
// decides: it prints go test's own line for every package, the whole output of
// every test that failed, and it fails when a test failed, when one was skipped,
// or when nothing ran at all. In this project a test that cannot run is a
// failure.
package main

import (
	"bufio"
	"encoding/json/v2"
	"fmt"
	"io"
	"os"
	"strings"
)

// record is one line of test2json.
type record struct {
	Action     string `json:"Action"`
	Package    string `json:"Package"`
	ImportPath string `json:"ImportPath"`
	Test       string `json:"Test"`
	Output     string `json:"Output"`
}

func main() {
	verdict, err := judge(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gate:", err)
		os.Exit(1)
	}
	if !verdict.good() {
		verdict.print(os.Stdout)
		os.Exit(1)
	}
}

// verdict is what a run came to.
type verdict struct {
	passed          int
	failed, skipped []string // package and test
}

func (v *verdict) good() bool {
	return v.passed > 0 && len(v.failed) == 0 && len(v.skipped) == 0
}

func (v *verdict) print(w io.Writer) {
	for _, name := range v.failed {
		fmt.Fprintln(w, "failed: ", name)
	}
	for _, name := range v.skipped {
		fmt.Fprintln(w, "skipped:", name, "(a test that cannot run counts as failed)")
	}
	if v.passed == 0 {
		fmt.Fprintln(w, "no test passed: did any run?")
	}
}

// judge reads the record, prints what a person wants to see, and sums up.
func judge(r io.Reader, w io.Writer) (*verdict, error) {
	v := new(verdict)
	outputs := map[string]*strings.Builder{} // by package and test
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var rec record
		if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
			// go test prints what is not a test's output, a flag error say, as it is.
			fmt.Fprintln(w, lines.Text())
			continue
		}
		v.take(rec, outputs, w)
	}
	return v, lines.Err()
}

func (v *verdict) take(rec record, outputs map[string]*strings.Builder, w io.Writer) {
	name := strings.TrimSpace(rec.Package + " " + rec.Test)
	switch rec.Action {
	case "build-output":
		io.WriteString(w, rec.Output)
	case "output":
		if rec.Test == "" && isPackageLine(rec.Output) {
			io.WriteString(w, rec.Output)
			return
		}
		if outputs[name] == nil {
			outputs[name] = new(strings.Builder)
		}
		outputs[name].WriteString(rec.Output)
	case "pass":
		if rec.Test != "" {
			v.passed++
		}
		delete(outputs, name)
	case "fail":
		v.failed = append(v.failed, name)
		if out := outputs[name]; out != nil && out.String() != "FAIL\n" {
			io.WriteString(w, out.String())
		}
		delete(outputs, name)
	case "skip":
		// A package without tests is reported as skipped too; that is no test.
		if rec.Test != "" {
			v.skipped = append(v.skipped, name)
		}
		delete(outputs, name)
	}
}

// isPackageLine reports whether a line is go test's result for a package.
func isPackageLine(s string) bool {
	return strings.HasPrefix(s, "ok  \t") || strings.HasPrefix(s, "FAIL\t")
}
