package column

import "sync/atomic"

// Snapshot returns the rows appended so far as a block. It stays valid, and the
// same, while appending goes on; rows appended later are not in it.
func (b *Builder) Snapshot() Block {
	m := &memory{rows: b.rows, cols: make([]Packed, len(b.cols)), vectors: make([]atomic.Pointer[Vector], len(b.cols))}
	for i, p := range b.cols {
		m.cols[i] = *p
		m.cols[i].index = nil // the builder's alone
	}
	return NewBlock(b.meta, b.rows, b.paths[:len(b.paths):len(b.paths)], m)
}

// memory is the Source of a snapshot. Vectors are made when first asked for.
type memory struct {
	rows    int
	cols    []Packed
	vectors []atomic.Pointer[Vector]
}

func (m *memory) Vector(c Col) (*Vector, error) {
	if v := m.vectors[c].Load(); v != nil {
		return v, nil
	}
	v := m.cols[c].Vector(m.rows)
	m.vectors[c].Store(v)
	return v, nil
}

func (m *memory) Pick(c Col, rows []int32) (*Vector, error) {
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
