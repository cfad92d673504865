package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/vfs"
)

// checkFiles holds the files of the instances against the manifest when the log
// is opened: what is missing is reported, what nobody knows is set aside, and
// what a change has replaced but did not come to delete is deleted.
func (l *Log) checkFiles() error {
	names, err := l.opts.FS.List(l.path(instancesDir))
	if errors.Is(err, fs.ErrNotExist) {
		names, err = nil, nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		u, err := parseUUID(name)
		in := l.byID[u]
		if err != nil || in == nil {
			if err := l.setAside(name, l.path(instancesDir, name)); err != nil {
				return err
			}
		}
	}
	var all errgroup.Group
	all.SetLimit(atATime)
	for _, in := range l.byID {
		all.Go(func() error { return l.checkInstance(in) })
	}
	return all.Wait()
}

// checkInstance holds one instance's files against the manifest.
func (l *Log) checkInstance(in *instance) error {
	if err := l.settle(in); err != nil {
		return err
	}
	if err := l.bringBack(in); err != nil {
		return err
	}
	v := in.current().version
	segments, runs := map[string]int64{}, map[string]int64{}
	for _, s := range v.segments {
		segments[s.meta.Name] = s.meta.Bytes
	}
	for _, r := range v.runs {
		runs[r.meta.Name] = r.meta.Bytes
	}
	if err := l.checkDir(in, segmentsDir, segments); err != nil {
		return err
	}
	if err := l.checkDir(in, idsDir, runs); err != nil {
		return err
	}
	for _, s := range v.segments {
		if _, wrong := segments[s.meta.Name]; !wrong {
			continue
		}
		damage, err := s.examine(l.background.ctx)
		if err != nil {
			return err
		}
		if damage == nil {
			continue
		}
		if err := l.setSegmentAside(in, s, damage); err != nil {
			return err
		}
	}
	for _, r := range v.runs {
		if _, wrong := runs[r.meta.Name]; !wrong {
			continue
		}
		damage, err := r.examine(l.background.ctx)
		if err != nil {
			return err
		}
		if damage == nil {
			damage = fmt.Errorf("it does not have %d bytes", r.meta.Bytes)
		}
		if err := l.setRunAside(in, r, damage); err != nil {
			return err
		}
	}
	if err := l.checkPositions(in); err != nil {
		return err
	}
	return l.mendStreams(in)
}

// checkDir goes through a directory and removes from known what is there.
func (l *Log) checkDir(in *instance, dir string, known map[string]int64) error {
	names, err := l.opts.FS.List(l.instancePath(in, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		path := l.instancePath(in, dir, name)
		bytes, ok := known[name]
		switch {
		case ok:
			if info, err := l.opts.FS.Stat(path); err == nil && info.Size == bytes {
				delete(known, name)
			}
		case strings.HasSuffix(name, tmpSuffix):
			l.removeFile(path)
		case fileNumber(name) < in.nextFile && !l.editsLost && !l.editsDamaged:
			// The manifest has gone past this number: the file was replaced, or
			// belongs to an attempt that failed.
			l.removeFile(path)
		default:
			if err := l.setAside(in.id+"-"+name, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// fileNumber is the number in a name such as first-last.7.parquet or 7.run; a
// very high one if there is none.
func fileNumber(name string) int64 {
	parts := strings.Split(name, ".")
	if len(parts) >= 2 {
		if n, err := strconv.ParseInt(parts[len(parts)-2], 10, 64); err == nil {
			return n
		}
	}
	return 1<<63 - 1
}

// setAside moves a file, or the files of a directory, that nobody knows to the
// quarantine.
func (l *Log) setAside(name, path string) error {
	fsys := l.opts.FS
	info, err := fsys.Stat(path)
	if err != nil {
		return fmt.Errorf("set %s aside: %w", path, err)
	}
	if !info.Dir {
		return l.setFileAside(name, path)
	}
	names, err := fsys.List(path)
	if err != nil {
		return fmt.Errorf("set %s aside: %w", path, err)
	}
	for _, n := range names {
		if err := l.setAside(name+"-"+n, filepath.Join(path, n)); err != nil {
			return err
		}
	}
	return fsys.Remove(path)
}

func (l *Log) setFileAside(name, path string) error {
	to, err := l.moveAside(name, path)
	if err == nil {
		l.report(event.Warning, "%s is not part of the log; it was moved to %s", path, to)
	}
	return err
}

// checkPositions makes ranges of positions lost that no segment has and that
// were not removed.
func (l *Log) checkPositions(in *instance) error {
	v := in.current().version
	next := int64(1)
	gap := func(last int64) {
		if next <= last {
			in.lose(lostRange{Gap: Gap{First: next, Last: last}, Recorded: v.recorded})
		}
	}
	for _, s := range v.segments {
		if s.meta.First < next {
			l.report(event.Critical, "instance %q: segment %s begins at position %d, within the one before it", in.meta.Name, s.meta.Name, s.meta.First)
		}
		gap(s.meta.First - 1)
		next = s.meta.Last + 1
	}
	gap(v.sealed)
	return l.settle(in)
}

// removeInstance deletes the directory of a deleted instance.
func (l *Log) removeInstance(in *instance) error {
	if _, err := l.opts.FS.Stat(l.instancePath(in)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := vfs.RemoveAll(l.opts.FS, l.instancePath(in)); err != nil {
		return err
	}
	return l.opts.FS.SyncDir(l.path(instancesDir))
}
