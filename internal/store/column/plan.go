package column

import (
	"cmp"
	"slices"

	"github.com/firnlog/firn/query"
)

// Bounds of a builder without a plan. They keep ten thousand event types and
// payloads of a thousand different keys within memory.
const (
	maxSkeleton      = 64 << 10 // bytes of one skeleton
	maxShapes        = 16 << 10 // shapes of one root
	maxShapeBytes    = 4 << 20  // bytes of all skeletons of one root
	maxColumns       = 4096     // path columns
	maxPathBytes     = 512      // bytes of a path, each key counted with 2 more
	plannedColumns   = 512
	plannedShapes    = 8 << 10
	plannedBytes     = 1 << 20
	rarestColumnPart = 2000 // a column has at least rows/rarestColumnPart values
)

// Plan chooses the paths that get columns and the shapes that are kept. A nil
// plan takes everything within the bounds.
type Plan struct {
	columns map[string]bool    // path keys
	shapes  [2]map[string]bool // nil = any
	// integers has the columns of doubles that take the integers of their path.
	integers map[string]bool
}

func (p *Plan) allowsColumn(key string, c PathColumn, have int) bool {
	if p != nil {
		return p.columns[key]
	}
	size := 0
	for _, k := range c.Path {
		size += len(k) + 2
	}
	return have < maxColumns && size <= maxPathBytes
}

func (p *Plan) allowsShape(o *objectBuilder, skeleton []byte) bool {
	if p != nil && p.shapes[rootIndex(o.root)] == nil {
		return len(o.shapes) < plannedShapes && o.bytes+len(skeleton) <= plannedBytes
	}
	if p != nil {
		return p.shapes[rootIndex(o.root)][string(skeleton)]
	}
	return len(o.shapes) < maxShapes && o.bytes+len(skeleton) <= maxShapeBytes
}

// Only is the plan that keeps to the builder's columns and takes any shape
// within the bounds of a plan.
func (b *Builder) Only() *Plan {
	p := &Plan{columns: map[string]bool{}, integers: map[string]bool{}}
	for i, c := range b.paths {
		if b.cols[FirstPath+Col(i)].n == 0 {
			continue // Widen has emptied it
		}
		p.columns[c.key()] = true
		if c.Integers {
			p.integers[c.key()] = true
		}
	}
	return p
}

// Plan chooses what is worth a column in a file: the most frequent paths and
// shapes. It is nil where the builder's columns are that choice already.
func (b *Builder) Plan() *Plan {
	p := &Plan{columns: map[string]bool{}}
	for i := range b.objects {
		o := &b.objects[i]
		p.shapes[i] = o.frequent(b.cols[shapeCol(o.root)].dict)
	}
	least := b.rows / rarestColumnPart
	order := make([]int, 0, len(b.paths))
	for i := range b.paths {
		if b.cols[int(FirstPath)+i].n > least {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(x, y int) int {
		return cmp.Compare(b.cols[int(FirstPath)+y].n, b.cols[int(FirstPath)+x].n)
	})
	for _, i := range order[:min(len(order), plannedColumns)] {
		p.columns[b.paths[i].key()] = true
	}
	if len(p.columns) == len(b.paths) &&
		len(p.shapes[0]) == len(b.objects[0].shapes) && len(p.shapes[1]) == len(b.objects[1].shapes) {
		return nil
	}
	return p
}

// frequent chooses the shapes that most rows have.
func (o *objectBuilder) frequent(skeletons []string) map[string]bool {
	order := make([]int, len(o.shapes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(o.shapes[y].rows, o.shapes[x].rows) })
	chosen, size := map[string]bool{}, 0
	for _, i := range order {
		if size += len(skeletons[i]); size > plannedBytes || len(chosen) >= plannedShapes {
			break
		}
		chosen[skeletons[i]] = true
	}
	return chosen
}

// Spill lists the paths of root that have strings or JSON values in rest, each
// once, and tells how many rows are in rest whole. A row's value at any other
// path is in the path's columns.
func (b *Builder) Spill(root query.Root) (paths [][]string, whole int) {
	o := &b.objects[rootIndex(root)]
	whole = b.rows
	seen := map[string]bool{}
	for code, s := range o.shapes {
		whole -= s.rows
		if !slices.Contains(s.cols, noCol) {
			continue
		}
		list, err := slots(root, b.cols[shapeCol(root)].dict[code])
		if err != nil {
			continue // it was made from a skeleton that parsed
		}
		for i, p := range list {
			if s.cols[i] != noCol || p.Kind != String && p.Kind != JSON {
				continue
			}
			if key := string(appendPathKey(nil, root, p.Path, 0)); !seen[key] {
				seen[key] = true
				paths = append(paths, p.Path)
			}
		}
	}
	return paths, whole
}
