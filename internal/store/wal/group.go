package wal

import (
	"fmt"
	"hash/crc32"
	"slices"
)

// Group is the records of one write, built in place in one buffer. The zero
// value is empty. It is not for several goroutines at once.
type Group struct {
	buf    []byte
	starts []int // of each record's header in buf
}

// Reserve adds a record of n bytes (n ≥ 1) and returns its body to be filled in.
// Its bytes are not cleared. Until the group is written it may be changed, but
// after the next Reserve or Append only by way of Body.
func (g *Group) Reserve(n int) []byte {
	start := len(g.buf)
	g.starts = append(g.starts, start)
	g.buf = slices.Grow(g.buf, recordHeaderSize+n)[:start+recordHeaderSize+n]
	return g.buf[start+recordHeaderSize:]
}

// Append adds a record whose body is the parts one after another (at least one
// byte altogether).
func (g *Group) Append(parts ...[]byte) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	body := g.Reserve(n)
	for _, p := range parts {
		body = body[copy(body, p):]
	}
}

// Body is the body of the i-th record, from 0.
func (g *Group) Body(i int) []byte {
	return g.buf[g.starts[i]+recordHeaderSize : g.end(i)]
}

func (g *Group) end(i int) int {
	if i+1 < len(g.starts) {
		return g.starts[i+1]
	}
	return len(g.buf)
}

// Drop takes the last record away again.
func (g *Group) Drop() {
	last := len(g.starts) - 1
	g.buf = g.buf[:g.starts[last]]
	g.starts = g.starts[:last]
}

// keptBuffer is the largest buffer that a group keeps for the next write.
const keptBuffer = 8 << 20

// Reset makes the group empty. It keeps its buffer where that is of ordinary size.
func (g *Group) Reset() {
	if cap(g.buf) > keptBuffer {
		g.buf = nil
	}
	g.buf = g.buf[:0]
	g.starts = g.starts[:0]
}

// Records is how many records the group has.
func (g *Group) Records() int { return len(g.starts) }

// Size is how many bytes the group takes in the file.
func (g *Group) Size() int { return len(g.buf) }

// stamp fills in the headers: LSNs from first on, what is known to be synced,
// and the checksums.
func (g *Group) stamp(kind uint32, first uint64, synced int64, salt uint32) {
	for i, start := range g.starts {
		h := recordHeader{kind: kind, lsn: first + uint64(i), synced: synced}
		if kind != kindMark {
			body := g.Body(i)
			h.length = uint32(len(body))
			h.bodyCRC = crc32.Checksum(body, castagnoli)
		}
		h.encode(g.buf[start:], salt)
	}
}

// maxBody is the largest body of a record in bytes.
const maxBody = 1 << 30

// check says whether every record can be written.
func (g *Group) check() error {
	for i := range g.starts {
		if n := len(g.Body(i)); n == 0 || n > maxBody {
			return fmt.Errorf("wal: record %d of the group has %d bytes; 1 to %d are allowed", i, n, maxBody)
		}
	}
	return nil
}

// markRecord is a record that proves what is before it.
func markRecord(lsn uint64, synced int64, salt uint32) []byte {
	b := make([]byte, recordHeaderSize)
	h := recordHeader{kind: kindMark, lsn: lsn, synced: synced}
	h.encode(b, salt)
	return b
}
