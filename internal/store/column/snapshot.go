package column

import (
	"sync"
	"sync/atomic"
)

// Snapshot returns the rows appended so far as a block. It stays valid, and the
// same, while appending goes on; rows appended later are not in it.
func (b *Builder) Snapshot() Block { return b.SnapshotOf(b.rows) }

// SnapshotOf is Snapshot of the first rows only.
func (b *Builder) SnapshotOf(rows int) Block {
	m := &memory{rows: rows, cols: make([]Packed, len(b.cols)), vectors: make([]atomic.Pointer[Vector], len(b.cols))}
	for i, p := range b.cols {
		m.cols[i] = p.first(rows)
	}
	contents := b.sizes[:rows:rows]
	m.sizes = sync.OnceValue(func() *Sizes {
		s := new(Sizes)
		for row, n := range contents {
			s.Add(row, int64(n))
		}
		return s
	})
	return NewBlock(b.meta, rows, b.paths[:len(b.paths):len(b.paths)], m)
}

// memory is the Source of a snapshot. Vectors are made when first asked for, and
// kept where they are not much larger than the column they are made of.
type memory struct {
	rows    int
	cols    []Packed
	vectors []atomic.Pointer[Vector]
	sizes   func() *Sizes
}

// sparsest is the part of the rows that a column has at least where its vector
// is kept.
const sparsest = 8

func (m *memory) keeps(c Col) bool { return m.cols[c].n*sparsest >= m.rows }

func (m *memory) Vector(c Col) (*Vector, error) {
	if v := m.vectors[c].Load(); v != nil {
		return v, nil
	}
	v := m.cols[c].Vector(m.rows)
	if m.keeps(c) {
		m.vectors[c].Store(v)
	}
	return v, nil
}

func (m *memory) Pick(c Col, rows []int32) (*Vector, error) {
	if !m.keeps(c) {
		return m.cols[c].pick(rows), nil
	}
	v, err := m.Vector(c)
	if err != nil {
		return nil, err
	}
	return v.Pick(rows), nil
}

func (m *memory) Distinct(c Col) ([]string, bool, error) {
	return m.cols[c].dict, m.cols[c].n < m.rows, nil
}

func (m *memory) BytesRead() int64 { return 0 }
func (m *memory) Sizes() *Sizes    { return m.sizes() }

func (m *memory) Reading(b Budget) (Source, func()) {
	r := &memoryReader{memory: m, budget: b}
	return r, func() { b.Refund(r.charged) }
}

// memoryReader is a memory for one reader: it holds what memory does not keep.
type memoryReader struct {
	*memory
	budget Budget

	mu      sync.Mutex
	held    map[Col]*Vector
	charged int64
}

func (r *memoryReader) Vector(c Col) (*Vector, error) {
	if r.keeps(c) {
		return r.memory.Vector(c)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.held[c]; v != nil {
		return v, nil
	}
	size := int64(r.rows)*8 + int64(r.rows)/8 + 128 // its texts are the column's
	if err := r.budget.Charge(size); err != nil {
		return nil, err
	}
	r.charged += size
	if r.held == nil {
		r.held = map[Col]*Vector{}
	}
	v := r.cols[c].Vector(r.rows)
	r.held[c] = v
	return v, nil
}
