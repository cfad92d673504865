package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How many bytes the heap grows by, from what is live in it until it is collected
// again: as many as are live, within these bounds; a heap of which more than four
// times roomMost is live, by a quarter.
const (
	roomLeast = 32 << 20
	roomMost  = 96 << 20
)

// pace is that for a heap in which so many bytes are live, as
// debug.SetGCPercent takes it.
func pace(live uint64) (percent int) {
	live = max(live, 1<<20)
	room := max(min(max(live, roomLeast), roomMost), live/4)
	return int(100 * room / live)
}

// paceCollector has the heap grow by what suits its size instead of twofold. A
// small one, which single appends would fill in no time, is collected less often; a
// large one more often, so that the process takes little more than it needs. The
// memory limit holds as ever. Where GOGC is set that holds.
func paceCollector() {
	if os.Getenv("GOGC") == "" {
		(&collector{set: func(percent int) { debug.SetGCPercent(percent) }}).await()
	}
}

// collector is Go's.
type collector struct {
	set     func(percent int)
	percent int // as set, 0 = not yet
}

// await has the pace looked at when the collector has run, each time.
func (c *collector) await() {
	type found struct{ _ *byte } // dead at once, which a run of the collector finds out
	runtime.AddCleanup(new(found), func(c *collector) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		c.follow(live[0].Value.Uint64())
		c.await()
	}, c)
}

// follow sets the pace where it is another by more than a little: setting it stops
// everything for a moment.
func (c *collector) follow(live uint64) {
	percent := pace(live)
	if off := percent - c.percent; max(off, -off) > c.percent/16 {
		c.percent = percent
		c.set(percent)
	}
}
