package event

import (
	"errors"
	"math"
	"strconv"
	"time"
)

// The instants an event can bear: the years 0 to 9999 that RFC 3339 can write.
const (
	minMicros  = -62_167_219_200_000_000
	maxMicros  = 253_402_300_799_999_999
	zeroMicros = -62_135_596_800_000_000 // time.Time's zero value
)

const microsPerDay = 86_400_000_000

// AppendTime appends t as the log writes instants: RFC 3339 in UTC with 'Z',
// three fraction digits, six where the microseconds are not whole milliseconds.
func AppendTime(dst []byte, t time.Time) []byte { return AppendMicros(dst, t.UnixMicro()) }

// FormatTime is t as AppendTime writes it.
func FormatTime(t time.Time) string { return string(AppendTime(nil, t)) }

// AppendMicros appends an instant in microseconds since the epoch as AppendTime
// does.
func AppendMicros(dst []byte, micros int64) []byte {
	sub := floorMod(micros, 1_000_000)
	dst = appendSeconds(dst, micros)
	if sub%1000 == 0 {
		return append(appendDigits(append(dst, '.'), sub/1000, 3), 'Z')
	}
	return append(appendDigits(append(dst, '.'), sub, 6), 'Z')
}

// AppendMillis appends an instant in milliseconds since the epoch: RFC 3339 in
// UTC with 'Z' and three fraction digits, as recorded_at is written.
func AppendMillis(dst []byte, millis int64) []byte {
	if millis > math.MaxInt64/1000 || millis < math.MinInt64/1000 {
		return time.UnixMilli(millis).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	}
	dst = appendSeconds(dst, millis*1000)
	return append(appendDigits(append(dst, '.'), floorMod(millis, 1000), 3), 'Z')
}

// appendSeconds appends date and time to the second, without zone.
func appendSeconds(dst []byte, micros int64) []byte {
	year, month, day := civil(floorDiv(micros, microsPerDay))
	second := floorMod(micros, microsPerDay) / 1_000_000
	if year < 0 || year > 9999 {
		dst = strconv.AppendInt(dst, year, 10) // no RFC 3339, but not wrong
	} else {
		dst = appendDigits(dst, year, 4)
	}
	dst = appendDigits(append(dst, '-'), month, 2)
	dst = appendDigits(append(dst, '-'), day, 2)
	dst = appendDigits(append(dst, 'T'), second/3600, 2)
	dst = appendDigits(append(dst, ':'), second/60%60, 2)
	return appendDigits(append(dst, ':'), second%60, 2)
}

