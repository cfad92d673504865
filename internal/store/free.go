package store

import "math"

// freeWAL deletes the files of the write-ahead log that hold nothing which is
// not in segments and the manifest.
func (l *Log) freeWAL() error {
	upTo := l.freeable()
	files := l.wal.Files()
	if len(files) < 2 || files[1].FirstLSN > upTo+1 {
		return nil
	}
	if err := l.commit(&edit{Freed: upTo}); err != nil {
		return err
	}
	return l.wal.Remove(upTo)
}

// freeable is the last record that is not needed: all before it are sealed, or
// control sections, which every commit of the manifest brings there.
func (l *Log) freeable() uint64 {
	l.mu.RLock()
	upTo := l.applied
	l.mu.RUnlock()
	for _, in := range l.all() {
		if first := in.current().firstLSN(); first <= upTo {
			upTo = first - 1
		}
	}
	return upTo
}

// firstLSN is the record of the first event of the head; the highest number
// there is if the head is empty.
func (v *view) firstLSN() uint64 {
	lsn := uint64(math.MaxUint64)
	v.chunks(func(c *chunkView) bool {
		lsn = c.chunk.lsn
		return false
	})
	return lsn
}
