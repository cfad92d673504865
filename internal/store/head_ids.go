package store

// chunkIDs finds the events of a chunk by the fingerprints of the ids that
// callers brought. It is made when it is asked for, and goes on from there.
type chunkIDs struct {
	batches int // that are in it
	first   map[uint64]chunkPlace
	more    map[uint64][]chunkPlace // what collides in first
}

// chunkPlace is an event's place in a chunk.
type chunkPlace struct{ batch, index uint32 }

// size is about how many bytes it takes.
func (x *chunkIDs) size() int64 { return int64(len(x.first))*32 + int64(len(x.more))*64 }

func (x *chunkIDs) add(fp uint64, at chunkPlace) {
	if _, taken := x.first[fp]; taken {
		if x.more == nil {
			x.more = map[uint64][]chunkPlace{}
		}
		x.more[fp] = append(x.more[fp], at)
		return
	}
	if x.first == nil {
		x.first = map[uint64]chunkPlace{}
	}
	x.first[fp] = at
}

// withID calls fn with the events of the chunk that may have an id, in order,
// until it says false.
func (c *chunkView) withID(in *identity, fp uint64, fn func(b *stampedBatch, i int) bool) {
	k := c.chunk
	k.mu.Lock()
	for ; k.ids.batches < len(c.batches); k.ids.batches++ {
		b := c.batches[k.ids.batches]
		for i := range b.offsets {
			if raw, err := b.raw(i); err == nil && raw.flags&hasID != 0 {
				k.ids.add(in.fingerprint(raw.id), chunkPlace{batch: uint32(k.ids.batches), index: uint32(i)})
			}
		}
	}
	first, ok := k.ids.first[fp]
	more := k.ids.more[fp]
	k.count()
	k.mu.Unlock()
	if !ok || int(first.batch) >= len(c.batches) || !fn(c.batches[first.batch], int(first.index)) {
		return
	}
	for _, at := range more {
		if int(at.batch) >= len(c.batches) || !fn(c.batches[at.batch], int(at.index)) {
			return
		}
	}
}

// mayHoldID reports whether an event of the chunk may have an id that its caller
// brought.
func (c *chunkView) mayHoldID(in *identity, id string) (may bool) {
	c.withID(in, in.fingerprint([]byte(id)), func(*stampedBatch, int) bool {
		may = true
		return false
	})
	return may
}
