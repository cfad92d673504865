//go:build !brokenbatch && !brokenpublish && !brokenseq && !brokenid && !brokenack && !brokencrc && !brokenhandover && !brokenretain && !brokenexpected

package store

import (
	"os/exec"
	"strings"
	"testing"
)

// TestControls runs tests in builds that are broken on purpose: they must fail,
// or they prove nothing.
func TestControls(t *testing.T) {
	tests := []struct{ tag, test string }{
		{"brokenbatch", "TestBatchIsWholeOrNotThere"}, // two records
		{"brokenpublish", "TestFailedSyncEndsAppends"},
		{"brokenseq", "TestNumbersAreNotUsedAgain"},
		{"brokenid", "TestIDsAreKnownAfterAStart"},
		{"brokencrc", "TestDamageAnywhere"}, // bodies of records are not checked
		{"brokenhandover", "TestEachEventIsDeliveredOnceInOrder"},
		{"brokenretain", "TestRetentionIsNeverEarly"},
	}
	for _, tt := range tests {
		t.Run(tt.tag, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), "go", "test", "-tags", tt.tag, "-run", "^"+tt.test+"$", ".").CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: "+tt.test+" ") {
				t.Fatalf("a build that is %s passes, or does not build:\n%s", tt.tag, out)
			}
		})
	}
}
