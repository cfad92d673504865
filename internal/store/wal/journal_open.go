package wal

import (
	"fmt"
	"path/filepath"

	"github.com/firnlog/firn/internal/store/vfs"
)

// JournalRecovery is what OpenJournal found.
type JournalRecovery struct {
	Generation uint64 // 0 = there was none
	Records    int64  // that were replayed
	Torn       *Torn  // nil = none
	// FellBack says that the newest snapshot is damaged and that the state comes
	// from the generation before it, complete.
	FellBack bool
	// Damage is what is not readable. Only where FirstLost ≤ LastLost was
	// something lost that no other generation had. The caller should Rewrite, so
	// that the state is whole in two places again.
	Damage []Damage
}

// OpenJournal reads the journal name in dir and gives every record, first the
// snapshot's, then the changes, in order, to replay, whose error ends it. What
// replay is given is on disk. A journal that is not there yet is empty; the first
// Append or Rewrite makes it.
func OpenJournal(fsys vfs.FS, dir, name string, opts JournalOptions, replay func(body []byte) error) (*Journal, JournalRecovery, error) {
	o := journalOpening{fsys: fsys, names: journalNaming(dir, name), quarantine: opts.Quarantine, replay: replay}
	if o.quarantine == "" {
		o.quarantine = filepath.Join(dir, "quarantine")
	}
	if opts.Trust {
		o.readOnly, o.fsys = true, &onceRead{FS: fsys}
	}
	j, err := o.open(opts.Identity)
	if err == nil {
		j.fsys, j.unsettled = fsys, opts.Trust || o.unsettled
	}
	if err != nil {
		return nil, o.found, fmt.Errorf("journal %s: %w", filepath.Join(dir, name), err)
	}
	return j, o.found, nil
}

// VerifyJournal reads a journal as OpenJournal does, without changing it.
func VerifyJournal(fsys vfs.FS, dir, name string, fn func(body []byte) error) (JournalRecovery, error) {
	o := journalOpening{fsys: fsys, names: journalNaming(dir, name), readOnly: true, replay: fn}
	if _, err := o.open(Identity{}); err != nil {
		return o.found, fmt.Errorf("journal %s: %w", filepath.Join(dir, name), err)
	}
	return o.found, nil
}

func journalNaming(dir, name string) naming { return naming{dir: dir, prefix: name + "-"} }

type journalOpening struct {
	fsys       vfs.FS
	names      naming
	quarantine string
	readOnly   bool
	unsettled  bool // there was no room for setting torn bytes aside
	replay     func(body []byte) error
	found      JournalRecovery
}

func (o *journalOpening) open(identity Identity) (*Journal, error) {
	fl, err := load(o.fsys, o.names, identity)
	if err != nil {
		return nil, err
	}
	j := &Journal{fsys: o.fsys, names: o.names, quarantine: o.quarantine,
		identity: fl.identity, list: fl.list, foreign: fl.foreign, highest: fl.highest}
	if j.identity == (Identity{}) {
		j.identity = newIdentity()
	}
	o.found.Damage = fl.damage
	if !o.readOnly && len(fl.list)+len(fl.tmp) > 0 {
		if err := settleNames(o.fsys, o.names.dir, fl.tmp); err != nil {
			return nil, err
		}
	}
	if len(j.list) == 0 {
		return j, nil
	}
	return j, o.read(j)
}

// read mends the newest generation and replays it, or the one before it and the
// newest's changes.
func (o *journalOpening) read(j *Journal) error {
	newest := j.list[len(j.list)-1]
	o.found.Generation = newest.hdr.number
	t, err := o.mend(newest)
	if err != nil {
		return err
	}
	newest.size, newest.doubt, newest.upTo = t.good, t.doubt(), t.upTo
	j.end = max(t.good, dataStart)
	j.proven = j.end
	state, err := o.check(newest)
	if err != nil {
		return err
	}
	j.base, j.next = state.base, state.last+1
	snapshot := true
	if state.broken && len(j.list) > 1 {
		if snapshot, err = o.fallBack(j.list[len(j.list)-2], newest, &state); err != nil {
			return err
		}
	}
	o.found.Damage = append(o.found.Damage, state.damage...)
	return o.pass(newest, func(p placed, body []byte) error {
		if p.kind == kindSnapshot && !snapshot {
			return nil
		}
		return o.give(body)
	})
}

