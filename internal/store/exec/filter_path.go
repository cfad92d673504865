package exec

import (
	"encoding/json/jsontext"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// pathNode holds where the value at a path of payload or metadata passes a
// test.
type pathNode struct {
	field query.Field
	test  *test
}

func (n *pathNode) prune(ref *BlockRef) node {
	if len(n.field.Path) == 0 {
		if n.test.operator == query.Exists {
			return constant(true)
		}
		return n
	}
	return pruneByStrings(n, n.field, n.test, ref)
}

func (n *pathNode) cost() int {
	switch n.test.operator {
	case query.Contains, query.IContains, query.StartsWith, query.Matches:
		return costStrings
	}
	return costPath
}

func (n *pathNode) eval(r *reader, in column.Bitmap) (column.Bitmap, error) {
	found, err := r.bitmap()
	if err != nil {
		return nil, err
	}
	if len(n.field.Path) == 0 {
		return found, n.selectRows(r, found, in)
	}
	columns, err := r.block.Path(n.field.Root, n.field.Path)
	if err != nil {
		return nil, err
	}
	for _, v := range columns.Vectors {
		if err := selectVector(r, found, in, v, n.test); err != nil {
			return nil, err
		}
	}
	if n.test.null {
		orInto(found, in, columns.Nulls)
	}
	if columns.Other == nil {
		return found, nil
	}
	rest, err := r.bitmap()
	if err != nil {
		return nil, err
	}
	orInto(rest, in, columns.Other)
	rest.AndNot(found)
	return found, n.selectRows(r, found, rest)
}

// selectRows selects the rows of in that pass by looking at each of them.
func (n *pathNode) selectRows(r *reader, dst, in column.Bitmap) error {
	return r.eachRow(in, func(row int) error {
		v, ok, err := r.value(row, &n.field)
		if err != nil {
			return err
		}
		if ok && n.test.passesJSON(v) {
			dst.Set(row)
		}
		return nil
	})
}

// selectVector selects the values of a column of any kind that pass a test.
func selectVector(r *reader, dst, in column.Bitmap, v *column.Vector, t *test) error {
	if t.operator == query.Exists {
		for w, m := range in {
			dst[w] |= m & word(v.Valid, w)
		}
		return nil
	}
	switch v.Kind {
	case column.Int:
		return selectSpans(r, dst, in, v, joined(t.ints))
	case column.Double:
		for _, s := range t.doubles {
			selectDoubles(dst, in, v, s)
		}
		return nil
	case column.Bool:
		if t.yes {
			selectBools(dst, in, v, true)
		}
		if t.no {
			selectBools(dst, in, v, false)
		}
		return nil
	case column.String:
		return selectText(r, dst, in, v, t)
	}
	if v.Coded() {
		passes := func(s string) bool { return t.passesJSON(jsontext.Value(s)) }
		return selectByDictionary(r, dst, in, v, passes, nil, false)
	}
	return r.eachRow(in, func(row int) error {
		if v.IsValid(row) && t.passesJSON(jsontext.Value(text(v, row))) {
			dst.Set(row)
		}
		return nil
	})
}
