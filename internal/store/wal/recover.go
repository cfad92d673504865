package wal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"github.com/firnlog/firn/internal/store/vfs"
)

// FirstLSN is the LSN that the oldest file of the log in dir begins with; 0 if
// there is none whose header can be read.
func FirstLSN(fsys vfs.FS, dir string) (uint64, error) {
	fl, err := load(fsys, walNaming(dir), Identity{})
	if errors.Is(err, ErrUnreadable) || err == nil && (len(fl.list) == 0 || !fl.list[0].hdrOK) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return fl.list[0].hdr.firstLSN, nil
}

// Open opens the log in dir, which it makes if there is none, recovers it, and
// gives every record above opts.After, in order, to replay, whose error ends
// Open. What replay is given is on disk. Damage is no error: it is in Recovery,
// and the records after it are replayed too.
func Open(fsys vfs.FS, dir string, opts Options, replay func(Record) error) (*Log, Recovery, error) {
	r := recovery{fsys: fsys, names: walNaming(dir), quarantine: opts.quarantine(dir)}
	if err := r.prepare(opts.Identity); err != nil {
		return nil, r.found, err
	}
	t := newTracker(r.files.list, opts.After, func(_ placed, rec Record) error {
		if r.found.Records == 0 {
			r.found.FirstLSN = rec.LSN
		}
		r.found.Records++
		r.found.Bytes += int64(len(rec.Body))
		r.found.LastLSN = rec.LSN
		return replay(rec)
	})
	if err := r.replay(t); err != nil {
		return nil, r.found, err
	}
	l, err := r.log(opts, t.firstLost())
	if err != nil {
		return nil, r.found, err
	}
	return l, r.found, nil
}

func (o *Options) quarantine(dir string) string {
	if o.Quarantine != "" {
		return o.Quarantine
	}
	return filepath.Join(filepath.Dir(dir), "quarantine")
}

// recovery is the state of Open.
type recovery struct {
	fsys       vfs.FS
	names      naming
	quarantine string
	files      *files
	found      Recovery
}

// prepare loads the files and mends the tail of the last one.
func (r *recovery) prepare(identity Identity) error {
	if err := r.fsys.MkdirAll(r.names.dir); err != nil {
		return err
	}
	var err error
	r.files, err = load(r.fsys, r.names, identity)
	if errors.Is(err, ErrUnreadable) {
		// Nothing in them can be read, which is reported as damage; the log goes on
		// behind them.
		r.files.identity, err = newIdentity(), nil
		r.files.order()
	}
	if err != nil {
		return err
	}
	if err := settleNames(r.fsys, r.names.dir, r.files.tmp); err != nil {
		return err
	}
	if r.files.identity == (Identity{}) {
		r.files.identity = newIdentity()
	}
	r.found.Identity = r.files.identity
	r.found.Damage = r.files.damage
	if n := len(r.files.list); n > 0 {
		return r.mend(r.files.list[n-1])
	}
	return nil
}

// settleNames removes files whose making was not completed, and makes the names
// of the others durable: a process that was killed may have named a file, but
// not synced its name.
func settleNames(fsys vfs.FS, dir string, tmp []string) error {
	for _, name := range tmp {
		if err := fsys.Remove(name); err != nil {
			return err
		}
	}
	if err := fsys.SyncDir(dir); err != nil {
		return failed("sync directory "+dir, err)
	}
	return nil
}

// mend makes the end of the last file certain: it sets torn bytes aside and
// copies the records that nothing proves to be on disk to a new file.
func (r *recovery) mend(lf *logFile) error {
	f, err := r.fsys.OpenAppend(lf.name)
	if err != nil {
		return err
	}
	defer f.Close()
	t, err := survey(f, lf)
	if err != nil {
		return fmt.Errorf("wal: %s: %w", lf.name, err)
	}
	if t.torn != nil {
		r.found.Torn, err = cut(r.fsys, f, lf, t.torn, r.quarantine)
		if noSpace(err) {
			// It is cut before the first write.
			r.found.Torn, err = tornAt(lf, t.torn, ""), nil
			lf.torn, lf.size = t.torn, t.torn.offset
		}
		if err != nil {
			return fmt.Errorf("wal: %s: %w", lf.name, err)
		}
	}
	if t.records == 0 && len(t.damaged) == 0 {
		// A mark that nothing proves is overwritten.
		lf.end, lf.marked = t.proven, t.good > t.proven || t.proven == lf.hdr.proven
		return nil
	}
	if len(t.damaged) > 0 {
		// It stays where it is, as damage does, and the records beside it with it.
		lf.doubt, lf.upTo = t.doubt(), t.upTo
		return r.prove(f, lf, t)
	}
	err = r.rewrite(f, lf, t)
	if noSpace(err) {
		return r.prove(f, lf, t)
	}
	if err != nil {
		return err
	}
	// What is cut here is in the new file, which is on disk.
	return resize(f, lf, t.proven)
}

