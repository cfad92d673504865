//go:build !brokentarget

package sqlite

import (
	"os/exec"
	"strings"
	"testing"
)

// TestControl runs the tests of all SQL targets in a build that does not look at
// the cursor in the table: they must fail, or they prove nothing.
func TestControl(t *testing.T) {
	const test = "TestExactlyOnce"
	out, err := exec.CommandContext(t.Context(), "go", "test", "-tags", "brokentarget", "-run", "^"+test+"$", ".").CombinedOutput()
	for _, found := range []string{"batches_that_come_again", "two_processes"} {
		if err == nil || !strings.Contains(string(out), "--- FAIL: "+test+"/"+found+" ") {
			t.Errorf("in a build that forgets the cursor %q passes, or it does not build:\n%s", found, out)
		}
	}
}
