package wal

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/firnlog/firn/internal/store/vfs"
)

// logFile is one file of a log or a journal.
type logFile struct {
	name string // path
	hdr  fileHeader
	// hdrOK says that hdr was read; otherwise it has the identity of the log and
	// the number of the name alone.
	hdrOK bool
	size  int64
	// damaged files are set aside when they are removed, never deleted.
	damaged bool
	// end is where the last file goes on; marked says that all before it is
	// proven by a mark or the header.
	end    int64
	marked bool
	// torn is what is still to be cut off behind end; nil = nothing.
	torn *hole
	// doubt is where bytes begin that nothing proves, of the newest records that
	// were written whole and are damaged; 0 = there are none. The file has had
	// records up to upTo at least.
	doubt int64
	upTo  uint64
}

// naming is how a log or journal calls its files: prefix, 20 digits, suffix.
type naming struct{ dir, prefix, suffix string }

func walNaming(dir string) naming { return naming{dir: dir, suffix: ".wal"} }

func (n naming) path(number uint64) string {
	return filepath.Join(n.dir, fmt.Sprintf("%s%020d%s", n.prefix, number, n.suffix))
}

// number is the number in a file's name, 0 if the name is none of ours.
func (n naming) number(name string) uint64 {
	digits, ok := strings.CutPrefix(name, n.prefix)
	if !ok {
		return 0
	}
	if digits, ok = strings.CutSuffix(digits, n.suffix); !ok || len(digits) != 20 {
		return 0
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0
	}
	return number
}

const tmpSuffix = ".tmp"

// files is what load found.
type files struct {
	identity Identity
	list     []*logFile // in order of number
	highest  uint64     // number that any file has, in its name or header
	damage   []Damage
	foreign  []string // files of another log
	tmp      []string // files whose making was not completed
}

