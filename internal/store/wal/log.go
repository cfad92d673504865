package wal

import (
	"fmt"
	"sync"

	"github.com/firnlog/firn/internal/store/vfs"
)

const (
	defaultFileSize = 64 << 20
	// Small groups are written over zeros: a sync that changes neither the size
	// nor the extents of a file spares the file system's journal (DESIGN.md).
	fillAhead = 1 << 20
	fillGroup = 64 << 10
)

var zeros [fillAhead]byte

// Log is an open log. Write, Sync and Close are for one goroutine at a time; the
// other methods may be called beside them, by many.
type Log struct {
	fsys       vfs.FS
	names      naming
	identity   Identity
	quarantine string
	fileSize   int64

	// The writer's.
	f      vfs.File
	path   string
	number uint64 // the highest that any file has
	salt   uint32
	end    int64  // of the records
	synced int64  // of them, what Sync covered
	filled int64  // up to here are zeros after end
	next   uint64 // LSN
	marked bool   // all before end is proven: nothing was written since Open or rotation
	// torn is what recovery had no room to set aside; before the first write it
	// is. f is nil where it had none for the next file.
	torn   *hole
	closed bool

	mu    sync.Mutex
	list  []listed // the last one is written to
	pins  int
	upTo  uint64 // what Remove was asked while there were pins
	err   error  // ErrFailed
	stats Stats
	lsn   uint64 // next, for the other goroutines
}

type listed struct {
	FileInfo
	damaged bool
}

// resume goes on in the last file.
func (l *Log) resume(lf *logFile) error {
	f, err := l.fsys.OpenAppend(lf.name)
	if err != nil {
		return err
	}
	l.use(f, lf.hdr, lf.name, lf.end)
	l.filled, l.marked, l.torn = lf.size, lf.marked, lf.torn
	l.list[len(l.list)-1].Size = lf.end
	return nil
}

// begin makes the next file and goes on in it.
func (l *Log) begin() error {
	hdr := fileHeader{identity: l.identity, number: l.number + 1, firstLSN: l.next}
	path := l.names.path(hdr.number)
	f, end, err := createFile(l.fsys, path, hdr, nil)
	if err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	if l.f != nil {
		// What is cut is zeros, so it matters neither whether it is cut nor when.
		_ = l.f.Truncate(l.end)
		_ = l.f.Close()
	}
	l.use(f, hdr, path, end)
	l.marked = true
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, listed{FileInfo: FileInfo{Name: path, Number: hdr.number, FirstLSN: l.next, Size: end}})
	return nil
}

// ready does what recovery had no room for on the disk.
func (l *Log) ready() error {
	if err := l.usable(); err != nil {
		return err
	}
	if l.torn != nil {
		lf := &logFile{name: l.path, size: l.torn.end}
		if _, err := cut(l.fsys, l.f, lf, l.torn, l.quarantine); err != nil {
			return l.fail(fmt.Errorf("wal: %s: %w", l.path, err))
		}
		l.torn, l.filled = nil, l.end
	}
	if l.f == nil {
		return l.fail(l.begin())
	}
	return nil
}

func (l *Log) use(f vfs.File, hdr fileHeader, path string, end int64) {
	l.f, l.path, l.salt = f, path, hdr.salt()
	l.number = max(l.number, hdr.number)
	l.end, l.synced, l.filled = end, end, end
	l.mu.Lock()
	l.lsn = l.next
	l.mu.Unlock()
}

// Write appends the records of a group to the file and returns the LSN of the
// first; the others follow it. They are on disk when Sync has returned. The
// group's bytes are written from where they are, and the group may be reset
// when Write has returned. A group is in one file.
//
// An error that is not ErrFailed leaves the log as it was before: nothing of the
// group is stored, no LSN is used, and the log goes on; syscall.ENOSPC is the
// usual one. What was written before may be on disk then, as after Sync.
func (l *Log) Write(g *Group) (first uint64, err error) {
	if err := l.ready(); err != nil {
		return 0, err
	}
	if err := g.check(); err != nil {
		return 0, err
	}
	if g.Records() == 0 {
		return l.next, nil
	}
	size := int64(g.Size())
	if l.end > dataStart && l.end+size > l.fileSize {
		if err := l.rotate(); err != nil {
			return 0, err
		}
	}
	first = l.next
	g.stamp(kindData, first, l.synced, l.salt)
	if err := l.put(g.buf); err != nil {
		return 0, err
	}
	l.next += uint64(g.Records())
	l.marked = false
	l.mu.Lock()
	l.lsn = l.next
	l.stats.Records += int64(g.Records())
	l.stats.Bytes += size
	l.mu.Unlock()
	return first, nil
}

