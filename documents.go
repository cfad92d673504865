package firn

import (
	"context"
	"encoding/json/jsontext"

	"github.com/firnlog/firn/event"
)

// PutDocument stores a document: small state that is no event, such as a key or
// a saved view, as JSON of at most 1 MiB under a kind and a name. What was under
// the name is replaced. The event record, one of Firn's own as for Record, is
// stored in the instance system in the same act: after a crash both are there or
// neither. A record without EventType is none. When it returns without error the
// document is on disk and visible. Errors: *event.InvalidError, ErrInvalid,
// ErrNoSpace, ErrOverloaded and ErrClosed leave it as it was; any other means
// unknown.
func (l *Log) PutDocument(ctx context.Context, kind, name string, value jsontext.Value, record event.Draft) error {
	if err := l.checkRecord(&record); err != nil {
		return err
	}
	return l.store.PutDocument(ctx, kind, name, value, record)
}

// DeleteDocument deletes a document, as PutDocument puts one. ErrNotFound where
// there is none.
func (l *Log) DeleteDocument(ctx context.Context, kind, name string, record event.Draft) error {
	if err := l.checkRecord(&record); err != nil {
		return err
	}
	return l.store.DeleteDocument(ctx, kind, name, record)
}

func (l *Log) checkRecord(record *event.Draft) error {
	if record.EventType == "" {
		return nil
	}
	return record.Check(l.store.Limits())
}

// Documents are all documents of a kind, by name. The values are not to be
// changed.
func (l *Log) Documents(kind string) map[string]jsontext.Value { return l.store.Documents(kind) }

// DocumentsChanged is closed when a document of any kind changes next, at the
// latest when the change is acknowledged. Ask for it before reading Documents,
// and no change is missed.
func (l *Log) DocumentsChanged() <-chan struct{} { return l.store.DocumentsChanged() }

// DocumentsLost reports whether damage to the directory may ever have cost
// documents: what is not there may have been.
func (l *Log) DocumentsLost() bool { return l.store.DocumentsLost() }