// load lists the files of a log with their headers. A missing directory is an
// empty log. With ErrUnreadable it returns the files as they are, without an
// identity and in no order.
func load(fsys vfs.FS, n naming, identity Identity) (*files, error) {
	names, err := fsys.List(n.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	fl := &files{identity: identity}
	for _, name := range names {
		if base, ok := strings.CutSuffix(name, tmpSuffix); ok && n.number(base) != 0 {
			fl.tmp = append(fl.tmp, filepath.Join(n.dir, name))
		}
		number := n.number(name)
		if number == 0 {
			continue
		}
		fl.highest = max(fl.highest, number)
		if err := fl.read(fsys, filepath.Join(n.dir, name), number); err != nil {
			return nil, err
		}
	}
	if fl.identity == (Identity{}) && len(fl.list) > 0 {
		id, ok, err := deduce(fsys, fl.list)
		if err != nil {
			return nil, err
		}
		if !ok {
			return fl, fmt.Errorf("wal: %s: %w", n.dir, ErrUnreadable)
		}
		fl.identity = id
	}
	fl.order()
	return fl, nil
}

// read reads one file's header and adds the file, unless it is of another log.
func (fl *files) read(fsys vfs.FS, path string, number uint64) error {
	f, err := fsys.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed since it was listed
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lf := &logFile{name: path}
	if lf.size, err = f.Size(); err != nil {
		return err
	}
	head := make([]byte, min(dataStart, lf.size))
	if len(head) > 0 {
		if _, err := f.ReadAt(head, 0); err != nil {
			return fmt.Errorf("wal: %s: %w", path, err)
		}
	}
	if err := lf.readHeader(head); err != nil {
		return fmt.Errorf("wal: %s: %w", path, err)
	}
	if !lf.hdrOK {
		lf.hdr.number = number
		fl.list = append(fl.list, lf)
		return nil
	}
	fl.highest = max(fl.highest, lf.hdr.number)
	if fl.identity == (Identity{}) {
		fl.identity = lf.hdr.identity
	}
	if lf.hdr.identity != fl.identity {
		fl.foreign = append(fl.foreign, path)
		fl.damage = append(fl.damage, noLoss(path, 0, lf.size, "the file belongs to another log"))
		return nil
	}
	if lf.hdr.number != number {
		lf.damaged = true
		fl.damage = append(fl.damage, noLoss(path, 0, 0, fmt.Sprintf("the file is number %d by its header", lf.hdr.number)))
	}
	if !bytes.Equal(head, lf.hdr.encode()) {
		lf.damaged = true
		fl.damage = append(fl.damage, noLoss(path, 0, dataStart, "the file's header is damaged; a copy of it is good"))
	}
	fl.list = append(fl.list, lf)
	return nil
}

func (lf *logFile) readHeader(head []byte) error {
	for _, at := range []int{0, headerCopyOffset} {
		h, ok, err := decodeFileHeader(head[min(at, len(head)):])
		if err != nil {
			return err
		}
		if ok {
			lf.hdr, lf.hdrOK = h, true
			return nil
		}
	}
	return nil
}

// order sorts the files and gives those without a header the log's identity.
func (fl *files) order() {
	slices.SortStableFunc(fl.list, func(a, b *logFile) int {
		return cmp.Compare(a.hdr.number, b.hdr.number)
	})
	kept := fl.list[:0]
	for _, lf := range fl.list {
		if len(kept) > 0 && kept[len(kept)-1].hdr.number == lf.hdr.number {
			fl.damage = append(fl.damage, noLoss(lf.name, 0, lf.size,
				fmt.Sprintf("there are two files with the number %d; this one is not read", lf.hdr.number)))
			continue
		}
		kept = append(kept, lf)
	}
	fl.list = kept
	for _, lf := range fl.list {
		if !lf.hdrOK {
			lf.damaged = true
			lf.hdr.identity = fl.identity
			fl.damage = append(fl.damage, noLoss(lf.name, 0, min(dataStart, lf.size),
				"both copies of the file's header are damaged"))
		}
	}
}

// noLoss is damage that costs no record.
func noLoss(file string, offset, end int64, reason string) Damage {
	return Damage{File: file, Offset: offset, End: end, FirstLost: 1, LastLost: 0, Reason: reason}
}

// createFile makes a file durably, with the records that fill writes into it,
// and returns it open for writing and how long it is. It has its name only when
// all is synced. ErrFailed if a sync failed; any other error leaves nothing.
func createFile(fsys vfs.FS, path string, hdr fileHeader, fill func(w *fileWriter) error) (f vfs.File, end int64, err error) {
	tmp := path + tmpSuffix
	if f, err = fsys.Create(tmp); err != nil {
		return nil, 0, err
	}
	w := &fileWriter{f: f, end: dataStart, salt: hdr.salt(), next: hdr.firstLSN}
	err = writeNew(hdr, w, fill)
	if err == nil {
		err = fsys.Rename(tmp, path)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("make %s: %w", path, errors.Join(err, f.Close(), fsys.Remove(tmp)))
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return nil, 0, errors.Join(failed("sync directory of "+path, err), f.Close())
	}
	return f, w.end, nil
}

func writeNew(hdr fileHeader, w *fileWriter, fill func(w *fileWriter) error) error {
	if fill != nil {
		if err := fill(w); err != nil {
			return err
		}
		if err := w.flush(); err != nil {
			return err
		}
	}
	hdr.lastLSN, hdr.proven = w.next-1, w.end
	hdr.baseLSN = w.base
	if _, err := w.f.WriteAt(hdr.encode(), 0); err != nil {
		return err
	}
	if err := w.f.Sync(); err != nil {
		return failed("sync a new file", err)
	}
	return nil
}

// fileWriter fills a new file with records.
type fileWriter struct {
	f    vfs.File
	end  int64
	salt uint32
	next uint64 // LSN
	base uint64 // LSN of the last snapshot record; 0 = none

	group Group
	kind  uint32 // of the group's records
}

// add adds a record of a kind.
func (w *fileWriter) add(kind uint32, body []byte) error {
	if kind != w.kind || w.group.Size() >= windowSize {
		if err := w.flush(); err != nil {
			return err
		}
		w.kind = kind
	}
	w.group.Append(body)
	return nil
}

func (w *fileWriter) flush() error {
	if err := w.group.check(); err != nil {
		return err
	}
	if w.group.Records() == 0 {
		return nil
	}
	w.group.stamp(w.kind, w.next, 0, w.salt)
	if _, err := w.f.WriteAt(w.group.buf, w.end); err != nil {
		return err
	}
	w.end += int64(w.group.Size())
	w.next += uint64(w.group.Records())
	if w.kind == kindSnapshot {
		w.base = w.next - 1
	}
	w.group.Reset()
	return nil
}

// failed is ErrFailed with what was being done.
func failed(what string, cause error) error {
	return fmt.Errorf("%w: %s: %w", ErrFailed, what, cause)
}
