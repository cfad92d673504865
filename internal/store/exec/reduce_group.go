package exec

import (
	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// entries are the matches of a block, each with its group. A match that counts
// in several groups (one for each element of an array) has several entries.
type entries struct {
	n    int
	rows []int32 // nil: entry i is row i
	// The groups, in one of two widths; nil both: all are of group 0.
	groups []uint32
	bytes  []uint8
	// count is the number of groups, used or not.
	count int
}

// row is the row of an entry.
func (en *entries) row(i int) int {
	if en.rows == nil {
		return i
	}
	return int(en.rows[i])
}

// group is the group of an entry.
func (en *entries) group(i int) uint32 {
	switch {
	case en.groups != nil:
		return en.groups[i]
	case en.bytes != nil:
		return uint32(en.bytes[i])
	}
	return 0
}

// keyLevel tells how the groups of some keys were made of those of one key
// less: group = parent × n + code of the new key, renumbered where that is
// sparse.
type keyLevel struct {
	coding  *coding
	parents int      // groups of one key less
	numbers []uint64 // of a renumbered group: parent × n + code; nil = as it is
}

// groupKeys names the groups of a block.
type groupKeys struct{ levels []keyLevel }

// densest is up to how many possible groups are kept without renumbering them,
// where there are fewer entries.
const densest = 1 << 12

// group divides the matches of a block into groups.
func (r *reader) group(q *query.Query, rows column.Bitmap, matches int) (*entries, *groupKeys, error) {
	en := &entries{n: matches, count: 1}
	if matches < r.rows {
		if err := r.Charge(int64(matches) * 4); err != nil {
			return nil, nil, err
		}
		en.rows = make([]int32, 0, matches)
		for row := range rows.All() {
			en.rows = append(en.rows, int32(row))
		}
	}
	keys := &groupKeys{}
	for _, key := range q.GroupBy {
		c, err := r.code(key, rows, q.Timezone)
		if err != nil {
			return nil, nil, err
		}
		if err := keys.divide(r, en, c); err != nil {
			return nil, nil, err
		}
	}
	return en, keys, nil
}

// divide divides every group by one key more.
func (k *groupKeys) divide(r *reader, en *entries, c *coding) error {
	level := keyLevel{coding: c, parents: en.count}
	if c.codes == nil && c.bytes == nil && c.starts == nil {
		k.levels = append(k.levels, level) // one value: the groups stay
		return nil
	}
	if c.starts == nil && en.groups == nil && en.bytes == nil && en.rows == nil {
		en.groups, en.bytes, en.count = c.codes, c.bytes, c.n // the column itself
		k.levels = append(k.levels, level)
		return nil
	}
	if err := c.widen(r); err != nil {
		return err
	}
	if en.bytes != nil {
		wide, err := r.widened(en.bytes)
		if err != nil {
			return err
		}
		en.groups, en.bytes = wide, nil
	}
	codes, groups, err := en.gather(r, c)
	if err != nil {
		return err
	}
	if en.count*c.n > max(densest, en.n) {
		level.numbers, err = en.number(r, groups, codes, c.n)
		en.count = len(level.numbers)
	} else {
		en.multiply(groups, codes, uint32(c.n))
		en.count *= c.n
	}
	en.groups = groups
	k.levels = append(k.levels, level)
	return err
}

// gather are the codes of the entries, and room for their new groups, which may be
// the same. Of a row with several values it makes several entries.
func (en *entries) gather(r *reader, c *coding) (codes, groups []uint32, err error) {
	if c.starts != nil {
		codes, err = en.repeat(r, c)
		return codes, codes, err
	}
	if err := r.Charge(int64(en.n) * 4); err != nil {
		return nil, nil, err
	}
	groups = make([]uint32, en.n)
	if en.rows == nil {
		return c.codes, groups, nil
	}
	for i, row := range en.rows {
		groups[i] = c.codes[row]
	}
	return groups, groups, nil
}

// repeat makes an entry for each value of the rows, and returns their codes.
func (en *entries) repeat(r *reader, c *coding) ([]uint32, error) {
	n := 0
	for i := range en.n {
		n += len(c.of(en.row(i)))
	}
	if err := r.Charge(int64(n) * 12); err != nil {
		return nil, err
	}
	codes, rows, parents := make([]uint32, 0, n), make([]int32, 0, n), make([]uint32, 0, n)
	for i := range en.n {
		row, parent := en.row(i), en.group(i)
		for _, code := range c.of(row) {
			codes, rows, parents = append(codes, code), append(rows, int32(row)), append(parents, parent)
		}
	}
	if en.groups != nil {
		en.groups = parents
	}
	en.n, en.rows = n, rows
	return codes, nil
}

// multiply makes the groups parent × n + code.
func (en *entries) multiply(groups, codes []uint32, n uint32) {
	if en.groups == nil {
		copy(groups, codes)
		return
	}
	codes, parents := codes[:len(groups)], en.groups[:len(groups)]
	for i := range groups {
		groups[i] = parents[i]*n + codes[i]
	}
}

// number makes the groups as multiply does and numbers those that occur, in order
// of their first entries; it returns which they are.
func (en *entries) number(r *reader, groups, codes []uint32, n int) (numbers []uint64, err error) {
	owed := meter{account: r}
	numbers = []uint64{}
	known, err := r.newIntCodes(en.n, 0, int64(en.count)*int64(n)-1, func(g int64) uint32 {
		numbers = append(numbers, uint64(g))
		if fault := owed.add(renumberedSize); fault != nil {
			err = fault
		}
		return uint32(len(numbers) - 1)
	})
	if err != nil {
		return nil, err
	}
	codes = codes[:len(groups)]
	for i := range groups {
		g := int64(codes[i])
		if en.groups != nil {
			g += int64(en.groups[i]) * int64(n)
		}
		if known.table != nil && known.table[g] > 0 {
			groups[i] = known.table[g] - 1
			continue
		}
		if groups[i] = known.of(g); err != nil {
			return nil, err
		}
	}
	return numbers, owed.settle()
}

// renumberedSize is about how many bytes a renumbered group takes.
const renumberedSize = 56
