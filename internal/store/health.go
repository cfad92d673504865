package store

// Health is what is not as it should be, short of a failure for good.
type Health struct {
	// LostRanges is how many ranges of positions damage has taken.
	LostRanges int
	// Unindexed is how many instances have ids that are looked up in the segments
	// until background work has indexed them again.
	Unindexed int
	// NoSpace says that the disk is full: appends are refused until it has room
	// again.
	NoSpace bool
}

// Health says how the log is.
func (l *Log) Health() Health {
	h := Health{NoSpace: l.reserve.short.Load()}
	for _, in := range l.all() {
		v := in.current().version
		h.LostRanges += len(v.lost)
		if len(v.unindexed) > 0 {
			h.Unindexed++
		}
	}
	return h
}
