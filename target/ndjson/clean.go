package ndjson

import (
	"context"
	"fmt"
	"time"
)

// Clean removes the files of days that ended more than days ago: whole files, so
// that every event is kept that long and at most a day longer. It returns how
// many files it removed.
func (t *lines) Clean(_ context.Context, days int) (deleted int64, more bool, err error) {
	if t.root == nil || days <= 0 {
		return 0, false, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	names, err := t.list()
	if err != nil {
		return 0, false, fault(err)
	}
	// Every event of this day and of later ones is kept.
	kept := t.now().UTC().Add(-time.Duration(days) * 24 * time.Hour).Format("2006-01-02")
	for _, name := range names {
		if name.day >= kept || t.closed[name] {
			continue
		}
		if f := t.open[name.day]; f != nil {
			delete(t.open, name.day)
			f.file.Close()
		}
		if err := t.root.Remove(name.String()); err != nil {
			return deleted, false, fault(fmt.Errorf("file_dir %s: %w", t.settings.Dir, err))
		}
		deleted++
	}
	if deleted > 0 {
		err = t.syncDir()
	}
	return deleted, false, err
}
