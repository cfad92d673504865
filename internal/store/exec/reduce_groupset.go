package exec

import (
	"math/bits"
	"slices"
	"strings"
)

// groupSet numbers the groups of all blocks as they come. A group of several keys
// is found by its parent, the group of one key less, and the number of its last
// value, so that each text is looked up once a block and not once a group.
type groupSet struct {
	levels []groupLevel
	n      int // groups
	meter  *meter
}

// groupLevel are the groups of the first key, or of some. Those of the first are
// its values.
type groupLevel struct {
	texts   []string          // values of the last key, as answers spell them
	numbers map[string]uint32 // of the values
	groups  pairTable         // by parent and value
}

// valueSize is about how many bytes a value takes besides its text.
const valueSize = 80

// newGroupSet is for so many keys; without keys there is one group.
func newGroupSet(keys int, m *meter) *groupSet {
	s := &groupSet{levels: make([]groupLevel, keys), meter: m}
	for i := range s.levels {
		s.levels[i].numbers = map[string]uint32{}
	}
	if keys == 0 {
		s.n = 1
	}
	return s
}

// take returns the numbers of a block's groups.
func (s *groupSet) take(b *blockGroups) ([]uint32, error) {
	if len(s.levels) == 0 || len(b.numbers) == 0 {
		return b.numbers, nil // the one group there is, or none
	}
	var groups []uint32 // of the level before
	for i := range s.levels {
		level, named := &s.levels[i], &b.levels[i]
		values, err := level.valuesOf(&named.texts, s.meter)
		if err != nil {
			return nil, err
		}
		to := make([]uint32, len(named.values))
		for j, v := range named.values {
			to[j] = values[v]
		}
		if i > 0 {
			for j, p := range named.parents {
				named.parents[j] = groups[p]
			}
			if err := level.groups.number(to, named.parents, len(level.texts), s.meter); err != nil {
				return nil, err
			}
		}
		groups = to
	}
	if last := &s.levels[len(s.levels)-1]; len(s.levels) == 1 {
		s.n = len(last.texts)
	} else {
		s.n = len(last.groups.pairs)
	}
	return groups, nil
}

// valuesOf are the numbers of some values.
func (l *groupLevel) valuesOf(texts *textList, owed *meter) ([]uint32, error) {
	out := make([]uint32, len(texts.ends))
	for i := range out {
		text := texts.at(i)
		number, ok := l.numbers[text]
		if !ok {
			if err := owed.add(len(text) + valueSize); err != nil {
				return nil, err
			}
			text = strings.Clone(text)
			number = uint32(len(l.texts))
			l.numbers[text] = number
			l.texts = append(l.texts, text)
		}
		out[i] = number
	}
	return out, nil
}

// text is the text of a group's i-th key value.
func (s *groupSet) text(g, i int) string {
	for at := len(s.levels) - 1; at > 0; at-- {
		p := s.levels[at].groups.pairs[g]
		if at == i {
			return s.levels[at].texts[p.value]
		}
		g = int(p.parent)
	}
	return s.levels[0].texts[g]
}

// pair is a group of several keys.
type pair struct{ parent, value uint32 }

// pairTable numbers pairs as they come: by a table of all possible ones, as long
// as a good part of them occurs, else by open addressing.
type pairTable struct {
	pairs []pair
	// places has 1 + the number of a pair at parent << shift | value.
	places   []uint32
	shift    int
	greatest int // parent, as long as there are places
	// slots, in place of places: a power of two, at most three quarters in use.
	slots []slot
}

type slot struct {
	pair
	number uint32 // 1 + that of the pair; 0 = the slot is free
}

const (
	pairSize   = 16 // a slice grows by copying
	slotSize   = 12
	firstSlots = 1 << 8
	// morePlaces is how many times the pairs the possible ones may be.
	morePlaces = 8
)

// number replaces values, which are below most, by the numbers of the pairs with
// their parents, new ones where they have none yet. Memory is charged to owed.
func (t *pairTable) number(values, parents []uint32, most int, owed *meter) error {
	if len(values) == 0 {
		return nil
	}
	if t.slots == nil {
		t.greatest = max(t.greatest, int(slices.Max(parents)))
		if err := t.makePlaces(most, len(values), owed); err != nil {
			return err
		}
	}
	if t.slots == nil {
		return t.byPlace(values, parents, owed)
	}
	for i, value := range values {
		number, err := t.bySlot(pair{parents[i], value}, owed)
		if err != nil {
			return err
		}
		values[i] = number
	}
	return nil
}

// makePlaces makes room for pairs of parents up to the greatest and of values
// below most, of which at least some occur; slots where that were too much.
func (t *pairTable) makePlaces(most, some int, owed *meter) error {
	shift := bits.Len(uint(most - 1))
	n := (t.greatest + 1) << shift
	if n <= len(t.places) && shift == t.shift {
		return nil
	}
	if n > max(firstSlots, morePlaces*max(some, len(t.pairs))) {
		t.places = nil
		return t.grow(owed)
	}
	n = max(n, 2*len(t.places))
	if err := owed.add(4 * n); err != nil { // what the old ones took stays charged
		return err
	}
	t.places, t.shift = make([]uint32, n), shift
	for i, p := range t.pairs {
		t.places[int(p.parent)<<shift|int(p.value)] = uint32(i + 1)
	}
	return nil
}

func (t *pairTable) byPlace(values, parents []uint32, owed *meter) error {
	before := len(t.pairs)
	for i, value := range values {
		to := &t.places[int(parents[i])<<t.shift|int(value)]
		if *to == 0 {
			t.pairs = append(t.pairs, pair{parents[i], value})
			*to = uint32(len(t.pairs))
		}
		values[i] = *to - 1
	}
	return owed.add(pairSize * (len(t.pairs) - before))
}

func (t *pairTable) bySlot(p pair, owed *meter) (uint32, error) {
	if 4*len(t.pairs) >= 3*len(t.slots) {
		if err := t.grow(owed); err != nil {
			return 0, err
		}
	}
	to := t.find(p)
	if to.number == 0 {
		if err := owed.add(pairSize); err != nil {
			return 0, err
		}
		t.pairs = append(t.pairs, p)
		*to = slot{p, uint32(len(t.pairs))}
	}
	return to.number - 1, nil
}

// find is the slot that has a pair, or the free one where it belongs.
func (t *pairTable) find(p pair) *slot {
	mask := uint64(len(t.slots) - 1)
	for at := mixed(uint64(p.parent)<<32 | uint64(p.value)); ; at++ {
		if s := &t.slots[at&mask]; s.number == 0 || s.pair == p {
			return s
		}
	}
}

// grow makes twice as many slots, and enough for the pairs. What the old ones took
// stays charged: it is half, at most, of what is charged for the new ones.
func (t *pairTable) grow(owed *meter) error {
	n := max(firstSlots, 2*len(t.slots))
	for 4*len(t.pairs) >= 3*n {
		n *= 2
	}
	if err := owed.add(n * slotSize); err != nil {
		return err
	}
	t.slots = make([]slot, n)
	for i, p := range t.pairs {
		*t.find(p) = slot{p, uint32(i + 1)}
	}
	return nil
}
