package store

import (
	"sync"
	"sync/atomic"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/eventid"
	"github.com/firnlog/firn/internal/store/wal"
)

// identity is what never changes of an instance.
type identity struct {
	uuid  uuid
	id    string
	key   [16]byte
	codec *eventid.Codec
}

func newIdentity(u uuid, key [16]byte) identity {
	return identity{uuid: u, id: u.String(), key: key, codec: eventid.New(key)}
}

func (in *identity) columns() column.Meta {
	return column.Meta{InstanceID: in.id, MakeID: in.codec.ID}
}

// instance is an instance in memory.
type instance struct {
	identity

	// maintenance is held by whoever seals, compacts or removes: one at a time.
	maintenance sync.Mutex
	journal     *wal.Journal // of the streams' last numbers; of whoever holds maintenance
	numbers     *wal.Journal // the second one; nil until it is needed; likewise
	nextFile    int64        // number of the next segment or run; likewise
	// streamsStale says that the journal has records that must not come to count:
	// it is rewritten before anything else; likewise.
	streamsStale bool

	mu      sync.RWMutex
	meta    Instance
	streams streamTable
	view    *view         // replaced, never changed
	wake    chan struct{} // closed at the next publication; nil while nobody waits
	deleted bool
	// sorted are the numbers of the streams in order of name, as of the last time
	// that they were asked for.
	sorted atomic.Pointer[[]uint32]

	// cuts counts how often ids have left for a sealed run; a lookup in the
	// sealed runs is good for as long as it does not change.
	cuts atomic.Int64

	// What follows is the sequencer's.
	planned  Instance // meta as decided
	next     int64    // position
	recorded int64    // last decided recorded_at, milliseconds
	ids      idIndex
	recent   []*stampedBatch // decided; the first ones may be published

	// What follows is for recovery.
	replayed uint64 // the last record with events
	// streamsLost says that last numbers of streams may be missing from the
	// journal, journalDamaged that it has damaged generations.
	streamsLost, journalDamaged bool
	// numbersMissed says that events were lost while their streams' numbers were.
	numbersMissed bool
	numbersKnown  *journalMark // how far the manifest knows the second journal to have gone
	losses        []lostRange  // found, not in the manifest yet
}

// view is an instance at one moment. It is immutable.
type view struct {
	version  *version
	closed   []chunkView
	open     chunkView // rows may be 0
	last     int64     // position; 0 = none
	recorded int64     // recorded_at of the last event, milliseconds
	events   int64     // kept
}

// headRows and headBytes are what is not sealed, in rows and bytes of memory.
func (v *view) headRows() (rows int) {
	for i := range v.closed {
		rows += v.closed[i].rows
	}
	return rows + v.open.rows
}

func (v *view) headBytes() (n int64) {
	v.chunks(func(c *chunkView) bool {
		n += c.memory + c.chunk.extra()
		return true
	})
	return n
}

// walBytes is what the head takes of the write-ahead log.
func (v *view) walBytes() (n int64) {
	v.chunks(func(c *chunkView) bool {
		n += c.bytes
		return true
	})
	return n
}

// chunks calls fn with each chunk of the head, in order, until it says false.
func (v *view) chunks(fn func(c *chunkView) bool) {
	for i := range v.closed {
		if !fn(&v.closed[i]) {
			return
		}
	}
	if v.open.rows > 0 {
		fn(&v.open)
	}
}

// find returns the batch of the head that holds a position, nil if none does.
func (v *view) find(position int64) (found *stampedBatch) {
	if position <= v.version.sealed {
		return nil
	}
	v.chunks(func(c *chunkView) bool {
		if c.last() < position {
			return true
		}
		found = c.find(position)
		return false
	})
	return found
}

func newInstance(in identity, meta Instance) *instance {
	return &instance{
		identity: in, meta: meta, planned: meta,
		view: &view{version: newVersion()}, next: 1, nextFile: 1,
	}
}

// publish makes a batch visible. It is the last act of an append, after the
// record is on disk, and the first of recovery.
// Total counts the bytes of all heads.
func (in *instance) publish(b *stampedBatch, lsn uint64, total *atomic.Int64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for i := range b.streams {
		s := in.streams.at(in.streams.get(b.streams[i].name))
		if s.last == 0 {
			in.streams.names++
		}
		s.last = b.sequences[i] + int64(b.streams[i].count) - 1
		s.events += int64(b.streams[i].count)
	}
	v := *in.view
	if v.open.full(b) {
		v.close()
	}
	if v.open.rows == 0 {
		v.open = chunkView{chunk: &chunk{lsn: lsn, total: total}}
	}
	v.open = v.open.with(b)
	v.last, v.recorded = b.last(), b.recordedAt
	v.events += int64(b.len())
	in.view = &v
	in.wakeUp()
}

// close ends the open chunk.
func (v *view) close() {
	if v.open.rows > 0 {
		v.closed = append(v.closed[:len(v.closed):len(v.closed)], v.open)
		v.open = chunkView{}
	}
}

// wakeUp tells those who wait; mu is held.
func (in *instance) wakeUp() {
	if in.wake != nil {
		close(in.wake)
		in.wake = nil
	}
}

// current is the current view, without its segments being held.
func (in *instance) current() *view {
	in.mu.RLock()
	defer in.mu.RUnlock()
	return in.view
}

// acquire returns the current view and holds its segments until release.
func (in *instance) acquire() (v *view, release func(), err error) {
	in.mu.RLock()
	defer in.mu.RUnlock()
	if in.deleted {
		return nil, nil, ErrNotFound
	}
	v = in.view
	v.version.acquire()
	return v, v.version.release, nil
}

func (in *instance) info() Instance {
	in.mu.RLock()
	defer in.mu.RUnlock()
	return in.meta
}
