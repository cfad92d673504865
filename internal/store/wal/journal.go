package wal

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/firnlog/firn/internal/store/vfs"
)

// Journal is a small piece of state as a checksummed file of records: a snapshot
// followed by changes. Rewrite begins a new generation with a new snapshot; the
// one before is kept, so that a damaged snapshot costs nothing: the older
// generation, whole, is the same state. Between calls no file is open.
//
// Its files are dir/name-<20 digits>. Its methods are for one goroutine at a time.
type Journal struct {
	fsys       vfs.FS
	names      naming
	quarantine string
	identity   Identity
	list       []*logFile // generations, the newest last
	foreign    []string   // files of another journal
	highest    uint64     // number that any generation has
	end, base  int64      // of the newest
	proven     int64
	next       uint64 // LSN in the newest
	err        error  // ErrFailed
	// unsettled says that what a crash may have left undone is still to be done.
	unsettled bool
}

// JournalOptions configures OpenJournal. The zero value is the default.
type JournalOptions struct {
	// Identity that the files must bear. Zero: that of the files that are
	// there, or a new random one.
	Identity   Identity
	Quarantine string // directory for cut tails; default dir/quarantine
	// Trust says that the caller knows by other means which of the records count,
	// and that those are on disk. Opening then changes nothing and waits for
	// nothing: a torn tail, and whatever else a crash may have left, is dealt with
	// before the first Append or Rewrite.
	Trust bool
}

// Append adds records (none empty), all or none of them: they are durable when
// it returns without error. ErrFailed as for Log.Sync; any other error leaves
// the journal as it was.
func (j *Journal) Append(records ...[]byte) error {
	if j.err != nil || len(records) == 0 {
		return j.err
	}
	if err := j.settle(); err != nil {
		return err
	}
	if len(j.list) == 0 {
		return j.begin(func(w *fileWriter) error {
			return addAll(w, kindData, slices.Values(records))
		})
	}
	var g Group
	for _, r := range records {
		g.Append(r)
	}
	if err := g.check(); err != nil {
		return err
	}
	newest := j.list[len(j.list)-1]
	g.stamp(kindData, j.next, j.proven, newest.hdr.salt())
	f, err := j.fsys.OpenAppend(newest.name)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	err = j.write(f, newest.name, g.buf)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = j.fail(failed("close "+newest.name, cerr))
	}
	if err != nil {
		return err
	}
	j.next += uint64(g.Records())
	return nil
}

func (j *Journal) write(f vfs.File, name string, b []byte) error {
	if _, err := f.WriteAt(b, j.end); err != nil {
		err = fmt.Errorf("journal: write to %s at %d: %w", name, j.end, err)
		if terr := f.Truncate(j.end); terr != nil {
			return j.fail(failed("take a failed write back: "+err.Error(), terr))
		}
		if serr := f.Sync(); serr != nil {
			return j.fail(failed("take a failed write back: "+err.Error(), serr))
		}
		return err
	}
	if err := f.Sync(); err != nil {
		return j.fail(failed("sync "+name, err))
	}
	j.end += int64(len(b))
	j.proven = j.end
	return nil
}

// settle does what opening with Trust has put off.
func (j *Journal) settle() error {
	if j.err != nil || !j.unsettled {
		return j.err
	}
	o := journalOpening{fsys: j.fsys, names: j.names, quarantine: j.quarantine}
	again, err := o.open(j.identity)
	if err == nil && o.unsettled {
		err = fmt.Errorf("set torn bytes aside: %w", syscall.ENOSPC)
	}
	if err != nil {
		return j.fail(fmt.Errorf("journal %s: %w", filepath.Join(j.names.dir, j.names.prefix), err))
	}
	*j = *again
	return nil
}

func (j *Journal) fail(err error) error {
	if j.err == nil && isFailed(err) {
		j.err = err
	}
	return err
}

// Rewrite begins a new generation whose snapshot is these records (none empty),
// durably; the generation before the one before is deleted. The records must
// amount to the same state as all before them, since either may be replayed.
// ErrFailed as for Log.Sync; any other error leaves the journal as it was.
func (j *Journal) Rewrite(records iter.Seq[[]byte]) error {
	if err := j.settle(); err != nil {
		return err
	}
	return j.begin(func(w *fileWriter) error { return addAll(w, kindSnapshot, records) })
}

func addAll(w *fileWriter, kind uint32, records iter.Seq[[]byte]) error {
	for r := range records {
		if err := w.add(kind, r); err != nil {
			return err
		}
	}
	return nil
}

