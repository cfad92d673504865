package column

import (
	"fmt"
	"sync"

	"github.com/firnlog/firn/query"
)

// Source gives the columns of a shredded block: from memory, or from a file. Its
// methods may be called by many goroutines at once.
type Source interface {
	// Vector returns a column of all rows.
	Vector(c Col) (*Vector, error)
	// Pick returns a column of the given rows only, in the order given.
	Pick(c Col, rows []int32) (*Vector, error)
	// Distinct returns the distinct values of a shape column and whether a row
	// has none.
	Distinct(c Col) (values []string, missing bool, err error)
	// BytesRead is how many bytes were read from disk so far.
	BytesRead() int64
	// Sizes tells how large the rows are.
	Sizes() *Sizes
	// Reading is Block's.
	Reading(b Budget) (s Source, end func())
}

// shredded is the Block of the columns that a Builder made.
type shredded struct {
	meta   Meta
	rows   int
	paths  []PathColumn
	source Source

	index  func() map[string]Col // path key → column
	shapes *[2]shapes
}

// NewBlock makes a block of columns. paths are the path columns, from FirstPath
// on.
func NewBlock(meta Meta, rows int, paths []PathColumn, source Source) Block {
	b := &shredded{meta: meta, rows: rows, paths: paths, source: source, shapes: new([2]shapes)}
	b.index = sync.OnceValue(func() map[string]Col {
		m := make(map[string]Col, len(paths))
		for i, p := range paths {
			m[p.key()] = FirstPath + Col(i)
			if p.Integers {
				p.Kind = Int
				m[p.key()] = FirstPath + Col(i)
			}
		}
		return m
	})
	return b
}

func (b *shredded) Rows() int        { return b.rows }
func (b *shredded) Order() Order     { return b.meta.Order }
func (b *shredded) BytesRead() int64 { return b.source.BytesRead() }

// Reading implements Block.
func (b *shredded) Reading(budget Budget) (Block, func()) {
	r := *b
	var end func()
	r.source, end = b.source.Reading(budget)
	return &r, end
}

// Fit implements Block. An event is made of a row of each column, which is
// picked first, and of its texts.
func (b *shredded) Fit(rows []int32, limit int64) (n int, bytes int64) {
	each := int64(128 + 6*(int(FirstPath)+len(b.paths))) // half of it
	n, bytes = b.source.Sizes().Fit(rows, each, limit/2)
	return n, 2 * bytes
}

// Envelope implements Block.
func (b *shredded) Envelope(root query.Root) (*Vector, error) {
	c, ok := envelopeCols[root]
	if !ok {
		return nil, fmt.Errorf("column: event field %d has no column", root)
	}
	v, err := b.source.Vector(c)
	if err != nil || root != query.Category {
		return v, err
	}
	return categories(v), nil
}

// shape is a skeleton made ready for putting texts together.
type shape struct {
	skeleton string
	cols     []Col // of the placeholders; noCol = in rest
	inRest   bool  // one of cols is noCol
	// restAt, of a narrowed shape, says for each placeholder without a column
	// which element of rest it is; nil = they are all of them in order.
	restAt []int
}

// shapes caches the shapes of one root of a block.
type shapes struct {
	mu   sync.Mutex
	made map[string]*shape
}

// shape returns the shape of a skeleton.
func (b *shredded) shape(root query.Root, skeleton string) (*shape, error) {
	cache := &b.shapes[rootIndex(root)]
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if s := cache.made[skeleton]; s != nil {
		return s, nil
	}
	list, err := slots(root, skeleton)
	if err != nil {
		return nil, err
	}
	s := &shape{skeleton: skeleton, cols: make([]Col, len(list))}
	index := b.index()
	for i, p := range list {
		c, ok := index[p.key()]
		if !ok {
			c, s.inRest = noCol, true
		}
		s.cols[i] = c
	}
	if cache.made == nil {
		cache.made = map[string]*shape{}
	}
	cache.made[skeleton] = s
	return s, nil
}

// rests is the number of placeholders before slot whose values are in rest.
func (s *shape) rests(slot int) int {
	n := 0
	for _, c := range s.cols[:slot] {
		if c == noCol {
			n++
		}
	}
	return n
}

// slotsBefore counts the placeholders in skeleton[:end].
func slotsBefore(skeleton string, end int) int {
	n := 0
	for i := range end {
		if c := skeleton[i]; c < ' ' {
			n++
		}
	}
	return n
}
