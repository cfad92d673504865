package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/segment"
	"github.com/firnlog/firn/internal/store/wal"
	"github.com/firnlog/firn/query"
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
// as it is when it has been cut at the end of a record.
func (l *Log) rebuild(lost bool) error {
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
		if !lost && !l.outdated(id) {
			continue
		}
		if err := l.adopt(e, id, lost); err != nil {
			return fmt.Errorf("rebuild the manifest: %w", err)
		}
	}
	if len(e.Contents) == 0 && !lost {
		return nil
	}
	l.editsLost = true
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
	removed := slices.Clone(known.removed)
	for _, m := range newest(found) {
		if !all && fileNumber(m.Name) < known.next {
			continue
		}
		change.Next = max(change.Next, fileNumber(m.Name)+1)
		if !slices.ContainsFunc(known.segments, func(k segmentMeta) bool { return k.Name == m.Name }) {
			change.Add = append(change.Add, m.segmentMeta)
			change.Sealed, change.Recorded = max(change.Sealed, m.span.Last), max(change.Recorded, m.MaxRecorded)
			removed = append(removed, m.removed...)
		}
	}
	for _, k := range known.segments {
		if slices.ContainsFunc(change.Add, func(m segmentMeta) bool { return overlap(nameSpan(m), nameSpan(k)) }) {
			change.Remove = append(change.Remove, k.Name)
		}
	}
	if len(removed) > len(known.removed) {
		change.Removed = join(sorted(removed), 0)
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
func (l *Log) readSegments(id string) (found []foundSegment, key segment.Key, err error) {
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
		m, info, err := l.readSegment(filepath.Join(dir, name))
		if errors.Is(err, ErrNewer) {
			return nil, key, err
		}
		if err != nil || info.InstanceID != id {
			l.report(event.Critical, "rebuild the manifest: %s is left out: it is of instance %q: %v", name, info.InstanceID, err)
			continue
		}
		key = info.Key
		found = append(found, m)
	}
	return found, key, nil
}

// foundSegment is a segment that the manifest may not know.
type foundSegment struct {
	segmentMeta
	span    Gap   // what it was made of
	removed []Gap // what of that it does not have
}

func (l *Log) readSegment(path string) (m foundSegment, info segment.Info, err error) {
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
	m.segmentMeta = metaOf(seg)
	m.Name = filepath.Base(path)
	m.span = nameSpan(m.segmentMeta)
	if int64(m.Rows) < m.span.Last-m.span.First+1 {
		if m.removed, err = missing(seg, m.span); err != nil {
			return m, info, errors.Join(damaged(err), seg.Close())
		}
	}
	return m, info, seg.Close()
}

// missing are the positions of a range that a segment does not have: it was
// written without them, so they were removed.
func missing(seg *segment.Segment, of Gap) ([]Gap, error) {
	var all []int64
	for _, g := range seg.Groups() {
		positions, err := g.Block().Envelope(query.Position)
		if err != nil {
			return nil, err
		}
		all = append(all, positions.Ints...)
	}
	slices.Sort(all)
	var gaps []Gap
	next := of.First
	for _, p := range append(all, of.Last+1) {
		if next < p {
			gaps = append(gaps, Gap{First: next, Last: p - 1})
		}
		next = p + 1
	}
	return gaps, nil
}

// nameSpan is the range of positions in a segment's name: that of its events,
// and of those that were left out when it was written.
func nameSpan(m segmentMeta) Gap {
	span := Gap{First: m.First, Last: m.Last}
	var first, last int64
	if n, err := fmt.Sscanf(m.Name, "%d-%d.", &first, &last); n == 2 && err == nil {
		span.First, span.Last = min(span.First, first), max(span.Last, last)
	}
	return span
}

func overlap(a, b Gap) bool { return a.First <= b.Last && b.First <= a.Last }

// newest leaves out what a later file has replaced: one of a lower number that
// has positions of it.
func newest(found []foundSegment) (out []foundSegment) {
	slices.SortFunc(found, func(a, b foundSegment) int { return cmp.Compare(fileNumber(b.Name), fileNumber(a.Name)) })
	for _, m := range found {
		if !slices.ContainsFunc(out, func(o foundSegment) bool { return overlap(o.span, m.span) }) {
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
		info, err := l.opts.FS.Stat(filepath.Join(dir, name))
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
