package exec

import (
	"encoding/json/jsontext"
	"strings"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// extreme is the least or greatest number and string of a group.
type extreme struct {
	hasNumber, hasText bool
	number             number
	text               string
}

// newExtremes finds the least values of a field, or with greatest the greatest.
// Numbers go before strings.
func newExtremes(f query.Field, greatest bool) *states[extreme] {
	sign := 1
	if greatest {
		sign = -1
	}
	return &states[extreme]{
		size: 64,
		add: func(r *reader, en *entries, groups []extreme) (int64, error) {
			fr, err := r.fieldOf(f, en)
			if err != nil {
				return 0, err
			}
			err = fr.eachEntry(en, func(i, row int) error {
				key, err := fr.key(row)
				if err == nil {
					groups[en.group(i)].take(&key, sign)
				}
				return err
			})
			if err != nil {
				return 0, err
			}
			bytes := int64(0)
			for i := range groups {
				groups[i].text = strings.Clone(groups[i].text)
				bytes += int64(len(groups[i].text))
			}
			return bytes, r.account.Charge(bytes)
		},
		merge: func(dst, src *extreme) (int64, error) {
			if src.hasNumber {
				dst.take(&sortKey{rank: rankNumber, num: src.number}, sign)
			}
			if src.hasText {
				dst.take(&sortKey{rank: rankString, text: src.text}, sign)
			}
			return int64(len(src.text)), nil
		},
	}
}

func (x *extreme) take(key *sortKey, sign int) {
	switch key.rank {
	case rankNumber:
		if !x.hasNumber || key.num.compare(x.number)*sign < 0 {
			x.hasNumber, x.number = true, key.num
		}
	case rankString:
		if !x.hasText || strings.Compare(key.text, x.text)*sign < 0 {
			x.hasText, x.text = true, key.text
		}
	}
}

// value is the extreme as answers spell it.
func (x *extreme) value(f query.Field) query.Value {
	switch {
	case x.hasNumber && !f.Root.JSON():
		return intValue(int64(x.number.bits), f)
	case x.hasNumber:
		return query.ValueOf(jsontext.Value(x.number.Number().String()))
	case x.hasText:
		return query.StringValue(x.text)
	}
	return nullValue()
}

func nullValue() query.Value { return query.ValueOf(jsontext.Value(nullText)) }

// placed is a value and where it stands.
type placed struct {
	position int64 // 0 = none
	raw      jsontext.Value
}

// newFirst finds the first value of a field in append order, or with last the
// last.
func newFirst(f query.Field, last bool) *states[placed] {
	before := func(a, b int64) bool { return b == 0 || a != 0 && (a < b) != last }
	return &states[placed]{
		size: 32,
		add: func(r *reader, en *entries, groups []placed) (int64, error) {
			return addFirst(r, en, f, groups, before)
		},
		merge: func(dst, src *placed) (int64, error) {
			if src.position != 0 && before(src.position, dst.position) {
				*dst = *src
			}
			return int64(len(src.raw)), nil
		},
	}
}

func addFirst(r *reader, en *entries, f query.Field, groups []placed, before func(a, b int64) bool) (int64, error) {
	fr, err := r.fieldOf(f, en)
	if err != nil {
		return 0, err
	}
	positions, err := r.ints(query.Position)
	if err != nil {
		return 0, err
	}
	winners := make([]int32, len(groups))
	err = fr.eachEntry(en, func(i, row int) error {
		g, at := en.group(i), positions.Ints[row]
		if !before(at, groups[g].position) {
			return nil
		}
		ok := fr.vector(row) != nil
		if !ok {
			if _, ok, err = fr.elsewhere(row); err != nil || !ok {
				return err
			}
		}
		groups[g].position, winners[g] = at, int32(row)
		return nil
	})
	if err != nil {
		return 0, err
	}
	bytes := int64(0)
	for g := range groups {
		if groups[g].position == 0 {
			continue
		}
		if groups[g].raw, _, err = fr.raw(int(winners[g])); err != nil {
			return 0, err
		}
		bytes += int64(len(groups[g].raw))
	}
	return bytes, r.account.Charge(bytes)
}

// newCollect gathers all values of a field; x counts them.
func (x *reducer) newCollect(f query.Field) *states[[]placed] {
	return &states[[]placed]{
		size: 24,
		add: func(r *reader, en *entries, groups [][]placed) (int64, error) {
			return x.addCollect(r, en, f, groups)
		},
		merge: func(dst, src *[]placed) (bytes int64, err error) {
			*dst = append(*dst, *src...)
			for _, p := range *src {
				bytes += placedSize + int64(len(p.raw))
			}
			return bytes, nil
		},
	}
}

const placedSize = 48

func (x *reducer) addCollect(r *reader, en *entries, f query.Field, groups [][]placed) (int64, error) {
	fr, err := r.fieldOf(f, en)
	if err != nil {
		return 0, err
	}
	positions, err := r.ints(query.Position)
	if err != nil {
		return 0, err
	}
	bytes, owed := int64(0), meter{account: r.account}
	err = fr.eachEntry(en, func(i, row int) error {
		raw, ok, err := fr.raw(row)
		if err != nil || !ok {
			return err
		}
		if x.collected.Add(1) > query.MaxCollect {
			return query.ErrTooManyValues
		}
		g := en.group(i)
		groups[g] = append(groups[g], placed{positions.Ints[row], raw})
		bytes += placedSize + int64(len(raw))
		return owed.add(placedSize + len(raw))
	})
	if err != nil {
		return 0, err
	}
	if r.block.Order() != column.ByPosition {
		for _, values := range groups {
			sortPlaced(values)
		}
	}
	return bytes, owed.settle()
}
