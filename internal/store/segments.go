package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/internal/store/segment"
	"github.com/firnlog/firn/query"
)

const segmentSuffix = ".parquet"

// segmentMeta is what the manifest knows of a segment: enough to tell whether a
// query needs it.
type segmentMeta struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Hash  string `json:"hash"`
	spanMeta
	// Groups are the row groups where there are several.
	Groups []spanMeta `json:"groups,omitempty"`
}

// spanMeta is about a run of rows; ranges are inclusive.
type spanMeta struct {
	Rows         int   `json:"rows"`
	First        int64 `json:"first"` // positions
	Last         int64 `json:"last"`
	MinTimestamp int64 `json:"min_timestamp"` // microseconds since the epoch
	MaxTimestamp int64 `json:"max_timestamp"`
	MinRecorded  int64 `json:"min_recorded"` // milliseconds since the epoch
	MaxRecorded  int64 `json:"max_recorded"`
}

func spanOf(r segment.Ranges) spanMeta {
	return spanMeta{
		Rows: r.Rows, First: r.FirstPosition, Last: r.LastPosition,
		MinTimestamp: r.MinTimestamp, MaxTimestamp: r.MaxTimestamp,
		MinRecorded: r.MinRecorded, MaxRecorded: r.MaxRecorded,
	}
}

// segmentFile is a segment of an instance. It is opened when it is needed.
type segmentFile struct {
	log  *Log
	in   *instance
	meta segmentMeta
	refs atomic.Int64 // versions that have it
	gone atomic.Bool  // delete the file when no version has it

	mu    sync.Mutex
	open  *segment.Segment
	users int
}

func (l *Log) segmentFile(in *instance, meta segmentMeta) *segmentFile {
	return &segmentFile{log: l, in: in, meta: meta}
}

func (s *segmentFile) path() string {
	return s.log.instancePath(s.in, segmentsDir, s.meta.Name)
}

func (s *segmentFile) hold() { s.refs.Add(1) }

// drop lets the segment go; the last one to do so closes it, and deletes the
// file if it is not part of the log any more.
func (s *segmentFile) drop() {
	if s.refs.Add(-1) > 0 {
		return
	}
	s.log.files.forget(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		s.open.Close()
		s.open = nil
	}
	if s.gone.Load() {
		s.log.removeFile(s.path())
	}
}

// use opens the segment, if it is not open, and keeps it so until release.
func (s *segmentFile) use() (seg *segment.Segment, release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		if s.open, err = s.openFile(); err != nil {
			return nil, nil, err
		}
	}
	s.users++
	s.log.files.used(s)
	return s.open, s.release, nil
}

func (s *segmentFile) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
}

func (s *segmentFile) openFile() (*segment.Segment, error) {
	f, err := s.log.opts.FS.Open(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged(s.missing())
	}
	if err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("segment: %w", err), f.Close())
	}
	seg, err := segment.Open(s.path(), f, size, s.log.cache)
	if err != nil {
		return nil, errors.Join(damaged(err), f.Close())
	}
	if seg.Info().Hash != s.meta.Hash {
		d := &segment.DamageError{File: s.path(), First: s.meta.First, Last: s.meta.Last, Err: errors.New("it is not the one that the manifest knows")}
		return nil, errors.Join(damaged(d), seg.Close())
	}
	return seg, nil
}

// damaged makes the error of a package below ErrDamaged.
func damaged(err error) error {
	if errors.Is(err, segment.ErrNewer) {
		return fmt.Errorf("%w: %w", ErrNewer, err)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// closeIdle closes the file if nobody uses it.
func (s *segmentFile) closeIdle() bool {
	if !s.mu.TryLock() {
		return false
	}
	defer s.mu.Unlock()
	if s.users > 0 || s.open == nil {
		return false
	}
	s.open.Close()
	s.open = nil
	return true
}

// blocks are the segment's row groups, in order of position.
func (s *segmentFile) blocks(dst []exec.BlockRef) []exec.BlockRef {
	groups := s.meta.Groups
	if groups == nil {
		groups = []spanMeta{s.meta.spanMeta}
	}
	for i, g := range groups {
		dst = append(dst, exec.BlockRef{
			Segment: s.meta.Name, Rows: g.Rows, FirstPosition: g.First, LastPosition: g.Last,
			MinTimestamp: g.MinTimestamp, MaxTimestamp: g.MaxTimestamp,
			MinRecorded: g.MinRecorded, MaxRecorded: g.MaxRecorded,
			MayHold: func(f query.Field, value string) bool { return s.mayHold(i, f, value) },
			Open:    func(ctx context.Context) (column.Block, func(), error) { return s.block(ctx, i) },
		})
	}
	return dst
}

func (s *segmentFile) block(ctx context.Context, group int) (column.Block, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	seg, release, err := s.use()
	if err != nil {
		return nil, nil, err
	}
	return seg.Groups()[group].Block(), release, nil
}

func (s *segmentFile) mayHold(group int, f query.Field, value string) bool {
	seg, release, err := s.use()
	if err != nil {
		return true // opening the block will say what is wrong
	}
	defer release()
	return seg.Groups()[group].MayHold(f, value)
}

// writeFile writes a new file durably: beside its name, synced, renamed in. The
// directory is synced too.
func (l *Log) writeFile(dir, name string, write func(w io.Writer) error) (err error) {
	fsys := l.opts.FS
	tmp := filepath.Join(dir, name+tmpSuffix)
	f, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(f, 64<<10)
	if err = write(buf); err == nil {
		err = buf.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = fsys.Rename(tmp, filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, l.opts.FS.Remove(tmp))
	}
	return fsys.SyncDir(dir)
}

// writeSegment writes a segment file of an instance.
func (l *Log) writeSegment(in *instance, first, last, number int64, write func(w io.Writer) (segment.Info, error)) (*segmentFile, error) {
	meta := segmentMeta{Name: fmt.Sprintf("%020d-%020d.%d.parquet", first, last, number)}
	dir := l.instancePath(in, segmentsDir)
	if err := l.opts.FS.MkdirAll(dir); err != nil {
		return nil, err
	}
	var info segment.Info
	err := l.writeFile(dir, meta.Name, func(w io.Writer) (err error) {
		info, err = write(w)
		return err
	})
	if err != nil {
		return nil, err
	}
	meta.Hash = info.Hash
	s := l.segmentFile(in, meta)
	// It is read back once before anything relies on it.
	seg, release, err := s.use()
	if err != nil {
		discardFile(s, &s.gone)
		return nil, err
	}
	defer release()
	s.meta = metaOf(seg)
	s.meta.Name = meta.Name
	return s, nil
}

// metaOf is what a segment says of itself, but for its name.
func metaOf(seg *segment.Segment) segmentMeta {
	info := seg.Info()
	m := segmentMeta{Bytes: info.Size, Hash: info.Hash, spanMeta: spanOf(info.Ranges)}
	if groups := seg.Groups(); len(groups) > 1 {
		for _, g := range groups {
			m.Groups = append(m.Groups, spanOf(g.Ranges))
		}
	}
	return m
}

// removeFile deletes a file that is not part of the log any more.
func (l *Log) removeFile(path string) {
	if err := l.opts.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.report(event.Warning, "%s is not needed any more and cannot be deleted: %v", path, err)
	}
}
