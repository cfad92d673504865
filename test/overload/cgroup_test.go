package overload

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// cgroup is a memory control group, of version 2 where the machine has that
// controller there, else of version 1.
type cgroup struct {
	dir    string
	peak   string // file: the most bytes that were used
	events string // file with a line "oom_kill n"
}

// newCgroup makes one with a limit in bytes, until the end of the test.
func newCgroup(t *testing.T, limit int64) *cgroup {
	t.Helper()
	needRoot(t)
	name := fmt.Sprintf("firn-overload-%d", os.Getpid())
	g := &cgroup{dir: filepath.Join("/sys/fs/cgroup", name), peak: "memory.peak", events: "memory.events"}
	settings := [][2]string{{"memory.max", strconv.FormatInt(limit, 10)}, {"memory.swap.max", "0"}}
	needed := 1
	if controllers, _ := os.ReadFile("/sys/fs/cgroup/cgroup.controllers"); !strings.Contains(string(controllers), "memory") {
		g = &cgroup{dir: filepath.Join("/sys/fs/cgroup/memory", name), peak: "memory.max_usage_in_bytes", events: "memory.oom_control"}
		settings = [][2]string{{"memory.limit_in_bytes", strconv.FormatInt(limit, 10)}}
	} else {
		// The controller may be given to children already; if not, and it cannot be, the next lines say so.
		_ = os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+memory"), 0o600)
	}
	if err := os.Mkdir(g.dir, 0o700); err != nil {
		t.Fatalf("make a control group: %v; in a container that needs --privileged", err)
	}
	t.Cleanup(func() {
		if err := os.Remove(g.dir); err != nil {
			t.Errorf("remove the control group: %v", err)
		}
	})
	for i, s := range settings {
		if err := os.WriteFile(filepath.Join(g.dir, s[0]), []byte(s[1]), 0o600); err != nil && i < needed {
			t.Fatalf("limit the control group: %v", err)
		}
	}
	return g
}

// used is the most memory in bytes that the group has used, and how many of its
// processes were killed for want of more.
func (g *cgroup) used() (peak, kills int64, err error) {
	text, err := os.ReadFile(filepath.Join(g.dir, g.peak))
	if err != nil {
		return 0, 0, err
	}
	if peak, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err != nil {
		return 0, 0, err
	}
	text, err = os.ReadFile(filepath.Join(g.dir, g.events))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		if n, found := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); found {
			kills, err = strconv.ParseInt(n, 10, 64)
			return peak, kills, err
		}
	}
	return 0, 0, fmt.Errorf("%s has no line oom_kill", g.events)
}
