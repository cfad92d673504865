package exec

import (
	"slices"
	"sort"
	"unsafe"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// textNode holds where a string field of the envelope passes a test.
type textNode struct {
	field query.Field
	test  *test
}

func (n *textNode) prune(ref *BlockRef) node { return pruneByStrings(n, n.field, n.test, ref) }

// pruneByStrings is constant(false) where a test wants one of some strings and
// the block holds none of them, else n.
func pruneByStrings(n node, f query.Field, t *test, ref *BlockRef) node {
	if ref.MayHold == nil || !t.wantsStrings() {
		return n
	}
	for _, s := range t.equal {
		if ref.MayHold(f, s) {
			return n
		}
	}
	return constant(false)
}

// wantsStrings reports whether nothing but one of t.equal passes.
func (t *test) wantsStrings() bool {
	return (t.operator == query.Eq || t.operator == query.In) && len(t.equal) == len(t.compare.Values)
}

func (n *textNode) cost() int {
	if n.test.operator == query.Eq || n.test.operator == query.In {
		return costCodes
	}
	return costStrings
}

func (n *textNode) eval(r *reader, in column.Bitmap) (column.Bitmap, error) {
	v, err := r.block.Envelope(n.field.Root)
	if err != nil {
		return nil, err
	}
	found, err := r.bitmap()
	if err != nil {
		return nil, err
	}
	sorted := n.field.Root == query.StreamID && r.block.Order() == column.ByStream && v.Coded() && v.Valid == nil
	if sorted && n.test.wantsStrings() && len(n.test.equal) <= manySpans {
		for _, stream := range n.test.equal {
			selectStream(found, in, v, stream)
		}
		return found, nil
	}
	return found, selectText(r, found, in, v, n.test)
}

// selectStream selects the rows of one stream, which lie side by side.
func selectStream(dst, in column.Bitmap, v *column.Vector, stream string) {
	from := sort.Search(v.Len, func(i int) bool { return v.Dict[v.Code(i)] >= stream })
	to := from + sort.Search(v.Len-from, func(i int) bool { return v.Dict[v.Code(from+i)] > stream })
	for row := from; row < to; {
		w, bit := row>>6, row&63
		n := min(64-bit, to-row)
		dst[w] |= in[w] & (^uint64(0) >> (64 - n) << bit)
		row += n
	}
}

// selectText selects the strings that pass a test.
func selectText(r *reader, dst, in column.Bitmap, v *column.Vector, t *test) error {
	if v.Coded() {
		return selectByDictionary(r, dst, in, v, t.passesText, t.equal, t.operator == query.Eq || t.operator == query.In)
	}
	switch {
	case t.operator == query.Eq:
		for _, s := range t.equal {
			selectPlainEqual(dst, in, v, s)
		}
		return nil
	case t.operator == query.Contains && t.operand.Kind == query.String:
		selectPlainContains(dst, in, v, []byte(t.operand.Text))
		return nil
	case t.operator == query.IContains && selectPlainFolded(dst, in, v, t.compare.Folded()):
		return nil
	}
	return r.eachRow(in, func(row int) error {
		if v.IsValid(row) && t.passesText(borrowed(text(v, row))) {
			dst.Set(row)
		}
		return nil
	})
}

// borrowed is the string of bytes that do not change while it is used.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// selectByDictionary selects the rows whose dictionary entry passes, asking
// once an entry; with exactly, the entries that pass are those of equal.
func selectByDictionary(r *reader, dst, in column.Bitmap, v *column.Vector, passes func(string) bool, equal []string, exactly bool) error {
	if exactly && len(equal) <= manySpans {
		for i, s := range v.Dict {
			if slices.Contains(equal, s) {
				selectCode(dst, in, v, uint32(i))
			}
		}
		return nil
	}
	if candidates := in.Count(); candidates < len(v.Dict) {
		return r.eachRow(in, func(row int) error {
			if v.IsValid(row) && passes(v.Dict[v.Code(row)]) {
				dst.Set(row)
			}
			return nil
		})
	}
	table, hits, only := passTable(len(v.Dict)), 0, 0
	for i, s := range v.Dict {
		if i%pulse == 0 && r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		if passes(s) {
			table[i] = 1
			hits++
			only = i
		}
	}
	switch hits {
	case 0:
	case 1:
		selectCode(dst, in, v, uint32(only))
	default:
		selectCodes(dst, in, v, table)
	}
	return nil
}
