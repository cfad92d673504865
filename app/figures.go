package app

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// grouped is a number with its thousands set apart: 1,204.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// counted is a number with its noun.
func counted(n int64, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y") && !strings.HasSuffix(noun, "ay"):
		return grouped(n) + " " + strings.TrimSuffix(noun, "y") + "ies"
	default:
		return grouped(n) + " " + noun + "s"
	}
}

// byteSize is a size as a person reads it.
func byteSize(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, name := float64(n)/unit, "KMGTPE"
	for value >= unit && len(name) > 1 {
		value, name = value/unit, name[1:]
	}
	return fmt.Sprintf("%.1f %ciB", value, name[0])
}

// brief is a duration with the digits that matter.
func brief(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}
