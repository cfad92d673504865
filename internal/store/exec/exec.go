// Package exec answers queries: it prunes blocks by their statistics, reads
// only the columns that are named, evaluates conditions on whole vectors and
// fetches other columns only for the rows that are returned.
//
// What a query means is said by the row evaluator of package query; this
// package gives the same answers, sooner.
package exec

import (
	"context"
	"encoding/json/jsontext"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// Snapshot is the state of one instance that a query is answered from.
type Snapshot struct {
	InstanceID string
	// Blocks are in order of position and do not overlap.
	Blocks []BlockRef
	// LastPosition is the last position that the snapshot holds or has held.
	LastPosition int64
	// DecodeID tells position and recorded_at (milliseconds since the epoch) of
	// an id that the log made, so that a condition on such an id looks at one
	// row. nil = ids are computed row by row.
	DecodeID func(id string) (position, recordedAt int64, ok bool)
}

// BlockRef names a block and tells what can be told without reading it.
type BlockRef struct {
	// Segment is the file's name; empty for a block of the head. Several
	// blocks (row groups) may have one segment.
	Segment string
	Rows    int
	// Inclusive ranges over the rows.
	FirstPosition, LastPosition int64
	MinTimestamp, MaxTimestamp  int64 // microseconds since the epoch
	MinRecorded, MaxRecorded    int64 // milliseconds since the epoch
	// MayHold reports whether a row can have the given string at a string
	// field (StreamID, EventType, Actor, Subject, ID, or a payload or metadata
	// path); it may say true wrongly, never false. Of ID it speaks of the ids
	// that callers brought. nil = always true.
	MayHold func(f query.Field, value string) bool
	// Open reads the block; release must be called once, after the last use.
	Open func(ctx context.Context) (b column.Block, release func(), err error)
}

// Result answers a query.
type Result struct {
	// Events are the matches of a query without Select and Reduce.
	Events []event.Event
	// Selected are the matches of a query with Select, each a JSON object.
	Selected []jsontext.Value
	// Aggregation is the JSON of a query with Reduce: {"value": v},
	// {"values": {…}} or an array of groups (docs/query-language.md).
	Aggregation jsontext.Value
	// Total counts all matches; nil where the query has NoTotal.
	Total      *int64
	Limit      int
	Offset     int
	NextCursor string // empty on the last page
	Stats      Stats
	// Lost are the ranges of positions that damage to the disk has taken:
	// events there may be missing from the answer. The engine does not set it.
	Lost []Gap
	// Bytes is about how much memory the answer holds. It was part of the
	// budget until Run returned; whoever keeps the answer for long (while a
	// slow client reads) counts it among their own.
	Bytes int64
}

// Gap is an inclusive range of positions.
type Gap struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// Stats is what a query cost.
type Stats struct {
	RowsScanned     int64
	SegmentsScanned int
	SegmentsSkipped int
	BytesRead       int64
	Elapsed         time.Duration
}
