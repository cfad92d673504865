package store

import (
	"sort"
	"sync"
	"sync/atomic"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
)

// The head of an instance is what is not sealed yet: committed batches, as the
// record holds them, gathered in chunks. Columns of a chunk are built when a
// query or sealing needs them, never on the path of an acknowledgement.

const (
	chunkRows  = 16 << 10
	chunkBytes = 8 << 20
)

// chunk is a run of batches. The publisher appends to the last chunk of a head
// only; readers know by their view how much of it is theirs.
type chunk struct {
	lsn   uint64        // of the first batch
	total *atomic.Int64 // bytes of all heads, which those of columns and ids are added to

	mu      sync.Mutex
	builder *column.Builder // nil until columns are asked for
	built   int             // batches that block has
	block   column.Block
	ids     chunkIDs
	counted int64 // bytes of columns and ids in total
	sealed  bool  // only readers that are at it have it still
}

// count adds to the total what columns and ids have grown by; mu is held.
func (k *chunk) count() {
	if k.sealed || k.total == nil {
		return
	}
	now := k.ids.size()
	if k.builder != nil {
		now += k.builder.Size()
	}
	k.total.Add(now - k.counted)
	k.counted = now
}

// extra is how many bytes columns and ids take.
func (k *chunk) extra() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.counted
}

// leave says that the chunk is not part of the head any more, and returns what
// it had in the total beside its events.
func (k *chunk) leave() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sealed = true
	return k.counted
}

// chunkView is a chunk as far as one view sees it. It is immutable.
type chunkView struct {
	chunk        *chunk
	batches      []*stampedBatch
	rows         int
	bytes        int64 // of records
	memory       int64 // what the batches take
	minTimestamp int64 // microseconds
	maxTimestamp int64
}

func (c *chunkView) first() int64 { return c.batches[0].first }
func (c *chunkView) last() int64  { return c.batches[len(c.batches)-1].last() }

// full reports whether a batch of that size begins a new chunk.
func (c *chunkView) full(b *stampedBatch) bool {
	return c.rows > 0 && (c.rows+b.len() > chunkRows || c.bytes+int64(len(b.section)) > chunkBytes)
}

// with is the chunk with one more batch. It writes behind the batches that
// earlier views see, so only the latest view may be extended.
func (c chunkView) with(b *stampedBatch) chunkView {
	low, high := b.timestamps()
	if c.rows == 0 {
		c.minTimestamp, c.maxTimestamp = low, high
	}
	c.batches = append(c.batches, b)
	c.rows += b.len()
	c.bytes += int64(len(b.section))
	c.memory += b.memory()
	c.minTimestamp = min(c.minTimestamp, low)
	c.maxTimestamp = max(c.maxTimestamp, high)
	return c
}

// timestamps is the range of the batch's timestamps in microseconds.
func (b *stampedBatch) timestamps() (low, high int64) {
	at := b.recordedAt * 1000
	switch b.timed {
	case 0:
		return at, at
	case b.len():
		return b.low, b.high
	}
	return min(b.low, at), max(b.high, at)
}

// find returns the batch that holds a position.
func (c *chunkView) find(position int64) *stampedBatch {
	i := sort.Search(len(c.batches), func(i int) bool { return c.batches[i].last() >= position })
	if i == len(c.batches) || c.batches[i].first > position {
		return nil
	}
	return c.batches[i]
}

// block returns the chunk's columns, as many rows as the view sees.
func (c *chunkView) block(in *identity) (column.Block, error) {
	k := c.chunk
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.count()
	if k.builder == nil {
		k.builder = column.NewBuilder(in.columns())
	}
	if k.builder.Rows() > c.rows {
		// A later view has had its columns built.
		return k.builder.SnapshotOf(c.rows), nil
	}
	if err := appendRows(k.builder, c.batches[k.built:]); err != nil {
		return nil, err
	}
	if k.block == nil || k.built < len(c.batches) {
		k.block = k.builder.Snapshot()
	}
	k.built = len(c.batches)
	return k.block, nil
}

// appendRows shreds batches into columns.
func appendRows(to *column.Builder, batches []*stampedBatch) error {
	var m rowMaker
	for _, b := range batches {
		for i := range b.offsets {
			row, err := m.of(b, i)
			if err != nil {
				return err
			}
			if err := to.Append(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// at is event i of the batch as the log gives it.
func (b *stampedBatch) at(i int, in *identity) (event.Event, error) {
	return b.event(i, in, b.first+int64(i), b.recordedAt, b.sequence(i))
}
