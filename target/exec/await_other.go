//go:build !linux

package exec

func awaitExit(int) {}

// reapFirst says whether a process must be reaped to learn that it has ended.
const reapFirst = true
