package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/segment"
	"github.com/firnlog/firn/internal/store/vfs"
)

// Where reading meets a damaged segment, the file is read again as a whole. If
// the damage is real it goes to the quarantine, its range of positions is lost,
// and who met it asks again: answers come from the rest and say what they lack.
// A disk that cannot be read is no damage.

// mostMended is how many damaged segments one call deals with.
const mostMended = 16

// tryAgain calls read, and again where a damaged segment that it met has been
// dealt with.
func (l *Log) tryAgain(in *instance, read func() error) error {
	for range mostMended {
		err := read()
		again, err := l.mend(in, err)
		if !again {
			return err
		}
	}
	return read()
}

// mend deals with the damage that an error tells of, if it does. It says
// whether it makes sense to try again, else what is wrong.
func (l *Log) mend(in *instance, err error) (again bool, _ error) {
	if !tellsOfDamage(err) {
		return false, unreadable(err)
	}
	in.maintenance.Lock()
	defer in.maintenance.Unlock()
	return l.mendLocked(in, err)
}

// mendLocked is mend with maintenance held.
func (l *Log) mendLocked(in *instance, err error) (again bool, _ error) {
	v := in.current().version
	if r := damagedRun(err); r != nil {
		return l.mendRun(in, v, r)
	}
	var d *segment.DamageError
	if !errors.As(err, &d) {
		return false, unreadable(err)
	}
	i := slices.IndexFunc(v.segments, func(s *segmentFile) bool { return s.path() == d.File })
	if i < 0 {
		return !in.isDeleted(), ErrNotFound // it has been exchanged meanwhile
	}
	s := v.segments[i]
	damage, err := s.examine(l.background.ctx)
	if err != nil {
		return false, err
	}
	if damage == nil {
		s.closeIdle() // the open file may be another one than that of the name
		return true, nil
	}
	return true, l.setSegmentAside(in, s, damage)
}

func tellsOfDamage(err error) bool {
	var d *segment.DamageError
	return errors.As(err, &d) || damagedRun(err) != nil
}

// unreadable makes the error of a disk that cannot be read ErrUnreadable.
func unreadable(err error) error {
	var number syscall.Errno
	if !errors.As(err, &number) || errors.Is(err, ErrUnreadable) || noSpace(err) {
		return err // a full disk can be read
	}
	return fmt.Errorf("%w: %w", ErrUnreadable, err)
}

// examine reads the whole segment anew: damage says what is wrong with its
// file, err that it cannot be read now.
func (s *segmentFile) examine(ctx context.Context) (damage, err error) {
	f, err := s.log.opts.FS.Open(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return s.missing(), nil
	}
	if err != nil {
		return nil, unreadable(fmt.Errorf("segment: %w", err))
	}
	watched := &watchedFile{File: f}
	size, err := f.Size()
	if err != nil {
		return nil, unreadable(errors.Join(fmt.Errorf("segment: %w", err), f.Close()))
	}
	damage = s.examineFile(ctx, watched, size)
	if fault := watched.fault.Load(); fault != nil {
		return nil, unreadable(*fault)
	}
	if ctx.Err() != nil {
		return nil, ErrClosed
	}
	return damage, nil
}

func (s *segmentFile) examineFile(ctx context.Context, f segment.File, size int64) error {
	seg, err := segment.Open(s.path(), f, size, nil)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	info := seg.Info()
	err = seg.Verify(ctx)
	switch {
	case err != nil:
	case info.Hash != s.meta.Hash:
		err = errors.New("it is not the one that the manifest knows")
	case spanOf(info.Ranges) != s.meta.spanMeta || info.InstanceID != s.in.id:
		err = fmt.Errorf("it is about %+v of instance %s, the manifest says %+v", spanOf(info.Ranges), info.InstanceID, s.meta.spanMeta)
	}
	return errors.Join(err, seg.Close())
}

// missing is the damage of a segment that is not there.
func (s *segmentFile) missing() error {
	return &segment.DamageError{File: s.path(), First: s.meta.First, Last: s.meta.Last, Err: errors.New("the file is missing")}
}

// watchedFile remembers that reading failed, whatever is made of the error.
type watchedFile struct {
	vfs.File
	fault atomic.Pointer[error]
}

func (f *watchedFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		f.fault.Store(&err)
	}
	return n, err
}

