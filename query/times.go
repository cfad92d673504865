package query

import (
	"strconv"
	"strings"
	"time"
)

// Times lie in the years 0001 to 9999, which RFC 3339 can spell.
var (
	minMicros = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxMicros = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() - 1
)

// parseInstant reads RFC 3339 in any zone; what is finer than a microsecond is
// cut off, as it is from events.
func parseInstant(text string) (micros int64, ok bool) {
	if len(text) < len("2006-01-02T15:04:05Z") || text[10] != 'T' || text[13] != ':' || strings.Contains(text, ",") {
		return 0, false // forms that package time lets pass
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, false
	}
	micros = t.UnixMicro()
	return micros, micros >= minMicros && micros <= maxMicros
}

// appendInstant spells an instant as answers do: RFC 3339, UTC, three digits of
// fraction, six where microseconds are not zero.
func appendInstant(dst []byte, micros int64) []byte {
	layout := "2006-01-02T15:04:05.000Z"
	if micros%1000 != 0 {
		layout = "2006-01-02T15:04:05.000000Z"
	}
	return time.UnixMicro(micros).UTC().AppendFormat(dst, layout)
}

// parseRelative reads now, now-15m, now+1d.
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

var relativeUnits = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

// millisToMicros reads a number as milliseconds since the epoch.
func millisToMicros(n Number) (micros int64, ok bool) {
	if ms, whole := n.Int(); whole {
		if ms < minMicros/1000 || ms > maxMicros/1000 {
			return 0, false
		}
		return ms * 1000, true
	}
	n.exp += 3 // × 1000; then cut what is below a microsecond
	if n.exp <= 0 {
		return 0, true
	}
	if n.exp >= leadDigits {
		return 0, false
	}
	micros = int64(n.lead / pow10[leadDigits-n.exp])
	if n.neg {
		micros = -micros
	}
	return micros, micros >= minMicros && micros <= maxMicros
}
