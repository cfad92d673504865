// Package query is Firn's query language: it parses the JSON DSL into a
// validated plan, prints a plan, and evaluates conditions on single events. The
// row evaluator is the reference of what a query means; the column engine of
// the store must agree with it.
package query

import (
	"encoding/json/jsontext"
	"time"
)

// Query is a validated query. Parse makes one from the JSON DSL.
type Query struct {
	Instance string    // id or name, required
	Stream   *string   // nil = every stream
	Where    Condition // nil = every event
	Select   []Field   // nil = whole events
	OrderBy  []Order   // nil = append order
	Limit    int       // Parse fills in DefaultLimit; 0 asks for the total alone
	Offset   int
	Cursor   string // next_cursor of an earlier page
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
}

// DefaultLimit and MaxLimit bound the events of one answer.
const (
	DefaultLimit = 1_000
	MaxLimit     = 10_000
)

// Root is the event field a Field starts from.
type Root uint8

// The event fields a query can name.
const (
	ID Root = iota + 1
	InstanceID
	StreamID
	SequenceNumber
	Position
	EventType
	Category
	Timestamp
	RecordedAt
	Severity
	Actor
	Subject
	Payload
	Metadata
)

// Step is one step into a payload or metadata: a key of an object or an index
// of an array.
type Step struct {
	Key     string
	Index   int // used when IsIndex
	IsIndex bool
	// Each is the [] of metadata.tags[]: every element of the array. Only the
	// last step of a group key may be it.
	Each bool
}

// Field names an event field or a path into payload or metadata.
type Field struct {
	Root Root
	Path []Step // empty, or steps into Payload or Metadata
	// Name is the spelling in the query, kept for answers and errors.
	Name string
	// Importance is set where the query said "importance": severity shown as a
	// number.
	Importance bool
}

// Operator is a comparison of the DSL.
type Operator uint8

// The operators of SPEC §3.
const (
	Eq Operator = iota + 1
	Neq
	Gt
	Gte
	Lt
	Lte
	Between
	In
	NotIn
	Contains
	IContains
	StartsWith
	Exists
	Matches
)

// Condition is one of And, Or, Not, *Compare, Search. A condition is immutable
// once made and may be evaluated by many goroutines at once.
type Condition interface {
	// String is the condition as DSL JSON.
	String() string
	condition()
}

type (
	// And holds where all hold; empty it holds everywhere.
	And []Condition
	// Or holds where one holds; empty it holds nowhere.
	Or []Condition
	// Not holds where its condition does not.
	Not struct{ Of Condition }
	// Search is a case-insensitive substring of any string in type, subject,
	// actor or payload.
	Search struct{ Text string }
)

// Compare compares a field with one or several constants.
type Compare struct {
	Field    Field
	Operator Operator
	// Values are the operands: one; two for Between; any number for In and
	// NotIn; none for Exists.
	Values []Value
	// Pattern is the compiled expression of Matches (*regexp.Regexp), kept by
	// the evaluator.
	matcher matcher
}

// Order is one key of orderBy.
type Order struct {
	Field Field
	// Name is set instead of Field where a reduce sorts its groups by "value"
	// or by an "as" name.
	Name string
	Desc bool
}

// ReduceType is a reduction of SPEC §3.
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
	Unit  byte // 'm', 'h', 'd', 'w'; 0 = no bucket
}

// Value is a constant of a query in the forms the comparison needs.
type Value struct {
	Kind ValueKind
	Text string // String: the decoded string
	Num  Number // Numeric
	Bool bool   // Boolean
	// Micros is the instant in microseconds since the epoch where the compared
	// field is a time, and the epoch-millisecond reading of a number.
	Micros int64
	// Raw is the compact JSON text, used to print, and by deep equality.
	Raw jsontext.Value
}

// ValueKind is the type of a JSON value, with instants apart.
type ValueKind uint8

// The kinds of values. Instant is used only where the field is a time.
const (
	Null ValueKind = iota + 1
	Boolean
	Numeric
	String
	Array
	Object
	Instant
)

// Number is an exact decimal number.
type Number struct{}

func (And) condition()      {}
func (Or) condition()       {}
func (Not) condition()      {}
func (Search) condition()   {}
func (*Compare) condition() {}

func (And) String() string      { panic("query: not built yet") }
func (Or) String() string       { panic("query: not built yet") }
func (Not) String() string      { panic("query: not built yet") }
func (Search) String() string   { panic("query: not built yet") }
func (*Compare) String() string { panic("query: not built yet") }
