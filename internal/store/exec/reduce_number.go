package exec

import (
	"encoding/json/jsontext"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// numberFold takes in the numbers of some entries.
type numberFold interface {
	ints(en *entries, v *column.Vector)
	doubles(en *entries, v *column.Vector)
	number(group uint32, n query.Number)
	// most is how many bytes the entries can make the states hold at most; whole
	// says that all are integers.
	most(en *entries, whole bool) int64
	// bytes is about how much memory the states hold beside themselves.
	bytes() int64
}

// addNumbers folds the numbers of a field; other values do not count.
func addNumbers(r *reader, en *entries, f query.Field, fold numberFold) (int64, error) {
	if !mayHoldNumbers(f) {
		return 0, nil
	}
	fr, err := r.fieldOf(f, en)
	if err != nil {
		return 0, err
	}
	slow, whole := fr.other != nil, fr.other == nil
	for _, v := range fr.vectors {
		whole = whole && v.Kind != column.Double && v.Kind != column.JSON
	}
	if err := r.Charge(fold.most(en, whole)); err != nil {
		return 0, err
	}
	for _, v := range fr.vectors {
		switch v.Kind {
		case column.Int:
			fold.ints(en, v)
		case column.Double:
			fold.doubles(en, v)
		case column.JSON:
			slow = true
		}
	}
	if slow {
		err = fr.eachEntry(en, func(i, row int) error {
			text, ok, err := fr.uncommon(row)
			if err != nil || !ok || event.KindOf(text) != '0' {
				return err
			}
			n, err := query.ParseNumber([]byte(text))
			if err == nil {
				fold.number(en.group(i), n)
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	bytes := fold.bytes()
	return bytes, r.account.Charge(bytes)
}

// mayHoldNumbers reports whether a field can count as a number: a severity only
// as importance, an instant never.
func mayHoldNumbers(f query.Field) bool {
	switch f.Root {
	case query.Payload, query.Metadata:
		return len(f.Path) > 0
	case query.Severity:
		return f.Importance
	case query.Position, query.SequenceNumber:
		return true
	}
	return false
}

// uncommon is the JSON text of a row's value where that is in a JSON column or
// in none.
func (fr *fieldReader) uncommon(row int) (jsontext.Value, bool, error) {
	v := fr.vector(row)
	switch {
	case v == nil && fr.other.Get(row):
		return fr.elsewhere(row)
	case v == nil || v.Kind != column.JSON:
		return nil, false, nil
	}
	return jsontext.Value(borrowedText(v, row)), true, nil
}

// eachValue calls fn with the entries at whose rows a vector has a value.
func (en *entries) eachValue(v *column.Vector, fn func(row int, g uint32)) {
	for i := range en.n {
		if row := en.row(i); v.Valid == nil || v.Valid.Get(row) {
			fn(row, en.group(i))
		}
	}
}
