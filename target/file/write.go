package file

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"sync"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// A batch is written in groups. While the files of one group are flushed, side by
// side, those of the next are made; then the first get their names, in order. The
// directories are flushed once, at the end. So the processor and the disk work at
// the same time, many files share the disk's trips, and what is named is on disk
// whole.
//
// One syncfs for a group would cost a third less, but it waits for whatever anybody
// else has written to the file system, and not every one passes it on (FUSE).
const (
	groupEvents = 512 // the files of two groups are open at once
	groupBytes  = 8 << 20
	workers     = 32 // most of the time they wait for the disk
)

// pending is a file on its way.
type pending struct {
	place     place
	hash      uint64
	temporary string   // "" = it is already there
	file      *os.File // until it is flushed
	err       error
}

// group is a run of events whose files are made together.
type group struct {
	files   []pending
	err     error // about the event behind them
	flushed chan struct{}
}

// writing is one Write.
type writing struct {
	*files
	staged directory // where files are made
	days   map[string]bool
}

// Write writes the batch's files. What is reported as written survives a power
// cut.
func (t *files) Write(ctx context.Context, b target.Batch) (written int, err error) {
	if t.root == nil {
		return 0, errors.New("file target is not open")
	}
	w := writing{files: t, days: map[string]bool{}}
	if w.staged, err = openDirectory(t.root, t.staging.dir); err != nil {
		return 0, fault(fmt.Errorf("file_dir %s: %w", t.dir, err))
	}
	defer w.staged.Close()
	named, err := w.write(ctx, b.Events)
	if serr := w.syncDays(); serr != nil {
		return 0, fault(fmt.Errorf("file_dir %s: %w", t.dir, serr))
	}
	return named, err
}

// write returns how many files from the front have their name.
func (w *writing) write(ctx context.Context, events []event.Event) (named int, err error) {
	var flushing *group
	for made := 0; ; {
		var next *group
		if made < len(events) && ctx.Err() == nil && (flushing == nil || flushing.err == nil) {
			next = w.make(events[made:])
			made += len(next.files)
		}
		if flushing != nil {
			n, err := w.name(flushing)
			if named += n; err != nil {
				w.discard(next)
				return named, err
			}
		}
		if flushing = next; next == nil {
			break
		}
	}
	if named < len(events) {
		err = ctx.Err()
	}
	return named, err
}

// make makes the files of the first events, as many as a group takes, under
// temporary names, and begins to flush them. They are made one after the other, as
// the kernel lets nobody else into the directory meanwhile.
func (w *writing) make(events []event.Event) *group {
	g := &group{files: make([]pending, 0, min(len(events), groupEvents)), flushed: make(chan struct{})}
	var content []byte
	for size := 0; len(g.files) < min(len(events), groupEvents) && size < groupBytes; size += len(content) {
		e := &events[len(g.files)]
		content = appendDocument(content[:0], e)
		f := pending{place: placeOf(e), hash: maphash.Bytes(w.names.seed, content)}
		if err := w.begin(&f, content); err != nil {
			g.err = w.eventFault(f.place, err)
			break
		}
		g.files = append(g.files, f)
	}
	go func() {
		defer close(g.flushed)
		inParallel(len(g.files), func(i int) {
			if f := &g.files[i]; f.file != nil {
				f.err = errors.Join(w.syncFile(f.file), f.file.Close())
			}
		})
	}()
	return g
}

// begin makes a file, unless an earlier delivery has.
func (w *writing) begin(f *pending, content []byte) error {
	there, err := w.alreadyThere(f, content)
	if there || err != nil {
		return err
	}
	f.temporary = w.staging.next()
	if f.file, err = w.staged.create(f.temporary); err != nil {
		return err
	}
	if _, err = f.file.Write(content); err != nil {
		return errors.Join(err, f.file.Close(), w.staged.remove(f.temporary))
	}
	startFlush(f.file)
	return nil
}

// alreadyThere reports whether an earlier delivery has written the file.
func (t *files) alreadyThere(f *pending, content []byte) (bool, error) {
	tk, err := t.taken(f.place)
	if err != nil {
		return false, err
	}
	number, seen := tk.have[f.hash]
	if !seen {
		return false, nil
	}
	return t.holds(f.place.name(number), content)
}

// name gives a group's files their names when they are flushed, and returns how
// many from the front have theirs.
func (w *writing) name(g *group) (named int, err error) {
	<-g.flushed
	open := map[string]directory{}
	for ; named < len(g.files); named++ {
		f := &g.files[named]
		if err = f.err; err == nil && f.temporary != "" {
			err = w.give(f, open)
		}
		if err != nil {
			err = w.eventFault(f.place, err)
			w.removeAll(g.files[named:])
			break
		}
		w.days[f.place.dir] = true // also of a file that was there: whoever wrote it may have died before this
	}
	for _, d := range open {
		d.Close()
	}
	if err == nil {
		err = g.err
	}
	return named, err
}

// discard takes away a group that is not wanted any more; nil is none.
func (w *writing) discard(g *group) {
	if g != nil {
		<-g.flushed
		w.removeAll(g.files)
	}
}

func (w *writing) removeAll(files []pending) {
	for i := range files {
		if name := files[i].temporary; name != "" {
			_ = w.staged.remove(name) // else Open does
		}
	}
}

// give gives a finished file the first name of its place that is free. Open are
// the directories that are open.
func (w *writing) give(f *pending, open map[string]directory) error {
	tk, err := w.taken(f.place)
	if err != nil {
		return err
	}
	again := true
	for number := tk.next; ; {
		d, is := open[f.place.dir]
		if !is {
			if d, err = w.openDay(f.place.dir); err != nil {
				return err
			}
			open[f.place.dir] = d
		}
		err := w.staged.link(f.temporary, d, f.place.base(number))
		switch {
		case err == nil:
			w.names.note(tk, f.hash, number)
			return w.staged.remove(f.temporary)
		case errors.Is(err, fs.ErrExist):
			number++
		case errors.Is(err, fs.ErrNotExist) && again:
			again = false // somebody has removed the directory since it was opened
			d.Close()
			delete(open, f.place.dir)
		default:
			return err
		}
	}
}

// openDay opens the directory of a type and a day, and makes it where it is missing.
func (t *files) openDay(dir string) (directory, error) {
	for was := t.known[dir]; ; was = false {
		if err := t.makeDay(dir); err != nil {
			return directory{}, err
		}
		d, err := openDirectory(t.root, dir)
		if !was || !errors.Is(err, fs.ErrNotExist) {
			return d, err
		}
		delete(t.known, dir) // somebody has removed it
	}
}

// makeDay makes the directories of a type and a day, on disk.
func (t *files) makeDay(dir string) error {
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

// syncDays flushes the directories of the files that were named.
func (w *writing) syncDays() error {
	days := slices.Collect(maps.Keys(w.days))
	errs := make([]error, len(days))
	inParallel(len(days), func(i int) { errs[i] = w.syncDir(days[i]) })
	return errors.Join(errs...)
}

func (t *files) syncDir(dir string) error {
	d, err := openDirectory(t.root, dir)
	if err != nil {
		return err
	}
	return errors.Join(t.syncFile(d.File), d.Close())
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
