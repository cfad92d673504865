package exec

import (
	"cmp"
	"slices"

	"github.com/firnlog/firn/internal/store/column"
)

// node is a condition made ready for blocks. Nodes are immutable and may be
// used by many goroutines at once.
type node interface {
	// prune returns what is left to ask of a block when all that is known
	// without reading it has been used: constant(true) where every row matches,
	// constant(false) where none can, or a condition that is cheaper or n itself.
	prune(ref *BlockRef) node
	// eval returns the rows of in at which the condition holds. It changes
	// neither in nor the result of another call; the result is valid until the
	// reader is closed.
	eval(r *reader, in column.Bitmap) (column.Bitmap, error)
	// cost orders conditions: what is cheap and selective comes first.
	cost() int
}

// Costs of evaluating a condition on a block, in the order in which AND tries
// them.
const (
	costConstant = iota
	costInts     // one envelope column of integers
	costCodes    // one envelope column with few distinct values
	costPath     // typed columns of a path
	costIDs
	costStrings // predicates that look into strings
	costSearch
	costGroup = 16 // added a level of nesting
)

// constant holds everywhere or nowhere.
type constant bool

func (c constant) prune(*BlockRef) node { return c }
func (c constant) cost() int            { return costConstant }

func (c constant) eval(r *reader, in column.Bitmap) (column.Bitmap, error) {
	if c {
		return in, nil
	}
	return r.bitmap()
}

// allOf holds where every one of its nodes holds.
type allOf []node

func newAllOf(nodes []node) node {
	kept := make(allOf, 0, len(nodes))
	for _, n := range nodes {
		switch n := n.(type) {
		case constant:
			if !n {
				return constant(false)
			}
		case allOf:
			kept = append(kept, n...)
		default:
			kept = append(kept, n)
		}
	}
	switch len(kept) {
	case 0:
		return constant(true)
	case 1:
		return kept[0]
	}
	slices.SortStableFunc(kept, func(a, b node) int { return cmp.Compare(a.cost(), b.cost()) })
	return kept
}

func (a allOf) prune(ref *BlockRef) node {
	left := make([]node, len(a))
	for i, n := range a {
		left[i] = n.prune(ref)
		if left[i] == constant(false) {
			return constant(false)
		}
	}
	return newAllOf(left)
}

func (a allOf) eval(r *reader, in column.Bitmap) (column.Bitmap, error) {
	for _, n := range a {
		var err error
		if in, err = n.eval(r, in); err != nil {
			return nil, err
		}
		if in.Empty() {
			break
		}
	}
	return in, nil
}

func (a allOf) cost() int { return groupCost(a) }

// anyOf holds where one of its nodes holds.
type anyOf []node

func newAnyOf(nodes []node) node {
	kept := make(anyOf, 0, len(nodes))
	for _, n := range nodes {
		switch n := n.(type) {
		case constant:
			if n {
				return constant(true)
			}
		case anyOf:
			kept = append(kept, n...)
		default:
			kept = append(kept, n)
		}
	}
	switch len(kept) {
	case 0:
		return constant(false)
	case 1:
		return kept[0]
	}
	slices.SortStableFunc(kept, func(a, b node) int { return cmp.Compare(a.cost(), b.cost()) })
	return kept
}

func (a anyOf) prune(ref *BlockRef) node {
	left := make([]node, len(a))
	for i, n := range a {
		left[i] = n.prune(ref)
	}
	return newAnyOf(left)
}

func (a anyOf) eval(r *reader, in column.Bitmap) (column.Bitmap, error) {
	found, left, err := r.foundAndLeft(in)
	if err != nil {
		return nil, err
	}
	for _, n := range a {
		some, err := n.eval(r, left)
		if err != nil {
			return nil, err
		}
		for i, w := range some {
			found[i] |= w
			left[i] &^= w
		}
		if left.Empty() {
			break
		}
	}
	return found, nil
}

// foundAndLeft are two bitmaps: an empty one, and one with the rows of in.
func (r *reader) foundAndLeft(in column.Bitmap) (found, left column.Bitmap, err error) {
	if found, err = r.bitmap(); err != nil {
		return nil, nil, err
	}
	left, err = r.copyOf(in)
	return found, left, err
}

func (a anyOf) cost() int { return groupCost(a) }

func groupCost(nodes []node) int {
	highest := 0
	for _, n := range nodes {
		highest = max(highest, n.cost())
	}
	return costGroup + highest
}

// noneOf holds where its node does not.
type noneOf struct{ of node }

func newNoneOf(of node) node {
	switch of := of.(type) {
	case constant:
		return !of
	case noneOf:
		return of.of
	}
	return noneOf{of}
}

func (n noneOf) prune(ref *BlockRef) node { return newNoneOf(n.of.prune(ref)) }
func (n noneOf) cost() int                { return n.of.cost() }

func (n noneOf) eval(r *reader, in column.Bitmap) (column.Bitmap, error) {
	some, err := n.of.eval(r, in)
	if err != nil {
		return nil, err
	}
	left, err := r.bitmap()
	if err != nil {
		return nil, err
	}
	for i, w := range in {
		left[i] = w &^ some[i]
	}
	return left, nil
}
