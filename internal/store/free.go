package store

import (
	"context"
	"math"
)

// rotateSize is how large a file of the write-ahead log is that is ended when
// nothing in it is needed.
const rotateSize = 1 << 20

// freeWAL deletes the files of the write-ahead log that hold nothing which is
// not in segments and the manifest.
func (l *Log) freeWAL(ctx context.Context) error {
	return l.makingRoom(true, func() error { return l.freeFiles(ctx) })
}

func (l *Log) freeFiles(ctx context.Context) error {
	upTo := l.freeable()
	files := l.wal.Files()
	if last := files[len(files)-1]; upTo >= last.FirstLSN && upTo+1 == l.wal.NextLSN() && (last.Size > rotateSize || l.reserve.short.Load()) {
		if err := l.rotateWAL(ctx); err != nil {
			return err
		}
		files = l.wal.Files()
	}
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

// rotateWAL begins the next file of the write-ahead log.
func (l *Log) rotateWAL(ctx context.Context) error {
	var fault error
	err := l.submit(ctx, opFunc(func(*sequencer) (*entry, error) {
		return &entry{marker: true, published: func() {
			if err := l.wal.Rotate(); err != nil {
				fault = l.writeError(err)
			}
		}}, nil
	}))
	if err != nil {
		return err
	}
	return fault
}
