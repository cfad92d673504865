package wal

import "github.com/firnlog/firn/internal/store/vfs"

// tracker follows the LSNs through the files: it passes good records on and
// names what is missing between them.
type tracker struct {
	after  uint64 // records up to it are not needed
	last   uint64 // LSN of the last record, good or lost
	fn     func(p placed, rec Record) error
	damage []Damage

	// later is the first LSN of a later file, before which everything in this one
	// was; 0 = not known.
	later   uint64
	pending *Damage // a hole whose loss the next record tells
	known   uint64  // the highest LSN known to be in the pending hole
}

// newTracker follows the records of these files that are above after. What is
// missing before the first file is lost if it is above after.
func newTracker(list []*logFile, after uint64, fn func(p placed, rec Record) error) *tracker {
	t := &tracker{after: after, last: after, fn: fn}
	if len(list) > 0 {
		t.last = 0
		if list[0].hdrOK {
			t.last = min(after, list[0].hdr.firstLSN-1)
		}
	}
	return t
}

// following is the first LSN of the next of these files, which come behind the
// one that is to be read; 0 = not known.
func (t *tracker) following(list []*logFile) (next uint64) {
	t.later = 0
	for i, lf := range list {
		if lf.hdrOK {
			t.later = lf.hdr.firstLSN
			if i == 0 {
				return t.later
			}
			break
		}
	}
	return 0
}

// file goes through one file up to an offset. The next file's first LSN, if it
// is known (else 0), is where this one's records end: what an older file has
// beyond is an earlier copy.
func (t *tracker) file(fsys vfs.FS, lf *logFile, to int64, next uint64) error {
	f, err := fsys.Open(lf.name)
	if err != nil {
		return err
	}
	defer f.Close()
	if lf.hdrOK {
		t.skipTo(lf)
	} else {
		lf.hdr.firstLSN = t.last + 1
	}
	before, last := len(t.damage), t.last
	end, err := walk(f, lf.hdr.salt(), min(dataStart, to), to, visitor{
		record: func(p placed, body []byte) error { return t.record(lf, p, body, next) },
		hole:   func(h hole) { t.hole(lf, h) },
	})
	if err != nil {
		return err
	}
	if !lf.hdrOK && t.last == last && t.known == 0 {
		end = 0 // nothing tells of any record
	}
	t.finish(lf, end, next)
	if len(t.damage) > before {
		lf.damaged = true
	}
	return nil
}

// skipTo notices records that are missing between the files.
func (t *tracker) skipTo(lf *logFile) {
	if lf.hdr.firstLSN <= t.last+1 {
		return
	}
	if lost := lf.hdr.firstLSN - 1; lost > t.after {
		t.damage = append(t.damage, Damage{File: lf.name, FirstLost: t.firstLost(), LastLost: lost,
			Reason: "the file before this one is missing"})
	}
	t.last = lf.hdr.firstLSN - 1
}

func (t *tracker) record(lf *logFile, p placed, body []byte, next uint64) error {
	if p.kind == kindMark {
		t.lostUpTo(lf, p.offset, p.lsn)
		return nil
	}
	if next > 0 && p.lsn >= next {
		return errStop
	}
	if p.lsn <= t.last {
		t.settle(t.last)
		t.damage = append(t.damage, noLoss(lf.name, p.offset, p.end(), "a record out of order"))
		return nil
	}
	t.lostUpTo(lf, p.offset, p.lsn-1)
	t.last = p.lsn
	if p.lsn <= t.after {
		return nil
	}
	return t.fn(p, Record{LSN: p.lsn, Body: body, File: lf.name, Offset: p.offset})
}

// hole begins or widens the pending damage.
func (t *tracker) hole(lf *logFile, h hole) {
	t.known = max(t.known, h.lsn)
	if t.pending != nil && t.pending.End == h.offset {
		t.pending.End = h.end
		return
	}
	t.settle(t.last)
	t.pending = &Damage{File: lf.name, Offset: h.offset, End: h.end, Reason: h.reason,
		Newest: lf.doubt > 0 && h.offset >= lf.doubt}
	t.known = h.lsn
}

// lostUpTo says that every record up to an LSN has gone by: those that were not
// seen are lost.
func (t *tracker) lostUpTo(lf *logFile, offset int64, lsn uint64) {
	if t.pending == nil && lsn > t.last && lsn > t.after {
		t.pending = &Damage{File: lf.name, Offset: offset, End: offset, Reason: "records are missing"}
	}
	t.settle(lsn)
	t.last = max(t.last, lsn)
}

// settle ends the pending damage: it has cost the records up to an LSN.
func (t *tracker) settle(lsn uint64) {
	if t.pending == nil {
		return
	}
	t.pending.FirstLost, t.pending.LastLost = t.firstLost(), lsn
	t.damage = append(t.damage, *t.pending)
	t.pending, t.known = nil, 0
}

// firstLost is the first record that is needed and was not seen.
func (t *tracker) firstLost() uint64 { return max(t.last, t.after) + 1 }

// finish ends a file.
func (t *tracker) finish(lf *logFile, end int64, next uint64) {
	upTo := max(t.last, t.known, lf.upTo)
	switch {
	case next > 0:
		upTo = max(upTo, next-1)
	case end < dataStart:
		// Nobody knows how many there were; without a later file there is no last one.
		t.settle(t.last)
		t.damage = append(t.damage, Damage{File: lf.name, Offset: end, End: end,
			FirstLost: t.firstLost(), LastLost: t.later - 1, Reason: "the file is cut off, or nothing in it can be read"})
		return
	case lf.hdrOK:
		upTo = max(upTo, lf.hdr.lastLSN)
	}
	t.lostUpTo(lf, end, upTo)
}
