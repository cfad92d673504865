package query

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Operator is a comparison of the DSL.
type Operator uint8

// The operators.
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

var operatorNames = [...]string{
	Eq: "eq", Neq: "neq", Gt: "gt", Gte: "gte", Lt: "lt", Lte: "lte", Between: "between", In: "in", NotIn: "not_in",
	Contains: "contains", IContains: "icontains", StartsWith: "starts_with", Exists: "exists", Matches: "matches",
}

// String is the operator's name in the DSL.
func (o Operator) String() string {
	if o < Eq || o > Matches {
		return "unknown"
	}
	return operatorNames[o]
}

// ordered reports whether o compares by order: gt, gte, lt, lte, between.
func (o Operator) ordered() bool { return o >= Gt && o <= Between }

// textual reports whether o looks into a text: contains, icontains,
// starts_with, matches.
func (o Operator) textual() bool {
	return o == Contains || o == IContains || o == StartsWith || o == Matches
}

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
	// actor or payload (not of its keys).
	Search struct {
		Text   string
		folded *Folded // made by NewSearch
	}
)

// Compare compares a field with constants. Parse and Is make it; one that is
// put together by hand means the same, but is slower to evaluate.
//
// The kinds of Values fit the field: Instant for Timestamp and RecordedAt,
// Numeric (1 to 8) for Severity, any other kind elsewhere.
type Compare struct {
	Field    Field
	Operator Operator
	// Values are the operands: one; two for Between; any number for In and
	// NotIn; none for Exists.
	Values []Value

	pattern *regexp.Regexp  // of Matches
	folded  *Folded         // of IContains
	set     map[string]bool // of In and NotIn: the operands' keys
}

func (And) condition()      {}
func (Or) condition()       {}
func (Not) condition()      {}
func (Search) condition()   {}
func (*Compare) condition() {}

// NewSearch makes a search, ready to be evaluated. Search{Text: text} means the
// same, but is slower.
func NewSearch(text string) Search { return Search{Text: text, folded: NewFolded(text)} }

// Folded is the prepared text.
func (s Search) Folded() *Folded {
	if s.folded == nil {
		return NewFolded(s.Text)
	}
	return s.folded
}

// newCompare makes a comparison, ready to be evaluated. The kinds of values
// must fit the field and their number the operator; pattern is that of Matches,
// nil otherwise.
func newCompare(f Field, op Operator, pattern *regexp.Regexp, values ...Value) *Compare {
	c := &Compare{Field: f, Operator: op, Values: values, pattern: pattern}
	switch op {
	case IContains:
		c.folded = NewFolded(values[0].Text)
	case In, NotIn:
		c.set = make(map[string]bool, len(values))
		for _, v := range values {
			c.set[v.key()] = true
		}
	}
	return c
}

// Pattern is the compiled expression of Matches, nil for other operators. It
// finds the pattern anywhere in a text.
func (c *Compare) Pattern() *regexp.Regexp {
	if c.pattern == nil && c.Operator == Matches && len(c.Values) == 1 {
		pattern, err := compilePattern(c.Values[0].Text)
		if err != nil {
			return regexp.MustCompile(`\z\A.`) // matches nothing
		}
		return pattern
	}
	return c.pattern
}

// Folded is the prepared text of IContains, nil for other operators.
func (c *Compare) Folded() *Folded {
	if c.folded == nil && c.Operator == IContains && len(c.Values) == 1 {
		return NewFolded(c.Values[0].Text)
	}
	return c.folded
}

// Holds reports whether v is equal to one of the operands of In or NotIn.
func (c *Compare) Holds(v Value) bool {
	if c.set != nil {
		return c.set[v.key()]
	}
	for _, operand := range c.Values {
		if operand.Equal(v) {
			return true
		}
	}
	return false
}

// Bounds of a pattern: RE2 takes linear time, but a linear time of its own.
const (
	maxPattern = 1_000 // bytes
	maxProgram = 1_000 // instructions
)

// compilePattern compiles an RE2 expression within the bounds.
func compilePattern(text string) (*regexp.Regexp, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("pattern has %d bytes, at most %d are allowed", len(text), maxPattern)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("not an RE2 pattern: %w", err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("not an RE2 pattern: %w", err)
	}
	if len(program.Inst) > maxProgram {
		return nil, fmt.Errorf("pattern compiles to %d instructions, at most %d are allowed; repeat less", len(program.Inst), maxProgram)
	}
	return regexp.Compile(text)
}
