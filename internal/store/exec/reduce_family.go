package exec

import (
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// family is one computation that one or several reductions are made of: p50 and
// p95 of a field share one.
type family interface {
	// fold computes the states of a block's groups. It may be called by many
	// goroutines at once. The bytes are charged already.
	fold(r *reader, en *entries) (part any, bytes int64, err error)
	// join adds the states of some groups of a block (nil = none) to those of
	// all blocks, which are then n. What that holds more is charged to owed.
	join(part any, from, to []uint32, n int, owed *meter) error
}

// states is a family whose states are of type S; the zero S is that of nothing.
type states[S any] struct {
	all []S
	// size is about how many bytes an S takes.
	size int64
	// add folds the entries of a block into its groups' states; bytes is what
	// they hold besides.
	add func(r *reader, en *entries, groups []S) (bytes int64, err error)
	// merge adds src, of a later block, to dst. src is not used any more.
	merge func(dst, src *S) (bytes int64, err error)
}

func (s *states[S]) fold(r *reader, en *entries) (any, int64, error) {
	bytes := int64(en.count) * s.size
	if err := r.account.Charge(bytes); err != nil {
		return nil, 0, err
	}
	groups := make([]S, en.count)
	more, err := s.add(r, en, groups)
	return groups, bytes + more, err
}

func (s *states[S]) join(part any, from, to []uint32, n int, owed *meter) error {
	if n > len(s.all) {
		if err := owed.add(int(int64(n-len(s.all)) * s.size)); err != nil {
			return err
		}
		s.all = append(s.all, make([]S, n-len(s.all))...)
	}
	groups, _ := part.([]S)
	if groups == nil {
		return nil
	}
	for i, g := range from {
		more, err := s.merge(&s.all[to[i]], &groups[g])
		if err != nil {
			return err
		}
		if err := owed.add(int(more)); err != nil {
			return err
		}
	}
	return nil
}

// matchCount counts matches.
type matchCount struct{ states[int64] }

func newMatchCount() *matchCount {
	return &matchCount{states[int64]{size: 8, add: countEntries, merge: addCounts}}
}

// join implements family, as states does.
func (m *matchCount) join(part any, from, to []uint32, n int, owed *meter) error {
	if err := m.states.join(nil, nil, nil, n, owed); err != nil {
		return err
	}
	if counts, _ := part.([]int64); counts != nil {
		for i, g := range from {
			m.all[to[i]] += counts[g]
		}
	}
	return nil
}

func addCounts(dst, src *int64) (int64, error) {
	*dst += *src
	return 0, nil
}

func countEntries(_ *reader, en *entries, groups []int64) (int64, error) {
	switch {
	case en.bytes != nil:
		countCodes(groups, en.bytes)
	case en.groups != nil:
		countCodes(groups, en.groups)
	default:
		groups[0] = int64(en.n)
	}
	return 0, nil
}

// countCodes counts how often each code occurs. Four sets of counters keep one
// increment from waiting for the one before it.
func countCodes[N uint8 | uint32](counts []int64, codes []N) {
	n := len(counts)
	if n > 1<<12 {
		for _, c := range codes {
			counts[c]++
		}
		return
	}
	lanes := make([]int64, 4*n)
	a, b, c, d := lanes[:n], lanes[n:2*n], lanes[2*n:3*n], lanes[3*n:]
	i := 0
	for ; i+4 <= len(codes); i += 4 {
		a[codes[i]]++
		b[codes[i+1]]++
		c[codes[i+2]]++
		d[codes[i+3]]++
	}
	for ; i < len(codes); i++ {
		a[codes[i]]++
	}
	for g := range counts {
		counts[g] += a[g] + b[g] + c[g] + d[g]
	}
}

// newFieldCount counts the matches that have a field.
func newFieldCount(f query.Field) *states[int64] {
	return &states[int64]{size: 8, merge: addCounts, add: func(r *reader, en *entries, groups []int64) (int64, error) {
		fr, err := r.fieldOf(f, en)
		if err != nil {
			return 0, err
		}
		return 0, fr.eachEntry(en, func(i, row int) error {
			ok := fr.vector(row) != nil
			if !ok {
				if _, ok, err = fr.elsewhere(row); err != nil {
					return err
				}
			}
			if ok {
				groups[en.group(i)]++
			}
			return nil
		})
	}}
}

// fieldOf prepares to read a field of the rows of some entries.
func (r *reader) fieldOf(f query.Field, en *entries) (*fieldReader, error) {
	rows, err := r.rowsOf(en)
	if err != nil {
		return nil, err
	}
	return r.field(f, rows)
}

// rowsOf are the rows of some entries.
func (r *reader) rowsOf(en *entries) (column.Bitmap, error) {
	if en.rows == nil {
		return r.everyRow()
	}
	rows, err := r.bitmap()
	if err != nil {
		return nil, err
	}
	for _, row := range en.rows {
		rows.Set(int(row))
	}
	return rows, nil
}

// eachEntry calls fn with every entry and its row.
func (fr *fieldReader) eachEntry(en *entries, fn func(i, row int) error) error {
	for i := range en.n {
		if i%pulse == 0 && fr.r.ctx.Err() != nil {
			return fr.r.ctx.Err()
		}
		if err := fn(i, en.row(i)); err != nil {
			return err
		}
	}
	return nil
}
