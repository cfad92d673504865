package file

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/firnlog/firn/event"
)

// maxType is the most bytes an event type takes in a name: with time, number and
// .json it stays below the 255 that file systems allow.
const maxType = 120

// place is where an event's file belongs.
type place struct {
	dir  string // {event_type}/{YYYYMMDD}
	stem string // {HH_MM_SS}_{event_type}
}

func placeOf(e *event.Event) place {
	t := encodeType(e.EventType)
	at := e.Timestamp.UTC().Truncate(time.Microsecond)
	return place{dir: t + "/" + at.Format("20060102"), stem: at.Format("15_04_05_") + t}
}

// name is the n-th file of a place, from 1, within file_dir.
func (p place) name(n int) string { return p.dir + "/" + p.base(n) }

// base is the n-th file of a place within its directory.
func (p place) base(n int) string {
	if n == 1 {
		return p.stem + ".json"
	}
	return p.stem + "-" + strconv.Itoa(n) + ".json"
}

// encodeType makes one element of a path of an event type: bytes but A–Z a–z 0–9
// . _ - and a leading dot become %XX; what is longer than maxType is cut, and
// goes on with ~ (which no other name has) and a hash of the whole type.
func encodeType(eventType string) string {
	out := make([]byte, 0, len(eventType))
	for i := range len(eventType) {
		out = appendEncoded(out, eventType[i], i == 0)
	}
	if len(out) <= maxType {
		return string(out)
	}
	sum := sha256.Sum256([]byte(eventType))
	const tail = 1 + 16
	out = out[:0]
	for i := range len(eventType) {
		longer := appendEncoded(out, eventType[i], i == 0)
		if len(longer) > maxType-tail {
			break
		}
		out = longer
	}
	return string(out) + "~" + hex.EncodeToString(sum[:8])
}

func appendEncoded(out []byte, b byte, first bool) []byte {
	switch {
	case b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '_', b == '-', b == '.' && !first:
		return append(out, b)
	}
	const digits = "0123456789ABCDEF"
	return append(out, '%', digits[b>>4], digits[b&15])
}
