// Package catalog knows event types: what they are called, what they mean, how
// severe they usually are, and what their payloads look like. The types of the
// documented systems are built in, one data file a system (data/*.yaml); users
// add their own as files or as documents. A type that the catalog does not know
// is welcome everywhere: the catalog describes, it does not close.
package catalog

import (
	"cmp"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/firnlog/firn/event"
)

// MaxPut is the most entries that Put keeps. Files have no such bound.
const MaxPut = 1000

// ErrFull is the error of Put when MaxPut entries are there already.
var ErrFull = fmt.Errorf("the catalog has %d event types of your own already; delete some, or add them as files", MaxPut)

// ErrNotFound is the error of Delete for a type that was never put.
var ErrNotFound = errors.New("the catalog has no entry of your own for this event type")

// Catalog is a set of entries, at most one an event type. Its methods may be
// called by many goroutines at once; those that read never wait.
type Catalog struct {
	shown atomic.Pointer[snapshot]

	mu    sync.Mutex       // held by whoever changes the following
	fixed map[string]Entry // built in and from files; never changed once loaded
	put   map[string]Entry
}

// snapshot is the catalog at one moment. It is never changed.
type snapshot struct {
	entries map[string]Entry
	sorted  []Entry // by type
}

// Load makes a catalog of what is built in and of the files in the given
// directories: *.yaml, *.yml and *.json at their top level, in the form of the
// data files. A type in a user's file takes the place of a built-in one; a type
// in two of the user's files is a mistake. The error is an *InvalidError with
// all mistakes of all files, or of reading them.
func Load(dirs ...fs.FS) (*Catalog, error) {
	fixed, err := builtIn()
	if err != nil {
		return nil, err
	}
	l := newLoader()
	for _, dir := range dirs {
		l.directory(dir, OriginFile)
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	c := &Catalog{fixed: maps.Clone(fixed), put: map[string]Entry{}}
	maps.Copy(c.fixed, l.entries)
	c.show()
	return c, nil
}

// Lookup finds the entry of an event type.
func (c *Catalog) Lookup(eventType string) (e Entry, ok bool) {
	e, ok = c.shown.Load().entries[eventType]
	return e, ok
}

// List is every entry, ascending by type. The caller must not change it.
func (c *Catalog) List() []Entry { return c.shown.Load().sorted }

// Validate checks the payload of an event against the schema of its type. It
// has no faults if the catalog does not know the type. The payload must be
// what package event made of it: compact, valid JSON, or empty for {}.
func (c *Catalog) Validate(eventType string, payload jsontext.Value) []Fault {
	e, ok := c.shown.Load().entries[eventType]
	if !ok {
		return nil
	}
	return e.schema.validate(payload)
}

// Put adds an entry, or replaces one: the user's own, one from a file, or a
// built-in one, which comes back when this one is deleted. The document is a
// JSON object {type?, system?, category?, description, severity?, subject?,
// schema?}; a type in it must be eventType. A document that is wrong is an
// *InvalidError with all its mistakes; one too many is ErrFull.
//
// Commit, unless it is nil, makes the change durable: it gets the entry, and
// only if it returns nil the entry is shown. Changes are committed one at a
// time, in the order in which they are shown. The error of commit is returned
// as it is. Created says that the type was not in the catalog before.
func (c *Catalog) Put(eventType string, document []byte, commit func(Entry) error) (e Entry, created bool, err error) {
	e, err = parseDocument(eventType, document)
	if err != nil {
		return Entry{}, false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, replaces := c.put[e.Type]; !replaces && len(c.put) >= MaxPut {
		return Entry{}, false, ErrFull
	}
	if commit != nil {
		if err := commit(e); err != nil {
			return Entry{}, false, err
		}
	}
	_, known := c.Lookup(e.Type)
	c.put[e.Type] = e
	c.show()
	return e, !known, nil
}

// Delete removes an entry that was put; what it replaced is shown again. Commit
// is as for Put. The error is ErrNotFound if none was put, also for a type that
// is built in or comes from a file.
func (c *Catalog) Delete(eventType string, commit func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.put[eventType]; !ok {
		return ErrNotFound
	}
	if commit != nil {
		if err := commit(); err != nil {
			return err
		}
	}
	delete(c.put, eventType)
	c.show()
	return nil
}

// show replaces the snapshot; mu is held, or nobody else has the catalog yet.
func (c *Catalog) show() {
	s := &snapshot{entries: make(map[string]Entry, len(c.fixed)+len(c.put))}
	maps.Copy(s.entries, c.fixed)
	maps.Copy(s.entries, c.put)
	s.sorted = slices.SortedFunc(maps.Values(s.entries), func(a, b Entry) int { return cmp.Compare(a.Type, b.Type) })
	c.shown.Store(s)
}

// Category is the category of the entry's events.
func (e Entry) Category() string { return event.Category(e.Type) }
