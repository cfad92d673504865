package store

import (
	"cmp"
	"slices"
	"sync"

	"github.com/firnlog/firn/internal/store/idrun"
)

// filters bounds how much memory the filters of id runs take. The smallest have
// it: each run is asked for every id, so that each filter in memory saves as much.
// The others are read from their files, which the system caches.
type filters struct {
	limit int64 // bytes

	mu    sync.Mutex
	bytes int64
	in    []*runFile // whose filters are in memory, or on their way there; the smallest first
}

// admit reports whether the filter of a run, which has so many bytes, may be in
// memory. A larger one gives way to it.
func (f *filters) admit(r *runFile, bytes int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.admitted > 0 {
		return true
	}
	if f.bytes+bytes > f.limit {
		last := len(f.in) - 1
		if last < 0 || f.in[last].admitted <= bytes {
			return false
		}
		f.remove(last) // which leaves room enough
	}
	r.admitted = bytes
	f.bytes += bytes
	i, _ := slices.BinarySearchFunc(f.in, r, func(a, b *runFile) int { return cmp.Compare(a.admitted, b.admitted) })
	f.in = slices.Insert(f.in, i, r)
	return true
}

// put shows the filter of a run to lookups, unless it had to give way meanwhile.
func (f *filters) put(r *runFile, loaded *idrun.Run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.admitted > 0 {
		r.loaded.Store(loaded)
	}
}

// forget lets go of the filter of a run.
func (f *filters) forget(r *runFile) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.admitted > 0 {
		f.remove(slices.Index(f.in, r))
	}
}

// remove lets go of one; mu is held.
func (f *filters) remove(i int) {
	r := f.in[i]
	f.in = slices.Delete(f.in, i, i+1)
	f.bytes -= r.admitted
	r.admitted = 0
	r.loaded.Store(nil)
}
