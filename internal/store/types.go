package store

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs"
)

// Options configures Open. The zero value is the default; package firn says
// what the fields mean.
type Options struct {
	SealAge      time.Duration
	SealRows     int
	Limits       event.Limits
	QueryMemory  int64
	QueryTimeout time.Duration
	Report       func(Report)
	Now          func() time.Time
	// SystemRetention, where it is not nil, is the retention in days of the
	// instance system whatever is stored.
	SystemRetention *int
	// ProtectedDays is how many days the protected types of the instance system are
	// kept at least; never fewer than 365.
	ProtectedDays int

	// FS is the file system; default vfs.OS.
	FS vfs.FS
	// HeadMemory is how many bytes of events may wait in memory for sealing, in
	// all instances together. At half of it the largest head is sealed; at all
	// of it appends wait. Default: the smaller of 128 MiB and an eighth of the
	// process's memory limit.
	HeadMemory int64
	// FilterMemory is how many bytes of filters of the callers' ids are in memory at
	// most, about a byte an id; lookups read the rest from files. Default: the
	// smaller of 128 MiB and a sixteenth of the process's memory limit.
	FilterMemory int64
	// AppendWait is how long an append waits for room before ErrOverloaded.
	// Default 10 s.
	AppendWait time.Duration
	// Quiet turns background sealing and compaction off; tests do them by hand.
	Quiet bool
}

const (
	defaultSealAge      = 5 * time.Minute
	defaultSealRows     = 250_000
	defaultQueryTimeout = 30 * time.Second
	defaultHeadMemory   = 128 << 20
	defaultFilterMemory = 128 << 20
	defaultAppendWait   = 10 * time.Second
)

func (o Options) withDefaults() Options {
	if o.SealAge <= 0 {
		o.SealAge = defaultSealAge
	}
	if o.SealRows <= 0 {
		o.SealRows = defaultSealRows
	}
	o.Limits = o.Limits.WithDefaults()
	o.ProtectedDays = max(o.ProtectedDays, defaultProtectedDays)
	if o.QueryTimeout <= 0 {
		o.QueryTimeout = defaultQueryTimeout
	}
	if o.Report == nil {
		o.Report = func(Report) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.FS == nil {
		o.FS = vfs.OS
	}
	if o.HeadMemory <= 0 {
		o.HeadMemory = min(defaultHeadMemory, debug.SetMemoryLimit(-1)/8)
	}
	if o.FilterMemory <= 0 {
		o.FilterMemory = min(defaultFilterMemory, debug.SetMemoryLimit(-1)/16)
	}
	if o.AppendWait <= 0 {
		o.AppendWait = defaultAppendWait
	}
	return o
}

// Report is one thing an operator should know.
type Report struct {
	Severity event.Severity
	Message  string // one line, with the exact range where something was lost
}

// Validation says what happens to events that break their type's schema.
type Validation string

// The validations; Warn is the default.
const (
	ValidationOff     Validation = "off"
	ValidationWarn    Validation = "warn"
	ValidationEnforce Validation = "enforce"
)

// SystemInstance is the name of the instance that records Firn's own activity.
const SystemInstance = "system"

// Instance is a container of streams.
type Instance struct {
	ID            string
	Name          string
	Description   string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	RetentionDays int // 0 = for ever
	Validation    Validation
}

// InstanceUpdate changes what is not nil.
type InstanceUpdate struct {
	Name          *string
	Description   *string
	RetentionDays *int
	Validation    *Validation
}

// AppendRequest is a batch for one instance, all of it or nothing.
type AppendRequest struct {
	Instance string // id or name
	Events   []event.Draft
	// ExpectedSequence, if not nil, is the last number the stream must have (0
	// = the stream never had an event). All events must be of one stream.
	ExpectedSequence *int64
	// AutoCreate makes a missing instance of that name.
	AutoCreate bool
}

// Receipt says where an event is stored.
type Receipt struct {
	ID             string
	StreamID       string
	SequenceNumber int64
	Position       int64
	Timestamp      time.Time
	RecordedAt     time.Time
	// Duplicate says that the instance held the event already; the other
	// fields are those of the event as first stored.
	Duplicate bool
}

// InstanceStats is what an instance holds.
type InstanceStats struct {
	Events        int64
	Streams       int64
	BytesOnDisk   int64 // segments, runs of ids, and its part of the write-ahead log
	FirstPosition int64 // 0 = no events
	LastPosition  int64
	First, Last   time.Time // lowest and highest Timestamp; zero = no events
	ByType        map[string]int64
	BySeverity    map[event.Severity]int64
	// Lost are the ranges of positions that damage has taken.
	Lost []Gap
}

// Stream is a stream with its last number and how many of its events are kept.
type Stream struct {
	Name         string
	LastSequence int64
	Events       int64
}

// Problem is one finding of Verify.
type Problem struct {
	File    string
	Message string // with the exact range of positions or bytes
}

// VerifyReport is what Verify read and found.
type VerifyReport struct {
	Instances, Segments, WALFiles int
	Events                        int64
	Bytes                         int64
	Problems                      []Problem
}

// LogStats are figures for metrics.
type LogStats struct {
	Appends, AppendedEvents, Duplicates int64
	Syncs, WALBytes                     int64
	HeadEvents, HeadBytes               int64
	Segments, SegmentBytes              int64 // with the runs of ids
	// DiskBytes is what the log takes on the disk, but for the manifest and the
	// journals of streams: segments, runs of ids, write-ahead log.
	DiskBytes            int64
	Seals, Compactions   int64
	Queries, QueryMemory int64
	Subscriptions        int64
}

// uuid is the binary form of an instance's id.
type uuid [16]byte

func (u uuid) String() string {
	var b [36]byte
	hex.Encode(b[:], u[:4])
	b[8] = '-'
	hex.Encode(b[9:], u[4:6])
	b[13] = '-'
	hex.Encode(b[14:], u[6:8])
	b[18] = '-'
	hex.Encode(b[19:], u[8:10])
	b[23] = '-'
	hex.Encode(b[24:], u[10:])
	return string(b[:])
}

// notUUID is the error of parseUUID, which is asked of every instance that is
// named by its name.
type notUUID string

func (s notUUID) Error() string { return fmt.Sprintf("%q is not a UUID", string(s)) }

func parseUUID(s string) (u uuid, err error) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, notUUID(s)
	}
	_, err = hex.Decode(u[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:]))
	return u, err
}

// newUUID makes a UUIDv7 of an instant.
func newUUID(at time.Time) uuid {
	var u uuid
	rand.Read(u[:])
	ms := at.UnixMilli()
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	return u
}
