package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// encoder holds a batch's rows in the binary form of COPY.
type encoder struct {
	buffer  []byte
	ends    []int // of each row in buffer
	changed []changes
	// lent says that a COPY failed: the driver may still read the buffer, beside what
	// comes next, until the connection is closed.
	lent bool
}

// keptBuffer is how large a buffer is kept from one batch to the next.
const keptBuffer = 16 << 20

// The frame around the rows.
var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

const (
	columnsOfRow = 4
	jsonbVersion = 1
)

// encode takes events up to the first that the table cannot hold, and says of
// that one why.
func (e *encoder) encode(events []event.Event, typeLimit int) *target.RefusedError {
	if cap(e.buffer) > keptBuffer || e.lent {
		e.buffer, e.lent = nil, false
	}
	e.buffer, e.ends, e.changed = e.buffer[:0], e.ends[:0], e.changed[:0]
	for i := range events {
		if err := e.row(&events[i], typeLimit); err != nil {
			return &target.RefusedError{Err: err}
		}
	}
	return nil
}

func (e *encoder) row(ev *event.Event, typeLimit int) error {
	var c changes
	eventType := ev.EventType
	if n := strings.Count(eventType, "\x00"); n > 0 {
		eventType = strings.ReplaceAll(eventType, "\x00", string(escapedNUL))
		c.nuls += int64(n)
	}
	if typeLimit > 0 && len(eventType) > typeLimit {
		if n := utf8.RuneCountInString(eventType); n > typeLimit {
			return fmt.Errorf("its event_type has %d characters; the column event_type holds %d", n, typeLimit)
		}
	}
	start := len(e.buffer)
	b := binary.BigEndian.AppendUint16(e.buffer, columnsOfRow)
	b = binary.BigEndian.AppendUint32(b, uint32(len(eventType)))
	b = append(b, eventType...)
	b = appendTimestamp(b, ev.Timestamp)
	length := len(b)
	b = append(b, 0, 0, 0, 0, jsonbVersion)
	b, inPayload, err := appendJSONB(b, ev.Payload)
	if err != nil {
		e.buffer = b[:start]
		return err
	}
	c.add(inPayload)
	binary.BigEndian.PutUint32(b[length:], uint32(len(b)-length-4))
	e.buffer = appendTimestamp(b, ev.RecordedAt)
	e.ends = append(e.ends, len(e.buffer))
	e.changed = append(e.changed, c)
	return nil
}

// appendTimestamp appends a TIMESTAMP, UTC and cut to the microsecond.
func appendTimestamp(b []byte, at time.Time) []byte {
	b = binary.BigEndian.AppendUint32(b, 8)
	return binary.BigEndian.AppendUint64(b, uint64(at.UnixMicro()-microseconds2000))
}

// microseconds2000 is PostgreSQL's epoch, 2000-01-01.
const microseconds2000 = 946_684_800_000_000

// reader reads the rows from lo to before hi as a COPY.
func (e *encoder) reader(lo, hi int) io.Reader {
	from := 0
	if lo > 0 {
		from = e.ends[lo-1]
	}
	return io.MultiReader(bytes.NewReader(copyHeader), bytes.NewReader(e.buffer[from:e.ends[hi-1]]), bytes.NewReader(copyTrailer))
}

// changes sums up what is changed in the first n rows.
func (e *encoder) changes(n int) (c changes) {
	for _, more := range e.changed[:n] {
		c.add(more)
	}
	return c
}
