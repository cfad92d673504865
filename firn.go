// Package firn is an event log in a directory: append-only, durable before it
// acknowledges, strictly ordered per stream, queryable and live. It is what the
// firn server is made of, for programs that want the log without a server.
package firn

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/query"
)

// Sentinel errors. Ask with errors.Is; details are in the text.
var (
	ErrNotFound   = errors.New("not found")        // an instance or event that is not there
	ErrExists     = errors.New("already exists")   // an instance of that name
	ErrInvalid    = errors.New("invalid argument") // a name, a setting
	ErrLocked     = errors.New("data directory is in use by another process")
	ErrClosed     = errors.New("log is closed")
	ErrFailed     = errors.New("log refuses appends after a failed write to disk")
	ErrNoSpace    = errors.New("no space left on the disk of the data directory")
	ErrOverloaded = errors.New("too much waiting to be written")
	ErrMemory     = errors.New("query memory is exhausted")
	ErrNewer      = errors.New("data directory was written by a newer version of firn")
)

// SequenceError says that a stream's last number was not the expected one.
type SequenceError struct {
	Stream           string
	Expected, Actual int64
}

func (e *SequenceError) Error() string { panic("firn: not built yet") }

// IDConflictError says that an id is held by an event with other content.
type IDConflictError struct {
	ID    string
	Index int // of the refused event in its batch
}

func (e *IDConflictError) Error() string { panic("firn: not built yet") }

