package server

import (
	"os/exec"
	"strings"
	"testing"
)

// TestGateNoticesABrokenGate runs TestGate on a build that asks for no
// permission: it must fail, or its passing proves nothing.
func TestGateNoticesABrokenGate(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-tags", "brokenauth", "-run", "^TestGate$", ".")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "want 403 for want of events:purge") {
		t.Errorf("a build that is brokenauth: %v\n%s", err, out)
	}
}
