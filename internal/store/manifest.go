package store

import (
	"cmp"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/firnlog/firn/internal/store/vfs"
	"github.com/firnlog/firn/internal/store/wal"
)

// The manifest says which files make up the log: a journal of edits, each JSON,
// beginning with a snapshot. It is derived from the write-ahead log and the
// segments and tells up to where it has applied them.

const (
	manifestName    = "MANIFEST"
	manifestVersion = 1
	// manifestSlack is how many bytes of edits the manifest may have more than
	// its snapshot before it is written anew.
	manifestSlack = 1 << 20
)

// edit is one change of the manifest. Fields that are not set change nothing.
type edit struct {
	Version int `json:"v"`
	// Identity and Epoch tell this log from every other and from what it was
	// before it was restored.
	Identity string `json:"identity,omitempty"`
	Epoch    int64  `json:"epoch,omitempty"`
	// LSN is the record up to which every control section is in the manifest.
	LSN uint64 `json:"lsn,omitempty"`
	// Freed is the record up to which the write-ahead log is not needed.
	Freed     uint64           `json:"freed,omitempty"`
	Instances []instanceRecord `json:"instances,omitempty"` // made or changed
	Deleted   []string         `json:"deleted,omitempty"`   // ids
	Contents  []contentEdit    `json:"contents,omitempty"`
	Removals  []removal        `json:"removals,omitempty"` // to be carried out
	Done      []string         `json:"done,omitempty"`     // ids of removals carried out
	Sweep     int64            `json:"sweep,omitempty"`    // milliseconds; the last retention sweep
	Documents []documentRecord `json:"documents,omitempty"`
	// DocumentsLost says that damage may have cost documents.
	DocumentsLost bool `json:"documents_lost,omitempty"`
}

// contentEdit changes what an instance consists of.
type contentEdit struct {
	Instance string `json:"instance"`
	// Sealed is the position up to which all events are in segments, Recorded
	// the recorded_at (milliseconds) of the last of them.
	Sealed   int64 `json:"sealed,omitempty"`
	Recorded int64 `json:"recorded,omitempty"`
	// Next numbers the instance's next file.
	Next       int64         `json:"next,omitempty"`
	Add        []segmentMeta `json:"add,omitempty"`
	Remove     []string      `json:"remove,omitempty"`
	AddRuns    []runMeta     `json:"add_runs,omitempty"`
	RemoveRuns []string      `json:"remove_runs,omitempty"`
	// Removed replaces the ranges of positions whose events are gone.
	Removed []Gap `json:"removed,omitempty"`
	// Found are lost ranges that are not lost any more, Lost new ones.
	Found []Gap       `json:"found,omitempty"`
	Lost  []lostRange `json:"lost,omitempty"`
	// Unindexed are ranges of positions whose ids no run has any more, Indexed
	// those that runs have again.
	Unindexed []Gap `json:"unindexed,omitempty"`
	Indexed   []Gap `json:"indexed,omitempty"`
	// Streams is how far the journal of the streams has gone, Numbers the second
	// one.
	Streams *journalMark `json:"streams,omitempty"`
	Numbers *journalMark `json:"numbers,omitempty"`
}

// journalMark is how far a journal has gone (wal.Journal.At).
type journalMark struct {
	Identity   []byte `json:"identity"`
	Generation uint64 `json:"generation"`
	Bytes      int64  `json:"bytes"`
}

// manifest is the open manifest. Its methods may be called by many goroutines.
type manifest struct {
	mu      sync.Mutex
	journal *wal.Journal
	state   manifestState
}

// manifestState is what all edits together say.
type manifestState struct {
	identity string
	epoch    int64
	lsn      uint64
	freed    uint64
	sweep    int64
	contents map[string]*contents
	removals []removal

	documents     map[documentID]jsontext.Value
	documentsLost bool
}

func newManifestState() manifestState {
	return manifestState{contents: map[string]*contents{}, documents: map[documentID]jsontext.Value{}}
}

// contents is an instance in the manifest.
type contents struct {
	record   instanceRecord
	sealed   int64
	recorded int64
	next     int64
	segments []segmentMeta // by position
	runs     []runMeta
	removed  []Gap
	lost     []lostRange // in order

	unindexed []Gap // in order
	streams   *journalMark
	numbers   *journalMark
}

func openManifest(fsys vfs.FS, dir string) (*manifest, wal.JournalRecovery, error) {
	m := &manifest{state: newManifestState()}
	j, rec, err := wal.OpenJournal(fsys, dir, manifestName, wal.JournalOptions{Quarantine: filepath.Join(dir, quarantineDir)}, func(body []byte) error {
		var e edit
		if err := json.Unmarshal(body, &e); err != nil {
			return fmt.Errorf("manifest: %w", err)
		}
		if e.Version > manifestVersion {
			return fmt.Errorf("manifest: version %d: %w", e.Version, ErrNewer)
		}
		m.state.apply(&e)
		return nil
	})
	m.journal = j
	return m, rec, err
}

