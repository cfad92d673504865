package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/internal/store/idrun"
	"github.com/firnlog/firn/internal/store/vfs"
)

// runMeta is what the manifest knows of a run of fingerprints.
type runMeta struct {
	Name  string `json:"name"`
	Pairs int64  `json:"pairs"`
	Bytes int64  `json:"bytes"`
	// Sum tells the run from others (idrun.Run.Sum); 0 = not known.
	Sum uint32 `json:"sum,omitempty"`
	// First and Last are the range of its positions; 0 = not known.
	First int64 `json:"first,omitempty"`
	Last  int64 `json:"last,omitempty"`
}

const runSuffix = ".run"

// runFile is a run of fingerprints of an instance's sealed callers' ids.
type runFile struct {
	log  *Log
	in   *instance
	meta runMeta
	refs atomic.Int64
	gone atomic.Bool

	// loaded is run with its filter in memory, nil where it is not; admitted is how
	// many bytes of it filters counts. Both are changed by filters.
	loaded   atomic.Pointer[idrun.Run]
	admitted int64

	reading sync.Mutex // held while run or the filter is read: once, not by each lookup
	mu      sync.Mutex
	run     *idrun.Run // its filter in the file; kept once it has been read
	file    vfs.File
	users   int
}

func (l *Log) runFile(in *instance, meta runMeta) *runFile {
	return &runFile{log: l, in: in, meta: meta}
}

func (r *runFile) path() string { return r.log.instancePath(r.in, idsDir, r.meta.Name) }

func (r *runFile) hold() { r.refs.Add(1) }

func (r *runFile) drop() {
	if r.refs.Add(-1) > 0 {
		return
	}
	r.log.files.forget(r)
	r.log.filters.forget(r)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closeFile()
	if r.gone.Load() {
		r.log.removeFile(r.path())
	}
}

func (r *runFile) closeFile() {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}

func (r *runFile) closeIdle() bool {
	if !r.mu.TryLock() {
		return false
	}
	defer r.mu.Unlock()
	if r.users > 0 || r.file == nil {
		return false
	}
	r.closeFile()
	return true
}

// ReadAt reads from the file, opening it if it has been closed meanwhile.
func (r *runFile) ReadAt(p []byte, at int64) (int, error) {
	r.mu.Lock()
	f, err := r.opened()
	if err == nil {
		r.users++
	}
	r.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := f.ReadAt(p, at)
	r.mu.Lock()
	r.users--
	r.mu.Unlock()
	return n, err
}

// opened opens the file; mu is held.
func (r *runFile) opened() (vfs.File, error) {
	if r.file == nil {
		f, err := r.log.opts.FS.Open(r.path())
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &idrun.DamageError{File: r.path(), Reason: "the file is missing"}
		}
		if err != nil {
			return nil, err
		}
		r.file = f
	}
	r.log.files.used(r)
	return r.file, nil
}

