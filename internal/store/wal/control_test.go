//go:build !brokensync && !brokencrc

package wal_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestControls runs tests in builds that are broken on purpose: they must fail,
// or they prove nothing.
func TestControls(t *testing.T) {
	tests := []struct {
		tag   string
		tests []string
	}{
		{"brokensync", []string{"TestCrash", "TestJournalCrash"}},                      // nothing is synced
		{"brokencrc", []string{"TestEveryByteFlipped", "TestJournalEveryByteFlipped"}}, // bodies are not checked
	}
	for _, tt := range tests {
		t.Run(tt.tag, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), "go", "test", "-tags", tt.tag,
				"-run", "^("+strings.Join(tt.tests, "|")+")$", ".").CombinedOutput()
			if err == nil {
				t.Fatalf("a build that is %s passes:\n%s", tt.tag, out)
			}
			for _, name := range tt.tests {
				if !strings.Contains(string(out), "--- FAIL: "+name+" ") {
					t.Errorf("%s did not fail:\n%s", name, out)
				}
			}
		})
	}
}
