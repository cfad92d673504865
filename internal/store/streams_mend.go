package store

import (
	"context"
	"fmt"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/query"
)

// Where the journal of an instance's streams has lost records, the last numbers
// of its streams are taken from the segments, which have them but for streams
// whose newest events were removed or are lost themselves; those are in the
// second journal.

// mendStreams makes the journal of an instance whole again. It is part of
// recovery; the damaged segments have been set aside.
func (l *Log) mendStreams(in *instance) error {
	if !in.streamsLost && !in.journalDamaged {
		return nil
	}
	if in.streamsLost {
		if err := l.tryNumbers(in); err != nil {
			return fmt.Errorf("instance %q: last numbers of the streams: %w", in.meta.Name, err)
		}
	}
	err := l.journalError(in.journal.Renew(in.recordsOf(in.sealedNumbers())))
	if err == nil && in.streamsLost {
		in.streamsLost = false
		if v := in.current().version; len(v.removed)+len(v.lost) > 0 {
			err = l.keepNumbers(in, in.allSealedNumbers())
		}
		if err == nil {
			err = l.amend(in, contentEdit{Streams: in.streamsMark(), Numbers: markOf(in.numbers)}, func(*version) {})
		}
	}
	if noSpace(err) {
		return nil // the next start finds it as it was
	}
	return err
}

// tryNumbers takes the numbers from the segments, and sets damaged ones aside.
func (l *Log) tryNumbers(in *instance) error {
	for range mostMended {
		err := l.numbersFromSegments(in)
		if err == nil {
			return nil
		}
		again, err := l.mendLocked(in, err)
		if !again {
			return err
		}
	}
	return l.numbersFromSegments(in)
}

func (l *Log) numbersFromSegments(in *instance) error {
	v := in.current().version
	found := map[string]*foundStream{}
	for _, s := range v.segments {
		for _, ref := range s.blocks(nil) {
			if err := findNumbers(l.background.ctx, &ref, found); err != nil {
				return err
			}
		}
	}
	higher := in.takeNumbers(found)
	severity, doubt := event.Error, ""
	if v = in.current().version; len(v.removed)+len(v.lost) > 0 {
		more, whole, err := l.numbersAgain(in)
		if err != nil {
			return err
		}
		if higher += more; !whole || in.numbersMissed {
			severity = event.Critical
			doubt = "; those of streams whose newest events were removed or lost may be lost too: such streams go on after the newest event that is left"
		}
	}
	if higher == 0 && l.editsLost && !in.journalDamaged {
		return nil // the numbers were looked for to be sure
	}
	l.report(severity, "instance %q: the journal of its streams has lost records; the last numbers of %d streams were taken from the segments, or from the second journal%s", in.meta.Name, higher, doubt)
	return nil
}

// takeNumbers makes what segments have of the streams the sealed state, and
// returns of how many streams the number is higher than what was known.
func (in *instance) takeNumbers(found map[string]*foundStream) (higher int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for i := range uint32(in.streams.count) {
		s := in.streams.at(i)
		s.events -= s.sealed
		s.sealed = 0
	}
	for name, f := range found {
		s := in.streams.at(in.streams.get(name))
		if s.last == 0 {
			in.streams.names++
		}
		if f.last > s.numbers {
			higher++
		}
		s.numbers, s.last = max(s.numbers, f.last), max(s.last, f.last)
		s.sealed = f.events
		s.events += f.events
	}
	return higher
}

// foundStream is what segments have of a stream.
type foundStream struct{ last, events int64 }

// findNumbers adds a block to what is found of its streams.
func findNumbers(ctx context.Context, ref *exec.BlockRef, found map[string]*foundStream) error {
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
	var name string
	var at *foundStream
	for row := range ref.Rows {
		if text := streams.Text(row); at == nil || text != name {
			name = text
			if at = found[name]; at == nil {
				at = &foundStream{}
				found[name] = at
			}
		}
		at.last = max(at.last, numbers.Ints[row])
		at.events++
	}
	return nil
}
