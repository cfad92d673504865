package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/internal/store/segment"
	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/wal"
)

// Open opens the log in dir/log, makes it if there is none, and recovers what a
// crash left. One process has a log open: another gets ErrLocked.
func Open(dir string, opts Options) (*Log, error) {
	l := newLog(filepath.Join(dir, logDir), opts.withDefaults())
	if err := l.opts.FS.MkdirAll(l.dir); err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	lock, err := l.opts.FS.Lock(l.path(lockFile))
	if errors.Is(err, vfs.ErrLocked) {
		return nil, fmt.Errorf("open %s: %w", dir, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	l.lock = lock
	if err := errors.Join(l.reserve.clear(), l.recover()); err != nil {
		l.stop()
		return nil, errors.Join(fmt.Errorf("open %s: %w", dir, err), l.abandon())
	}
	if err := l.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", dir, err), l.Close())
	}
	return l, nil
}

func newLog(dir string, opts Options) *Log {
	l := &Log{
		opts: opts, dir: dir, byID: map[uuid]*instance{}, byName: map[string]*instance{},
		changes:   changes{instances: map[*instance]struct{}{}},
		documents: newDocuments(nil),
		work:      make(chan struct{}, 1),
		started:   time.Now(),
	}
	if opts.QueryMemory <= 0 {
		l.opts.QueryMemory = defaultQueryMemory()
	}
	l.memory = exec.NewMemory(l.opts.QueryMemory)
	l.ahead = exec.NewMemory(l.opts.QueryMemory / 8)
	l.cache = segment.NewCache(l.opts.QueryMemory / 4)
	l.files = newOpenFiles()
	l.filters = &filters{limit: l.opts.FilterMemory}
	l.reserve = newReserve(opts.FS, dir, l.tellRoom)
	l.failure.done = make(chan struct{})
	l.head.freed = make(chan struct{})
	l.sequencer = newSequencer(l)
	l.background, l.stop = newBackground()
	return l
}

// abandon closes what a failed Open has opened.
func (l *Log) abandon() error {
	var err error
	if l.wal != nil {
		err = l.wal.Close()
	}
	return errors.Join(err, l.lock.Close())
}

// start begins to take requests and to work in the background.
func (l *Log) start() error {
	l.sequencer.byID, l.sequencer.byName = l.published()
	go l.sequencer.run()
	go l.sync()
	if err := l.carryOutBack(); err != nil {
		return err
	}
	if l.byName[SystemInstance] == nil {
		_, err := l.CreateInstance(context.Background(), Instance{Name: SystemInstance, Description: "Firn's own activity", RetentionDays: systemRetention})
		if err != nil {
			return err
		}
	}
	if !l.opts.Quiet {
		l.background.Go(l.maintain)
	}
	return nil
}

// systemRetention is the retention in days of a new instance system:
// HappyView's default.
const systemRetention = 30

// recover reads the manifest and the write-ahead log.
func (l *Log) recover() error {
	if err := l.openManifest(); err != nil {
		return err
	}
	if err := l.loadAll(); err != nil {
		return err
	}
	l.removals = append(l.removals, l.manifest.state.removals...)
	l.documents = newDocuments(l.manifest.state.documents)
	l.sweep.wall = millis(l.manifest.state.sweep)
	if err := l.replay(); err != nil {
		return err
	}
	if err := l.checkFiles(); err != nil {
		return err
	}
	for _, in := range l.byID {
		in.recovered()
	}
	return nil
}

// openManifest opens the manifest, and makes the first one of a new log.
func (l *Log) openManifest() error {
	m, found, err := openManifest(l.opts.FS, l.dir)
	if errors.Is(err, wal.ErrUnreadable) {
		if err := l.setJournalAside("manifest", "", l.dir, manifestName); err != nil {
			return err
		}
		m, found, err = openManifest(l.opts.FS, l.dir)
	}
	if err != nil {
		return newer(err)
	}
	l.manifest = m
	l.reportJournal("manifest", found)
	lost := lostRecords(found)
	if m.state.epoch == 0 {
		if err := m.commit(&edit{Epoch: 1, Sweep: l.now().UnixMilli()}); err != nil {
			return err
		}
		lost = true
	}
	l.editsDamaged = found.FellBack || len(found.Damage) > 0
	if err := l.rebuild(lost); err != nil {
		return err
	}
	if l.editsDamaged {
		return m.journal.Renew(m.state.snapshot())
	}
	return nil
}

// lostRecords reports whether a journal has lost records.
func lostRecords(found wal.JournalRecovery) bool {
	return slices.ContainsFunc(found.Damage, func(d wal.Damage) bool { return d.FirstLost <= d.LastLost })
}

// setJournalAside moves the files of a journal, none of which says what it is,
// to the quarantine; there they bear the prefix.
func (l *Log) setJournalAside(name, prefix, dir, journal string) error {
	files, err := l.opts.FS.List(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		if !strings.HasPrefix(file, journal+"-") {
			continue
		}
		to, err := l.moveAside(prefix+file, filepath.Join(dir, file))
		if err != nil {
			return err
		}
		l.report(event.Critical, "%s: %s has no readable header; it was moved to %s", name, file, to)
	}
	return nil
}

// replay reads the write-ahead log and applies what the manifest and the
// segments do not have.
func (l *Log) replay() error {
	state := &l.manifest.state
	opts := wal.Options{After: state.freed, Quarantine: l.path(quarantineDir)}
	if _, err := hex.Decode(opts.Identity[:], []byte(state.identity)); err != nil {
		return fmt.Errorf("manifest: identity %q: %w", state.identity, err)
	}
	l.applied = state.lsn
	log, found, err := wal.Open(l.opts.FS, l.path(walDir), opts, l.replayRecord)
	if err != nil {
		return newer(err)
	}
	l.wal = log
	l.reportWAL(found)
	if found.Files == 0 && (state.identity != "" || l.editsLost) {
		found.Damage = append(found.Damage, wal.Damage{FirstLost: state.freed + 1, LastLost: math.MaxUint64})
	}
	if l.editsLost && found.Torn != nil {
		// Nobody knows whether the manifest has known of more records.
		found.Damage = append(found.Damage, wal.Damage{FirstLost: log.NextLSN(), LastLost: math.MaxUint64})
	}
	l.leapOver(found.Damage)
	if state.identity == "" {
		id := log.Identity()
		if err := l.manifest.commit(&edit{Identity: hex.EncodeToString(id[:])}); err != nil {
			return err
		}
	}
	if log.NextLSN() > state.lsn {
		return nil
	}
	// Its end is missing. New records must not get numbers that the manifest has
	// seen.
	l.report(event.Critical, "write-ahead log: records %d to %d are missing", log.NextLSN(), state.lsn)
	l.leapOver([]wal.Damage{{FirstLost: log.NextLSN(), LastLost: math.MaxUint64}})
	if err := log.Close(); err != nil {
		return err
	}
	opts.After = state.lsn
	if l.wal, _, err = wal.Open(l.opts.FS, l.path(walDir), opts, l.replayRecord); err != nil {
		return newer(err)
	}
	if l.wal.NextLSN() <= state.lsn {
		return fmt.Errorf("%w: the write-ahead log ends before record %d, which the manifest knows", ErrDamaged, state.lsn)
	}
	return nil
}

// newer makes an error about a later version ErrNewer.
func newer(err error) error {
	if errors.Is(err, wal.ErrNewer) && !errors.Is(err, ErrNewer) {
		return fmt.Errorf("%w: %w", ErrNewer, err)
	}
	return err
}

// replayRecord applies one record that has been read back.
func (l *Log) replayRecord(r wal.Record) error {
	sections, err := decodeRecord(append([]byte(nil), r.Body...))
	if errors.Is(err, ErrNewer) {
		return err
	}
	if err != nil {
		l.report(event.Critical, "%s: record %d at byte %d cannot be read and is left out: %v", r.File, r.LSN, r.Offset, err)
		return nil
	}
	e := &entry{}
	for _, s := range sections {
		if err := l.replaySection(e, s, r.LSN); err != nil {
			l.report(event.Critical, "%s: record %d at byte %d: a section is left out: %v", r.File, r.LSN, r.Offset, err)
		}
	}
	l.apply(e, r.LSN)
	return nil
}

// replaySection adds a section to the entry of its record, if it is not applied
// yet.
func (l *Log) replaySection(e *entry, s section, lsn uint64) error {
	// Where the manifest has lost edits, what it has applied is applied again.
	known := lsn <= l.manifest.state.lsn && !l.editsLost
	switch s.kind {
	case sectionControl:
		c, err := decodeControl(s.content)
		if err != nil || known {
			return err
		}
		e.control = c
		l.broughtBack = l.broughtBack || l.editsLost && c.Removal != nil
		if c.Created != nil {
			id, err := c.Created.identity()
			if err != nil {
				return err
			}
			e.made = newInstance(id, c.Created.meta())
		}
		return nil
	case sectionEvents:
		b, err := decodeBatch(s.whole)
		if err != nil {
			return err
		}
		in := l.byID[b.instance]
		if in == nil && e.made != nil && e.made.uuid == b.instance {
			in = e.made
		}
		if in == nil {
			if !known {
				return fmt.Errorf("positions %d–%d are of an instance %s that is not known", b.first, b.last(), b.instance)
			}
			return nil // of an instance that is deleted
		}
		return l.replayBatch(e, in, b, lsn)
	}
	return fmt.Errorf("kind %d is not known", s.kind)
}

// replayBatch adds what is not sealed of a batch to an entry.
func (l *Log) replayBatch(e *entry, in *instance, b *stampedBatch, lsn uint64) error {
	in.replayed = lsn
	last := in.view.last
	for _, other := range e.batches {
		if other.to == in {
			last = other.last()
		}
	}
	if b.last() <= last {
		return nil
	}
	if b.first <= last {
		return fmt.Errorf("positions %d–%d overlap what is sealed up to %d", b.first, b.last(), last)
	}
	if b.first > last+1 {
		in.lose(lostRange{Gap: Gap{First: last + 1, Last: b.first - 1}, Recorded: b.recordedAt})
	}
	e.batches = append(e.batches, instanceBatch{to: in, stampedBatch: b})
	return nil
}

// recovered makes the decided state of an instance the recovered one.
func (in *instance) recovered() {
	in.rollBack()
	if forgetIDs {
		return
	}
	in.view.chunks(func(c *chunkView) bool {
		for _, b := range c.batches {
			in.index(b)
		}
		return true
	})
}

// index notes the ids of a batch.
func (in *instance) index(b *stampedBatch) {
	for i := range b.offsets {
		if raw, err := b.raw(i); err == nil && raw.flags&hasID != 0 {
			in.ids.add(in.fingerprint(raw.id), idRef{batch: b, index: uint32(i)})
		}
	}
}
