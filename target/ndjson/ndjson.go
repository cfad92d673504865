// Package ndjson is the target that writes events as lines into one growing file
// a day,
//
//	{file_dir}/{YYYY-MM-DD}.ndjson
//
// by the day, in UTC, on which the log recorded them. A line is the event as
// `firn export` writes it and `firn import` reads it. Days that are over are
// compressed.
package ndjson

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/firnlog/firn/target"
)

// Settings are what the configuration says of an ndjson target.
type Settings struct {
	// Dir is the directory; it is made where it is missing. Default ./data/ndjson.
	Dir string `json:"file_dir"`
	// MaxFileBytes is the size at which a day goes on in a further file,
	// {YYYY-MM-DD}-2.ndjson, -3 and so on. Default 1 GiB.
	MaxFileBytes int64 `json:"max_file_bytes"`
	// Compress says whether files that nothing more is written to are compressed
	// with zstd. Default true.
	Compress bool `json:"compress"`
}

// Kind is the kind of target for the list of what is built in.
func Kind() target.Kind {
	return target.NewKind("ndjson", Settings{Dir: "./data/ndjson", MaxFileBytes: 1 << 30, Compress: true}, New)
}

// New makes an ndjson target.
func New(s Settings, env target.Environment) (target.Target, error) {
	var errs []error
	if s.Dir == "" {
		errs = append(errs, errors.New("file_dir is empty; want a directory"))
	}
	if s.MaxFileBytes < 1<<20 {
		errs = append(errs, fmt.Errorf("max_file_bytes is %d; want at least %d", s.MaxFileBytes, 1<<20))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if env.Logger == nil {
		env.Logger = slog.New(slog.DiscardHandler)
	}
	return &lines{settings: s, logger: env.Logger, now: time.Now, seed: maphash.MakeSeed()}, nil
}

// lines is the target.
type lines struct {
	settings Settings
	logger   *slog.Logger
	now      func() time.Time
	seed     maphash.Seed

	root *os.Root // nil = not open
	lock *os.File
	out  []byte // of the batch that is being written

	// A background duty (compressOver) compresses. It and Write share the names.
	compressing sync.WaitGroup
	stop        context.CancelFunc
	wake        chan struct{}
	mu          sync.Mutex
	open        map[string]*dayFile // by day: what is written to
	closed      map[fileName]bool   // being compressed: nothing more goes there
}

// Open makes the directory, cuts off what a crash has left of a line, and begins
// to compress what is over.
func (t *lines) Open(context.Context) error { //nolint:contextcheck // compressing goes on behind Open, until Close
	t.release()
	if err := t.openDir(); err != nil {
		t.release()
		return fault(fmt.Errorf("file_dir: %w", err))
	}
	names, err := t.list()
	for _, n := range names {
		if err == nil && !n.compressed {
			err = t.mend(n)
		}
	}
	if err != nil {
		t.release()
		return fault(fmt.Errorf("file_dir %s: %w", t.settings.Dir, err))
	}
	t.open, t.closed = map[string]*dayFile{}, map[fileName]bool{}
	if t.settings.Compress {
		ctx, cancel := context.WithCancel(context.Background())
		t.stop, t.wake = cancel, make(chan struct{}, 1)
		t.compressing.Go(func() { t.compressOver(ctx, t.wake) })
	}
	return nil
}

func (t *lines) openDir() error {
	if err := os.MkdirAll(t.settings.Dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(t.settings.Dir)
	if err != nil {
		return err
	}
	t.root = root
	if t.lock, err = root.OpenFile("LOCK", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600); err != nil {
		return err
	}
	err = syscall.Flock(int(t.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return &target.StopError{Err: errors.New(t.settings.Dir + " is another target's; give each ndjson target a directory of its own")}
	}
	return err
}

// Close ends the compression, which goes on at the next Open, and releases the
// directory.
func (t *lines) Close() error {
	t.release()
	return nil
}

func (t *lines) release() {
	if t.stop != nil {
		t.stop()
		t.compressing.Wait()
	}
	for _, f := range t.open {
		f.file.Close() // flushed by the Write that wrote to it
	}
	if t.lock != nil {
		t.lock.Close()
	}
	if t.root != nil {
		t.root.Close()
	}
	t.stop, t.open, t.lock, t.root = nil, nil, nil, nil
}

// fault sorts an error: what hits every event pauses the target.
func fault(err error) error {
	for _, number := range []syscall.Errno{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EACCES, syscall.EPERM, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP,
	} {
		if errors.Is(err, number) {
			return &target.PauseError{Err: err}
		}
	}
	return err
}