// use is the run for lookups, with its filter in memory if that has room.
func (r *runFile) use() (*idrun.Run, error) {
	if run := r.loaded.Load(); run != nil {
		return run, nil
	}
	run, err := r.bare()
	if err != nil || !r.log.filters.admit(r, run.FilterSize()) {
		return run, err
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	if run := r.loaded.Load(); run != nil {
		return run, nil
	}
	loaded, err := run.Loaded()
	if err != nil {
		r.log.filters.forget(r)
		return nil, err
	}
	r.log.filters.put(r, loaded)
	return loaded, nil
}

// bare is the run with its filter in the file.
func (r *runFile) bare() (*idrun.Run, error) {
	if run := r.known(); run != nil {
		return run, nil
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	if run := r.known(); run != nil {
		return run, nil
	}
	run, err := r.read()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run = run
	return run, nil
}

// known is the run if it has been read.
func (r *runFile) known() *idrun.Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.run
}

// read reads and checks the run's filter and fences anew.
func (r *runFile) read() (*idrun.Run, error) {
	run, err := idrun.Open(r.path(), r, r.meta.Bytes)
	if err == nil && r.meta.Sum != 0 && run.Sum() != r.meta.Sum {
		err = &idrun.DamageError{File: r.path(), Reason: "it is not the one that the manifest knows"}
	}
	return run, err
}

// ofPairs yields sorted pairs.
func ofPairs(pairs []idrun.Pair) iter.Seq2[idrun.Pair, error] {
	return func(yield func(idrun.Pair, error) bool) {
		for _, p := range pairs {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// writeRun writes a run file of an instance.
func (l *Log) writeRun(in *instance, number, n int64, pairs iter.Seq2[idrun.Pair, error]) (*runFile, error) {
	dir := l.instancePath(in, idsDir)
	if err := l.opts.FS.MkdirAll(dir); err != nil {
		return nil, err
	}
	r := l.runFile(in, runMeta{Name: fmt.Sprint(number, runSuffix), Pairs: n})
	err := l.writeFile(dir, r.meta.Name, func(w io.Writer) error {
		info, err := idrun.Write(w, n, pairs)
		r.meta.Bytes, r.meta.Sum, r.meta.First, r.meta.Last = info.Bytes, info.Sum, info.First, info.Last
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// candidate is where an event may be that has an id.
type candidate struct {
	position int64
	id       int // index among those looked up
}

// sealedEvents calls found with each event in the segments of a view that has
// one of the ids. An event's texts are found's only until it returns. For ids
// that no event has, lost says whether one might be at a lost position.
func (l *Log) sealedEvents(ctx context.Context, in *instance, v *view, ids []callerID, found func(i int, e *event.Event)) error {
	all, err := candidates(v, ids)
	if err != nil {
		return err
	}
	has := make([]bool, len(ids))
	if err := l.eventsAt(ctx, in, v, all, func(i int, e *event.Event) {
		if e.ID == ids[i].id {
			has[i] = true
			found(i, e)
		}
	}); err != nil {
		return err
	}
	for i := range ids {
		ids[i].lost = nil
		if !has[i] {
			ids[i].lost = v.version.lostAt(ids[i].position)
		}
	}
	for _, c := range all {
		if !has[c.id] {
			ids[c.id].lost = cmp.Or(ids[c.id].lost, v.version.lostAt(c.position))
		}
	}
	if len(v.version.unindexed) == 0 {
		return nil
	}
	for i := range ids {
		if has[i] {
			continue
		}
		e, err := l.unindexedEvent(ctx, in, v, ids[i].id)
		if err != nil {
			return err
		}
		if e != nil {
			found(i, e)
		}
	}
	return nil
}

// candidates are the places where ids may be, by position: where an id says
// itself that it is, and what the runs say of its fingerprint.
func candidates(v *view, ids []callerID) (all []candidate, err error) {
	for i := range ids {
		if p := ids[i].position; p > 0 && p <= v.version.sealed {
			all = append(all, candidate{p, i})
		}
	}
	for _, r := range v.version.runs {
		run, err := r.use()
		if err != nil {
			return nil, err
		}
		for i := range ids {
			err := run.Find(ids[i].fingerprint, func(position int64) error {
				all = append(all, candidate{position, i})
				return nil
			})
			if err != nil {
				return nil, fmt.Errorf("look up id %q: %w", ids[i].id, err)
			}
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.id, b.id)) })
	return slices.Compact(all), nil
}

// eventsAt calls fn with the sealed events at the places of candidates, which
// are sorted, for each candidate.
func (l *Log) eventsAt(ctx context.Context, in *instance, v *view, all []candidate, fn func(i int, e *event.Event)) error {
	snap := in.noBlocks(v)
	for _, s := range v.version.segments {
		if len(all) == 0 {
			return nil // at once for nearly all batches
		}
		for len(all) > 0 && all[0].position < s.meta.First {
			all = all[1:] // of no segment
		}
		var positions []int64
		n := 0
		for ; n < len(all) && all[n].position <= s.meta.Last; n++ {
			if p := all[n].position; len(positions) == 0 || positions[len(positions)-1] != p {
				positions = append(positions, p)
			}
		}
		if n == 0 {
			continue
		}
		here := all[:n]
		all = all[n:]
		snap.Blocks = s.blocks(nil)
		err := exec.At(ctx, positions, snap, l.memory, func(events []event.Event) error {
			for i := range events {
				for ; len(here) > 0 && here[0].position <= events[i].Position; here = here[1:] {
					if here[0].position == events[i].Position {
						fn(here[0].id, &events[i])
					}
				}
			}
			return nil
		})
		if err != nil {
			return queryError(ctx, err)
		}
	}
	return nil
}
