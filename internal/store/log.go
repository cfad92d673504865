// Package store is the log in a directory: a sequencer that gives numbers and
// makes durable, the head in memory, segments on disk, and the queries over
// both. Package firn is its public face and has the promises.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/internal/store/segment"
	"github.com/firnlog/firn/internal/store/wal"
)

// Names in the data directory.
const (
	logDir        = "log"
	lockFile      = "LOCK"
	walDir        = "wal"
	instancesDir  = "instances"
	segmentsDir   = "segments"
	idsDir        = "ids"
	quarantineDir = "quarantine"
	tmpSuffix     = ".tmp"
)

// Log is an open log. Its methods may be called by many goroutines at once.
type Log struct {
	opts      Options
	dir       string // of the log, data/log
	lock      io.Closer
	wal       *wal.Log
	manifest  *manifest
	sequencer *sequencer
	memory    *exec.Memory
	ahead     *exec.Memory // what subscriptions have read ahead
	cache     *segment.Cache
	files     *openFiles
	filters   *filters
	reserve   *reserve

	mu       sync.RWMutex
	byID     map[uuid]*instance
	byName   map[string]*instance
	changes  changes   // that the manifest does not have yet
	removals []removal // decided and not carried out
	// broughtBack says that some of removals are for events that are back: recovery
	// carries them out.
	broughtBack bool
	// editsLost says that the manifest does not have all that it once had,
	// editsDamaged that something of it could not be read; recovery sets them.
	editsLost, editsDamaged bool

	applied   uint64 // LSN of the last record that is visible
	sweep     sweep  // the last one
	documents documents
	started   time.Time // when the log was opened, by a clock that does not jump

	// gate is held for reading by whoever is handing in a request.
	gate   sync.RWMutex
	closed bool

	failure struct {
		once sync.Once
		done chan struct{}
		err  atomic.Pointer[error]
	}
	last atomic.Pointer[error] // of the last group

	head struct {
		bytes atomic.Int64
		rows  atomic.Int64
		// coming are bytes of the appends that have been let in, queued those that are
		// on their way through the sequencer, of appends whose callers may have gone.
		coming atomic.Int64
		queued atomic.Int64
		// waiting are those of the appends that wait to be let in.
		waiting atomic.Int64
		mu      sync.Mutex
		freed   chan struct{} // closed when sealing has made room
	}

	stop       context.CancelFunc // of background work
	background *background
	work       chan struct{} // wakes background work
	watches    watches

	stats struct {
		appends, events, duplicates atomic.Int64
		seals, compactions          atomic.Int64
		queries, subscriptions      atomic.Int64
	}
	committing sync.Mutex // orders edits of the manifest
}

// Close waits for what is being written, then closes. Closing twice is harmless.
func (l *Log) Close() error {
	l.gate.Lock()
	if l.closed {
		l.gate.Unlock()
		return nil
	}
	l.closed = true
	l.gate.Unlock()
	l.stop()
	l.background.Wait()
	close(l.sequencer.queue)
	<-l.sequencer.stopped
	l.wakeAll()
	l.reserve.end()
	l.noteEnd()
	return errors.Join(l.closeFiles(), l.lock.Close())
}

// noteEnd tells the manifest how far the write-ahead log goes, so that an end
// that goes missing is missed. Where it cannot, nothing else is lost.
func (l *Log) noteEnd() {
	l.manifest.mu.Lock()
	known := l.manifest.state.lsn
	l.manifest.mu.Unlock()
	l.mu.RLock()
	applied := l.applied
	l.mu.RUnlock()
	if l.Err() == nil && applied > known {
		_ = l.commit(&edit{})
	}
}

// closeFiles closes the write-ahead log and lets the segments go.
func (l *Log) closeFiles() error {
	err := l.wal.Close()
	if errors.Is(err, wal.ErrFailed) {
		err = nil // it has been told
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, in := range l.byID {
		in.mu.Lock()
		v := in.view.version
		in.mu.Unlock()
		v.release()
	}
	return err
}

// wakeAll wakes everyone who waits for events.
func (l *Log) wakeAll() {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, in := range l.byID {
		in.mu.Lock()
		in.wakeUp()
		in.mu.Unlock()
	}
	l.watches.tell(nil)
}

func (l *Log) isClosed() bool {
	l.gate.RLock()
	defer l.gate.RUnlock()
	return l.closed
}

// Failed is closed when a write to disk has failed for good and appends are
// refused; Err then says why. Reading goes on.
func (l *Log) Failed() <-chan struct{} { return l.failure.done }

// Err is the failure that Failed tells of, nil while there is none.
func (l *Log) Err() error {
	if err := l.failure.err.Load(); err != nil {
		return *err
	}
	return nil
}

// fail ends the log for writers.
func (l *Log) fail(err error) {
	l.failure.once.Do(func() {
		l.failure.err.Store(&err)
		close(l.failure.done)
	})
}

func (l *Log) lastGroup() error {
	if err := l.last.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *Log) setLastGroup(err error) {
	if err == nil {
		l.last.Store(nil)
		return
	}
	l.last.Store(&err)
}

// submit hands an op to the sequencer and waits for its answer. An error of ctx
// means that it is unknown whether the op was done.
func (l *Log) submit(ctx context.Context, o op) error { return l.submitBytes(ctx, o, 0) }

// submitBytes is submit for an op that holds so many bytes of events.
func (l *Log) submitBytes(ctx context.Context, o op, bytes int64) error {
	r := &request{op: o, bytes: bytes, done: make(chan struct{})}
	if err := l.enqueue(ctx, r); err != nil {
		return err
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *Log) enqueue(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.closed {
		return ErrClosed
	}
	if err := l.Err(); err != nil {
		return err
	}
	l.head.queued.Add(r.bytes)
	select {
	case l.sequencer.queue <- r:
		return nil
	default:
		l.head.queued.Add(-r.bytes)
		return fmt.Errorf("%w: %d requests are waiting", ErrOverloaded, queueLength)
	}
}

// published are the instances that readers see.
func (l *Log) published() (byID map[uuid]*instance, byName map[string]*instance) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	byID, byName = make(map[uuid]*instance, len(l.byID)), make(map[string]*instance, len(l.byID))
	for u, in := range l.byID {
		byID[u] = in
	}
	for name, in := range l.byName {
		byName[name] = in
	}
	return byID, byName
}

// kick wakes background work.
func (l *Log) kick() {
	select {
	case l.work <- struct{}{}:
	default:
	}
}

func defaultQueryMemory() int64 {
	const most = 256 << 20
	if limit := debug.SetMemoryLimit(-1); limit > 0 {
		return min(most, limit/4)
	}
	return most
}

func (l *Log) path(elem ...string) string {
	return filepath.Join(append([]string{l.dir}, elem...)...)
}

// instancePath is the path of an instance's directory, or of something in it.
func (l *Log) instancePath(in *instance, elem ...string) string {
	return l.path(append([]string{instancesDir, in.id}, elem...)...)
}

// timeout bounds a query.
func (l *Log) timeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, l.opts.QueryTimeout,
		fmt.Errorf("query was stopped after %s: narrow it, or raise limits.query_timeout: %w", l.opts.QueryTimeout.Round(time.Millisecond), context.DeadlineExceeded))
}

// Identity tells this log from every other; the epoch changes when it is
// restored from a backup.
func (l *Log) Identity() (id string, epoch int64) {
	l.manifest.mu.Lock()
	defer l.manifest.mu.Unlock()
	return l.manifest.state.identity, l.manifest.state.epoch
}
