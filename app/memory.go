package app

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory tells Go's collector, and with it all budgets that are parts of
// it, how much memory this process may have: what its control group may, but for
// a tenth, or 64 MiB of it (at most a quarter). The kernel counts more than Go
// knows of, and what is allocated while the collector is at work comes on top. Where
// GOMEMLIMIT is set that holds.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit := controlGroupMemory(os.DirFS("/")); limit < math.MaxInt64 {
		debug.SetMemoryLimit(limit - max(limit/10, min(64<<20, limit/4)))
	}
}

// controlGroupMemory is the memory in bytes that the control groups of this
// process (Linux, versions 1 and 2) leave it; math.MaxInt64 without a limit.
func controlGroupMemory(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return math.MaxInt64 // not Linux
	}
	limit := int64(math.MaxInt64)
	for line := range strings.Lines(string(groups)) {
		// number:controllers:path; version 2 has no controllers there
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		top, file := "sys/fs/cgroup", "memory.max"
		switch parts[1] {
		case "":
		case "memory":
			top, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		limit = min(limit, lowest(root, top, parts[2], file))
	}
	return limit
}

// lowest is the lowest limit of a group and those it is in. A container may see
// the topmost alone.
func lowest(root fs.FS, top, group, file string) int64 {
	limit := int64(math.MaxInt64)
	for dir := path.Join("/", group); ; dir = path.Dir(dir) {
		if text, err := fs.ReadFile(root, path.Join(top, dir, file)); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil { // "max" is none
				limit = min(limit, n)
			}
		}
		if dir == "/" {
			return limit
		}
	}
}
