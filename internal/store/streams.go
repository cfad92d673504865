package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/firnlog/firn/internal/store/wal"
)

// stream is a stream's numbers. They outlive its events.
type stream struct {
	name    string
	last    int64 // number of the last published event; 0 = the stream is not there yet
	events  int64 // published and kept
	sealed  int64 // of events, those in segments; of whoever holds maintenance
	numbers int64 // last number as of the last sealing; likewise
	pending int64 // last decided number; the sequencer's
}

// streamTable has an instance's streams. The sequencer adds to it, under the
// instance's mu.
type streamTable struct {
	byName map[string]*stream
	list   []*stream // in the order in which they came
	sorted []*stream // by name: the first len(sorted) of list
	names  int       // published
}

// get finds or makes a stream; the instance's mu is held.
func (t *streamTable) get(name string) *stream {
	s := t.byName[name]
	if s == nil {
		if t.byName == nil {
			t.byName = map[string]*stream{}
		}
		name = strings.Clone(name)
		s = &stream{name: name}
		t.byName[name] = s
		t.list = append(t.list, s)
	}
	return s
}

// find finds a stream that is there.
func (t *streamTable) find(in *instance, name string) *stream {
	in.mu.RLock()
	defer in.mu.RUnlock()
	return t.byName[name]
}

// byNames are all streams in order of name.
func (in *instance) byNames() []*stream {
	in.mu.RLock()
	sorted, list := in.streams.sorted, in.streams.list
	in.mu.RUnlock()
	if len(sorted) == len(list) {
		return sorted
	}
	sorted = slices.Clone(list)
	slices.SortFunc(sorted, func(a, b *stream) int { return strings.Compare(a.name, b.name) })
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(sorted) > len(in.streams.sorted) {
		in.streams.sorted = sorted
	}
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
	sorted := in.byNames()
	from := max(after, prefix)
	i, found := slices.BinarySearchFunc(sorted, from, func(s *stream, name string) int { return strings.Compare(s.name, name) })
	if found && from == after {
		i++
	}
	var out []Stream
	for ; i < len(sorted) && len(out) < limit && strings.HasPrefix(sorted[i].name, prefix); i++ {
		in.mu.RLock()
		s := *sorted[i]
		in.mu.RUnlock()
		if s.last > 0 {
			out = append(out, Stream{Name: s.name, LastSequence: s.last, Events: s.events})
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
func appendStreams(dst []byte, stamp int64, streams []*stream) []byte {
	dst = append(dst, streamsVersion)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(stamp))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(streams)))
	for _, s := range streams {
		dst = appendString(dst, s.name)
		dst = binary.AppendUvarint(dst, uint64(s.numbers))
		dst = binary.AppendUvarint(dst, uint64(s.sealed))
	}
	return dst
}

// readStreams reads a record into the table; ok is false where it belongs to a
// change that did not come to its end.
func (t *streamTable) readStreams(rec []byte, next int64) (ok bool, err error) {
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
		s := t.get(string(name))
		if s.last == 0 {
			t.names++
		}
		s.last, s.numbers, s.pending = int64(last), int64(last), int64(last)
		s.events, s.sealed = int64(events), int64(events)
	}
	if len(rest) != 0 {
		return false, recordError("a record of streams goes on for %d bytes", len(rest))
	}
	return true, nil
}

// openStreams reads the journal of an instance.
func (l *Log) openStreams(in *instance, next int64) error {
	if forgetSequences {
		next = 0
	}
	if err := l.opts.FS.MkdirAll(l.instancePath(in)); err != nil {
		return err
	}
	stale := false
	j, found, err := wal.OpenJournal(l.opts.FS, l.instancePath(in), streamsName, wal.JournalOptions{Quarantine: l.path(quarantineDir)}, func(rec []byte) error {
		ok, err := in.streams.readStreams(rec, next)
		stale = stale || !ok
		return err
	})
	if err != nil {
		return fmt.Errorf("instance %q: last numbers of the streams: %w", in.meta.Name, newer(err))
	}
	in.journal = j
	l.reportJournal(fmt.Sprintf("streams of instance %q", in.meta.Name), found)
	if stale {
		return l.rewriteStreams(in)
	}
	return nil
}

// writeStreams makes the numbers of the changed streams durable; they hold when
// the manifest has passed the stamp.
func (l *Log) writeStreams(in *instance, stamp int64, changed []*stream) error {
	var records [][]byte
	for part := range slices.Chunk(changed, streamsRecord) {
		records = append(records, appendStreams(nil, stamp, part))
	}
	if len(records) == 0 {
		return nil
	}
	if in.journal == nil {
		if err := l.openStreams(in, in.nextFile); err != nil {
			return err
		}
	}
	return l.journalError(in.journal.Append(records...))
}

// compactStreams writes the journal anew where it has grown. The numbers in
// memory are those that the manifest stands for.
func (l *Log) compactStreams(in *instance) error {
	if in.journal == nil {
		return nil
	}
	if size, base := in.journal.Size(); size <= 2*base+streamsSlack {
		return nil
	}
	return l.journalError(l.rewriteStreams(in))
}

func (l *Log) rewriteStreams(in *instance) error { return in.journal.Rewrite(in.streamRecords()) }

// streamRecords are the last numbers of all streams as records; maintenance is
// held.
func (in *instance) streamRecords() iter.Seq[[]byte] {
	in.mu.RLock()
	list := in.streams.list
	in.mu.RUnlock()
	return func(yield func([]byte) bool) {
		var part []*stream
		flush := func() bool {
			ok := len(part) == 0 || yield(appendStreams(nil, 0, part))
			part = part[:0]
			return ok
		}
		for _, s := range list {
			if s.numbers > 0 {
				part = append(part, s)
			}
			if len(part) == streamsRecord && !flush() {
				return
			}
		}
		flush()
	}
}