// apply changes the state as an edit says.
func (s *manifestState) apply(e *edit) {
	if e.Identity != "" {
		s.identity = e.Identity
	}
	s.epoch = max(s.epoch, e.Epoch)
	s.lsn = max(s.lsn, e.LSN)
	s.freed = max(s.freed, e.Freed)
	if e.Sweep != 0 {
		s.sweep = e.Sweep // the clock may have been set back since the one before
	}
	for i := range e.Documents {
		set(s.documents, &e.Documents[i])
	}
	s.documentsLost = s.documentsLost || e.DocumentsLost
	for _, r := range e.Instances {
		c := s.contents[r.ID]
		if c == nil {
			c = &contents{next: 1}
			s.contents[r.ID] = c
		}
		c.record = r
	}
	for _, id := range e.Deleted {
		delete(s.contents, id)
		s.removals = slices.DeleteFunc(s.removals, func(r removal) bool { return r.Instance == id })
	}
	for i := range e.Contents {
		// Of an instance that has been deleted meanwhile there is none.
		if c := s.contents[e.Contents[i].Instance]; c != nil {
			c.apply(&e.Contents[i])
		}
	}
	s.removals = append(s.removals, e.Removals...)
	s.removals = slices.DeleteFunc(s.removals, func(r removal) bool { return slices.Contains(e.Done, r.ID) })
}

func (c *contents) apply(e *contentEdit) {
	c.sealed = max(c.sealed, e.Sealed)
	c.recorded = max(c.recorded, e.Recorded)
	c.next = max(c.next, e.Next)
	c.segments = changedFiles(c.segments, e.Remove, e.Add, func(m *segmentMeta) string { return m.Name })
	byFirst := func(a, b segmentMeta) int { return cmp.Compare(a.First, b.First) }
	if !slices.IsSortedFunc(c.segments[max(0, len(c.segments)-len(e.Add)-1):], byFirst) {
		c.segments = slices.Clone(c.segments)
		slices.SortFunc(c.segments, byFirst)
	}
	c.runs = changedFiles(c.runs, e.RemoveRuns, e.AddRuns, func(m *runMeta) string { return m.Name })
	if e.Removed != nil {
		c.removed = e.Removed
	}
	c.lost = changedLosses(c.lost, e.Found, e.Lost)
	c.unindexed = changedIndex(c.unindexed, e.Unindexed, e.Indexed)
	if e.Streams != nil {
		c.streams = e.Streams
	}
	if e.Numbers != nil {
		c.numbers = e.Numbers
	}
}

// changedFiles are files without some, by their names, and with others behind
// them. Who has the files as they were goes on having them. What is only added
// costs nothing for those that are there: a log has thousands.
func changedFiles[F any](files []F, remove []string, add []F, name func(*F) string) []F {
	if len(remove) > 0 {
		files = slices.DeleteFunc(slices.Clone(files), func(f F) bool { return slices.Contains(remove, name(&f)) })
	}
	return append(files, add...)
}

// snapshot is the state as edits: the log's own, then one an instance.
func (s *manifestState) snapshot() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		head := &edit{Identity: s.identity, Epoch: s.epoch, LSN: s.lsn, Freed: s.freed, Sweep: s.sweep, Removals: s.removals, DocumentsLost: s.documentsLost}
		for _, e := range append([]*edit{head}, documentEdits(s.documents)...) {
			if !yield(e.encode()) {
				return
			}
		}
		ids := make([]string, 0, len(s.contents))
		for id := range s.contents {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, strings.Compare)
		for _, id := range ids {
			c := s.contents[id]
			e := &edit{Instances: []instanceRecord{c.record}, Contents: []contentEdit{{
				Instance: id, Sealed: c.sealed, Recorded: c.recorded, Next: c.next,
				Add: c.segments, AddRuns: c.runs, Removed: c.removed, Lost: c.lost, Unindexed: c.unindexed,
				Streams: c.streams, Numbers: c.numbers,
			}}}
			if !yield(e.encode()) {
				return
			}
		}
	}
}

func (e *edit) encode() []byte {
	e.Version = manifestVersion
	text, err := json.Marshal(e)
	if err != nil {
		panic("store: manifest edit: " + err.Error()) // its types can always be written
	}
	return text
}

// commit makes an edit durable, then part of the state. It fails only where the
// edit is not durable: a manifest that cannot be written anew goes on growing.
func (m *manifest) commit(e *edit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.journal.Append(e.encode()); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	m.state.apply(e)
	if size, base := m.journal.Size(); size > 2*base+manifestSlack {
		_ = m.journal.Rewrite(m.state.snapshot()) // the next commit tries again, or is told why not
	}
	return nil
}