// appendDigits appends the last width decimal digits of n, at most six.
func appendDigits(dst []byte, n int64, width int) []byte {
	var text [6]byte
	for i := width - 1; i >= 0; i-- {
		text[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, text[:width]...)
}

// civil is the date of a day counted from 1970-01-01, in the proleptic
// Gregorian calendar. Years are counted from March, in eras of 400 years.
func civil(days int64) (year, month, day int64) {
	days += 719_468 // from 0000-03-01
	era := floorDiv(days, 146_097)
	dayOfEra := days - era*146_097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36_524 - dayOfEra/146_096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	fromMarch := (5*dayOfYear + 2) / 153
	day = dayOfYear - (153*fromMarch+2)/5 + 1
	year = yearOfEra + era*400
	if fromMarch < 10 {
		return year, fromMarch + 3, day
	}
	return year + 1, fromMarch - 9, day
}

// dayNumber is the inverse of civil.
func dayNumber(year, month, day int64) int64 {
	fromMarch := month - 3
	if month <= 2 {
		year--
		fromMarch = month + 9
	}
	era := floorDiv(year, 400)
	yearOfEra := year - era*400
	dayOfYear := (153*fromMarch+2)/5 + day - 1
	return era*146_097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719_468
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 {
	m := a % b
	if m < 0 {
		m += b
	}
	return m
}

// What can be wrong with a time, as a message about it.
var (
	errTimeForm   = errors.New(`is not a time; want RFC 3339 such as "2026-01-31T15:04:05.123Z", or milliseconds since the epoch as a number`)
	errTimeMonth  = errors.New("has a month that is not 01 to 12")
	errTimeDay    = errors.New("has a day that its month does not have")
	errTimeClock  = errors.New("has a time of day that is not 00:00:00 to 23:59:59")
	errTimeDigits = errors.New("has more than 9 fraction digits")
	errTimeZone   = errors.New(`has no zone that is one; want "Z" or an offset such as "+02:00"`)
	errTimeRange  = errors.New("is outside the years 0 to 9999")
	errTimeZero   = errors.New("is 0001-01-01T00:00:00Z, which stands for no time; leave it out for the time of the log's clock")
)

// ParseTime reads an RFC 3339 time in any zone and with up to nine fraction
// digits as microseconds since the epoch; what is below a microsecond is cut
// off. A leap second (23:59:60 UTC) is the second after it, as in POSIX time.
// The error completes a sentence whose subject is the time.
func ParseTime(text string) (micros int64, err error) {
	// 2006-01-02T15:04:05 and at least a zone.
	if len(text) < 20 || text[4] != '-' || text[7] != '-' || text[10]|0x20 != 't' || text[13] != ':' || text[16] != ':' {
		return 0, errTimeForm
	}
	year, ok1 := decimal(text[0:4])
	month, ok2 := decimal(text[5:7])
	day, ok3 := decimal(text[8:10])
	hour, ok4 := decimal(text[11:13])
	minute, ok5 := decimal(text[14:16])
	second, ok6 := decimal(text[17:19])
	switch {
	case !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6:
		return 0, errTimeForm
	case month < 1 || month > 12:
		return 0, errTimeMonth
	case day < 1 || day > daysOf(year, month):
		return 0, errTimeDay
	case hour > 23 || minute > 59 || second > 60:
		return 0, errTimeClock
	}
	fraction, rest, err := parseFraction(text[19:])
	if err != nil {
		return 0, err
	}
	offset, err := parseZone(rest)
	if err != nil {
		return 0, err
	}
	micros = dayNumber(year, month, day)*microsPerDay + (hour*3600+minute*60+second-offset)*1_000_000
	if second == 60 {
		if floorMod(micros, microsPerDay) != 0 {
			return 0, errTimeClock
		}
		fraction = 0
	}
	micros += fraction
	if micros < minMicros || micros > maxMicros {
		return 0, errTimeRange
	}
	return micros, nil
}

// parseFraction reads an optional fraction of a second in microseconds.
func parseFraction(text string) (micros int64, rest string, err error) {
	if text[0] != '.' {
		return 0, text, nil
	}
	text = text[1:]
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		if n < 6 {
			micros = micros*10 + int64(text[n]-'0')
		}
		n++
	}
	switch {
	case n == 0:
		return 0, "", errTimeForm
	case n > 9:
		return 0, "", errTimeDigits
	}
	for i := n; i < 6; i++ {
		micros *= 10
	}
	return micros, text[n:], nil
}

// parseZone reads a zone as seconds east of UTC.
func parseZone(text string) (offset int64, err error) {
	if text == "Z" || text == "z" {
		return 0, nil
	}
	if len(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' {
		return 0, errTimeZone
	}
	hours, ok1 := decimal(text[1:3])
	minutes, ok2 := decimal(text[4:6])
	if !ok1 || !ok2 || hours > 23 || minutes > 59 {
		return 0, errTimeZone
	}
	offset = hours*3600 + minutes*60
	if text[0] == '-' {
		offset = -offset
	}
	return offset, nil
}

func decimal(text string) (n int64, ok bool) {
	for i := range len(text) {
		c := text[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

func daysOf(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}

// ParseEpochMillis reads a JSON number literal of milliseconds since the epoch
// as microseconds; what is below a microsecond is cut off (towards the past).
// The error completes a sentence whose subject is the time.
func ParseEpochMillis(literal string) (micros int64, err error) {
	if len(literal) > 0 && len(literal) <= 15 && literal[0] >= '1' && literal[0] <= '9' {
		if millis, ok := decimal(literal); ok {
			return checkMicros(millis * 1000)
		}
	}
	n, ok := parseNumber(literal)
	if !ok {
		return 0, errTimeForm
	}
	// The digits before the point of the value in microseconds.
	whole := n.point + 3
	if whole > 18 {
		return 0, errTimeRange
	}
	for i := range whole {
		micros *= 10
		if i < len(n.digits) {
			micros += int64(n.digits[i] - '0')
		}
	}
	if n.negative {
		micros = -micros
		if len(n.digits) > max(whole, 0) {
			micros--
		}
	}
	return checkMicros(micros)
}

func checkMicros(micros int64) (int64, error) {
	if micros < minMicros || micros > maxMicros {
		return 0, errTimeRange
	}
	return micros, nil
}
