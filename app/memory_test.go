package app

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestControlGroupMemory(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	tests := []struct {
		name string
		fs   fstest.MapFS
		want int64
	}{
		{"no control groups", fstest.MapFS{}, math.MaxInt64},
		{"version 2", fstest.MapFS{
			"proc/self/cgroup":                                   file("0::/system.slice/firn.service\n"),
			"sys/fs/cgroup/system.slice/memory.max":              file("max\n"),
			"sys/fs/cgroup/system.slice/firn.service/memory.max": file("268435456\n"),
		}, 256 << 20},
		{"the group above has less", fstest.MapFS{
			"proc/self/cgroup":             file("0::/a/b\n"),
			"sys/fs/cgroup/a/memory.max":   file("1000\n"),
			"sys/fs/cgroup/a/b/memory.max": file("2000\n"),
		}, 1000},
		{"version 1", fstest.MapFS{
			"proc/self/cgroup":                                file("5:devices:/\n4:memory:/firn\n0::/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":      file("9223372036854771712\n"),
			"sys/fs/cgroup/memory/firn/memory.limit_in_bytes": file("536870912\n"),
		}, 512 << 20},
		{"a container that sees its own group as the topmost", fstest.MapFS{
			"proc/self/cgroup":                           file("4:memory:/docker/0123\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("1048576\n"),
		}, 1 << 20},
		{"nonsense", fstest.MapFS{"proc/self/cgroup": file("x\n0::/\n"), "sys/fs/cgroup/memory.max": file("much\n")}, math.MaxInt64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := controlGroupMemory(tt.fs); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}
