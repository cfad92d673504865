package store

import (
	"sync"

	"golang.org/x/sync/errgroup"
)

// loadAll makes the instances that the manifest knows.
func (l *Log) loadAll() error {
	var all errgroup.Group
	all.SetLimit(atATime)
	var mu sync.Mutex
	for _, c := range l.manifest.state.contents {
		all.Go(func() error {
			in, err := l.load(c)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			l.byID[in.uuid], l.byName[in.meta.Name] = in, in
			return nil
		})
	}
	return all.Wait()
}

// load makes an instance of what the manifest says.
func (l *Log) load(c *contents) (*instance, error) {
	id, err := c.record.identity()
	if err != nil {
		return nil, err
	}
	in := newInstance(id, c.record.meta())
	ver := newVersion()
	ver.sealed, ver.recorded, ver.removed, ver.lost, ver.unindexed = c.sealed, c.recorded, c.removed, c.lost, c.unindexed
	for _, m := range c.segments {
		ver.segments = append(ver.segments, l.segmentFile(in, m))
	}
	for _, m := range c.runs {
		ver.runs = append(ver.runs, l.runFile(in, m))
	}
	ver.files(file.hold)
	in.nextFile, in.numbersKnown = max(c.next, 1), c.numbers
	in.view = &view{version: ver, last: c.sealed, recorded: c.recorded, events: ver.rows()}
	if err := l.openStreams(in, in.nextFile, c.streams); err != nil {
		return nil, err
	}
	return in, nil
}
