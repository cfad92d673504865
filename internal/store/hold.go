package store

import (
	"bytes"
	"maps"
	"slices"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/wal"
)

// held is the whole log at one moment: nothing of it goes away until release.
type held struct {
	instances []heldInstance
	state     manifestState
	wal       []wal.FileInfo // with everything that the segments do not have
	release   func()
}

type heldInstance struct {
	in      *instance
	view    *view
	streams []streamChange // their numbers as of the last sealing
}

// holdAll holds the log between two changes of its files: every instance's
// view, and the manifest that stands for them.
func (l *Log) holdAll() *held {
	h := &held{}
	all := l.all()
	// Nobody else takes several; two of these take them in the same order.
	slices.SortFunc(all, func(a, b *instance) int { return bytes.Compare(a.uuid[:], b.uuid[:]) })
	for _, in := range all {
		in.maintenance.Lock()
	}
	var releases []func()
	for _, in := range all {
		v, release, err := in.acquire()
		if err != nil {
			continue // it has been deleted
		}
		releases = append(releases, release)
		h.instances = append(h.instances, heldInstance{in: in, view: v, streams: in.allSealedNumbers()})
	}
	l.committing.Lock()
	files, releaseWAL := l.wal.Snapshot()
	h.wal, h.state = files, l.manifest.clone()
	l.committing.Unlock()
	for _, in := range all {
		in.maintenance.Unlock()
	}
	h.release = func() {
		if err := releaseWAL(); err != nil {
			l.report(event.Warning, "files of the write-ahead log that nobody needs could not be removed: %v", err)
		}
		for _, release := range releases {
			release()
		}
	}
	return h
}

// clone is the manifest as it is now.
func (m *manifest) clone() manifestState {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.state
	s.removals = slices.Clone(s.removals)
	s.documents = maps.Clone(s.documents)
	s.contents = make(map[string]*contents, len(m.state.contents))
	for id, c := range m.state.contents {
		copied := *c
		s.contents[id] = &copied
	}
	return s
}
