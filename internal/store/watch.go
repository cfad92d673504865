package store

import (
	"maps"
	"slices"
	"sync"
)

// Head is how far an instance goes.
type Head struct {
	Instance Instance
	// Last is the position of its last event, removed ones counted; 0 = it never
	// had one.
	Last int64
	// Deleted says that the instance is gone.
	Deleted bool
}

// Watch tells which instances have news: events, another name, their making and
// their end. However many instances are quiet, a watch costs nothing.
type Watch struct {
	log *Log
	// news has a value when Take has something to give.
	news  chan struct{}
	mu    sync.Mutex
	dirty map[*instance]struct{}
}

// watches are all that are open.
type watches struct {
	mu   sync.RWMutex
	open map[*Watch]struct{}
}

// Watch begins to watch. The first Take gives every instance there is.
func (l *Log) Watch() *Watch {
	w := &Watch{log: l, news: make(chan struct{}, 1), dirty: map[*instance]struct{}{}}
	l.watches.mu.Lock()
	if l.watches.open == nil {
		l.watches.open = map[*Watch]struct{}{}
	}
	l.watches.open[w] = struct{}{}
	l.watches.mu.Unlock()
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, in := range l.byID {
		w.mark(in)
	}
	return w
}

// Close ends the watch. Closing twice is harmless.
func (w *Watch) Close() {
	w.log.watches.mu.Lock()
	defer w.log.watches.mu.Unlock()
	delete(w.log.watches.open, w)
}

// News has a value when there may be something for Take; also when the log is
// closed.
func (w *Watch) News() <-chan struct{} { return w.news }

// Take returns the instances that have had news since the last Take, in no
// order, as they are now. ErrClosed when the log is closed.
func (w *Watch) Take() ([]Head, error) {
	if w.log.isClosed() {
		return nil, ErrClosed
	}
	w.mu.Lock()
	dirty := w.dirty
	w.dirty = map[*instance]struct{}{}
	w.mu.Unlock()
	heads := make([]Head, 0, len(dirty))
	for in := range dirty {
		heads = append(heads, in.head())
	}
	return heads, nil
}

func (in *instance) head() Head {
	in.mu.RLock()
	defer in.mu.RUnlock()
	return Head{Instance: in.meta, Last: in.view.last, Deleted: in.deleted}
}

// mark notes news of an instance; nil = only wakes.
func (w *Watch) mark(in *instance) {
	w.mu.Lock()
	if in != nil {
		w.dirty[in] = struct{}{}
	}
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// tell notes news of an instance in all watches; nil = only wakes them.
func (all *watches) tell(in *instance) {
	all.mu.RLock()
	defer all.mu.RUnlock()
	for w := range all.open {
		w.mark(in)
	}
}

// Heads are all instances and how far they go, by name.
func (l *Log) Heads() []Head {
	l.mu.RLock()
	all := slices.Collect(maps.Values(l.byID))
	l.mu.RUnlock()
	heads := make([]Head, len(all))
	for i, in := range all {
		heads[i] = in.head()
	}
	slices.SortFunc(heads, func(a, b Head) int {
		switch {
		case a.Instance.Name < b.Instance.Name:
			return -1
		case a.Instance.Name > b.Instance.Name:
			return 1
		}
		return 0
	})
	return heads
}
