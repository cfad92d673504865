// Package wal is the write-ahead log: opaque records that are on disk when Sync
// returns, found again after a crash, and never served when damaged. DESIGN.md
// beside the code says how. Journal is its small relative, for state.
//
// A record is a non-empty string of bytes with a number, its LSN: 1, 2, 3…
// without gap, so that what is lost can be named.
package wal

import (
	"errors"

	"github.com/firnlog/firn/internal/store/vfs"
)

// Sentinel errors.
var (
	// ErrFailed says that a sync failed, or that a failed write could not be
	// taken back: nobody knows what is on disk, so the log takes no more until
	// it is opened again. It is for good.
	ErrFailed = errors.New("write-ahead log failed")
	// ErrClosed says that the log is closed.
	ErrClosed = errors.New("write-ahead log is closed")
	// ErrNewer says that a file was written by a newer version.
	ErrNewer = errors.New("written by a newer version")
	// ErrUnreadable says that no file says which log it belongs to, so that no
	// record can be checked.
	ErrUnreadable = errors.New("no readable file header")
)

// Identity tells the files of one log from those of every other.
type Identity [16]byte

// Options configures Open. The zero value is the default.
type Options struct {
	// Identity that the files must bear. Zero: that of the files that are
	// there, or a new random one.
	Identity Identity
	// FileSize in bytes at which the next file is begun. Default 64 MiB. A group
	// that is larger gets a file of its own.
	FileSize int64
	// After is the last LSN that the caller does not need any more: the first
	// record of an empty log gets After+1, and records up to After that are
	// missing are not lost.
	After uint64
	// Quarantine is the directory that cut tails are copied to. Default: the
	// directory "quarantine" beside the log's.
	Quarantine string
}

// Record is a record as it is read back.
type Record struct {
	LSN uint64
	// Body belongs to the log and changes when the function it was given to
	// returns.
	Body []byte
	// File and Offset say where it is, for messages.
	File   string
	Offset int64
}

// Damage is a range of bytes that are not what was written, below the point up
// to which they were known to be on disk. It is never cut: it is reported each
// time the log is opened, until Remove takes the file.
type Damage struct {
	File        string
	Offset, End int64 // bytes [Offset, End); equal when a whole file or tail is missing
	// FirstLost and LastLost are the LSNs of the records that are lost;
	// FirstLost > LastLost: none.
	FirstLost, LastLost uint64
	Reason              string
}

// Torn is the tail that Open cut: bytes of records that were being written,
// above the point up to which the file was known to be on disk.
type Torn struct {
	File        string
	Offset, End int64
	Quarantine  string // the file that has the bytes [Offset, End) now; "" from Verify
	Reason      string
}

// Recovery is what Open found.
type Recovery struct {
	Identity          Identity
	Files             int
	Records           int64  // that were replayed
	FirstLSN, LastLSN uint64 // of the replayed records; 0 = none
	Bytes             int64  // of the replayed records' bodies
	// Rewritten is the number of records at the end that nothing proved to be on
	// disk; they were copied to a new file and synced before any was replayed.
	Rewritten int64
	Torn      *Torn // nil = none
	Damage    []Damage
}

// FileInfo describes one file of the log.
type FileInfo struct {
	Name     string // path
	Number   uint64
	FirstLSN uint64 // of the first record it has or will have
	Size     int64  // bytes from the start that are synced and hold whole records
}

// Open opens the log in dir, which it makes if there is none, recovers it, and
// gives every record, in order, to replay, whose error ends Open. What replay is
// given is on disk. Damage is no error: it is in Recovery, and the records after
// it are replayed too.
func Open(fsys vfs.FS, dir string, opts Options, replay func(Record) error) (*Log, Recovery, error) {
	panic("wal: not built yet")
}

// Log is an open log. Write, Sync and Close are for one goroutine at a time; the
// other methods may be called beside them, by many.
type Log struct{}

// Write appends the records of a group to the file and returns the LSN of the
// first; the others follow it. They are on disk when Sync has returned. The
// group's bytes are written from where they are, and the group may be reset
// when Write has returned.
//
// An error that is not ErrFailed leaves the log as it was before: nothing of the
// group is stored, no LSN is used, and the log goes on; syscall.ENOSPC is the
// usual one. Before the first Write after a Write, Sync must have been called.
func (l *Log) Write(g *Group) (first uint64, err error) { panic("wal: not built yet") }

// Sync makes everything written durable. Its error is ErrFailed, for good: what
// was written since the last Sync must not be acknowledged, and is there or not
// there when the log is opened again.
func (l *Log) Sync() error { panic("wal: not built yet") }

// Close ends the log and marks it as complete. Closing twice is harmless.
func (l *Log) Close() error { panic("wal: not built yet") }

// Err is the failure that ended the log (ErrFailed), nil while there is none.
func (l *Log) Err() error { panic("wal: not built yet") }

// NextLSN is the LSN that the next record gets.
func (l *Log) NextLSN() uint64 { panic("wal: not built yet") }

// Identity tells this log from every other.
func (l *Log) Identity() Identity { panic("wal: not built yet") }

// Remove deletes the files whose records are all at or below upTo; never the
// one that is written to. While a Snapshot is held it only takes note.
func (l *Log) Remove(upTo uint64) error { panic("wal: not built yet") }

// Files lists the files in order with what of them is synced.
func (l *Log) Files() []FileInfo { panic("wal: not built yet") }

// Snapshot is Files, and keeps the files from being removed until release is
// called. Copies of the first Size bytes of each, under their names, are a log.
func (l *Log) Snapshot() (files []FileInfo, release func()) { panic("wal: not built yet") }

// Stats are figures since Open.
type Stats struct {
	Records, Bytes, Syncs int64
	Files                 int64 // that are there
	DiskBytes             int64 // synced bytes in them
}

// Stats returns the log's figures.
func (l *Log) Stats() Stats { panic("wal: not built yet") }

// Group is the records of one write, built in place in one buffer. The zero
// value is empty. It is not for several goroutines at once.
type Group struct{}

// Reserve adds a record of n bytes (n ≥ 1) and returns its body to be filled in:
// until the group is written it may be changed, but after the next Reserve or
// Append only by way of Body.
func (g *Group) Reserve(n int) []byte { panic("wal: not built yet") }

// Append adds a record whose body is the parts one after another (at least one
// byte altogether).
func (g *Group) Append(parts ...[]byte) { panic("wal: not built yet") }

// Body is the body of the i-th record, from 0.
func (g *Group) Body(i int) []byte { panic("wal: not built yet") }

// Drop takes the last record away again.
func (g *Group) Drop() { panic("wal: not built yet") }

// Reset makes the group empty and keeps its buffer.
func (g *Group) Reset() { panic("wal: not built yet") }

// Records is how many records the group has.
func (g *Group) Records() int { panic("wal: not built yet") }

// Size is how many bytes the group takes in the file.
func (g *Group) Size() int { panic("wal: not built yet") }

// Report is what Verify read and found.
type Report struct {
	Files   int
	Records int64
	Bytes   int64 // of the files
	LastLSN uint64
	Torn    *Torn
	Damage  []Damage
}

// Verify reads the log in dir without changing it and gives every good record,
// in order, to fn (which may be nil). It is for a log that nobody writes to;
// an open one has a method.
func Verify(fsys vfs.FS, dir string, fn func(Record) error) (Report, error) {
	panic("wal: not built yet")
}

// Verify is the function Verify for what is synced of an open log.
func (l *Log) Verify(fn func(Record) error) (Report, error) { panic("wal: not built yet") }
