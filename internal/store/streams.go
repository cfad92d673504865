package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/internal/store/wal"
	"github.com/firnlog/firn/query"
)

// findStream finds a stream of the instance.
func (in *instance) findStream(name string) (i uint32, ok bool) {
	in.mu.RLock()
	defer in.mu.RUnlock()
	return in.streams.find(name)
}

// byNames are all streams in order of name; mu is held.
func (in *instance) byNames() []uint32 {
	t := &in.streams
	if sorted := in.sorted.Load(); sorted != nil && len(*sorted) == t.count {
		return *sorted
	}
	sorted := make([]uint32, t.count)
	for i := range sorted {
		sorted[i] = uint32(i)
	}
	slices.SortFunc(sorted, func(a, b uint32) int { return bytes.Compare(t.nameAt(a), t.nameAt(b)) })
	in.sorted.Store(&sorted)
	return sorted
}

// Streams lists streams in order of name: those with prefix that come after
// the name after, at most limit.
func (l *Log) Streams(ctx context.Context, instance, prefix, after string, limit int) ([]Stream, error) {
	if l.isClosed() {
		return nil, ErrClosed
	}
	in, err := l.instance(instance)
	if err != nil {
		return nil, err
	}
	// All of it is one moment: what a batch has added to one stream is not told
	// without what it has added to another.
	in.mu.RLock()
	defer in.mu.RUnlock()
	sorted := in.byNames()
	t := &in.streams
	from := max(after, prefix)
	i, found := slices.BinarySearchFunc(sorted, from, func(s uint32, name string) int { return strings.Compare(string(t.nameAt(s)), name) })
	if found && from == after {
		i++
	}
	var out []Stream
	for ; i < len(sorted) && len(out) < limit; i++ {
		s, name := t.at(sorted[i]), t.nameAt(sorted[i])
		if !bytes.HasPrefix(name, []byte(prefix)) {
			break
		}
		if s.last > 0 {
			out = append(out, Stream{Name: string(name), LastSequence: s.last, Events: s.events})
		}
	}
	return out, ctx.Err()
}

// The last numbers of an instance's streams are kept in a journal beside its
// segments. Each record has what changed at one sealing or removal:
//
//	version (1 byte), stamp (8 bytes), count (4 bytes),
//	then for each stream: name (length, bytes), last number, kept sealed events
//	(both varints)
//
// The stamp is one of the instance's file numbers. A record whose stamp is not
// below the next number that the manifest gives belongs to a change that did not
// come to its end, and is not there.

const (
	streamsName    = "streams"
	streamsVersion = 1
	// streamsRecord is how many streams a record has at most.
	streamsRecord = 10_000
	streamsSlack  = 256 << 10
)

// appendStreams encodes a record.
func (in *instance) appendStreams(dst []byte, stamp int64, streams []streamChange) []byte {
	in.mu.RLock()
	defer in.mu.RUnlock()
	return in.streams.appendRecord(dst, stamp, streams)
}

func (t *streamTable) appendRecord(dst []byte, stamp int64, streams []streamChange) []byte {
	dst = append(dst, streamsVersion)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(stamp))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(streams)))
	for i := range streams {
		dst = streams[i].appendTo(dst, t)
	}
	return dst
}

// setSealed shows that segments have gained or lost events; maintenance is held.
func (in *instance) setSealed(changed []streamChange) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, c := range changed {
		s := in.streams.at(c.stream)
		s.events += c.sealed - s.sealed
		s.sealed = c.sealed
	}
}

// nowSealed shows that events have gone from the head into segments;
// maintenance is held.
func (in *instance) nowSealed(changed []streamChange) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, c := range changed {
		s := in.streams.at(c.stream)
		s.numbers, s.sealed = c.numbers, c.sealed
	}
}

// recount counts the events of all streams in some segments: changed are those
// whose count is another one. Maintenance is held.
func (l *Log) recount(in *instance, segments []*segmentFile) (changed []streamChange, err error) {
	counts := map[string]int64{}
	for _, s := range segments {
		for _, ref := range s.blocks(nil) {
			if err := countStreams(l.background.ctx, &ref, counts); err != nil {
				return nil, err
			}
		}
	}
	in.mu.RLock()
	defer in.mu.RUnlock()
	for i := range uint32(in.streams.count) {
		s := in.streams.at(i)
		if n := counts[string(in.streams.nameAt(i))]; n != s.sealed {
			changed = append(changed, streamChange{stream: i, numbers: s.numbers, sealed: n})
		}
	}
	return changed, nil
}

