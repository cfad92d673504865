package store

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs"
)

// What is in the heads needs room on the disk once more, as segments, before
// its place in the write-ahead log is free; and a purge has to write before it
// can delete. On a full disk neither could be, and nothing would ever free it. So
// the log takes that room in good time: two files, as large as the heads and as
// removals need it. An append for which it cannot be taken is refused, before
// the disk is really full. Sealing may use the one up, removals both; then
// appends are refused until they can be taken again.

const (
	headsReserve   = "reserve-heads"
	removalReserve = "reserve-removal"
	// removalBytes is what is kept for removals: for records of them, what they
	// seal and rewrite, the manifest, a new file of the write-ahead log.
	removalBytes = 4 << 20
	// reserveStep is by how much the reserve of the heads grows at least.
	reserveStep = 1 << 20
	// reserveRest is how long the disk is left alone after it was found full.
	reserveRest = 100 * time.Millisecond
)

type reserve struct {
	tell func(short bool) // is told when that changes
	// short says that there was no room: appends are refused.
	short atomic.Bool

	mu      sync.Mutex
	heads   extent
	removal extent
	resting bool
}

func newReserve(fsys vfs.FS, dir string, tell func(short bool)) *reserve {
	return &reserve{
		tell:    tell,
		heads:   extent{fsys: fsys, path: filepath.Join(dir, headsReserve)},
		removal: extent{fsys: fsys, path: filepath.Join(dir, removalReserve)},
	}
}

// cover sees to it that there is room for so many bytes of segments; ErrNoSpace
// if there is none.
func (r *reserve) cover(bytes int64) error {
	if !r.short.Load() && r.heads.held.Load() >= bytes {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.resting {
		return ErrNoSpace
	}
	err := r.take(bytes)
	if noSpace(err) {
		r.refuse()
		return ErrNoSpace
	}
	if err == nil && r.short.Swap(false) {
		r.tell(false)
	}
	return err
}

// fail notes that there was no room for records.
func (r *reserve) fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse()
}

// refuse has appends refused, for a while without looking at the disk; mu is
// held.
func (r *reserve) refuse() {
	if !r.short.Swap(true) {
		r.tell(true)
	}
	if !r.resting {
		r.resting = true
		time.AfterFunc(reserveRest, r.rested)
	}
}

func (r *reserve) rested() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resting = false
}

// take makes the reserve of the heads at least so large; mu is held.
func (r *reserve) take(bytes int64) error {
	if err := r.removal.grow(removalBytes); err != nil {
		return err
	}
	held := r.heads.held.Load()
	if r.short.Load() {
		// There must be room for records too, not for the reserve alone.
		if err := r.heads.grow(max(bytes, held) + reserveStep); err != nil {
			return err
		}
		r.heads.drop()
		return r.heads.grow(bytes)
	}
	if r.heads.grow(max(bytes, held+min(held/4, 16*reserveStep), held+reserveStep)) == nil {
		return nil
	}
	return r.heads.grow(bytes)
}

// spend gives a reserve back to the disk, for something that makes room there:
// that of the heads, then, for a removal, the other. It reports whether there was
// anything to give.
func (r *reserve) spend(removal bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse()
	return r.heads.drop() || removal && r.removal.drop()
}

// shrink gives back what is far above so many bytes.
func (r *reserve) shrink(bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heads.held.Load() > 2*bytes+4*reserveStep {
		r.heads.drop()
		_ = r.heads.grow(bytes) // the next append tries again, and is told
	}
}

// end gives everything back for good.
func (r *reserve) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heads.drop()
	r.removal.drop()
}

// clear deletes what a process that was killed has left: recovery may need the
// room.
func (r *reserve) clear() error { return errors.Join(r.heads.clear(), r.removal.clear()) }

// extent is a file that has room on the disk and nothing in it.
type extent struct {
	fsys vfs.FS
	path string
	held atomic.Int64 // bytes
	file vfs.File     // nil = nothing is held
}

// grow makes it at least so large.
func (x *extent) grow(bytes int64) (err error) {
	held := x.held.Load()
	if bytes <= held {
		return nil
	}
	if x.file == nil {
		f, err := x.fsys.Create(x.path)
		if err != nil {
			return err
		}
		x.file = f
	}
	if err := x.file.Preallocate(held, bytes-held); err != nil {
		return err
	}
	x.held.Store(bytes)
	return nil
}

// drop gives all of it back, and reports whether there was anything. Errors
// leave a file without use, which the next one replaces.
func (x *extent) drop() bool {
	if x.file != nil {
		_ = x.file.Close()
		_ = x.fsys.Remove(x.path)
		x.file = nil
	}
	return x.held.Swap(0) > 0
}

func (x *extent) clear() error {
	if err := x.fsys.Remove(x.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, ErrNoSpace)
}

// reserveFor is how large the reserve of the heads has to be, with so many bytes
// more in them. Segments are smaller than the events in them, but for their
// footers.
func (l *Log) reserveFor(more int64) int64 {
	heads := l.head.bytes.Load() + l.head.queued.Load() + more
	return heads + heads/4 + reserveStep
}

// coverAppend refuses an append of so many bytes that might leave too little
// room for sealing it.
func (l *Log) coverAppend(bytes int64) error {
	err := l.reserve.cover(l.reserveFor(bytes))
	if noSpace(err) {
		l.kick() // what is in the heads can be sealed, and its records go
	}
	return err
}

func (l *Log) tellRoom(short bool) {
	if short {
		l.report(event.Error, "the disk is full: appends are refused until there is room again; reading, purging and retention go on")
		return
	}
	l.report(event.Warning, "there is room on the disk again: appends are taken")
}

// makingRoom runs what makes room on the disk. Where it finds none it runs again
// with what is reserved: sealing with the one reserve, a removal with both.
func (l *Log) makingRoom(removal bool, run func() error) error {
	err := run()
	for noSpace(err) && l.reserve.spend(removal) {
		err = run()
	}
	if noSpace(err) && !errors.Is(err, ErrNoSpace) {
		err = errors.Join(ErrNoSpace, err)
	}
	return err
}
