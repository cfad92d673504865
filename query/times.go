package query

import (
	"strconv"
	"strings"
	"time"
)

// Times lie in the years 0 to 9999, which RFC 3339 can spell.
var (
	minMicros = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxMicros = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() - 1
)

var relativeUnits = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

// isRelative reports whether text is meant as a time relative to now.
func isRelative(text string) bool { return strings.HasPrefix(text, "now") }

// parseRelative reads now, now-15m, now+1d. A day is 24 hours.
func parseRelative(text string, now time.Time) (micros int64, ok bool) {
	offset, found := strings.CutPrefix(text, "now")
	if !found {
		return 0, false
	}
	micros = now.UnixMicro()
	if offset == "" {
		return micros, true
	}
	if len(offset) < 3 || (offset[0] != '-' && offset[0] != '+') || offset[1]-'0' > 9 {
		return 0, false
	}
	unit, known := relativeUnits[offset[len(offset)-1]]
	count, err := strconv.ParseUint(offset[1:len(offset)-1], 10, 32)
	if !known || err != nil {
		return 0, false
	}
	span := int64(count) * unit.Microseconds() // below 2^32 weeks: no overflow
	if offset[0] == '-' {
		span = -span
	}
	micros += span
	return micros, micros >= minMicros && micros <= maxMicros
}
