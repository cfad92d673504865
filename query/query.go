// Package query is Firn's query language: it parses the JSON DSL into a
// validated plan, prints a plan, and evaluates conditions on single events. The
// row evaluator is the reference of what a query means; the column engine of
// the store must agree with it.
package query

import (
	"math"
	"time"
)

// Query is a validated query. Parse makes one from the JSON DSL.
type Query struct {
	Instance string    // id or name, required
	Stream   *string   // nil = every stream
	Where    Condition // nil = every event
	Select   []Field   // nil = whole events
	OrderBy  []Order   // nil = append order
	// Limit is the most events, or groups of a reduce, of the answer. Parse fills
	// in DefaultLimit, NoLimit for a reduce; 0 asks for the total alone.
	Limit  int
	Offset int
	// Cursor is next_cursor of an earlier page. With it Offset is not applied
	// again.
	Cursor string
	// NoTotal leaves the count of all matches out, so that a page costs only
	// what it reads.
	NoTotal bool

	Reduce []Reduction // nil = events
	// Single says that reduce was one object without "as": the answer is then
	// spelled {"value": v} instead of {"values": {as: v}}.
	Single  bool
	GroupBy []GroupKey
	// Timezone is the zone of time buckets; nil = UTC.
	Timezone *time.Location
	// Now is the instant that relative times (now-1d) were resolved against: the
	// first page's, when Cursor is set. It goes into the next cursor.
	Now time.Time
}

// DefaultLimit and MaxLimit bound the events of one answer.
const (
	DefaultLimit = 1_000
	MaxLimit     = 10_000
	// NoLimit is the Limit of a reduce that gives none: all groups.
	NoLimit = math.MaxInt
)

// MaxCollect is the most values that all collects of a query hold together.
const MaxCollect = 100_000

// Order is one key of orderBy.
type Order struct {
	Field Field
	// Name is set instead of Field where a reduce sorts its groups by "value"
	// or by an "as" name.
	Name string
	// Group is 1 + the index in GroupBy where a reduce sorts its groups by a
	// group key, else 0.
	Group int
	Desc  bool
}

// ReduceType is a way to make one value of many.
type ReduceType uint8

// The reductions.
const (
	Count ReduceType = iota + 1
	Sum
	Avg
	Min
	Max
	Collect
	CountDistinct
	P50
	P90
	P95
	P99
	First
	Last
)

// Reduction is one value computed over the matching events.
type Reduction struct {
	As    string // name in the answer; the type's name if not given
	Type  ReduceType
	Field Field // zero for Count without a field
}

// GroupKey is one key of groupBy: a field, each element of an array, or a time
// bucket.
type GroupKey struct {
	Field Field
	// Bucket is the width of a time bucket: 0 = none. A day or a week follows
	// the calendar of the query's time zone.
	Bucket Bucket
	// Name is the spelling in the query, used as the key in the answer.
	Name string
}

// Bucket is a width of time: Count of Unit.
type Bucket struct {
	Count int
	Unit  byte // 's', 'm', 'h', 'd', 'w'; 0 = no bucket
}