// Options configures Open. The zero value is the default.
type Options struct {
	SealAge  time.Duration // seal events at this age at the latest; default 5 m
	SealRows int           // seal an instance's head at this many events; default 250,000
	Limits   event.Limits
	// QueryMemory is the budget in bytes that all running queries share.
	// Default: the smaller of 256 MiB and a quarter of the process's memory limit.
	QueryMemory int64
	// QueryTimeout stops a query. Default 30 s.
	QueryTimeout time.Duration
	// Report is told what an operator should know: recovered tails, damage,
	// quarantined files, failed background work. Default: nothing is told.
	Report func(Report)
	// Now is the clock; default time.Now. Tests set it.
	Now func() time.Time
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

// SystemInstance is the name of the instance that records Firn's own activity.
const SystemInstance = "system"

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

// Log is an open log. Its methods may be called by many goroutines at once.
type Log struct{}

// Open opens the log in dir/log, makes it if there is none, and recovers what
// a crash left. One process has a log open: another gets ErrLocked.
func Open(dir string, opts Options) (*Log, error) { panic("firn: not built yet") }

// Close waits for what is being written, then closes. Closing twice is harmless.
func (l *Log) Close() error { panic("firn: not built yet") }

// Failed is closed when a write to disk has failed for good and appends are
// refused; Err then says why. Reading goes on.
func (l *Log) Failed() <-chan struct{} { panic("firn: not built yet") }

// Err is the failure that Failed tells of, nil while there is none.
func (l *Log) Err() error { panic("firn: not built yet") }

// Append stores a batch, all of it or nothing, in the order given. When it
// returns without error every event is on disk (fsync) and visible to the next
// query and every subscription. Errors: *event.InvalidError, *SequenceError,
// *IDConflictError, ErrNotFound, ErrOverloaded, ErrNoSpace, ErrFailed, ErrClosed
// leave nothing stored; any other error means unknown: retry with the same ids.
func (l *Log) Append(ctx context.Context, r AppendRequest) ([]Receipt, error) {
	panic("firn: not built yet")
}

// Result answers a query. Stats is what it cost.
type (
	Result = exec.Result
	Stats  = exec.Stats
)

// Query answers q from one snapshot.
func (l *Log) Query(ctx context.Context, q *query.Query) (*Result, error) {
	panic("firn: not built yet")
}

// Scan calls fn with every match in order of position, some thousand at a
// time, from one snapshot, without limit. The slice is fn's only until it
// returns.
func (l *Log) Scan(ctx context.Context, instance string, where query.Condition, after int64, fn func([]event.Event) error) error {
	panic("firn: not built yet")
}

// Get returns one event by its id.
func (l *Log) Get(ctx context.Context, instance, id string) (event.Event, error) {
	panic("firn: not built yet")
}

// Subscription delivers an instance's events in order of position, each once:
// first what is stored, then what arrives. The log itself is its buffer, so a
// slow reader costs no memory.
type Subscription struct{}

// SubscribeRequest says what to deliver.
type SubscribeRequest struct {
	Instance string
	Where    query.Condition // nil = every event
	// After is the last position already had; events above it follow. 0 = from
	// the beginning. Ignored with FromNow.
	After   int64
	FromNow bool
}

// Delivery is what Next returns.
type Delivery struct {
	// Events are the next matches, in order; possibly none when only Position
	// or Gap has news.
	Events []event.Event
	// Position is how far the log has been read: the cursor to resume from.
	Position int64
	// Gap, if not nil, is a range of positions that were removed before they
	// could be delivered. It comes before Events.
	Gap *Gap
}

// Gap is an inclusive range of positions.
type Gap struct{ First, Last int64 }

// Subscribe starts a subscription. A cursor beyond the log is ErrInvalid.
func (l *Log) Subscribe(ctx context.Context, r SubscribeRequest) (*Subscription, error) {
	panic("firn: not built yet")
}

// Next waits for the next events (at most max) and returns them. It fails with
// the context's error, ErrClosed, or ErrNotFound when the instance is deleted.
func (s *Subscription) Next(ctx context.Context, max int) (Delivery, error) {
	panic("firn: not built yet")
}

// Close ends the subscription.
func (s *Subscription) Close() { panic("firn: not built yet") }

// CreateInstance makes an instance. ErrExists if the name is taken.
func (l *Log) CreateInstance(ctx context.Context, in Instance) (Instance, error) {
	panic("firn: not built yet")
}

// Instances lists all instances by name.
func (l *Log) Instances() []Instance { panic("firn: not built yet") }

// Instance finds an instance by id, else by name.
func (l *Log) Instance(idOrName string) (Instance, error) { panic("firn: not built yet") }

// UpdateInstance changes an instance's name, description or settings.
func (l *Log) UpdateInstance(ctx context.Context, idOrName string, u InstanceUpdate) (Instance, error) {
	panic("firn: not built yet")
}

// DeleteInstance removes an instance and all its events, and frees the disk.
func (l *Log) DeleteInstance(ctx context.Context, idOrName string) error {
	panic("firn: not built yet")
}

// InstanceStats is what an instance holds.
type InstanceStats struct {
	Events        int64
	Streams       int64
	BytesOnDisk   int64
	FirstPosition int64 // 0 = no events
	LastPosition  int64
	First, Last   time.Time // lowest and highest Timestamp; zero = no events
	ByType        map[string]int64
	BySeverity    map[event.Severity]int64
}

// InstanceStats counts what an instance holds.
func (l *Log) InstanceStats(ctx context.Context, instance string) (InstanceStats, error) {
	panic("firn: not built yet")
}

// Stream is a stream with its last number and how many of its events are kept.
type Stream struct {
	Name         string
	LastSequence int64
	Events       int64
}

// Streams lists streams in order of name: those with prefix that come after
// the name after, at most limit.
func (l *Log) Streams(ctx context.Context, instance, prefix, after string, limit int) ([]Stream, error) {
	panic("firn: not built yet")
}

// Purge deletes the events that match where and records it; with dryRun it
// only counts them. It returns how many, and the disk is freed when it returns.
func (l *Log) Purge(ctx context.Context, instance string, where query.Condition, dryRun bool) (int64, error) {
	panic("firn: not built yet")
}

// RetentionPreview counts the events that retention would remove at a time.
func (l *Log) RetentionPreview(ctx context.Context, instance string, asOf time.Time) (int64, error) {
	panic("firn: not built yet")
}

// ApplyRetention removes what is older than its instance's retention and frees
// the disk. The server calls it at start and hourly.
func (l *Log) ApplyRetention(ctx context.Context) error { panic("firn: not built yet") }

// Seal moves everything in memory into segments. Queries give the same answers
// before and after.
func (l *Log) Seal(ctx context.Context) error { panic("firn: not built yet") }

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

// Verify reads everything and checks every checksum and number.
func (l *Log) Verify(ctx context.Context, progress func(done, total int64)) (VerifyReport, error) {
	panic("firn: not built yet")
}

// Backup writes a consistent copy of the log to w as a tar stream, while
// appends go on.
func (l *Log) Backup(ctx context.Context, w io.Writer) error { panic("firn: not built yet") }

// Restore makes the log in dir (which must hold none) from a backup.
func Restore(ctx context.Context, dir string, r io.Reader) error { panic("firn: not built yet") }

// LogStats are figures for metrics.
type LogStats struct {
	Appends, AppendedEvents, Duplicates int64
	Syncs, WALBytes                     int64
	HeadEvents, HeadBytes               int64
	Segments, SegmentBytes              int64
	Seals, Compactions                  int64
	Queries, QueryMemory                int64
	Subscriptions                       int64
}

// Stats returns the log's figures.
func (l *Log) Stats() LogStats { panic("firn: not built yet") }
