package store

import (
	"container/list"
	"sync"
	"syscall"
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
// for those in use: those of some hundred million events, for a query that
// opens them all again and again spends its time on that. An open segment holds
// about 50 KiB.
const maxOpenFiles = 1024

// newOpenFiles leaves half of the files that the process may have open for
// connections.
func newOpenFiles() *openFiles {
	limit := maxOpenFiles
	var most syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &most) == nil {
		limit = int(min(uint64(limit), uint64(most.Cur)/2))
	}
	return &openFiles{limit: limit, recent: list.New(), at: map[lazyFile]*list.Element{}}
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
