package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/firnlog/firn/internal/store/wal"
)

// changes are the effects of control sections that the manifest does not have
// yet.
type changes struct {
	instances map[*instance]struct{}
	deleted   []string
	removals  []removal
}

// apply makes a record's entry visible. It is the same act when the record has
// just become durable and when it is read back after a start.
func (l *Log) apply(e *entry, lsn uint64) {
	if e.control != nil {
		l.applyControl(e)
	}
	for _, b := range e.batches {
		b.to.publish(b.stampedBatch, lsn, &l.head.bytes)
		l.watches.tell(b.to)
		l.head.rows.Add(int64(b.len()))
		bytes := l.head.bytes.Add(b.memory())
		l.stats.events.Add(int64(b.len()))
		v := b.to.current()
		begun := v.open.rows == b.len() // a chunk: not so often that counting would cost
		if bytes >= l.opts.HeadMemory/2 || v.headRows() >= l.opts.SealRows || begun && v.isHuge() {
			l.kick()
		}
	}
	l.mu.Lock()
	l.applied = lsn
	l.mu.Unlock()
}

func (l *Log) applyControl(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch c := e.control; {
	case c.Created != nil:
		in := e.made
		if l.byID[in.uuid] != nil {
			l.applyUpdate(c.Created) // the manifest knew it already
			return
		}
		l.byID[in.uuid], l.byName[in.meta.Name] = in, in
		l.changes.instances[in] = struct{}{}
		l.watches.tell(in)
	case c.Updated != nil:
		l.applyUpdate(c.Updated)
	case c.Deleted != "":
		l.applyDelete(c.Deleted)
	case c.Removal != nil:
		if slices.ContainsFunc(l.removals, func(r removal) bool { return r.ID == c.Removal.ID }) {
			return
		}
		l.removals = append(l.removals, *c.Removal)
		l.changes.removals = append(l.changes.removals, *c.Removal)
	case c.Document != nil:
		l.documents.apply(c.Document)
	}
}

func (l *Log) applyUpdate(r *instanceRecord) {
	u, err := parseUUID(r.ID)
	in := l.byID[u]
	if err != nil || in == nil {
		return
	}
	delete(l.byName, in.meta.Name)
	in.mu.Lock()
	in.meta = r.meta()
	in.mu.Unlock()
	l.byName[r.Name] = in
	l.watches.tell(in)
	l.changes.instances[in] = struct{}{}
}

func (l *Log) applyDelete(id string) {
	u, err := parseUUID(id)
	in := l.byID[u]
	if err != nil || in == nil {
		return
	}
	delete(l.byID, u)
	delete(l.byName, in.meta.Name)
	delete(l.changes.instances, in)
	in.mu.Lock()
	in.deleted = true
	in.wakeUp()
	in.mu.Unlock()
	l.watches.tell(in)
	l.changes.deleted = append(l.changes.deleted, id)
	l.changes.removals = slices.DeleteFunc(l.changes.removals, func(r removal) bool { return r.Instance == id })
	l.removals = slices.DeleteFunc(l.removals, func(r removal) bool { return r.Instance == id })
}

// takeChanges moves what the manifest does not have into an edit.
func (l *Log) takeChanges(e *edit) (undo func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.changes
	l.changes = changes{instances: map[*instance]struct{}{}}
	e.LSN = l.applied
	for in := range taken.instances {
		e.Instances = append(e.Instances, *recordOf(&in.identity, in.info()))
	}
	e.Deleted = append(e.Deleted, taken.deleted...)
	e.Removals = append(e.Removals, taken.removals...)
	undoDocuments := l.documents.take(e)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for in := range taken.instances {
			if l.byID[in.uuid] == in {
				l.changes.instances[in] = struct{}{}
			}
		}
		undoDocuments()
		l.changes.deleted = append(taken.deleted, l.changes.deleted...)
		l.changes.removals = append(taken.removals, l.changes.removals...)
	}
}

// commit makes an edit of the manifest durable, together with what the control
// sections applied so far have changed.
func (l *Log) commit(e *edit) error {
	l.committing.Lock()
	defer l.committing.Unlock()
	undo := l.takeChanges(e)
	if err := l.manifest.commit(e); err != nil {
		undo()
		return l.journalError(err)
	}
	return nil
}

// journalError is the error of a journal's write. A failed sync of a journal
// ends the log for writers: nobody knows what is on disk.
func (l *Log) journalError(err error) error {
	if errors.Is(err, wal.ErrFailed) {
		err = fmt.Errorf("%w: %w", ErrFailed, err)
		l.fail(err)
	}
	return err
}
