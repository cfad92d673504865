package test

import (
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestMakeRun is the first of the README's two commands: make run builds and
// serves, and says where.
func TestMakeRun(t *testing.T) {
	if out, err := exec.Command("make", "--no-print-directory", "-C", "..", "build").CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, out)
	}
	cmd := exec.Command("make", "--no-print-directory", "-C", "..", "run", "DATA="+t.TempDir(), "LISTEN=127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C goes to all of them
	d, err := startDaemon(cmd)
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	interrupt := func() {
		if !ended {
			syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
			<-d.ended
			cmd.Wait() // make says that it was interrupted: so it was
			ended = true
		}
	}
	defer interrupt()
	resp, err := (&http.Client{}).Get(d.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("/healthz: %s %s %v", resp.Status, body, err)
	}
	if first, _, _ := strings.Cut(d.report(), "\n"); !strings.Contains(first, d.url) || len(first) > 250 {
		t.Errorf("the first line is not one that says where: %q", first)
	}
	interrupt()
	if !strings.Contains(d.report(), "everything acknowledged is on disk") {
		t.Errorf("after Ctrl-C:\n%s", d.report())
	}
}