// countStreams adds a block's events to the counts of their streams.
func countStreams(ctx context.Context, ref *exec.BlockRef, counts map[string]int64) error {
	b, release, err := ref.Open(ctx)
	if err != nil {
		return err
	}
	defer release()
	streams, err := b.Envelope(query.StreamID)
	if err != nil {
		return err
	}
	if streams.Codes == nil {
		for row := range ref.Rows {
			counts[streams.Text(row)]++
		}
		return nil
	}
	byCode := make([]int64, len(streams.Dict))
	for _, code := range streams.Codes {
		byCode[code]++
	}
	for code, n := range byCode {
		if n > 0 {
			counts[streams.Dict[code]] += n
		}
	}
	return nil
}

// readStreams reads a record into the table; ok is false where it belongs to a
// change that did not come to its end.
func (t *streamTable) readStreams(rec []byte, next int64) (ok bool, err error) {
	return eachStream(rec, next, func(name string, last, events int64) {
		s := t.at(t.get(name))
		if s.last == 0 {
			t.names++
		}
		s.last, s.numbers, s.pending = last, last, last
		s.events, s.sealed = events, events
	})
}

// eachStream gives the streams of a record, their last numbers and how many
// events of them are kept in segments to fn; ok is as for readStreams.
func eachStream(rec []byte, next int64, fn func(name string, last, events int64)) (ok bool, err error) {
	if len(rec) < 13 {
		return false, recordError("a record of streams has %d bytes", len(rec))
	}
	if rec[0] != streamsVersion {
		return false, recordError("streams of version %d: %w", rec[0], ErrNewer)
	}
	if int64(binary.LittleEndian.Uint64(rec[1:])) >= next {
		return false, nil
	}
	n, rest := binary.LittleEndian.Uint32(rec[9:]), rec[13:]
	for range n {
		name, w := cutString(rest)
		if w == 0 {
			return false, recordError("a record of streams ends early")
		}
		last, a := binary.Uvarint(rest[w:])
		events, b := binary.Uvarint(rest[w+max(a, 0):])
		if a <= 0 || b <= 0 {
			return false, recordError("a record of streams ends early")
		}
		rest = rest[w+a+b:]
		fn(string(name), int64(last), int64(events))
	}
	if len(rest) != 0 {
		return false, recordError("a record of streams goes on for %d bytes", len(rest))
	}
	return true, nil
}

// openStreams reads the journal of an instance, which the manifest knows to have
// gone as far as known (nil = it does not know).
func (l *Log) openStreams(in *instance, next int64, known *journalMark) error {
	if forgetSequences {
		next = 0
	}
	stale := false
	opts := wal.JournalOptions{Quarantine: l.path(quarantineDir), Trust: true}
	if known != nil {
		copy(opts.Identity[:], known.Identity)
	}
	read := func() (found wal.JournalRecovery, err error) {
		in.journal, found, err = wal.OpenJournal(l.opts.FS, l.instancePath(in), streamsName, opts, func(rec []byte) error {
			ok, err := in.streams.readStreams(rec, next)
			stale = stale || !ok
			return err
		})
		return found, err
	}
	name := fmt.Sprintf("streams of instance %q", in.meta.Name)
	found, err := read()
	if errors.Is(err, wal.ErrUnreadable) {
		if err := l.setJournalAside(name, in.id+"-", l.instancePath(in), streamsName); err != nil {
			return err
		}
		found, err = read()
	}
	if err != nil {
		return fmt.Errorf("instance %q: last numbers of the streams: %w", in.meta.Name, newer(err))
	}
	l.reportJournal(name, found)
	in.journalDamaged = found.FellBack || len(found.Damage) > 0
	in.streamsLost = lostRecords(found) || l.editsLost || in.current().version.sealed > 0 && behind(known, in.journal, found)
	if stale && !in.streamsLost {
		if err := l.rewriteStreams(in); !noSpace(err) {
			return err
		}
		in.streamsStale = true
	}
	return nil
}

