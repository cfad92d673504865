// Package wal is the write-ahead log: opaque records that are on disk when Sync
// returns, found again after a crash, and never served when damaged. DESIGN.md
// beside the code says how. Journal is its small relative, for state.
//
// A record is a non-empty string of bytes with a number, its LSN: 1, 2, 3…
// without gap, so that what is lost can be named.
package wal

import "errors"

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
	// ErrUnreadable says that no file says which log it belongs to, neither by its
	// header nor by a record, so that nothing can be read.
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
	// After is the last LSN that the caller does not need any more, at least
	// what it gave to Remove: records up to After are not replayed, and those
	// that are missing are not lost. The first record of an empty log gets
	// After+1.
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
	// Newest says that the bytes are above that point after all, but look as if
	// they had been written whole: they are the newest records, and nobody knows
	// whether these were acknowledged.
	Newest bool
}

// Torn is the tail that Open cut: bytes of records that were being written,
// above the point up to which the file was known to be on disk, and that were
// not written whole.
type Torn struct {
	File        string
	Offset, End int64
	// Quarantine is the file that has the bytes [Offset, End) now; "" from
	// Verify, and where there was no room for it: they are set aside before the
	// first write then.
	Quarantine string
	Reason     string
}

// Recovery is what Open found.
type Recovery struct {
	Identity          Identity
	Files             int
	Records           int64  // that were replayed
	FirstLSN, LastLSN uint64 // of the replayed records; 0 = none
	Bytes             int64  // of the replayed records' bodies
	// Rewritten is the number of records at the end that nothing proved to be on
	// disk; they were written again, to a new file or, where there was no room for
	// one, where they are, and synced before any was replayed.
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

// Stats are figures since Open.
type Stats struct {
	Records, Bytes, Syncs int64
	Files                 int64 // that are there
	DiskBytes             int64 // synced bytes in them
}

// Report is what Verify read and found.
type Report struct {
	Files   int
	Records int64
	Bytes   int64 // of the files
	LastLSN uint64
	Torn    *Torn
	Damage  []Damage
}

func isFailed(err error) bool { return errors.Is(err, ErrFailed) }
