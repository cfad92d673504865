package server

import (
	"encoding/json/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPlainProblems: a problem that is written by hand says what the others would.
func TestPlainProblems(t *testing.T) {
	for _, detail := range []string{"busy", `"quoted" \ <b>`, "line\nfeed\x00\u2028", "ünï 🙂"} {
		p := overloaded("%s", detail)
		if !p.isPlain() {
			t.Fatalf("%q is not plain", detail)
		}
		want := *p
		want.RequestID = "abc-1"
		text, err := json.Marshal(&want)
		if err != nil {
			t.Fatal(err)
		}
		var one, other map[string]any
		for _, of := range []struct {
			text []byte
			into *map[string]any
		}{{text, &one}, {p.encode("abc-1"), &other}} {
			if err := json.Unmarshal(of.text, of.into); err != nil {
				t.Fatalf("%s: %v", of.text, err)
			}
		}
		if diff := cmp.Diff(one, other); diff != "" {
			t.Errorf("%q (-marshalled +written):\n%s", detail, diff)
		}
	}
	if p := malformed("body", "is wrong"); p.isPlain() {
		t.Error("a problem with a field's fault counts as plain")
	}
}

// TestCleanPaths: what is seen at a glance is what looking at each segment says.
func TestCleanPaths(t *testing.T) {
	segments := func(path string) bool {
		for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
			if segment == "." || segment == ".." || (segment == "" && path != "") {
				return false
			}
		}
		return true
	}
	for _, path := range texts("/.a", 7) {
		if got, want := isClean(path), segments(path); got != want {
			t.Errorf("%q: clean %v, want %v", path, got, want)
		}
	}
}

// texts are all texts of up to n letters.
func texts(letters string, n int) []string {
	all := []string{""}
	for from := 0; n > 0; n-- {
		last := all[from:]
		from = len(all)
		for _, text := range last {
			for _, letter := range letters {
				all = append(all, text+string(letter))
			}
		}
	}
	return all
}
