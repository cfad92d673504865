package column

import (
	"encoding/json/jsontext"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// Block is an immutable run of consecutive positions of one instance, as
// columns. Rows are in the block's own order (Order says which). All methods
// may be called by many goroutines at once; a Block is valid until its owner
// releases it.
type Block interface {
	// Rows is the number of rows, at most MaxRows.
	Rows() int
	// Order is the order of the rows.
	Order() Order
	// Envelope returns the column of an event field: Position, SequenceNumber
	// (Int), Timestamp (Int, microseconds since the epoch), RecordedAt (Int,
	// milliseconds since the epoch), Severity (Int, 1–8), StreamID, EventType,
	// Category, Actor, Subject (String), ID (String, valid only where the
	// caller brought the id; made ids are computed, see Events).
	Envelope(root query.Root) (*Vector, error)
	// Path returns what the block holds in columns for a path into Payload or
	// Metadata.
	Path(root query.Root, path []query.Step) (PathColumns, error)
	// Texts calls fn with every column that holds strings of the payload, for
	// full-text search, and with the rows that hold others besides.
	Texts(fn func(v *Vector) error) (rest Bitmap, err error)
	// Value is the compact JSON text at a path of one row, ok false where it is
	// missing. It is the slow, always right way.
	Value(row int, root query.Root, path []query.Step) (v jsontext.Value, ok bool, err error)
	// Events appends the events of the given rows, in the order given. Fields
	// that need does not name may be left zero.
	Events(dst []event.Event, rows []int32, need Need) ([]event.Event, error)
	// Fit tells how many of rows, from the first on and at least one, Events
	// makes within limit bytes of memory, and how many bytes it takes for them
	// at most.
	Fit(rows []int32, limit int64) (n int, bytes int64)
	// Reading returns the block for one reader, which charges what it holds of
	// columns to b before it makes them, where they are not kept for all
	// readers anyway, and counts what it reads from disk. A column stays until
	// end is called; after that nothing of the block may be used.
	Reading(b Budget) (block Block, end func())
	// BytesRead is how many bytes were read from disk for this block so far.
	BytesRead() int64
}

// Budget is what memory is taken from. It may be used by many goroutines.
type Budget interface {
	// Charge takes n bytes, or fails.
	Charge(n int64) error
	// Refund gives back n of the bytes charged.
	Refund(n int64)
}

// Order is an order of rows in a block.
type Order uint8

// Rows are ordered by position, or by stream name and then sequence number.
const (
	ByPosition Order = iota + 1
	ByStream
)

// Need says which parts of an event are wanted.
type Need struct {
	Payload  bool
	Metadata bool
	// PayloadPaths and MetadataPaths, if not empty, are all that is wanted of
	// the object: its other members may be left out.
	PayloadPaths, MetadataPaths [][]query.Step
	// Fields, if not empty, are all that is wanted of the envelope.
	Fields Fields
}

// Fields is a set of event fields.
type Fields uint32

// Add adds a field.
func (f *Fields) Add(root query.Root) {
	if root == query.Category {
		root = query.EventType
	}
	*f |= 1 << root
}

// has reports whether the column c is wanted; the empty set has all.
func (f Fields) has(c Col) bool {
	if f == 0 {
		return true
	}
	for root, of := range envelopeCols {
		if of == c && f>>root&1 != 0 {
			return true
		}
	}
	return (c == ColPosition || c == ColRecorded) && f>>query.ID&1 != 0 // ids are made of them
}

// PathColumns is what a block holds for one path. A row whose value is a
// scalar in a column is valid in exactly one of Vectors.
type PathColumns struct {
	// Vectors holds at most one column of each kind. Values in a JSON vector
	// are parsed by the reader.
	Vectors []*Vector
	// Nulls has the rows that hold the JSON value null; nil = none.
	Nulls Bitmap
	// Other has the rows that may hold a value that is in no vector; Value
	// tells. Rows outside Vectors, Nulls and Other have nothing at the path.
	// nil = none.
	Other Bitmap
}
