package store

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/internal/store/wal"
	"github.com/firnlog/firn/query"
)

// numbering checks that the sequence numbers of an instance's streams have no
// gaps but where events were removed or lost.
type numbering struct {
	x     *verification
	in    *instance
	known []Gap // in order, not touching
	seen  []numbered
}

// numbered is how far a stream has been followed.
type numbered struct {
	number   int64
	position int64
	events   int64
}

func newNumbering(x *verification, in *instance, known []Gap) *numbering {
	return &numbering{x: x, in: in, known: slices.Clone(known)}
}

// unread notes a range of positions that could not be read just now.
func (n *numbering) unread(g Gap) { n.known = join(sorted(append(n.known, g)), 0) }

// stream is the state of a stream.
func (n *numbering) stream(name []byte) *numbered {
	i, ok := n.in.findStream(string(name))
	if !ok {
		n.problem(name, "it is not among the streams whose last numbers are kept")
		return &numbered{}
	}
	if int(i) >= len(n.seen) {
		n.seen = append(n.seen, make([]numbered, int(i)+1-len(n.seen))...)
	}
	return &n.seen[i]
}

func (n *numbering) problem(name []byte, format string, args ...any) {
	n.x.problem(n.x.log.instancePath(n.in), "stream %q: %s", name, fmt.Sprintf(format, args...))
}

// next follows a stream by count events from a number and a position on.
func (n *numbering) next(name []byte, number, count, position int64) {
	n.follow(n.stream(name), name, number, count, position)
}

func (n *numbering) follow(s *numbered, name []byte, number, count, position int64) {
	switch missing := number - s.number - 1; {
	case missing < 0:
		n.problem(name, "position %d has number %d after number %d", position, number, s.number)
	case missing > 0 && n.gone(s.position+1, position-1) < missing:
		n.problem(name, "numbers %d to %d are missing before position %d, where not as many events were removed", s.number+1, number-1, position)
	}
	s.number, s.position = number+count-1, position
	s.events += count
}

// gone is how many of the positions of a range were removed or lost.
func (n *numbering) gone(first, last int64) (sum int64) {
	i, _ := slices.BinarySearchFunc(n.known, first, func(g Gap, at int64) int {
		if g.Last < at {
			return -1
		}
		return 1
	})
	for ; i < len(n.known) && n.known[i].First <= last; i++ {
		sum += min(last, n.known[i].Last) - max(first, n.known[i].First) + 1
	}
	return sum
}

// segment follows the streams through a segment.
func (n *numbering) segment(ctx context.Context, s *segmentFile) error {
	for _, ref := range s.blocks(nil) {
		if err := n.block(ctx, &ref); err != nil {
			return err
		}
	}
	return nil
}

func (n *numbering) block(ctx context.Context, ref *exec.BlockRef) error {
	b, release, err := ref.Open(ctx)
	if err != nil {
		return err
	}
	defer release()
	streams, err := b.Envelope(query.StreamID)
	if err != nil {
		return err
	}
	numbers, err := b.Envelope(query.SequenceNumber)
	if err != nil {
		return err
	}
	positions, err := b.Envelope(query.Position)
	if err != nil {
		return err
	}
	// Within a stream rows are in order of their numbers, whatever the block's.
	var last []byte
	var s *numbered
	for row := range ref.Rows {
		if name := streams.Text(row); s == nil || string(last) != name {
			last = append(last[:0], name...)
			s = n.stream(last)
		}
		n.follow(s, last, numbers.Ints[row], 1, positions.Ints[row])
	}
	return nil
}

