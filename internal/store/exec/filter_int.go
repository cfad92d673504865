package exec

import (
	"cmp"
	"slices"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// intNode holds where an integer envelope field lies in one of its spans, which
// are sorted and apart.
type intNode struct {
	root  query.Root
	spans []span
}

func newIntNode(root query.Root, spans []span) node {
	spans = joined(spans)
	if len(spans) == 0 {
		return constant(false)
	}
	return &intNode{root, spans}
}

// joined sorts spans and joins those that touch; empty ones are dropped.
func joined(spans []span) []span {
	spans = slices.DeleteFunc(slices.Clone(spans), func(s span) bool { return s.lo > s.hi })
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && (s.lo <= out[n-1].hi || s.lo-1 == out[n-1].hi) {
			out[n-1].hi = max(out[n-1].hi, s.hi)
			continue
		}
		out = append(out, s)
	}
	return out
}

// rangeOf is what is known of an integer field of a block.
func rangeOf(root query.Root, ref *BlockRef) (s span, known bool) {
	switch root {
	case query.Position:
		return span{ref.FirstPosition, ref.LastPosition}, true
	case query.Timestamp:
		return span{ref.MinTimestamp, ref.MaxTimestamp}, true
	case query.RecordedAt:
		return span{ref.MinRecorded, ref.MaxRecorded}, true
	case query.Severity:
		return span{1, 8}, true
	case query.SequenceNumber:
		return span{1, 1<<63 - 1}, true
	}
	return span{}, false
}

func (n *intNode) prune(ref *BlockRef) node {
	known, ok := rangeOf(n.root, ref)
	if !ok {
		return n
	}
	var left []span
	for _, s := range n.spans {
		if s.lo <= known.lo && known.hi <= s.hi {
			return constant(true)
		}
		if s.lo <= known.hi && known.lo <= s.hi {
			left = append(left, s)
		}
	}
	switch len(left) {
	case 0:
		return constant(false)
	case len(n.spans):
		return n
	}
	return &intNode{n.root, left}
}

func (n *intNode) cost() int { return costInts }

// manySpans is the number of spans from which on a search a row is cheaper than
// a pass over the column a span.
const manySpans = 8

func (n *intNode) eval(r *reader, in column.Bitmap) (column.Bitmap, error) {
	v, err := r.ints(n.root)
	if err != nil {
		return nil, err
	}
	found, err := r.bitmap()
	if err != nil {
		return nil, err
	}
	return found, selectSpans(r, found, in, v, n.spans)
}

// selectSpans selects the values that lie in one of some sorted spans.
func selectSpans(r *reader, dst, in column.Bitmap, v *column.Vector, spans []span) error {
	if len(spans) <= manySpans {
		for _, s := range spans {
			selectInts(dst, in, v, s)
		}
		return nil
	}
	return r.eachRow(in, func(row int) error {
		x := v.Ints[row]
		i, exact := slices.BinarySearchFunc(spans, x, func(s span, x int64) int { return cmp.Compare(s.lo, x) })
		if (exact || i > 0 && x <= spans[i-1].hi) && v.IsValid(row) {
			dst.Set(row)
		}
		return nil
	})
}