// setSegmentAside moves a damaged segment to the quarantine and makes its
// positions lost; maintenance is held. The file goes first: if what follows
// fails it is missing, and is found so the next time.
func (l *Log) setSegmentAside(in *instance, s *segmentFile, damage error) error {
	if err := l.freshStreams(in); err != nil {
		return err
	}
	to, err := l.moveAside(in.id+"-"+s.meta.Name, s.path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(in.current().version.segments), func(o *segmentFile) bool { return o == s })
	// Streams without what is lost. Where that cannot be read the counts stay,
	// and are counted again at the next loss.
	changed, err := l.recount(in, rest)
	numbers := changed
	if err != nil {
		numbers = in.allSealedNumbers()
	}
	if err := l.keepNumbers(in, numbers); err != nil {
		return err
	}
	if err == nil && len(changed) > 0 {
		stamp := in.number()
		if err := l.writeStreams(in, stamp, changed); err != nil {
			return err
		}
	}
	meta := s.meta
	change := contentEdit{
		Next: in.nextFile, Remove: []string{meta.Name}, Streams: in.streamsMark(), Numbers: markOf(in.numbers),
		Lost: []lostRange{{Gap: Gap{First: meta.First, Last: meta.Last}, Recorded: meta.MaxRecorded, Segment: &meta}},
	}
	if err := l.amend(in, change, func(n *version) { n.segments = rest }); err != nil {
		return err
	}
	in.setSealed(changed)
	what := "there is no such file"
	if to != "" {
		what = "the file was moved to " + to
	}
	l.report(event.Critical, "instance %q: positions %d to %d are lost: %v; %s; everything else is served", in.info().Name, meta.First, meta.Last, damage, what)
	return nil
}

// moveAside moves a file to the quarantine, under a name that nothing there
// has, and returns its path.
func (l *Log) moveAside(name, path string) (to string, err error) {
	fsys := l.opts.FS
	if err := fsys.MkdirAll(l.path(quarantineDir)); err != nil {
		return "", err
	}
	to = l.path(quarantineDir, name)
	for i := 1; ; i++ {
		if _, err := fsys.Stat(to); errors.Is(err, fs.ErrNotExist) {
			break
		}
		to = l.path(quarantineDir, fmt.Sprintf("%s-%d", name, i))
	}
	if err := fsys.Rename(path, to); err != nil {
		return "", fmt.Errorf("set %s aside: %w", path, err)
	}
	return to, fsys.SyncDir(l.path(quarantineDir))
}

// bringBack makes segments that an operator has put back part of the log again:
// those whose file is there and is the one that was lost. It is part of recovery.
func (l *Log) bringBack(in *instance) error {
	for _, r := range in.current().version.lost {
		if r.Segment == nil {
			continue
		}
		s := l.segmentFile(in, *r.Segment)
		if _, err := l.opts.FS.Stat(s.path()); err != nil {
			continue
		}
		damage, err := s.examine(l.background.ctx)
		if err != nil {
			return err
		}
		if damage != nil {
			to, err := l.moveAside(in.id+"-"+r.Segment.Name, s.path())
			if err != nil {
				return err
			}
			l.report(event.Error, "instance %q: the file that was brought back for positions %d to %d is damaged too: %v; it was moved to %s", in.meta.Name, r.First, r.Last, damage, to)
			continue
		}
		if err := l.takeBack(in, s, r); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) takeBack(in *instance, s *segmentFile, r lostRange) error {
	with := append(slices.Clone(in.current().version.segments), s)
	slices.SortFunc(with, byPosition)
	changed, err := l.recount(in, with)
	if err != nil {
		return err
	}
	if err := l.writeStreams(in, in.number(), changed); err != nil {
		return err
	}
	// Runs that were merged meanwhile may have left out what was lost.
	change := contentEdit{
		Instance: in.id, Next: in.nextFile, Found: []Gap{r.Gap}, Add: []segmentMeta{s.meta}, Unindexed: []Gap{r.Gap},
		Streams: in.streamsMark(),
	}
	e := &edit{Contents: []contentEdit{change}}
	for _, where := range r.Removals {
		again := l.newRemoval(in)
		again.Where = where
		e.Removals = append(e.Removals, again)
	}
	if err := l.commit(e); err != nil {
		return err
	}
	l.mu.Lock()
	l.removals = append(l.removals, e.Removals...)
	l.broughtBack = l.broughtBack || len(e.Removals) > 0
	l.mu.Unlock()
	n := in.current().version.with(func(n *version) {
		n.lost = changedLosses(n.lost, change.Found, nil)
		n.unindexed = changedIndex(n.unindexed, change.Unindexed, nil)
		n.segments = with
	})
	in.replace(n, func(v *view) { v.events = n.rows() + int64(v.headRows()) })
	in.setSealed(changed)
	l.report(event.Notice, "instance %q: positions %d to %d, which were lost, are back", in.meta.Name, r.First, r.Last)
	return nil
}

// carryOutBack carries out on events that are back what was removed of them
// before, or while they were lost; before anybody reads them.
func (l *Log) carryOutBack() error {
	l.mu.RLock()
	back := l.broughtBack
	l.mu.RUnlock()
	if !back {
		return nil
	}
	return l.carryOutAll(l.background.ctx)
}
