//go:build !brokensync

package wal_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestControl runs the crash test in a build that syncs nothing: it must fail,
// or it proves nothing.
func TestControl(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "test", "-tags", "brokensync", "-run", "^(TestCrash|TestJournalCrash)$", ".").CombinedOutput()
	if err == nil {
		t.Fatalf("nothing is synced, and the crash tests pass:\n%s", out)
	}
	for _, want := range []string{"--- FAIL: TestCrash ", "--- FAIL: TestJournalCrash "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}
