package file

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path"
	"sync"

	"github.com/firnlog/firn/target"
)

// A batch is written in groups. Each group's files are made and flushed side by
// side, then named in order, then their directories are flushed: so many share
// the disk's trips, and what is named is on disk whole.
const (
	groupEvents = 512 // so many files are open at once
	groupBytes  = 8 << 20
	workers     = 32 // most of the time they wait for the disk
)

// pending is a file on its way.
type pending struct {
	place     place
	content   []byte
	hash      uint64
	temporary string // "" = it is already there
	err       error
}

// Write writes the batch's files. What is reported as written survives a power
// cut.
func (t *files) Write(ctx context.Context, b target.Batch) (written int, err error) {
	if t.root == nil {
		return 0, errors.New("file target is not open")
	}
	for written < len(b.Events) {
		if err := ctx.Err(); err != nil {
			return written, err
		}
		group, err := t.gather(b, written)
		if err != nil {
			return written, err
		}
		done, err := t.writeGroup(group)
		written += done
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// gather prepares the files of the events from first on, as many as a group
// takes. With an error there is nothing to write: it is the first event's.
func (t *files) gather(b target.Batch, first int) ([]pending, error) {
	var group []pending
	for size := 0; first+len(group) < len(b.Events) && len(group) < groupEvents && size < groupBytes; {
		e := &b.Events[first+len(group)]
		f := pending{place: placeOf(e), content: appendDocument(nil, e)}
		f.hash = maphash.Bytes(t.names.seed, f.content)
		there, err := t.alreadyThere(&f)
		if err != nil && len(group) > 0 {
			break // the next group tells
		}
		if err != nil {
			return nil, t.eventFault(f.place, err)
		}
		if !there {
			f.temporary = t.workshop.next()
		}
		group, size = append(group, f), size+len(f.content)
	}
	return group, nil
}

// alreadyThere reports whether an earlier delivery has written the file.
func (t *files) alreadyThere(f *pending) (bool, error) {
	tk, err := t.taken(f.place)
	if err != nil {
		return false, err
	}
	number, seen := tk.have[f.hash]
	if !seen {
		return false, nil
	}
	return t.holds(f.place.name(number), f.content)
}

// writeGroup returns how many files from the front are there for good.
func (t *files) writeGroup(group []pending) (int, error) {
	t.makeAll(group)
	var err error
	named := 0
	for named < len(group) && err == nil {
		f := &group[named]
		if err = f.err; err == nil {
			err = t.give(f)
		}
		if err != nil {
			err = t.eventFault(f.place, err)
			break
		}
		named++
	}
	for i := range group[named:] {
		if name := group[named+i].temporary; name != "" {
			t.root.Remove(name) // else Open does
		}
	}
	if serr := t.syncDirs(group[:named]); serr != nil {
		return 0, fault(fmt.Errorf("file_dir %s: %w", t.dir, serr))
	}
	return named, err
}

// makeAll makes the group's files under their temporary names, on disk. They are
// made one after the other, as the kernel lets nobody else into the directory
// meanwhile, and flushed side by side.
func (t *files) makeAll(group []pending) {
	open := make([]*os.File, 0, len(group))
	for i := range group {
		f := &group[i]
		if f.temporary == "" {
			open = append(open, nil)
			continue
		}
		file, err := t.root.OpenFile(f.temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			f.err = err
			break // what follows it waits
		}
		if _, f.err = file.Write(f.content); f.err == nil {
			startFlush(file)
		}
		if open = append(open, file); f.err != nil {
			break
		}
	}
	inParallel(len(open), func(i int) {
		if open[i] != nil {
			group[i].err = errors.Join(group[i].err, t.syncFile(open[i]), open[i].Close())
		}
	})
}

// give gives a finished file the first name of its place that is free.
func (t *files) give(f *pending) error {
	if f.temporary == "" {
		return nil
	}
	if err := t.makeDir(f.place.dir); err != nil {
		return err
	}
	tk, err := t.taken(f.place)
	if err != nil {
		return err
	}
	for number := tk.next; ; {
		err := t.root.Link(f.temporary, f.place.name(number))
		switch {
		case err == nil:
			t.names.note(tk, f.hash, number)
			return t.root.Remove(f.temporary)
		case errors.Is(err, fs.ErrExist):
			number++
		case errors.Is(err, fs.ErrNotExist) && t.known[f.place.dir]:
			// Somebody has removed the directory; it is made again, once.
			delete(t.known, f.place.dir)
			if err := t.makeDir(f.place.dir); err != nil {
				return err
			}
			delete(t.known, f.place.dir)
		default:
			return err
		}
	}
}

// makeDir makes the directories of a type and a day, on disk.
func (t *files) makeDir(dir string) error {
	if t.known[dir] {
		return nil
	}
	for _, d := range []string{path.Dir(dir), dir} {
		if err := t.root.Mkdir(d, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		// Also where it was there: whoever made it may have died before this.
		if err := t.syncDir(path.Dir(d)); err != nil {
			return err
		}
	}
	if len(t.known) >= maxPlaces {
		clear(t.known)
	}
	t.known[dir] = true
	return nil
}

// syncDirs flushes the directories of a group, also of files that were there
// already: whoever wrote those may have died before this.
func (t *files) syncDirs(group []pending) error {
	var dirs []string
	seen := map[string]bool{}
	for i := range group {
		if dir := group[i].place.dir; !seen[dir] {
			seen[dir], dirs = true, append(dirs, dir)
		}
	}
	errs := make([]error, len(dirs))
	inParallel(len(dirs), func(i int) { errs[i] = t.syncDir(dirs[i]) })
	return errors.Join(errs...)
}

func (t *files) syncDir(dir string) error {
	d, err := t.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(t.syncFile(d), d.Close())
}

// inParallel calls do for 0 to n-1, and returns when all calls have.
func inParallel(n int, do func(i int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for range min(n, workers) {
		all.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}
