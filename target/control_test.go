//go:build !brokentarget

package target

import (
	"os/exec"
	"strings"
	"testing"
)

// TestControl runs the crash test in a build that saves the cursor before the
// rows: it must fail, or it proves nothing.
func TestControl(t *testing.T) {
	const test = "TestCrashLosesNothing"
	out, err := exec.CommandContext(t.Context(), "go", "test", "-tags", "brokentarget", "-run", "^"+test+"$", ".").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL: "+test+" ") {
		t.Fatalf("a build with the cursor before the rows passes, or does not build:\n%s", out)
	}
}
