package store

import (
	"sync/atomic"

	"github.com/firnlog/firn/internal/store/exec"
)

// version is the set of an instance's segments and id runs at one moment. It is
// immutable; readers hold it, and a file goes when the last version that has it
// goes.
type version struct {
	refs     atomic.Int64
	sealed   int64 // all events up to this position are in segments
	recorded int64 // recorded_at of the last of them, milliseconds
	segments []*segmentFile
	runs     []*runFile
	removed  []Gap       // what is gone, in order
	lost     []lostRange // what damage has taken, in order
	// unindexed are the ranges whose ids no run has, in order: they are looked up
	// in the segments.
	unindexed []Gap
}

// file is what versions share.
type file interface {
	hold()
	drop()
}

// newVersion makes a version that its instance holds.
func newVersion() *version {
	v := &version{}
	v.refs.Store(1)
	return v
}

// with makes the version that has other files; both are held by who made them.
func (v *version) with(change func(n *version)) *version {
	n := newVersion()
	n.sealed, n.recorded, n.removed, n.lost, n.unindexed = v.sealed, v.recorded, v.removed, v.lost, v.unindexed
	n.segments = append(n.segments, v.segments...)
	n.runs = append(n.runs, v.runs...)
	change(n)
	n.files(file.hold)
	return n
}

func (v *version) files(fn func(file)) {
	for _, s := range v.segments {
		fn(s)
	}
	for _, r := range v.runs {
		fn(r)
	}
}

func (v *version) acquire() { v.refs.Add(1) }

func (v *version) release() {
	if v.refs.Add(-1) == 0 {
		v.files(file.drop)
	}
}

// rows is how many events the segments hold.
func (v *version) rows() (n int64) {
	for _, s := range v.segments {
		n += int64(s.meta.Rows)
	}
	return n
}

// bytes is what the files take on the disk.
func (v *version) bytes() (n int64) {
	for _, s := range v.segments {
		n += s.meta.Bytes
	}
	for _, r := range v.runs {
		n += r.meta.Bytes
	}
	return n
}

// replace makes n the instance's version and adjusts its view; drop tells
// whether a chunk of the head is now in segments.
func (in *instance) replace(n *version, change func(v *view)) {
	in.mu.Lock()
	v := *in.view
	old := v.version
	v.version = n
	change(&v)
	in.view = &v
	in.wakeUp()
	in.mu.Unlock()
	old.release()
}

// Gap is an inclusive range of positions.
type Gap = exec.Gap
