package app

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
)

func TestPace(t *testing.T) {
	const mib = 1 << 20
	tests := []struct {
		live    uint64
		percent int
	}{
		{0, 3200}, {mib, 3200}, {8 * mib, 400}, {32 * mib, 100}, {64 * mib, 100}, {96 * mib, 100},
		{192 * mib, 50}, {384 * mib, 25}, {1024 * mib, 25}, {64 << 30, 25},
	}
	for _, tt := range tests {
		if got := pace(tt.live); got != tt.percent {
			t.Errorf("%d MiB are live: %d %%, want %d %%", tt.live/mib, got, tt.percent)
		}
	}
}

// TestCollectorFollows: the pace is set at first, and when what is live has
// changed, and not for every little change.
func TestCollectorFollows(t *testing.T) {
	var set []int
	c := &collector{set: func(percent int) { set = append(set, percent) }}
	for _, live := range []uint64{200 << 20, 202 << 20, 198 << 20, 100 << 20, 64 << 20, 300 << 20} {
		c.follow(live)
	}
	if want := []int{48, 96, 32}; !slices.Equal(set, want) {
		t.Errorf("set to %v, want %v", set, want)
	}
}

// TestCollectorIsAwaited: the pace is looked at when the collector has run, and
// again when it has run again.
func TestCollectorIsAwaited(t *testing.T) {
	var looked atomic.Int64
	c := &collector{}
	c.set = func(int) {
		looked.Add(1)
		c.percent = 0 // so that it is set again
	}
	c.await()
	for looked.Load() < 3 {
		runtime.GC()
	}
}