// behind reports whether a journal does not go as far as the manifest knows.
func behind(known *journalMark, j *wal.Journal, found wal.JournalRecovery) bool {
	if known == nil {
		return found.Generation == 0 || found.Torn != nil
	}
	generation, bytes := j.At()
	return generation < known.Generation || generation == known.Generation && bytes < known.Bytes
}

// streamsMark is how far the journal has gone.
func (in *instance) streamsMark() *journalMark {
	return markOf(in.journal)
}

func markOf(j *wal.Journal) *journalMark {
	if j == nil {
		return nil
	}
	id := j.Identity()
	m := journalMark{Identity: id[:]}
	m.Generation, m.Bytes = j.At()
	return &m
}

// freshStreams rewrites the journal where it has records of changes that did not
// come to their end, and there was no room for it before: nothing may pass their
// stamps meanwhile. Maintenance is held.
func (l *Log) freshStreams(in *instance) error {
	if !in.streamsStale {
		return nil
	}
	if err := l.journalError(l.rewriteStreams(in)); err != nil {
		return err
	}
	in.streamsStale = false
	return nil
}

// writeStreams makes the numbers of the changed streams durable; they hold when
// the manifest has passed the stamp.
func (l *Log) writeStreams(in *instance, stamp int64, changed []streamChange) error {
	var records [][]byte
	for part := range slices.Chunk(changed, streamsRecord) {
		records = append(records, in.appendStreams(nil, stamp, part))
	}
	if len(records) == 0 {
		return nil
	}
	if in.journal == nil {
		if err := l.openStreams(in, in.nextFile, nil); err != nil {
			return err
		}
	}
	return l.journalError(in.journal.Append(records...))
}

// compactStreams writes the journal anew where it has grown. The numbers in
// memory are those that the manifest stands for.
func (l *Log) compactStreams(in *instance) error {
	if v := in.current().version; in.numbers == nil && len(v.removed)+len(v.lost) > 0 {
		// They are not, or not all, there where the log was restored.
		if err := l.openNumbers(in); err != nil {
			return err
		}
		if err := l.amend(in, contentEdit{Numbers: markOf(in.numbers)}, func(*version) {}); err != nil {
			return err
		}
	}
	if in.journal == nil {
		return nil
	}
	if size, base := in.journal.Size(); size <= 2*base+streamsSlack {
		return nil
	}
	return l.journalError(l.rewriteStreams(in))
}

func (l *Log) rewriteStreams(in *instance) error {
	return in.journal.Rewrite(in.recordsOf(in.sealedNumbers()))
}

// recordsOf are numbers of streams as records that always hold.
func (in *instance) recordsOf(all iter.Seq[streamChange]) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var part []streamChange
		for c := range all {
			if part = append(part, c); len(part) == streamsRecord {
				if !yield(in.appendStreams(nil, 0, part)) {
					return
				}
				part = part[:0]
			}
		}
		if len(part) > 0 {
			yield(in.appendStreams(nil, 0, part))
		}
	}
}

// sealedNumbers are the numbers of all streams as of the last sealing;
// maintenance is held.
func (in *instance) sealedNumbers() iter.Seq[streamChange] {
	return func(yield func(streamChange) bool) {
		for from, more := uint32(0), true; more; from += streamPage {
			var page []streamChange
			page, more = in.sealedPage(from)
			for _, c := range page {
				if !yield(c) {
					return
				}
			}
		}
	}
}

func (in *instance) allSealedNumbers() []streamChange { return slices.Collect(in.sealedNumbers()) }

// sealedPage is one page of sealedNumbers; more says that there are further
// ones.
func (in *instance) sealedPage(from uint32) (page []streamChange, more bool) {
	in.mu.RLock()
	defer in.mu.RUnlock()
	to := min(from+streamPage, uint32(in.streams.count))
	for i := from; i < to; i++ {
		if s := in.streams.at(i); s.numbers > 0 {
			page = append(page, streamChange{stream: i, numbers: s.numbers, sealed: s.sealed})
		}
	}
	return page, to < uint32(in.streams.count)
}