// compare holds what the segments have against the numbers as of the last
// sealing.
func (n *numbering) compare(kept []streamChange) {
	for _, c := range kept {
		var s numbered
		if int(c.stream) < len(n.seen) {
			s = n.seen[c.stream]
		}
		name := func() []byte {
			n.in.mu.RLock()
			defer n.in.mu.RUnlock()
			return n.in.streams.nameAt(c.stream)
		}
		switch {
		case s.number > c.numbers:
			n.problem(name(), "its last number is %d in the segments, and kept as %d", s.number, c.numbers)
		case s.number < c.numbers && n.gone(s.position+1, n.in.current().last) < c.numbers-s.number:
			n.problem(name(), "numbers %d to %d are missing at its end", s.number+1, c.numbers)
		}
		if s.events != c.sealed && len(n.known) == 0 {
			n.problem(name(), "the segments have %d events of it, and %d are kept as their count", s.events, c.sealed)
		}
	}
}

// journals reads the manifest and the streams' journals anew and holds them
// against what is in memory.
func (x *verification) journals(ctx context.Context) error {
	if err := x.manifest(); err != nil {
		return err
	}
	for _, in := range x.log.all() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := x.streams(in); err != nil {
			return err
		}
	}
	return nil
}

func (x *verification) manifest() error {
	l := x.log
	l.committing.Lock()
	defer l.committing.Unlock()
	read := newManifestState()
	found, err := wal.VerifyJournal(l.opts.FS, l.dir, manifestName, func(body []byte) error {
		var e edit
		if err := json.Unmarshal(body, &e); err != nil {
			return err
		}
		read.apply(&e)
		return nil
	})
	x.journal(manifestName, found, err)
	if err != nil || len(found.Damage) > 0 {
		return nil
	}
	memory := l.manifest.clone()
	if !slices.EqualFunc(slices.Collect(read.snapshot()), slices.Collect(memory.snapshot()), bytes.Equal) {
		x.problem(l.path(manifestName), "it does not say what it said when it was written")
	}
	return nil
}

// journal notes what reading a journal has found.
func (x *verification) journal(name string, found wal.JournalRecovery, err error) {
	if err != nil {
		x.problem(x.log.path(name), "%v", err)
	}
	for _, d := range found.Damage {
		x.problem(d.File, "bytes %d to %d: %s; records %d to %d", d.Offset, d.End, d.Reason, d.FirstLost, d.LastLost)
	}
}

func (x *verification) streams(in *instance) error {
	l := x.log
	in.maintenance.Lock()
	defer in.maintenance.Unlock()
	if in.isDeleted() {
		return nil
	}
	var read streamTable
	found, err := wal.VerifyJournal(l.opts.FS, l.instancePath(in), streamsName, func(rec []byte) error {
		_, err := read.readStreams(rec, in.nextFile)
		return err
	})
	x.journal(filepath.Join(instancesDir, in.id, streamsName), found, err)
	x.numbers(in)
	if err != nil || len(found.Damage) > 0 {
		return nil
	}
	for c := range in.sealedNumbers() {
		in.mu.RLock()
		name := in.streams.nameAt(c.stream)
		in.mu.RUnlock()
		var kept stream
		if i, ok := read.find(string(name)); ok {
			kept = *read.at(i)
		}
		if kept.numbers != c.numbers || kept.sealed != c.sealed {
			x.problem(l.instancePath(in, streamsName), "stream %q: it says number %d and %d events where %d and %d were written", name, kept.numbers, kept.sealed, c.numbers, c.sealed)
		}
	}
	return nil
}

// numbers reads the second journal of an instance, which says of a stream what
// the first one says or has said.
func (x *verification) numbers(in *instance) {
	l := x.log
	var read streamTable
	found, err := wal.VerifyJournal(l.opts.FS, l.instancePath(in), numbersName, func(rec []byte) error {
		_, err := read.readStreams(rec, in.nextFile)
		return err
	})
	x.journal(filepath.Join(instancesDir, in.id, numbersName), found, err)
	if err != nil || len(found.Damage) > 0 {
		return
	}
	in.mu.RLock()
	defer in.mu.RUnlock()
	for i := range uint32(read.count) {
		name, number := read.nameAt(i), read.at(i).numbers
		if s, ok := in.streams.find(string(name)); !ok || in.streams.at(s).numbers < number {
			x.problem(l.instancePath(in, numbersName), "stream %q: it says number %d, which the log has not given", name, number)
		}
	}
}
