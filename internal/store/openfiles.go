package store

import (
	"container/list"
	"sync"
)

// openFiles bounds how many segments and id runs are open.
type openFiles struct {
	limit int

	mu     sync.Mutex
	recent *list.List // of lazyFile, the last used first
	at     map[lazyFile]*list.Element
}

// lazyFile is opened when it is needed.
type lazyFile interface {
	// closeIdle closes the file unless somebody uses it.
	closeIdle() bool
}

// maxOpenFiles is how many files of segments and id runs are open at most, but
// for those in use.
const maxOpenFiles = 512

func newOpenFiles() *openFiles {
	return &openFiles{limit: maxOpenFiles, recent: list.New(), at: map[lazyFile]*list.Element{}}
}

// used notes that a file is open and has been used. It closes others.
func (o *openFiles) used(f lazyFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.at[f]; e != nil {
		o.recent.MoveToFront(e)
		return
	}
	o.at[f] = o.recent.PushFront(f)
	for e := o.recent.Back(); e != nil && o.recent.Len() > o.limit; {
		previous := e.Prev()
		if e.Value != f && e.Value.(lazyFile).closeIdle() {
			delete(o.at, e.Value.(lazyFile))
			o.recent.Remove(e)
		}
		e = previous
	}
}

func (o *openFiles) forget(f lazyFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.at[f]; e != nil {
		delete(o.at, f)
		o.recent.Remove(e)
	}
}
