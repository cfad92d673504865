package store

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/segment"
	"github.com/firnlog/firn/internal/store/wal"
)

// Where the manifest has lost edits, or is not there at all, it is made again
// from what is on disk: segments and runs say themselves what they are. The
// settings of instances come from the control sections that are still in the
// write-ahead log; an instance without one gets a name made of its id.

// stampsLost is more than the numbers that can have been given after that of the
// last file: stamps of the streams' journal.
const stampsLost = 1000

// rebuild adopts the files that the manifest does not know, where it has lost
// edits: some of its records are lost, or it is older than the rest of the log,
// as it is when it has been cut at the end of a record. Where its last record is
// torn it has most likely lost nothing.
func (l *Log) rebuild(lost, torn bool) error {
	names, err := l.opts.FS.List(l.path(instancesDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// What the write-ahead log does not have any more was freed, unless it is lost.
	first, err := wal.FirstLSN(l.opts.FS, l.path(walDir))
	if err != nil {
		return newer(err)
	}
	e := &edit{}
	freed := first > l.manifest.state.freed+1
	lost = lost || freed
	e.DocumentsLost = lost
	for _, id := range names {
		if _, err := parseUUID(id); err != nil {
			continue
		}
		if !lost && !torn && !l.outdated(id) {
			continue
		}
		if err := l.adopt(e, id, lost); err != nil {
			return fmt.Errorf("rebuild the manifest: %w", err)
		}
	}
	if len(e.Contents) == 0 && !lost {
		return nil
	}
	if freed && len(e.Contents) > 0 {
		e.Freed = first - 1 // else a file of the write-ahead log is missing, which it tells itself
	}
	if len(e.Contents) > 0 {
		l.report(event.Critical, "the manifest has lost edits and was made again from the segments of %d instances", len(e.Contents))
	}
	return l.manifest.commit(e)
}

// outdated reports whether the manifest knows segments of an instance that are
// not there, while there are newer ones that it does not know.
func (l *Log) outdated(id string) bool {
	known := l.manifest.state.contents[id]
	if known == nil || len(known.segments) == 0 {
		return false
	}
	names, err := l.opts.FS.List(l.path(instancesDir, id, segmentsDir))
	if err != nil {
		return false
	}
	there, newer := 0, false
	for _, name := range names {
		if slices.ContainsFunc(known.segments, func(m segmentMeta) bool { return m.Name == name }) {
			there++
		} else if strings.HasSuffix(name, segmentSuffix) && fileNumber(name) >= known.next {
			newer = true
		}
	}
	return newer && there < len(known.segments)
}

// adopt adds the files of one instance to an edit: all, or those that are newer
// than what the manifest knows.
func (l *Log) adopt(e *edit, id string, all bool) error {
	known := l.manifest.state.contents[id]
	if known == nil {
		known = &contents{}
	}
	change := contentEdit{Instance: id, Next: known.next}
	found, key, err := l.readSegments(id)
	if err != nil {
		return err
	}
	for _, m := range newest(found) {
		if !all && fileNumber(m.Name) < known.next {
			continue
		}
		change.Next = max(change.Next, fileNumber(m.Name)+1)
		if !slices.ContainsFunc(known.segments, func(k segmentMeta) bool { return k.Name == m.Name }) {
			change.Add = append(change.Add, m)
			change.Sealed, change.Recorded = max(change.Sealed, m.Last), max(change.Recorded, m.MaxRecorded)
		}
	}
	for _, k := range known.segments {
		if slices.ContainsFunc(change.Add, func(m segmentMeta) bool { return m.First <= k.First && k.Last <= m.Last }) {
			change.Remove = append(change.Remove, k.Name)
		}
	}
	if err := l.adoptRuns(&change, known, id); err != nil {
		return err
	}
	if len(change.Add)+len(change.AddRuns) == 0 {
		return nil
	}
	// Nobody knows whether these are all runs.
	if sealed := max(known.sealed, change.Sealed); sealed > 0 {
		change.Unindexed = []Gap{{First: 1, Last: sealed}}
	}
	change.Next += stampsLost
	if known.record.ID == "" {
		now := l.now().UnixMilli()
		e.Instances = append(e.Instances, instanceRecord{
			ID: id, Name: "recovered-" + id, CreatedAt: now, UpdatedAt: now, Validation: ValidationWarn, Key: key[:],
		})
	}
	e.Contents = append(e.Contents, change)
	return nil
}

// readSegments reads the footers of all segments of an instance.
func (l *Log) readSegments(id string) (found []segmentMeta, key segment.Key, err error) {
	dir := l.path(instancesDir, id, segmentsDir)
	names, err := l.opts.FS.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, key, nil
	}
	if err != nil {
		return nil, key, err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, segmentSuffix) {
			continue
		}
		m, info, err := l.readSegment(l.join(dir, name))
		if errors.Is(err, ErrNewer) {
			return nil, key, err
		}
		if err != nil || info.InstanceID != id {
			l.report(event.Critical, "rebuild the manifest: %s is left out: it is of instance %q: %v", name, info.InstanceID, err)
			continue
		}
		m.Name, key = name, info.Key
		found = append(found, m)
	}
	return found, key, nil
}

func (l *Log) readSegment(path string) (m segmentMeta, info segment.Info, err error) {
	f, err := l.opts.FS.Open(path)
	if err != nil {
		return m, info, err
	}
	size, err := f.Size()
	if err != nil {
		return m, info, errors.Join(err, f.Close())
	}
	seg, err := segment.Open(path, f, size, nil)
	if err != nil {
		return m, info, errors.Join(damaged(err), f.Close())
	}
	info = seg.Info()
	m = metaOf(seg)
	return m, info, seg.Close()
}

// newest leaves out what a later file has replaced: one of a lower number whose
// positions another one has.
func newest(found []segmentMeta) (out []segmentMeta) {
	slices.SortFunc(found, func(a, b segmentMeta) int { return int(min(max(fileNumber(b.Name)-fileNumber(a.Name), -1), 1)) })
	for _, m := range found {
		if !slices.ContainsFunc(out, func(o segmentMeta) bool { return o.First <= m.Last && m.First <= o.Last }) {
			out = append(out, m)
		}
	}
	return out
}

// adoptRuns adds the runs of an instance. One too many does no harm: what it
// finds is verified.
func (l *Log) adoptRuns(change *contentEdit, known *contents, id string) error {
	dir := l.path(instancesDir, id, idsDir)
	names, err := l.opts.FS.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		info, err := l.opts.FS.Stat(l.join(dir, name))
		if err != nil {
			return err
		}
		if !strings.HasSuffix(name, runSuffix) || slices.ContainsFunc(known.runs, func(m runMeta) bool { return m.Name == name }) {
			continue
		}
		change.AddRuns = append(change.AddRuns, runMeta{Name: name, Bytes: info.Size})
		change.Next = max(change.Next, fileNumber(name)+1)
	}
	return nil
}