// begin makes the next generation.
func (j *Journal) begin(fill func(w *fileWriter) error) error {
	if err := j.fsys.MkdirAll(j.names.dir); err != nil {
		return err
	}
	hdr := fileHeader{identity: j.identity, number: j.highest + 1, firstLSN: 1, previous: j.end}
	path := j.names.path(hdr.number)
	var last *fileWriter
	f, end, err := createFile(j.fsys, path, hdr, func(w *fileWriter) error {
		last = w
		return fill(w)
	})
	if err != nil {
		return j.fail(fmt.Errorf("journal: %w", err))
	}
	if err := f.Close(); err != nil {
		return j.fail(failed("close "+path, err))
	}
	j.highest = hdr.number
	j.end, j.proven, j.next, j.base = end, end, last.next, dataStart
	if last.base > 0 {
		j.base = end
	}
	j.list = append(j.list, &logFile{name: path, hdr: hdr, hdrOK: true})
	j.prune()
	return nil
}

// prune deletes all but the two newest generations. What cannot be deleted now
// is deleted the next time.
func (j *Journal) prune() {
	old := j.list[:max(0, len(j.list)-2)]
	kept := slices.DeleteFunc(slices.Clone(old), func(lf *logFile) bool {
		if lf.damaged {
			return setAside(j.fsys, lf.name, j.quarantine) == nil
		}
		return j.fsys.Remove(lf.name) == nil
	})
	j.list = append(kept, j.list[len(old):]...)
}

// setAside moves a damaged file to the quarantine.
func setAside(fsys vfs.FS, name, quarantine string) error {
	if err := fsys.MkdirAll(quarantine); err != nil {
		return err
	}
	if err := fsys.Rename(name, freeName(fsys, filepath.Join(quarantine, filepath.Base(name)))); err != nil {
		return err
	}
	return fsys.SyncDir(quarantine)
}

// freeName is a path, with a number behind it where there is a file already.
func freeName(fsys vfs.FS, path string) string {
	free := path
	for i := 1; ; i++ {
		if _, err := fsys.Stat(free); err != nil {
			return free
		}
		free = fmt.Sprintf("%s-%d", path, i)
	}
}

// Renew is Rewrite that then moves the generations which are damaged, and files
// of another journal, to the quarantine.
func (j *Journal) Renew(records iter.Seq[[]byte]) error {
	if err := j.Rewrite(records); err != nil {
		return err
	}
	var errs []error
	j.list = slices.DeleteFunc(j.list, func(lf *logFile) bool {
		if !lf.damaged {
			return false
		}
		err := setAside(j.fsys, lf.name, j.quarantine)
		errs = append(errs, err)
		return err == nil
	})
	j.foreign = slices.DeleteFunc(j.foreign, func(name string) bool {
		err := setAside(j.fsys, name, j.quarantine)
		errs = append(errs, err)
		return err == nil
	})
	return errors.Join(append(errs, j.fsys.SyncDir(j.names.dir))...)
}

// Identity tells the journal from every other.
func (j *Journal) Identity() Identity { return j.identity }

// At is the newest generation's number and how many bytes of records it has: a
// journal that is found with less has lost some.
func (j *Journal) At() (generation uint64, bytes int64) {
	if len(j.list) == 0 {
		return 0, 0
	}
	return j.list[len(j.list)-1].hdr.number, j.end
}

// Size is the size in bytes of the newest generation, and base that of its
// snapshot. A caller rewrites when the changes outgrow the snapshot.
func (j *Journal) Size() (size, base int64) { return j.end, j.base }

// Err is the failure that ended the journal (ErrFailed), nil while there is none.
func (j *Journal) Err() error { return j.err }

// Files lists the paths of the generations that are there, the newest last.
// Copies of them, made while nobody calls Append or Rewrite, are a journal.
func (j *Journal) Files() []string {
	paths := make([]string, len(j.list))
	for i, lf := range j.list {
		paths[i] = lf.name
	}
	return paths
}

// Remove deletes the journal's files. It is empty afterwards.
func (j *Journal) Remove() error {
	var errs []error
	for _, lf := range j.list {
		errs = append(errs, j.fsys.Remove(lf.name))
	}
	errs = append(errs, j.fsys.SyncDir(j.names.dir))
	j.list, j.end, j.base, j.next = nil, 0, 0, 0
	return errors.Join(errs...)
}