// put writes bytes at the end, and zeros after them for the groups to come.
func (l *Log) put(b []byte) error {
	if _, err := l.f.WriteAt(b, l.end); err != nil {
		return l.rollback(err)
	}
	l.end += int64(len(b))
	if l.end <= l.filled {
		return nil
	}
	l.filled = l.end
	if fill := min(fillAhead, l.fileSize-l.end); len(b) <= fillGroup && fill > 0 {
		// A disk that has no room for the zeros may have it for records.
		if _, err := l.f.WriteAt(zeros[:fill], l.end); err == nil {
			l.filled = l.end + fill
		}
	}
	return nil
}

// rollback takes a failed write back: it must not come back after a crash, since
// the caller tells that nothing was stored.
func (l *Log) rollback(cause error) error {
	cause = fmt.Errorf("wal: write to %s at %d: %w", l.path, l.end, cause)
	if err := l.f.Truncate(l.end); err != nil {
		return l.fail(failed("take a failed write back: "+cause.Error(), err))
	}
	l.filled = l.end
	if err := l.f.Sync(); err != nil {
		return l.fail(failed("take a failed write back: "+cause.Error(), err))
	}
	l.didSync()
	return cause
}

// Rotate makes everything written durable and begins the next file, so that
// Remove can delete the one before. A file without records stays. Errors are as
// for Write.
func (l *Log) Rotate() error {
	if err := l.ready(); err != nil {
		return err
	}
	if l.end == dataStart {
		return nil
	}
	return l.rotate()
}

// rotate begins the next file when all of this one is on disk: a file that has a
// successor is proven.
func (l *Log) rotate() error {
	if err := l.Sync(); err != nil {
		return err
	}
	if err := l.begin(); err != nil {
		return l.fail(err)
	}
	return nil
}

// Sync makes everything written durable. Its error is ErrFailed, for good: what
// was written since the last Sync must not be acknowledged, and is there or not
// there when the log is opened again.
func (l *Log) Sync() error {
	if err := l.usable(); err != nil {
		return err
	}
	if l.end == l.synced {
		return nil
	}
	if err := l.f.Sync(); err != nil {
		return l.fail(failed("sync "+l.path, err))
	}
	l.didSync()
	return nil
}

func (l *Log) didSync() {
	l.synced = l.end
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Syncs++
	l.list[len(l.list)-1].Size = l.end
}

// Close ends the log and marks it as complete. Closing twice is harmless.
func (l *Log) Close() error {
	if l.closed {
		return nil
	}
	if l.f == nil || l.torn != nil {
		l.closed = true // nothing was written
		if l.f != nil {
			return l.f.Close()
		}
		return nil
	}
	err := l.finish()
	l.closed = true
	if cerr := l.f.Close(); err == nil {
		err = cerr
	}
	return err
}

// finish syncs, and proves what was synced with a mark: damage of the last
// group is known as such then.
func (l *Log) finish() error {
	if l.Err() != nil {
		return nil //nolint:nilerr // it was told
	}
	if err := l.Sync(); err != nil {
		return err
	}
	if l.marked {
		return nil
	}
	mark := markRecord(l.next-1, l.synced, l.salt)
	if _, err := l.f.WriteAt(mark, l.end); err == nil {
		l.end += recordHeaderSize
	}
	if err := l.f.Truncate(l.end); err != nil {
		return fmt.Errorf("wal: close %s: %w", l.path, err)
	}
	if err := l.f.Sync(); err != nil {
		return l.fail(failed("sync "+l.path, err))
	}
	return nil
}

func (l *Log) usable() error {
	if l.closed {
		return ErrClosed
	}
	return l.Err()
}

// fail ends the log if err is ErrFailed, and returns it.
func (l *Log) fail(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil && isFailed(err) {
		l.err = err
	}
	return err
}

// Err is the failure that ended the log (ErrFailed), nil while there is none.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// NextLSN is the LSN that the next record gets.
func (l *Log) NextLSN() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lsn
}

// Identity tells this log from every other.
func (l *Log) Identity() Identity { return l.identity }

// Stats returns the log's figures.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Files = int64(len(l.list))
	for _, f := range l.list {
		s.DiskBytes += f.Size
	}
	return s
}
