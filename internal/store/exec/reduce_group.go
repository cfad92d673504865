package exec

import (
	"strings"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// entries are the matches of a block, each with its group. A match that counts
// in several groups (one for each element of an array) has several entries.
type entries struct {
	n      int
	rows   []int32  // nil: entry i is row i
	groups []uint32 // nil: all are of group 0
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
	if en.groups == nil {
		return 0
	}
	return en.groups[i]
}

// keyLevel tells how the groups of some keys were made of those of one key
// less: group = parent × n + code of the new key, renumbered where that is
// sparse.
type keyLevel struct {
	coding  *coding
	numbers []uint64 // of a renumbered group: parent × n + code; nil = as it is
}

// groupKeys names the groups of a block.
type groupKeys struct{ levels []keyLevel }

// groupSeparator joins the texts of a group's key values, each as answers spell
// it, to the key that the group has in all blocks. JSON text has none of it.
const groupSeparator = "\x00"

// densest is up to how many possible groups are kept without renumbering them.
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
	level := keyLevel{coding: c}
	if c.starts == nil && en.groups == nil && en.rows == nil {
		en.groups, en.count = c.codes, c.n // the column itself
		k.levels = append(k.levels, level)
		return nil
	}
	n := en.n
	if c.starts != nil {
		n = 0
		for i := range en.n {
			row := en.row(i)
			n += int(c.starts[row+1] - c.starts[row])
		}
	}
	if err := r.Charge(int64(n) * 8); err != nil {
		return err
	}
	owed := meter{account: r}
	var (
		sparse = en.count*c.n > max(densest, n/4)
		number *intCodes
		groups = make([]uint32, 0, n)
		rows   []int32
	)
	if c.starts != nil {
		rows = make([]int32, 0, n)
	}
	var fault error
	if sparse {
		var err error
		number, err = r.newIntCodes(n, 0, int64(en.count)*int64(c.n)-1, func(g int64) uint32 {
			level.numbers = append(level.numbers, uint64(g))
			fault = owed.add(renumberedSize)
			return uint32(len(level.numbers) - 1)
		})
		if err != nil {
			return err
		}
	}
	for i := range en.n {
		row, parent := en.row(i), uint64(en.group(i))*uint64(c.n)
		for _, code := range c.of(row) {
			g := parent + uint64(code)
			if sparse {
				g = uint64(number.of(int64(g)))
				if fault != nil {
					return fault
				}
			}
			groups = append(groups, uint32(g))
			if rows != nil {
				rows = append(rows, int32(row))
			}
		}
	}
	if rows != nil {
		en.rows = rows
	}
	en.groups, en.n, en.count = groups, n, en.count*c.n
	if sparse {
		en.count = len(level.numbers)
		if level.numbers == nil {
			level.numbers = []uint64{}
		}
	}
	k.levels = append(k.levels, level)
	return owed.settle()
}

// renumberedSize is about how many bytes a renumbered group takes.
const renumberedSize = 56

// present lists the groups that have entries, with their keys, which are charged
// to owed.
func (k *groupKeys) present(r *reader, en *entries, owed *meter) (groups []uint32, keys []string, err error) {
	if en.groups == nil {
		return []uint32{0}, []string{""}, nil
	}
	scratch := int64(en.count)
	for _, level := range k.levels {
		scratch += int64(level.coding.n) * 16
	}
	if err := r.Charge(scratch); err != nil {
		return nil, nil, err
	}
	used := make([]bool, en.count)
	for _, g := range en.groups {
		used[g] = true
	}
	texts := make([][]string, len(k.levels)) // by level and code, made once each
	for i, level := range k.levels {
		texts[i] = make([]string, level.coding.n)
	}
	parts := make([]string, len(k.levels))
	for g, some := range used {
		if !some {
			continue
		}
		at := uint64(g)
		for i := len(k.levels) - 1; i >= 0; i-- {
			level := &k.levels[i]
			if level.numbers != nil {
				at = level.numbers[at]
			}
			code := at % uint64(level.coding.n)
			at /= uint64(level.coding.n)
			if texts[i][code] == "" {
				texts[i][code] = level.coding.text(uint32(code))
			}
			parts[i] = texts[i][code]
		}
		groups = append(groups, uint32(g))
		key := strings.Join(parts, groupSeparator)
		if err := owed.add(keySize + len(key)); err != nil {
			return nil, nil, err
		}
		keys = append(keys, key)
	}
	return groups, keys, owed.settle()
}

// keySize is about how many bytes a key of a block's groups takes besides its
// text.
const keySize = 32
