package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory or disk: in a configuration a whole number of
// bytes, or text such as 64 MiB.
type Bytes int64

var byteUnits = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}

// UnmarshalText reads 64 MiB, 64MiB, 500 MB or 65536.
func (b *Bytes) UnmarshalText(text []byte) error {
	s, unit := strings.TrimSpace(string(text)), int64(1)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return fmt.Errorf("must be a number of bytes such as 65536 or \"64 MiB\", not %q", shown(string(text)))
	}
	*b = Bytes(n * unit)
	return nil
}

// String is the shortest exact form.
func (b Bytes) String() string {
	for _, u := range byteUnits {
		if b >= Bytes(u.bytes) && int64(b)%u.bytes == 0 {
			return fmt.Sprintf("%d %s", int64(b)/u.bytes, u.name)
		}
	}
	return "0 B"
}
