package store

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/firnlog/firn/internal/store/wal"
)

// What the journal of an instance's streams says, the segments say too, but for
// streams whose newest events were removed or are lost. So the numbers of an
// instance that has such streams are kept in a second journal, of the same form:
// before events go, the last numbers of their streams are written there. It is
// read where the first one has lost records, and otherwise only before it is
// written to.

const numbersName = "numbers"

// keepNumbers makes the numbers of streams durable a second time, before events
// of them go. Maintenance is held.
func (l *Log) keepNumbers(in *instance, changed []streamChange) error {
	if in.streamsLost {
		in.numbersMissed = true // recovery keeps them all when it knows them again
		return nil
	}
	if in.numbers == nil {
		return l.openNumbers(in)
	}
	var records [][]byte
	for part := range slices.Chunk(changed, streamsRecord) {
		records = append(records, in.appendStreams(nil, 0, part))
	}
	if err := l.journalError(in.numbers.Append(records...)); err != nil {
		return err
	}
	if size, base := in.numbers.Size(); size <= 2*base+streamsSlack {
		return nil
	}
	return l.journalError(in.numbers.Rewrite(in.recordsOf(in.sealedNumbers())))
}

// openNumbers opens the second journal and writes all numbers to it. Higher ones
// that it has stay in it.
func (l *Log) openNumbers(in *instance) error {
	var higher streamTable
	j, found, err := l.readNumbers(in, func(rec []byte) error {
		in.mu.RLock()
		defer in.mu.RUnlock()
		_, err := eachStream(rec, in.nextFile, func(name string, last, _ int64) {
			if i, ok := in.streams.find(name); !ok || in.streams.at(i).last < last {
				s := higher.at(higher.get(name))
				s.numbers = max(s.numbers, last)
			}
		})
		return err
	})
	if err != nil {
		return err
	}
	write := j.Rewrite
	if found.FellBack || len(found.Damage) > 0 {
		write = j.Renew
	}
	records := in.recordsOf(in.sealedNumbers())
	if higher.count > 0 {
		records = withRecord(records, higher.record())
	}
	if err := l.journalError(write(records)); err != nil {
		return err
	}
	in.numbers = j
	return nil
}

func withRecord(records iter.Seq[[]byte], last []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for r := range records {
			if !yield(r) {
				return
			}
		}
		yield(last)
	}
}

// record has all streams of the table, with a stamp that always holds.
func (t *streamTable) record() []byte {
	all := make([]streamChange, t.count)
	for i := range all {
		all[i] = streamChange{stream: uint32(i), numbers: t.at(uint32(i)).numbers}
	}
	return t.appendRecord(nil, 0, all)
}

// readNumbers reads the second journal. One that has no readable header is set
// aside.
func (l *Log) readNumbers(in *instance, fn func(rec []byte) error) (*wal.Journal, wal.JournalRecovery, error) {
	opts := wal.JournalOptions{Quarantine: l.path(quarantineDir)}
	name := fmt.Sprintf("last numbers of instance %q", in.info().Name)
	j, found, err := wal.OpenJournal(l.opts.FS, l.instancePath(in), numbersName, opts, fn)
	if errors.Is(err, wal.ErrUnreadable) {
		if err := l.setJournalAside(name, in.id+"-", l.instancePath(in), numbersName); err != nil {
			return nil, found, err
		}
		j, found, err = wal.OpenJournal(l.opts.FS, l.instancePath(in), numbersName, opts, fn)
	}
	if err != nil {
		return nil, found, fmt.Errorf("%s: %w", name, newer(err))
	}
	l.reportJournal(name, found)
	return j, found, nil
}

// numbersAgain takes numbers from the second journal that are higher than those
// that are known, and says of how many streams. It is whole as far as it is
// known to have gone.
func (l *Log) numbersAgain(in *instance) (higher int, whole bool, err error) {
	j, found, err := l.readNumbers(in, func(rec []byte) error {
		in.mu.Lock()
		defer in.mu.Unlock()
		_, err := eachStream(rec, in.nextFile, func(name string, n, _ int64) {
			s := in.streams.at(in.streams.get(name))
			if s.last == 0 {
				in.streams.names++
			}
			if n > s.numbers {
				higher++
			}
			s.numbers, s.last = max(s.numbers, n), max(s.last, n)
		})
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return higher, !lostRecords(found) && !behind(in.numbersKnown, j, found), nil
}
