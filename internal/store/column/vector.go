// Package column is the shape in which the log is queried: blocks of at most
// MaxRows events as typed column vectors, with the payload's frequent scalar
// paths as columns of their own. The head builds blocks in memory, a segment
// reads them from Parquet; the query engine sees no difference.
package column

// MaxRows is the most rows of a block.
const MaxRows = 1 << 18

// Kind is the type of a vector's values.
type Kind uint8

// The kinds. A JSON number is Int when its text is the canonical decimal of an
// int64, Double when its text is the shortest decimal (strconv 'f' or integer
// free of exponent) of a float64, otherwise it is kept as JSON.
const (
	Int Kind = iota + 1
	Double
	String
	Bool
	JSON // compact JSON text kept as it came: arrays, uncommon numbers
)

// Bitmap is a set of row numbers, bit i of word i/64.
type Bitmap []uint64

// Vector is one column of a block: the values of rows 0…Len-1. It is immutable
// and may be read by many goroutines.
type Vector struct {
	Kind Kind
	Len  int
	// Valid has the rows that hold a value; nil when all do. What the value
	// slices hold for other rows is unspecified.
	Valid Bitmap

	Ints    []int64   // Kind Int: one a row
	Doubles []float64 // Kind Double: one a row
	Bools   Bitmap    // Kind Bool
	// Numbers has the values of kind Int and Double in dictionary form too, where
	// that is how a file has them, in a block that Reading returned; nil = not.
	Numbers *Coded

	// Kind String and JSON, dictionary form (Coded): the value of a row is
	// Dict[Code(row)]. One of these has the codes; the narrow ones only in a block
	// that Reading returned.
	Codes   []uint32
	Codes16 []uint16
	Codes8  []uint8
	Dict    []string
	// DictBytes is how many bytes the strings of Dict have; 0 = nobody counted.
	DictBytes int
	// Kind String and JSON, plain form (not Coded): the value of row i is
	// Bytes[Offsets[i]:Offsets[i+1]]; len(Offsets) is Len+1.
	Offsets []uint32
	Bytes   []byte
}
