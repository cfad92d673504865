package store

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// stream is a stream's numbers. They outlive its events.
type stream struct {
	name    nameRef
	last    int64 // number of the last published event; 0 = the stream is not there yet
	events  int64 // published and kept
	sealed  int64 // of events, those in segments
	numbers int64 // last number as of the last sealing
	pending int64 // last decided number; the sequencer's
}

// streamTable has an instance's streams: a million of them take some 80 MB, and
// the garbage collector has nothing to follow in them. Streams are numbered in
// the order in which they come. The sequencer (and recovery) adds, with the
// instance's mu locked; it may look without. Others look with mu held, and hold
// it locked to change what is not the sequencer's.
type streamTable struct {
	pages [][]stream // of streamPage streams; the only one may have room for fewer
	count int
	slots []uint32 // number + 1 by hash, linear probing; 0 = free
	arena [][]byte // names
	names int      // published
}

const (
	streamPage = 1 << 12
	// nameChunk is how many bytes of names are together, but for the first ones.
	nameChunk = 1 << 16
)

// nameRef is where a name is: chunk, offset (16 bits) and length (16 bits).
type nameRef uint64

// at is stream i.
func (t *streamTable) at(i uint32) *stream { return &t.pages[i/streamPage][i%streamPage] }

// nameAt is the name of stream i; it is not to be changed.
func (t *streamTable) nameAt(i uint32) []byte { return t.text(t.at(i).name) }

func (t *streamTable) text(r nameRef) []byte {
	from, n := int(r>>16&0xffff), int(r&0xffff)
	return t.arena[r>>32][from : from+n : from+n]
}

// find finds a stream.
func (t *streamTable) find(name string) (i uint32, ok bool) {
	i, _, ok = t.probe(name, xxhash.Sum64String(name))
	return i, ok
}

// probe looks for a name; at is its slot, or the free one where it belongs.
func (t *streamTable) probe(name string, hash uint64) (i uint32, at int, ok bool) {
	if len(t.slots) == 0 {
		return 0, 0, false
	}
	mask := len(t.slots) - 1
	for at = int(hash) & mask; t.slots[at] != 0; at = (at + 1) & mask {
		if i = t.slots[at] - 1; string(t.nameAt(i)) == name {
			return i, at, true
		}
	}
	return 0, at, false
}

// get finds or makes a stream.
func (t *streamTable) get(name string) uint32 {
	hash := xxhash.Sum64String(name)
	i, at, ok := t.probe(name, hash)
	if ok {
		return i // nothing has been touched: the sequencer may be looking
	}
	if 4*(t.count+1) > 3*len(t.slots) {
		t.grow()
		_, at, _ = t.probe(name, hash)
	}
	i = uint32(t.count)
	if t.count%streamPage == 0 {
		// Most instances have few streams: only further pages are made whole.
		var page []stream
		if t.count > 0 {
			page = make([]stream, 0, streamPage)
		}
		t.pages = append(t.pages, page)
	}
	page := &t.pages[len(t.pages)-1]
	*page = append(*page, stream{name: t.keep(name)})
	t.count++
	t.slots[at] = i + 1
	return i
}

// keep copies a name into the arena.
func (t *streamTable) keep(name string) nameRef {
	n := len(t.arena)
	if n == 0 || len(t.arena[n-1])+len(name) > cap(t.arena[n-1]) {
		size := nameChunk
		if n == 0 {
			size = max(64, len(name))
		} else if n < 8 {
			size = max(len(name), min(2*cap(t.arena[n-1]), nameChunk))
		}
		t.arena = append(t.arena, make([]byte, 0, size))
		n++
	}
	chunk := &t.arena[n-1]
	from := len(*chunk)
	*chunk = append(*chunk, name...)
	return nameRef(uint64(n-1)<<32 | uint64(from)<<16 | uint64(len(name)))
}

// grow doubles the slots.
func (t *streamTable) grow() {
	t.slots = make([]uint32, max(4, 2*len(t.slots)))
	mask := len(t.slots) - 1
	for i := range uint32(t.count) {
		at := int(xxhash.Sum64(t.nameAt(i))) & mask
		for t.slots[at] != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = i + 1
	}
}

// streamChange is what sealing or removing makes of a stream's sealed numbers.
type streamChange struct {
	stream  uint32
	numbers int64
	sealed  int64
}

// appendTo encodes the change for the journal.
func (c *streamChange) appendTo(dst []byte, t *streamTable) []byte {
	dst = appendString(dst, t.nameAt(c.stream))
	dst = binary.AppendUvarint(dst, uint64(c.numbers))
	return binary.AppendUvarint(dst, uint64(c.sealed))
}
