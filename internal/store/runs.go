package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/exec"
	"github.com/firnlog/firn/internal/store/idrun"
	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/query"
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

	mu    sync.Mutex
	run   *idrun.Run // kept once it has been read: the filter is the point
	file  vfs.File
	users int
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

// use reads the run's filter, if it has not been read yet.
func (r *runFile) use() (*idrun.Run, error) {
	r.mu.Lock()
	run := r.run
	r.mu.Unlock()
	if run != nil {
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

// read reads the run's filter anew.
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

var errFound = errors.New("found")

// sealedEvent finds an event in the segments of a view by its id, nil if none
// has it.
func (l *Log) sealedEvent(ctx context.Context, in *instance, v *view, id string, key *callerID) (*event.Event, error) {
	if key.position > 0 && key.position <= v.version.sealed {
		e, err := l.eventAt(ctx, in, v, key.position, id)
		if e != nil || err != nil {
			return e, err
		}
	}
	key.lost = v.version.lostAt(key.position)
	var found *event.Event
	for i := len(v.version.runs) - 1; i >= 0; i-- {
		run, err := v.version.runs[i].use()
		if err != nil {
			return nil, err
		}
		err = run.Find(key.fingerprint, func(position int64) (err error) {
			if found, err = l.eventAt(ctx, in, v, position, id); err == nil && found != nil {
				return errFound
			}
			key.lost = cmp.Or(key.lost, v.version.lostAt(position))
			return err
		})
		if errors.Is(err, errFound) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("look up id %q: %w", id, err)
		}
	}
	return l.unindexedEvent(ctx, in, v, id)
}

// eventAt is the sealed event at a position if it has that id, else nil.
func (l *Log) eventAt(ctx context.Context, in *instance, v *view, position int64, id string) (found *event.Event, err error) {
	for _, s := range v.version.segments {
		if position < s.meta.First || position > s.meta.Last {
			continue
		}
		snap := in.snapshot(v)
		snap.Blocks = s.blocks(nil)
		where := query.Is(query.Field{Root: query.Position, Name: "position"}, query.Eq, query.IntValue(position))
		err = exec.Scan(ctx, where, snap, position-1, l.memory, func(events []event.Event) error {
			for i := range events {
				if events[i].ID == id {
					e := events[i]
					e.Payload, e.Metadata = e.Payload.Clone(), e.Metadata.Clone()
					found = &e
				}
			}
			return nil
		})
		return found, queryError(ctx, err)
	}
	return nil, nil
}
