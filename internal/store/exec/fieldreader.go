package exec

import (
	"encoding/json/jsontext"
	"strconv"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// fieldReader reads one field of the rows of a block.
type fieldReader struct {
	r       *reader
	field   query.Field
	vectors []*column.Vector
	nulls   column.Bitmap
	other   column.Bitmap
	whole   bool     // payload or metadata itself
	fixed   string   // instance id
	made    []string // by row: the ids that the log made, of the rows asked for
}

// field prepares to read a field of some rows.
func (r *reader) field(f query.Field, rows column.Bitmap) (*fieldReader, error) {
	fr := &fieldReader{r: r, field: f}
	switch f.Root {
	case query.InstanceID:
		fr.fixed = r.instance
	case query.Payload, query.Metadata:
		if len(f.Path) == 0 {
			fr.whole = true
			return fr, nil
		}
		columns, err := r.block.Path(f.Root, f.Path)
		if err != nil {
			return nil, err
		}
		fr.vectors, fr.nulls, fr.other = columns.Vectors, columns.Nulls, columns.Other
	default:
		v, err := r.block.Envelope(f.Root)
		if err != nil {
			return nil, err
		}
		fr.vectors = []*column.Vector{v}
		if f.Root == query.ID && v.Valid != nil {
			return fr, fr.makeIDs(rows, v.Valid)
		}
	}
	return fr, nil
}

// makeIDs computes the ids of the rows that bring none.
func (fr *fieldReader) makeIDs(rows, brought column.Bitmap) error {
	left, err := fr.r.copyOf(rows)
	if err != nil {
		return err
	}
	left.AndNot(brought)
	const size = 16 + 36 // a string and its bytes
	if err := fr.r.Charge(int64(fr.r.rows)*16 + int64(left.Count())*size); err != nil {
		return err
	}
	fr.made = make([]string, fr.r.rows)
	return fr.r.eachID(left, func(row int, id string) error {
		fr.made[row] = id
		return nil
	})
}

// only is the vector that alone holds every value of the field; nil where there
// is more than one place to look.
func (fr *fieldReader) only() *column.Vector {
	if len(fr.vectors) != 1 || fr.nulls != nil || fr.other != nil || fr.made != nil {
		return nil
	}
	return fr.vectors[0]
}

// vector is the vector that holds the value of a row; nil if none does.
func (fr *fieldReader) vector(row int) *column.Vector {
	for _, v := range fr.vectors {
		if v.IsValid(row) {
			return v
		}
	}
	return nil
}

// key is the sort key of a row's value. Its text is valid until the block is
// released.
func (fr *fieldReader) key(row int) (sortKey, error) {
	if v := fr.vector(row); v != nil {
		return vectorKey(v, row, fr.field.Root), nil
	}
	switch {
	case fr.fixed != "":
		return sortKey{rank: rankString, text: fr.fixed}, nil
	case fr.made != nil:
		return sortKey{rank: rankString, text: fr.made[row]}, nil
	case fr.whole:
		return sortKey{rank: rankRest}, nil
	case fr.nulls.Get(row):
		return sortKey{rank: rankRest}, nil
	case !fr.other.Get(row):
		return sortKey{rank: rankMissing}, nil
	}
	v, ok, err := fr.r.value(row, &fr.field)
	if err != nil || !ok {
		return sortKey{rank: rankMissing}, err
	}
	return keyOf(query.ValueOf(v), true), nil
}

// vectorKey is the sort key of a valid row of a vector.
func vectorKey(v *column.Vector, row int, root query.Root) sortKey {
	switch v.Kind {
	case column.Int:
		return sortKey{rank: rankNumber, num: intNumber(v.Ints[row])}
	case column.Double:
		return sortKey{rank: rankNumber, num: doubleNumber(v.Doubles[row])}
	case column.Bool:
		return boolKey(v.Bools.Get(row))
	case column.String:
		return sortKey{rank: rankString, text: borrowedText(v, row)}
	}
	return keyOf(query.ValueOf(jsontext.Value(borrowedText(v, row))), true)
}

// borrowedText is the text of a valid row of a String or JSON vector, valid
// until the block is released.
func borrowedText(v *column.Vector, row int) string {
	if v.Coded() {
		return v.Dict[v.Code(row)]
	}
	return borrowed(text(v, row))
}

// elsewhere is the JSON text of the value of a row that is in no vector.
func (fr *fieldReader) elsewhere(row int) (jsontext.Value, bool, error) {
	switch {
	case fr.fixed != "":
		return event.AppendQuoted(nil, fr.fixed), true, nil
	case fr.made != nil:
		return event.AppendQuoted(nil, fr.made[row]), true, nil
	case fr.nulls.Get(row):
		return jsontext.Value(nullText), true, nil
	case fr.whole || fr.other.Get(row):
		return fr.r.value(row, &fr.field)
	}
	return nil, false, nil
}

// raw is the JSON text of a row's value as events spell it.
func (fr *fieldReader) raw(row int) (jsontext.Value, bool, error) {
	v := fr.vector(row)
	if v == nil {
		return fr.elsewhere(row)
	}
	switch v.Kind {
	case column.Int:
		return appendInt(nil, v.Ints[row], fr.field), true, nil
	case column.Double:
		return strconv.AppendFloat(nil, v.Doubles[row], 'f', -1, 64), true, nil
	case column.Bool:
		return jsontext.Value(boolText(v.Bools.Get(row))), true, nil
	case column.String:
		return event.AppendQuoted(nil, borrowedText(v, row)), true, nil
	}
	return jsontext.Value(strings.Clone(borrowedText(v, row))), true, nil
}

// appendInt appends what an integer column holds of a field as answers spell
// it.
func appendInt(dst []byte, i int64, f query.Field) []byte {
	return append(dst, intValue(i, f).Raw...)
}

// intValue is what an integer column holds of a field.
func intValue(i int64, f query.Field) query.Value {
	switch {
	case f.Root == query.Timestamp:
		return query.InstantValue(time.UnixMicro(i))
	case f.Root == query.RecordedAt:
		return query.InstantValue(time.UnixMilli(i))
	case f.Root == query.Severity && !f.Importance:
		return query.SeverityValue(event.Severity(i))
	}
	return query.IntValue(i)
}

// array is the JSON text of a row's value where that is an array. It is valid
// until the block is released.
func (fr *fieldReader) array(row int) (jsontext.Value, bool, error) {
	v := fr.vector(row)
	if v != nil && v.Kind == column.JSON {
		text := jsontext.Value(borrowedText(v, row))
		return text, event.KindOf(text) == '[', nil
	}
	if v != nil {
		return nil, false, nil
	}
	text, ok, err := fr.elsewhere(row)
	return text, ok && event.KindOf(text) == '[', err
}
