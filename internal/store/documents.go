package store

import (
	"context"
	"encoding/json/jsontext"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firnlog/firn/event"
)

// Documents are the small state of the log's users that is no event: keys,
// saved views, settings. A change of one is a control section, in one record
// with the event that tells of it; all of them are in the manifest.

const (
	maxDocumentKind  = 64      // bytes
	maxDocumentName  = 512     // bytes
	maxDocumentBytes = 1 << 20 // of the value
)

// documentID names a document.
type documentID struct{ Kind, Name string }

// documentRecord is a document as it is recorded; one without a value is
// deleted.
type documentRecord struct {
	Kind  string         `json:"kind"`
	Name  string         `json:"name"`
	Value jsontext.Value `json:"value,omitzero"`
}

func (r *documentRecord) id() documentID { return documentID{r.Kind, r.Name} }

// documents are the documents that readers see.
type documents struct {
	all     map[documentID]jsontext.Value
	changed chan struct{} // closed at the next change
	// unsaved are those that have changed and that the manifest does not have.
	unsaved map[documentID]struct{}
}

func newDocuments(stored map[documentID]jsontext.Value) documents {
	all := maps.Clone(stored)
	if all == nil {
		all = map[documentID]jsontext.Value{}
	}
	return documents{all: all, changed: make(chan struct{}), unsaved: map[documentID]struct{}{}}
}

// PutDocument stores a document; package firn has the whole promise.
func (l *Log) PutDocument(ctx context.Context, kind, name string, value jsontext.Value, record event.Draft) error {
	if err := checkDocument(kind, name); err != nil {
		return err
	}
	if len(value) > maxDocumentBytes {
		return fmt.Errorf("%w: document %q of kind %q has %d bytes; the most is %d", ErrInvalid, name, kind, len(value), maxDocumentBytes)
	}
	if !value.IsValid() {
		return fmt.Errorf("%w: document %q of kind %q is not valid JSON", ErrInvalid, name, kind)
	}
	value = value.Clone()
	return l.changeDocument(ctx, &documentRecord{Kind: kind, Name: name, Value: value}, record)
}

// DeleteDocument deletes a document. ErrNotFound where there is none.
func (l *Log) DeleteDocument(ctx context.Context, kind, name string, record event.Draft) error {
	return l.changeDocument(ctx, &documentRecord{Kind: kind, Name: name}, record)
}

// changeDocument decides on a change, waits until it is on disk and visible, and
// brings it to the manifest: a log that loses one of the two still has it.
func (l *Log) changeDocument(ctx context.Context, d *documentRecord, record event.Draft) error {
	var told *batch
	if record.EventType != "" {
		told = encodeBatch([]event.Draft{record})
	}
	err := l.submit(ctx, opFunc(func(s *sequencer) (*entry, error) {
		if d.Value == nil && !l.hasDocument(d.id()) {
			return nil, fmt.Errorf("document %q of kind %q: %w", d.Name, d.Kind, ErrNotFound)
		}
		e := &entry{control: &control{Document: d}}
		if told != nil {
			s.stamp(e, s.byName[SystemInstance], told)
		}
		return e, nil
	}))
	if err != nil {
		return err
	}
	if err := l.commit(&edit{}); err != nil {
		l.report(event.Error, "document %q of kind %q is in the write-ahead log, and not yet in the manifest: %v", d.Name, d.Kind, err)
	}
	return nil
}

func checkDocument(kind, name string) error {
	if kind == "" || len(kind) > maxDocumentKind || name == "" || len(name) > maxDocumentName {
		return fmt.Errorf("%w: document %.64q of kind %.64q: a kind has 1 to %d bytes, a name 1 to %d", ErrInvalid, name, kind, maxDocumentKind, maxDocumentName)
	}
	if strings.ToValidUTF8(kind+name, "") != kind+name {
		return fmt.Errorf("%w: document %q of kind %q: must be UTF-8", ErrInvalid, name, kind)
	}
	return nil
}

// Documents are all documents of a kind, by name. The values are not to be
// changed.
func (l *Log) Documents(kind string) map[string]jsontext.Value {
	l.mu.RLock()
	defer l.mu.RUnlock()
	of := map[string]jsontext.Value{}
	for id, value := range l.documents.all {
		if id.Kind == kind {
			of[id.Name] = value
		}
	}
	return of
}

// DocumentsChanged is closed when a document of any kind changes next.
func (l *Log) DocumentsChanged() <-chan struct{} {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.documents.changed
}

// DocumentsLost reports whether damage may have cost documents, ever.
func (l *Log) DocumentsLost() bool {
	l.manifest.mu.Lock()
	defer l.manifest.mu.Unlock()
	return l.manifest.state.documentsLost
}

func (l *Log) hasDocument(id documentID) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.documents.all[id] != nil
}

// apply makes a change visible; the log's mu is held.
func (d *documents) apply(r *documentRecord) {
	set(d.all, r)
	d.unsaved[r.id()] = struct{}{}
	close(d.changed)
	d.changed = make(chan struct{})
}

func set(all map[documentID]jsontext.Value, r *documentRecord) {
	if r.Value == nil {
		delete(all, r.id())
		return
	}
	all[r.id()] = r.Value
}

// take moves what the manifest does not have into an edit; the log's mu is held,
// also when it is undone.
func (d *documents) take(e *edit) (undo func()) {
	taken := d.unsaved
	d.unsaved = map[documentID]struct{}{}
	for id := range taken {
		e.Documents = append(e.Documents, documentRecord{Kind: id.Kind, Name: id.Name, Value: d.all[id]})
	}
	return func() { maps.Copy(d.unsaved, taken) }
}

// documentEdits are the documents as edits of a snapshot, a few in each.
func documentEdits(all map[documentID]jsontext.Value) []*edit {
	ids := slices.SortedFunc(maps.Keys(all), func(a, b documentID) int {
		if c := strings.Compare(a.Kind, b.Kind); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	var edits []*edit
	size := maxDocumentBytes
	for _, id := range ids {
		if size >= maxDocumentBytes {
			edits, size = append(edits, &edit{}), 0
		}
		e := edits[len(edits)-1]
		e.Documents = append(e.Documents, documentRecord{Kind: id.Kind, Name: id.Name, Value: all[id]})
		size += len(all[id]) + len(id.Kind) + len(id.Name)
	}
	return edits
}