func (o *journalOpening) give(body []byte) error {
	o.found.Records++
	if o.replay == nil {
		return nil
	}
	return o.replay(body)
}

// mend makes the end of the newest generation certain: torn bytes are set aside,
// and records that nothing proves to be on disk are written again, where they
// are, and synced.
func (o *journalOpening) mend(lf *logFile) (tail, error) {
	if o.readOnly {
		t, err := surveyFile(o.fsys, lf)
		if t.torn != nil {
			o.found.Torn = tornAt(lf, t.torn, "")
		}
		return t, err
	}
	f, err := o.fsys.OpenAppend(lf.name)
	if err != nil {
		return tail{}, err
	}
	defer f.Close()
	t, err := survey(f, lf)
	if err != nil {
		return t, err
	}
	if t.torn != nil {
		o.found.Torn, err = cut(o.fsys, f, lf, t.torn, o.quarantine)
		if noSpace(err) {
			// It is cut before the next write.
			o.found.Torn, o.unsettled, err = tornAt(lf, t.torn, ""), true, nil
		}
		if err != nil {
			return t, err
		}
	}
	if t.records == 0 && len(t.damaged) == 0 {
		return t, nil
	}
	if err := writeAgain(f, t.proven, t.good); err != nil {
		return t, err
	}
	if err := f.Sync(); err != nil {
		return t, failed("sync "+lf.name, err)
	}
	return t, nil
}

// journalState is what one generation holds.
type journalState struct {
	last   uint64 // LSN
	end    int64  // of the last record
	base   int64  // where the snapshot ends
	damage []Damage
	broken bool // something of the snapshot is lost
}

// check reads a generation for its damage.
func (o *journalOpening) check(lf *logFile) (journalState, error) {
	s := journalState{base: dataStart}
	t := tracker{fn: func(p placed, _ Record) error {
		s.end = p.end()
		if p.kind == kindSnapshot {
			s.base = p.end()
		}
		return nil
	}}
	err := t.file(o.fsys, lf, lf.size, 0)
	s.last, s.damage, s.broken = t.last, t.damage, !lf.hdrOK
	for _, d := range s.damage {
		if d.FirstLost <= d.LastLost && d.FirstLost <= lf.hdr.baseLSN {
			s.broken = true
		}
	}
	return s, err
}

// fallBack replays the older generation in place of the newest's snapshot, if it
// is whole. It says whether the newest's snapshot is needed after all.
func (o *journalOpening) fallBack(older, newest *logFile, state *journalState) (snapshot bool, err error) {
	old, err := o.check(older)
	if err != nil {
		return false, err
	}
	o.found.Damage = append(o.found.Damage, old.damage...)
	if !older.hdrOK || len(old.damage) > 0 || old.end < newest.hdr.previous {
		return true, nil
	}
	o.found.FellBack = true
	for i := range state.damage {
		// With a header nobody can read, a gap may be of the snapshot or not.
		if d := &state.damage[i]; newest.hdrOK {
			d.FirstLost = max(d.FirstLost, newest.hdr.baseLSN+1)
		}
	}
	return false, o.pass(older, func(_ placed, body []byte) error { return o.give(body) })
}

// pass gives every good record of a generation to fn.
func (o *journalOpening) pass(lf *logFile, fn func(p placed, body []byte) error) error {
	t := tracker{fn: func(p placed, rec Record) error { return fn(p, rec.Body) }}
	return t.file(o.fsys, lf, lf.size, 0)
}
