// Package cputest tells benchmarks what they spend on the CPU.
package cputest

import (
	"runtime"
	"syscall"
	"testing"
)

// Report runs the loop of a benchmark, and reports what its own thread, and what
// the whole process with its collector and all other goroutines, spent on the CPU
// for each of per things that one turn does: unlike the clock, true on a busy
// machine, too.
func Report(b *testing.B, per float64, loop func()) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const thread = 1 // RUSAGE_THREAD
	own, all := spent(b, thread), spent(b, syscall.RUSAGE_SELF)
	loop()
	n := float64(b.N) * per
	b.ReportMetric(float64(spent(b, thread)-own)/n, "cpu-ns/path")
	b.ReportMetric(float64(spent(b, syscall.RUSAGE_SELF)-all)/n, "cpu-ns/total")
}

func spent(b *testing.B, who int) int64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(who, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
