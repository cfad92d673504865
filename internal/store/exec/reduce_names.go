package exec

// blockGroups are the groups of a block that have entries, named key by key.
type blockGroups struct {
	numbers []uint32 // in the block
	levels  []namedLevel
}

// namedLevel names the groups of the first key, or of some, by their parents, the
// groups of one key less, and the values of the last key.
type namedLevel struct {
	texts   textList // the values that occur, as answers spell them
	values  []uint32 // by group: the place of its value in texts
	parents []uint32 // by group: the place of its parent in the level before
}

// textList is a list of texts that lie side by side.
type textList struct {
	bytes []byte
	ends  []int
}

// at is the i-th text, valid as long as the list.
func (l *textList) at(i int) string {
	from := 0
	if i > 0 {
		from = l.ends[i-1]
	}
	return borrowed(l.bytes[from:l.ends[i]])
}

// add adds the text that a function appends, and returns how many bytes there are
// in all.
func (l *textList) add(appendText func(dst []byte) []byte) int {
	l.bytes = appendText(l.bytes)
	l.ends = append(l.ends, len(l.bytes))
	return len(l.bytes)
}

// present names the groups that have entries. What that holds is charged to owed.
func (k *groupKeys) present(r *reader, en *entries, owed *meter) (b blockGroups, err error) {
	if len(k.levels) == 0 {
		return blockGroups{numbers: []uint32{0}}, nil
	}
	if err := r.Charge(int64(en.count)); err != nil {
		return b, err
	}
	used := make([]bool, en.count)
	if en.groups == nil && en.bytes == nil && en.n > 0 {
		used[0] = true
	}
	for _, g := range en.bytes {
		used[g] = true
	}
	for _, g := range en.groups {
		used[g] = true
	}
	n := 0
	for _, some := range used {
		if some {
			n++
		}
	}
	if err := owed.add(4 * n); err != nil {
		return b, err
	}
	b.numbers, b.levels = make([]uint32, 0, n), make([]namedLevel, len(k.levels))
	for g, some := range used {
		if some {
			b.numbers = append(b.numbers, uint32(g))
		}
	}
	groups := b.numbers
	for i := len(k.levels) - 1; i >= 0; i-- {
		if groups, err = k.levels[i].name(r, &b.levels[i], groups, owed); err != nil {
			return b, err
		}
	}
	return b, owed.settle()
}

// name names some groups of a level, and returns their parents.
func (l *keyLevel) name(r *reader, to *namedLevel, groups []uint32, owed *meter) (parents []uint32, err error) {
	if err := r.Charge(int64(l.coding.n+l.parents) * 4); err != nil {
		return nil, err
	}
	if err := owed.add(12 * len(groups)); err != nil {
		return nil, err
	}
	places, above := make([]uint32, l.coding.n), make([]uint32, l.parents) // 1 + place
	to.values, to.parents = make([]uint32, len(groups)), make([]uint32, len(groups))
	n := uint64(l.coding.n)
	for i, g := range groups {
		at := uint64(g)
		if l.numbers != nil {
			at = l.numbers[g]
		}
		parent := at / n
		code := at - parent*n
		if places[code] == 0 {
			before := len(to.texts.bytes)
			to.texts.add(func(dst []byte) []byte { return l.coding.appendText(dst, uint32(code)) })
			places[code] = uint32(len(to.texts.ends))
			if err := owed.add(namedSize + 2*(len(to.texts.bytes)-before)); err != nil {
				return nil, err
			}
		}
		if above[parent] == 0 {
			parents = append(parents, uint32(parent))
			above[parent] = uint32(len(parents))
		}
		to.values[i], to.parents[i] = places[code]-1, above[parent]-1
	}
	return parents, nil
}

// namedSize is about how many bytes a text of a block's groups takes besides
// itself: slices grow by copying.
const namedSize = 16