// prove writes the unproven bytes of the last file again, where they are, and
// syncs them: it takes no room on the disk. Bytes that were on disk already are
// replaced by the same, so a power cut on the way takes nothing away.
func (r *recovery) prove(f vfs.File, lf *logFile, t tail) error {
	if err := writeAgain(f, t.proven, t.good); err != nil {
		return fmt.Errorf("wal: write the unproven tail of %s again: %w", lf.name, err)
	}
	if err := f.Sync(); err != nil {
		return failed("sync "+lf.name, err)
	}
	lf.end, r.found.Rewritten = t.good, t.records
	return nil
}

// writeAgain writes the bytes [from, to) of a file where they are.
func writeAgain(f vfs.File, from, to int64) error {
	buf := make([]byte, min(windowSize, to-from))
	for at := from; at < to; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), to-at)]
		if _, err := f.ReadAt(buf, at); err != nil {
			return err
		}
		if _, err := f.WriteAt(buf, at); err != nil {
			return err
		}
	}
	return nil
}

// noSpace reports whether an error is that of a full disk, met before anything
// was synced.
func noSpace(err error) bool {
	return (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) && !isFailed(err)
}

// resize cuts a file and makes that durable.
func resize(f vfs.File, lf *logFile, size int64) error {
	if err := f.Truncate(size); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return failed("sync "+lf.name, err)
	}
	lf.size = size
	return nil
}

// cut copies the torn end of a file to the quarantine and then cuts it.
func cut(fsys vfs.FS, f vfs.File, lf *logFile, torn *hole, quarantine string) (*Torn, error) {
	name := freeName(fsys, filepath.Join(quarantine, fmt.Sprintf("%s-%d.torn", filepath.Base(lf.name), torn.offset)))
	data := make([]byte, torn.end-torn.offset)
	if _, err := f.ReadAt(data, torn.offset); err != nil {
		return nil, fmt.Errorf("read torn bytes: %w", err)
	}
	if err := fsys.MkdirAll(quarantine); err != nil {
		return nil, err
	}
	if err := vfs.WriteFile(fsys, name, data); err != nil {
		return nil, fmt.Errorf("set torn bytes aside: %w", err)
	}
	return tornAt(lf, torn, name), resize(f, lf, torn.offset)
}

func tornAt(lf *logFile, torn *hole, quarantine string) *Torn {
	return &Torn{File: lf.name, Offset: torn.offset, End: torn.end, Quarantine: quarantine, Reason: torn.reason}
}

func newIdentity() (id Identity) {
	rand.Read(id[:]) // never fails
	return id
}

// rewrite copies the unproven records of the last file to a new one.
func (r *recovery) rewrite(f vfs.File, lf *logFile, t tail) error {
	hdr := fileHeader{identity: r.files.identity, number: r.files.highest + 1, firstLSN: t.first}
	path := r.names.path(hdr.number)
	nf, end, err := createFile(r.fsys, path, hdr, func(w *fileWriter) error {
		_, err := walk(f, lf.hdr.salt(), t.proven, t.good, visitor{
			record: func(p placed, body []byte) error {
				if p.kind == kindMark {
					return nil
				}
				return w.add(p.kind, body)
			},
			hole: func(hole) {},
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("wal: rewrite the unproven tail of %s: %w", lf.name, err)
	}
	if err := nf.Close(); err != nil {
		return err
	}
	r.files.highest++
	hdr.lastLSN, hdr.proven = t.first+uint64(t.records)-1, end
	r.files.list = append(r.files.list, &logFile{name: path, hdr: hdr, hdrOK: true, size: end,
		end: end, marked: true})
	r.found.Rewritten = t.records
	return nil
}

// replay reads all files; nothing in them is in doubt any more.
func (r *recovery) replay(t *tracker) error {
	for i, lf := range r.files.list {
		if err := t.file(r.fsys, lf, lf.size, t.following(r.files.list[i+1:])); err != nil {
			return fmt.Errorf("wal: %s: %w", lf.name, err)
		}
	}
	r.found.Files = len(r.files.list)
	r.found.Damage = append(r.found.Damage, t.damage...)
	return nil
}

// log makes the open log. It goes on in the last file if that is without fault,
// else in a new one.
func (r *recovery) log(opts Options, next uint64) (*Log, error) {
	l := &Log{fsys: r.fsys, names: r.names, identity: r.files.identity, quarantine: r.quarantine,
		fileSize: opts.FileSize, next: next, number: r.files.highest}
	if l.fileSize <= 0 {
		l.fileSize = defaultFileSize
	}
	for i, lf := range r.files.list {
		l.list = append(l.list, listed{FileInfo: FileInfo{Name: lf.name, Number: lf.hdr.number,
			FirstLSN: lf.hdr.firstLSN, Size: lf.size}, damaged: lf.damaged})
		if i+1 == len(r.files.list) && !lf.damaged {
			return l, l.resume(lf)
		}
	}
	if err := l.begin(); err != nil && (!noSpace(err) || len(l.list) == 0) {
		return l, err
	}
	return l, nil // where there is no room, the first write begins the next file
}
