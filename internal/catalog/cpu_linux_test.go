package catalog_test

import (
	"runtime"
	"syscall"
	"testing"
)

// cpu reports what the benchmark's own thread, and what the whole process with
// its collector and its senders, spent on the CPU: unlike the clock, true on a
// busy machine, too.
func cpu(b *testing.B, per float64, run func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const thread = 1 // RUSAGE_THREAD
	own, all := spent(b, thread), spent(b, syscall.RUSAGE_SELF)
	run()
	n := float64(b.N) * per
	b.ReportMetric(float64(spent(b, thread)-own)/n, "cpu-ns/path")
	b.ReportMetric(float64(spent(b, syscall.RUSAGE_SELF)-all)/n, "cpu-ns/total")
}

func spent(b *testing.B, who int) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(who, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
