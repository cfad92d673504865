// Package segment reads and writes sealed events: immutable Parquet files of one
// instance, in which the frequent paths of payload and metadata are columns of
// their own. Any Parquet reader can query them as they stand; the format is
// described in docs/storage-format.md.
//
// Every byte of a file is covered by a checksum that is verified whenever it is
// read, so that damage is an error and never a wrong answer.
package segment

import (
	"encoding/hex"
	"encoding/json/v2"
	"errors"
	"fmt"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// FormatVersion is the version of the format that this package writes, and the
// highest that it reads.
const FormatVersion = 1

// ErrNewer says that a file was written by a newer version of firn.
var ErrNewer = errors.New("segment was written by a newer version of firn")

// DamageError says that a file is not what was written.
type DamageError struct {
	File string
	// First and Last are the positions that the file holds; 0 when the damage
	// hides even that.
	First, Last int64
	Err         error
}

func (e *DamageError) Error() string {
	if e.First == 0 {
		return fmt.Sprintf("segment %s is damaged: %v", e.File, e.Err)
	}
	return fmt.Sprintf("segment %s (positions %d to %d) is damaged: %v", e.File, e.First, e.Last, e.Err)
}

func (e *DamageError) Unwrap() error { return e.Err }

// Key is the key of an instance's made ids (package eventid).
type Key [16]byte

// MarshalText spells the key in hexadecimal.
func (k Key) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *Key) UnmarshalText(text []byte) error {
	if len(text) != 2*len(k) {
		return fmt.Errorf("id key has %d characters, want %d", len(text), 2*len(k))
	}
	_, err := hex.Decode(k[:], text)
	return err
}

// Instance says whose events a segment holds.
type Instance struct {
	ID  string
	Key Key
}

// Ranges are inclusive ranges over rows.
type Ranges struct {
	Rows          int    `json:"rows"`
	FirstPosition int64  `json:"first_position"`
	LastPosition  int64  `json:"last_position"`
	MinTimestamp  int64  `json:"min_timestamp"`   // microseconds since the epoch
	MaxTimestamp  int64  `json:"max_timestamp"`   // microseconds since the epoch
	MinRecorded   int64  `json:"min_recorded_at"` // milliseconds since the epoch
	MaxRecorded   int64  `json:"max_recorded_at"` // milliseconds since the epoch
	MinStream     string `json:"min_stream"`
	MaxStream     string `json:"max_stream"`
}

// add widens r to hold o's rows too.
func (r *Ranges) add(o Ranges) {
	if r.Rows == 0 {
		*r = o
		return
	}
	r.Rows += o.Rows
	r.FirstPosition = min(r.FirstPosition, o.FirstPosition)
	r.LastPosition = max(r.LastPosition, o.LastPosition)
	r.MinTimestamp = min(r.MinTimestamp, o.MinTimestamp)
	r.MaxTimestamp = max(r.MaxTimestamp, o.MaxTimestamp)
	r.MinRecorded = min(r.MinRecorded, o.MinRecorded)
	r.MaxRecorded = max(r.MaxRecorded, o.MaxRecorded)
	r.MinStream = min(r.MinStream, o.MinStream)
	r.MaxStream = max(r.MaxStream, o.MaxStream)
}

// Info describes a segment. A manifest can be made of the Infos of its files.
type Info struct {
	Ranges
	InstanceID string `json:"instance_id"`
	Key        Key    `json:"id_key"`
	// Content is about how many bytes the events' texts have.
	Content int64 `json:"content_bytes"`
	// Size is the file's size in bytes; Hash is the SHA-256, in hexadecimal, of
	// its tail, which holds a checksum of all that is before it: it identifies
	// the content.
	Size int64  `json:"-"`
	Hash string `json:"-"`
}

// document is the JSON of the footer's key "firn".
type document struct {
	Format    int           `json:"format"`
	BlockSize int           `json:"block_size"`
	Info      Info          `json:"segment"`
	Groups    []group       `json:"row_groups"`
	Columns   []pathColumn  `json:"columns"`
	Order     string        `json:"order"`
	Sums      checksumTable `json:"checksums"`
}

// group describes a row group.
type group struct {
	Ranges
	// Sizes tells how large the rows are, in the order in which they are.
	Sizes column.Sizes `json:"sizes"`
	// Spill says for payload and metadata what is in their rest columns.
	Payload  spill `json:"payload"`
	Metadata spill `json:"metadata"`
}

// spill says which values of a root are not in the columns of their paths.
type spill struct {
	// Whole is the number of rows whose object is in rest as it is.
	Whole int `json:"whole,omitempty"`
	// Any says that there are more paths than Paths could list.
	Any bool `json:"any,omitempty"`
	// Paths have strings, arrays or uncommon numbers in rest.
	Paths [][]string `json:"paths,omitempty"`
	// Odd are the paths with strings in their JSON column: those whose spelling
	// is not the canonical one.
	Odd [][]string `json:"odd,omitempty"`
}

// pathColumn describes a column of payload or metadata.
type pathColumn struct {
	Name string   `json:"name"`
	Root string   `json:"root"`
	Path []string `json:"path"`
	Kind string   `json:"kind"`
	// Integers says that a column of doubles holds the path's integers too.
	Integers bool `json:"integers,omitempty"`
}

var (
	rootNames = map[query.Root]string{query.Payload: "payload", query.Metadata: "metadata"}
	roots     = map[string]query.Root{"payload": query.Payload, "metadata": query.Metadata}
	kindNames = map[column.Kind]string{column.Int: "int", column.Double: "double", column.String: "string",
		column.Bool: "bool", column.JSON: "json"}
	kinds = map[string]column.Kind{"int": column.Int, "double": column.Double, "string": column.String,
		"bool": column.Bool, "json": column.JSON}
)

// parseDocument reads the document, refusing formats it does not know.
func parseDocument(text string) (*document, error) {
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal([]byte(text), &version); err != nil {
		return nil, fmt.Errorf("footer document: %w", err)
	}
	if version.Format > FormatVersion {
		return nil, fmt.Errorf("%w: format %d, this one reads up to %d", ErrNewer, version.Format, FormatVersion)
	}
	d := new(document)
	if err := json.Unmarshal([]byte(text), d); err != nil {
		return nil, fmt.Errorf("footer document: %w", err)
	}
	if d.Format < 1 || d.BlockSize < 1 || d.Order != orderByStream && d.Order != orderByPosition {
		return nil, fmt.Errorf("footer document: format %d, block size %d, order %q", d.Format, d.BlockSize, d.Order)
	}
	return d, nil
}

// Orders of rows in a row group.
const (
	orderByStream   = "stream_id, sequence_number"
	orderByPosition = "position"
)

// paths are the path columns that the document lists.
func (d *document) paths() ([]column.PathColumn, error) {
	list := make([]column.PathColumn, len(d.Columns))
	for i, c := range d.Columns {
		root, kind := roots[c.Root], kinds[c.Kind]
		if root == 0 || kind == 0 || len(c.Path) == 0 {
			return nil, fmt.Errorf("footer document: column %q has root %q, kind %q and %d keys", c.Name, c.Root, c.Kind, len(c.Path))
		}
		list[i] = column.PathColumn{Root: root, Path: c.Path, Kind: kind, Integers: c.Integers && kind == column.Double}
	}
	return list, nil
}
