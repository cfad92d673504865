package wal

import (
	"iter"

	"github.com/firnlog/firn/internal/store/vfs"
)

// Journal is a small piece of state as a checksummed file of records: a snapshot
// followed by changes. Rewrite begins a new generation with a new snapshot; the
// one before is kept, so that a damaged snapshot costs nothing: the older
// generation, whole, is the same state. Between calls no file is open.
//
// Its files are dir/name-<20 digits>. Its methods are for one goroutine at a time.
type Journal struct{}

// JournalOptions configures OpenJournal. The zero value is the default.
type JournalOptions struct {
	Identity   Identity // as for Options
	Quarantine string   // directory for cut tails; default dir/quarantine
}

// JournalRecovery is what OpenJournal found.
type JournalRecovery struct {
	Generation uint64 // 0 = there was none
	Records    int64  // that were replayed
	Torn       *Torn  // nil = none
	// FellBack says that the newest snapshot is damaged and that the state comes
	// from the generation before it, complete.
	FellBack bool
	// Damage is what is not readable. Only where FirstLost ≤ LastLost was
	// something lost that no other generation had.
	Damage []Damage
}

// OpenJournal reads the journal name in dir and gives every record, first the
// snapshot's, then the changes, in order, to replay, whose error ends it. A
// journal that is not there yet is empty; the first Append or Rewrite makes it.
func OpenJournal(fsys vfs.FS, dir, name string, opts JournalOptions, replay func(body []byte) error) (*Journal, JournalRecovery, error) {
	panic("wal: not built yet")
}

// Append adds records (none empty), all or none of them: they are durable when
// it returns without error. ErrFailed as for Log.Sync; any other error leaves
// the journal as it was.
func (j *Journal) Append(records ...[]byte) error { panic("wal: not built yet") }

// Rewrite begins a new generation whose snapshot is these records, durably; the
// generation before the one before is deleted. An error leaves the journal as it
// was.
func (j *Journal) Rewrite(records iter.Seq[[]byte]) error { panic("wal: not built yet") }

// Size is the size in bytes of the newest generation; Base of its snapshot. A
// caller rewrites when the changes outgrow the snapshot.
func (j *Journal) Size() (size, base int64) { panic("wal: not built yet") }

// Files lists the paths of the generations that are there, the newest last.
func (j *Journal) Files() []string { panic("wal: not built yet") }

// Remove deletes the journal's files.
func (j *Journal) Remove() error { panic("wal: not built yet") }
