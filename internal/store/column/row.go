package column

import (
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// Row is one event on its way into columns.
type Row struct {
	Position       int64
	SequenceNumber int64
	Timestamp      int64 // microseconds since the epoch
	RecordedAt     int64 // milliseconds since the epoch
	Severity       event.Severity
	StreamID       string
	EventType      string
	ID             string // empty where the log made the id
	Actor, Subject *string
	// Payload and Metadata are validated compact JSON objects; empty is {}.
	Payload, Metadata []byte
}

// Content is about how many bytes the row's texts have.
func (r *Row) Content() int {
	n := len(r.StreamID) + len(r.EventType) + len(r.ID) + max(len(r.Payload), len(emptyObject)) + max(len(r.Metadata), len(emptyObject))
	if r.Actor != nil {
		n += len(*r.Actor)
	}
	if r.Subject != nil {
		n += len(*r.Subject)
	}
	return n
}

// Col names a column of a block: one of the fixed ones, or FirstPath+i for the
// i-th path column.
type Col int

// The fixed columns of every block.
const (
	ColPosition Col = iota
	ColSequence
	ColTimestamp
	ColRecorded
	ColSeverity
	ColStream
	ColType
	ColActor
	ColSubject
	ColID
	ColPayloadShape
	ColPayloadRest
	ColMetadataShape
	ColMetadataRest
	FirstPath
)

// noCol marks a value that is in the rest column.
const noCol Col = -1

// Kind is the kind of a fixed column.
func (c Col) Kind() Kind {
	switch {
	case c <= ColSeverity:
		return Int
	case c == ColPayloadRest, c == ColMetadataRest:
		return JSON
	}
	return String
}

// IsShape reports whether the column is the shape of payload or metadata.
func (c Col) IsShape() bool { return c == ColPayloadShape || c == ColMetadataShape }

// IsRest reports whether the column is the rest of payload or metadata.
func (c Col) IsRest() bool { return c == ColPayloadRest || c == ColMetadataRest }

// envelopeCols maps event fields to their columns; Category is made of the
// type.
var envelopeCols = map[query.Root]Col{
	query.Position:       ColPosition,
	query.SequenceNumber: ColSequence,
	query.Timestamp:      ColTimestamp,
	query.RecordedAt:     ColRecorded,
	query.Severity:       ColSeverity,
	query.StreamID:       ColStream,
	query.EventType:      ColType,
	query.Category:       ColType,
	query.Actor:          ColActor,
	query.Subject:        ColSubject,
	query.ID:             ColID,
}

// shapeCol and restCol are the columns of an object's skeleton and rest.
func shapeCol(root query.Root) Col {
	if root == query.Metadata {
		return ColMetadataShape
	}
	return ColPayloadShape
}

func restCol(root query.Root) Col { return shapeCol(root) + 1 }

// rootIndex numbers the two objects of an event.
func rootIndex(root query.Root) int {
	if root == query.Metadata {
		return 1
	}
	return 0
}
