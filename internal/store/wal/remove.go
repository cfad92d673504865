package wal

import (
	"errors"
	"slices"
)

// Remove deletes the files whose records are all at or below upTo; never the
// one that is written to. A file with damage is moved to the quarantine instead.
// While a Snapshot is held it only takes note.
func (l *Log) Remove(upTo uint64) error {
	gone := l.removable(upTo)
	if len(gone) == 0 {
		return nil
	}
	var errs []error
	for _, f := range gone {
		errs = append(errs, l.removeFile(f))
	}
	return errors.Join(append(errs, l.fsys.SyncDir(l.names.dir))...)
}

// removable takes the files to be removed out of the list.
func (l *Log) removable(upTo uint64) []listed {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.upTo = max(l.upTo, upTo)
	if l.pins > 0 {
		return nil
	}
	n := 0
	for n+1 < len(l.list) && l.list[n+1].FirstLSN-1 <= l.upTo {
		n++
	}
	gone := slices.Clone(l.list[:n])
	l.list = slices.Delete(l.list, 0, n)
	return gone
}

func (l *Log) removeFile(f listed) error {
	if !f.damaged {
		return l.fsys.Remove(f.Name)
	}
	return setAside(l.fsys, f.Name, l.quarantine)
}

// Files lists the files in order with what of them is synced.
func (l *Log) Files() []FileInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.files()
}

func (l *Log) files() []FileInfo {
	files := make([]FileInfo, len(l.list))
	for i, f := range l.list {
		files[i] = f.FileInfo
	}
	return files
}

// Snapshot is Files, and keeps the files from being removed until release is
// called. Copies of the first Size bytes of each, under their names, are a log.
// The error of release is that of a Remove that waited for it.
func (l *Log) Snapshot() (files []FileInfo, release func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pins++
	held := true
	return l.files(), func() error {
		if !l.unpin(&held) {
			return nil
		}
		return l.Remove(0)
	}
}

// unpin ends one hold, once, and says whether it was the last.
func (l *Log) unpin(held *bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !*held {
		return false
	}
	*held = false
	l.pins--
	return l.pins == 0
}
