package query

import "time"

// Start is the first instant of the bucket that holds an instant, both in
// microseconds since the epoch. zone nil is UTC.
//
// Buckets of up to an hour count from the full hour of the local clock and end
// where the zone's offset changes; longer ones count from local midnight, weeks
// from Monday's, and are longer or shorter where the clocks are changed. A
// bucket whose start the clocks skip starts where they go on.
func (b Bucket) Start(micros int64, zone *time.Location) int64 {
	seconds := floorDiv(micros, 1e6)
	if zone == nil || zone == time.UTC {
		return b.local(seconds) * 1e6
	}
	t := time.Unix(seconds, 0).In(zone)
	_, offset := t.Zone()
	local := b.local(seconds + int64(offset))
	if b.width() <= 3600 {
		start := local - int64(offset)
		if since, _ := t.ZoneBounds(); !since.IsZero() && offsetBefore(since) != offset {
			start = max(start, since.Unix())
		}
		return start * 1e6
	}
	return firstInstant(local, zone) * 1e6
}

// Format spells a bucket's start: RFC 3339 in its zone.
func (b Bucket) Format(start int64, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	return time.UnixMicro(start).In(zone).Format(time.RFC3339)
}

// width is the usual width in seconds.
func (b Bucket) width() int64 {
	switch b.Unit {
	case 's':
		return int64(b.Count)
	case 'm':
		return int64(b.Count) * 60
	case 'h':
		return int64(b.Count) * 3600
	case 'd':
		return 86400
	}
	return 7 * 86400
}

// local is the start in seconds of a local clock of the bucket that holds a
// second of it.
func (b Bucket) local(seconds int64) int64 {
	phase := int64(0)
	if b.Unit == 'w' {
		phase = 4 * 86400 // the epoch was a Thursday; the Monday after it is day 4
	}
	width := b.width()
	return floorDiv(seconds-phase, width)*width + phase
}

// firstInstant is the first instant at which a zone's clock shows local (in
// seconds as if it were UTC) or, where it never does, has passed it.
func firstInstant(local int64, zone *time.Location) int64 {
	const longest = 26 * 3600 // no two offsets of the world are further apart
	before := offsetAt(local-longest, zone)
	after := offsetAt(local+longest, zone)
	if start := local - before; offsetAt(start, zone) == before {
		return start
	}
	if start := local - after; offsetAt(start, zone) == after {
		return start
	}
	since, _ := time.Unix(local-before, 0).In(zone).ZoneBounds()
	return since.Unix()
}

func offsetAt(seconds int64, zone *time.Location) int64 {
	_, offset := time.Unix(seconds, 0).In(zone).Zone()
	return int64(offset)
}

// offsetBefore is the offset that ended at an instant.
func offsetBefore(since time.Time) int {
	_, offset := since.Add(-time.Second).Zone()
	return offset
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
