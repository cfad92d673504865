package exec

import (
	"encoding/json/jsontext"
	"math"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// coding numbers the values that the rows of a block have at a group key. Two
// numbers may stand for equal values.
type coding struct {
	n     int      // numbers are below n; 1 without codes: all rows have number 0
	codes []uint32 // of a row; or, with starts, of all values of all rows
	bytes []uint8  // what codes would be, until widen makes them
	// starts, where rows may have several values: those of a row are
	// codes[starts[row]:starts[row+1]].
	starts []uint32
	// appendText appends the value of a number as answers spell it.
	appendText func(dst []byte, code uint32) []byte
}

// of are the numbers of a row's values.
func (c *coding) of(row int) []uint32 {
	if c.starts == nil {
		return c.codes[row : row+1]
	}
	return c.codes[c.starts[row]:c.starts[row+1]]
}

// widen makes codes of bytes.
func (c *coding) widen(r *reader) (err error) {
	if c.bytes != nil {
		c.codes, err = r.widened(c.bytes)
		c.bytes = nil
	}
	return err
}

// widened are codes of four bytes.
func (r *reader) widened(codes []uint8) ([]uint32, error) {
	if err := r.Charge(int64(len(codes)) * 4); err != nil {
		return nil, err
	}
	wide := make([]uint32, len(codes))
	column.Widen(wide, codes)
	return wide, nil
}

const nullText = "null"

// code numbers the values of some rows at a group key.
func (r *reader) code(key query.GroupKey, rows column.Bitmap, zone *time.Location) (*coding, error) {
	if key.Bucket.Count > 0 {
		return r.codeBuckets(key, rows, zone)
	}
	f := key.Field
	if n := len(f.Path); n > 0 && f.Path[n-1].Each {
		f.Path = f.Path[:n-1]
		return r.codeElements(f, rows)
	}
	fr, err := r.field(f, rows)
	if err != nil {
		return nil, err
	}
	if v := fr.only(); v != nil && v.Kind == column.String && v.Coded() {
		return r.codeDictionary(v)
	}
	return codeField(fr, rows)
}

// codeDictionary takes the codes of a dictionary column as they are; one more
// stands for null.
func (r *reader) codeDictionary(v *column.Vector) (*coding, error) {
	null := uint32(len(v.Dict))
	c := &coding{n: len(v.Dict) + 1, codes: v.Codes, appendText: func(dst []byte, code uint32) []byte {
		if code == null {
			return append(dst, nullText...)
		}
		return event.AppendQuoted(dst, v.Dict[code])
	}}
	if v.Valid == nil && v.Codes16 == nil {
		c.bytes = v.Codes8
		return c, nil
	}
	var err error
	if c.codes, err = r.newCodes(); err != nil {
		return nil, err
	}
	switch {
	case v.Valid == nil:
		column.Widen(c.codes, v.Codes16)
	case v.Codes8 != nil:
		withNull(c.codes, v.Codes8, v.Valid, null)
	case v.Codes16 != nil:
		withNull(c.codes, v.Codes16, v.Valid, null)
	default:
		withNull(c.codes, v.Codes, v.Valid, null)
	}
	return c, nil
}

// withNull writes the codes of rows with a value, and null for the others.
func withNull[N uint8 | uint16 | uint32](dst []uint32, codes []N, valid column.Bitmap, null uint32) {
	for w := range words(len(codes)) {
		m := word(valid, w)
		to := dst[w<<6 : min(w<<6+64, len(codes))]
		for j, n := range codes[w<<6 : min(w<<6+64, len(codes))] {
			code := uint32(n)
			if m>>(j&63)&1 == 0 {
				code = null
			}
			to[j] = code
		}
	}
}

// newCodes is a number for each row.
func (r *reader) newCodes() ([]uint32, error) {
	if err := r.Charge(int64(r.rows) * 4); err != nil {
		return nil, err
	}
	return make([]uint32, r.rows), nil
}

// numbering gives numbers to values as they come.
type numbering struct {
	texts   []string
	strings map[string]uint32
	meter   meter
	// fault is set where there is no memory for more values.
	fault error
}

// numberedSize is about how many bytes a value takes besides its text.
const numberedSize = 96

func (r *reader) newNumbering() *numbering {
	return &numbering{strings: map[string]uint32{}, meter: meter{account: r}}
}

// number is that of a value in its JSON text, which may be borrowed.
func (n *numbering) number(text string) uint32 {
	code, ok := n.strings[text]
	if !ok {
		code = uint32(len(n.texts))
		if err := n.meter.add(numberedSize + len(text)); err != nil {
			n.fault = err
		}
		text = string([]byte(text))
		n.strings[text] = code
		n.texts = append(n.texts, text)
	}
	return code
}

func (n *numbering) appendText(dst []byte, code uint32) []byte { return append(dst, n.texts[code]...) }

// codeField numbers the values of a field of any kind.
func codeField(fr *fieldReader, rows column.Bitmap) (*coding, error) {
	n := fr.r.newNumbering()
	null := n.number(nullText)
	codes, err := fr.r.newCodes()
	if err != nil {
		return nil, err
	}
	left, err := fr.r.copyOf(rows)
	if err != nil {
		return nil, err
	}
	for _, v := range fr.vectors {
		if err := n.codeVector(fr, v, left, codes); err != nil {
			return nil, err
		}
		for w := range left {
			left[w] &^= word(v.Valid, w)
		}
	}
	err = fr.r.eachRow(left, func(row int) error {
		codes[row] = null
		text, ok, err := fr.elsewhere(row)
		if err != nil || !ok {
			return err
		}
		codes[row] = n.number(borrowed(query.Canonical(text)))
		return n.fault
	})
	return &coding{n: len(n.texts), codes: codes, appendText: n.appendText}, err
}

// codeVector numbers the values that a vector holds of some rows.
func (n *numbering) codeVector(fr *fieldReader, v *column.Vector, rows column.Bitmap, codes []uint32) error {
	if v.Kind == column.Int {
		return n.codeInts(fr, v, rows, codes)
	}
	var known []uint32 // 1 + number, by dictionary code
	if v.Coded() {
		if err := fr.r.Charge(int64(len(v.Dict)) * 4); err != nil {
			return err
		}
		known = make([]uint32, len(v.Dict))
	}
	var buf []byte
	return fr.r.eachRow(rows, func(row int) error {
		if !v.IsValid(row) {
			return nil
		}
		switch {
		case known != nil && known[v.Code(row)] > 0:
			codes[row] = known[v.Code(row)] - 1
			return nil
		case v.Kind == column.JSON:
			buf = append(buf[:0], query.Canonical(jsontext.Value(borrowedText(v, row)))...)
		case v.Kind == column.String:
			buf = event.AppendQuoted(buf[:0], borrowedText(v, row))
		case v.Kind == column.Bool:
			buf = append(buf[:0], boolText(v.Bools.Get(row))...)
		default:
			buf = append(buf[:0], query.FloatNumber(v.Doubles[row]).String()...)
		}
		codes[row] = n.number(borrowed(buf))
		if known != nil {
			known[v.Code(row)] = codes[row] + 1
		}
		return n.fault
	})
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// codeElements numbers the elements of the arrays at a path.
func (r *reader) codeElements(f query.Field, rows column.Bitmap) (*coding, error) {
	n := r.newNumbering()
	if err := r.Charge(int64(r.rows+1) * 4); err != nil {
		return nil, err
	}
	c := &coding{starts: make([]uint32, r.rows+1), appendText: n.appendText}
	fr, err := r.field(f, rows)
	if err != nil {
		return nil, err
	}
	next, owed := 0, meter{account: r}
	err = r.eachRow(rows, func(row int) error {
		for ; next <= row; next++ {
			c.starts[next] = uint32(len(c.codes))
		}
		array, ok, err := fr.array(row)
		if err != nil {
			return err
		}
		before := len(c.codes)
		if ok {
			for e := event.WalkElements(array); e.Next(); {
				c.codes = append(c.codes, n.number(borrowed(query.Canonical(e.Value))))
			}
		}
		if len(c.codes) == before {
			c.codes = append(c.codes, n.number(nullText))
		}
		if len(c.codes) > math.MaxUint32 {
			return ErrMemory
		}
		if n.fault != nil {
			return n.fault
		}
		return owed.add(8 * (len(c.codes) - before))
	})
	for ; next <= r.rows; next++ {
		c.starts[next] = uint32(len(c.codes))
	}
	c.n = len(n.texts)
	return c, err
}
