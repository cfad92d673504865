package column

import (
	"encoding/json/jsontext"
	"fmt"
	"strconv"

	"github.com/firnlog/firn/query"
)

// Value implements Block.
func (b *shredded) Value(row int, root query.Root, path []query.Step) (jsontext.Value, bool, error) {
	if row < 0 || row >= b.rows {
		return nil, false, fmt.Errorf("column: row %d of a block of %d", row, b.rows)
	}
	o, err := b.object(row, root)
	if err != nil {
		return nil, false, err
	}
	if o.shape == nil {
		return valueIn(o.rest, path)
	}
	from, to, left, ok := lookup(o.shape.skeleton, path)
	if !ok {
		return nil, false, nil
	}
	text, err := o.appendRange(nil, from, to)
	if err != nil || len(left) == 0 {
		return text, err == nil, err
	}
	return valueIn(text, left)
}

func valueIn(text []byte, path []query.Step) (jsontext.Value, bool, error) {
	from, to, _, ok := lookup(text, path)
	if !ok {
		return nil, false, nil
	}
	return append(jsontext.Value(nil), text[from:to]...), true, nil
}

// object is what is known of one row's payload or metadata.
type object struct {
	shape *shape // nil: rest is the whole text
	rest  []byte
	row   int
	// column returns a column that the shape names, and where the row is in it.
	column func(c Col) (v *Vector, at int, err error)
}

// object looks one row up in whole columns.
func (b *shredded) object(row int, root query.Root) (object, error) {
	o := object{row: row, column: func(c Col) (*Vector, int, error) {
		v, err := b.source.Vector(c)
		return v, row, err
	}}
	v, err := b.source.Vector(shapeCol(root))
	if err != nil {
		return o, err
	}
	if v.IsValid(row) {
		if o.shape, err = b.shape(root, v.Text(row)); err != nil {
			return o, err
		}
		if !o.shape.inRest {
			return o, nil
		}
	}
	return o, o.takeRest(restCol(root))
}

// takeRest takes the row's rest, which must be there.
func (o *object) takeRest(c Col) error {
	rest, at, err := o.column(c)
	if err != nil {
		return err
	}
	if !rest.IsValid(at) {
		return fmt.Errorf("column: row %d has values in rest but no rest", o.row)
	}
	o.rest = rest.AppendText(o.rest[:0], at)
	return nil
}

// appendRange appends the text of skeleton[from:to] with the values in place.
func (o *object) appendRange(dst []byte, from, to int) ([]byte, error) {
	s := o.shape
	slot := slotsBefore(s.skeleton, from)
	rest := -1 // where the next value starts in o.rest
	for i := from; i < to; i++ {
		start := i
		for i < to && s.skeleton[i] >= ' ' {
			i++
		}
		dst = append(dst, s.skeleton[start:i]...)
		if i == to {
			break
		}
		var err error
		if c := s.cols[slot]; c != noCol {
			dst, err = o.appendColumn(dst, c)
		} else {
			if s.restAt != nil {
				rest = findIndex(o.rest, 0, s.restAt[slot])
			} else if rest < 0 {
				rest = findIndex(o.rest, 0, s.rests(slot))
			}
			dst, rest, err = o.appendRest(dst, rest)
		}
		if err != nil {
			return dst, err
		}
		slot++
	}
	return dst, nil
}

// appendRest appends the value that starts at o.rest[i] and returns where the
// next one starts.
func (o *object) appendRest(dst []byte, i int) ([]byte, int, error) {
	if i < 0 || i >= len(o.rest) {
		return dst, 0, fmt.Errorf("column: rest %q of row %d has too few values", o.rest, o.row)
	}
	end := valueEnd(o.rest, i)
	if end <= i {
		return dst, 0, fmt.Errorf("column: rest %q of row %d is damaged at byte %d", o.rest, o.row, i)
	}
	return append(dst, o.rest[i:end]...), end + 1, nil
}

// appendColumn appends the JSON text of the row's value in a column.
func (o *object) appendColumn(dst []byte, c Col) ([]byte, error) {
	v, at, err := o.column(c)
	if err != nil {
		return dst, err
	}
	if !v.IsValid(at) {
		return dst, fmt.Errorf("column: row %d has no value in column %d, which its shape names", o.row, c)
	}
	switch v.Kind {
	case Int:
		return strconv.AppendInt(dst, v.Ints[at], 10), nil
	case Double:
		return appendDouble(dst, v.Doubles[at]), nil
	case Bool:
		return strconv.AppendBool(dst, v.Bools.Get(at)), nil
	case JSON:
		return v.AppendText(dst, at), nil
	}
	if v.Coded() {
		return appendQuoted(dst, v.Dict[v.Code(at)]), nil
	}
	return appendQuoted(dst, v.Bytes[v.Offsets[at]:v.Offsets[at+1]]), nil
}
