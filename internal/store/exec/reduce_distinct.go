package exec

import (
	"strings"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// distinct are the different values of a group, by their canonical texts: of a
// block as a list, in which one may be twice, of all blocks as a set.
type distinct struct {
	list textList
	set  map[string]struct{}
}

// newDistinct gathers the different values of a field.
func newDistinct(f query.Field) *states[*distinct] {
	return &states[*distinct]{
		size: 8,
		add: func(r *reader, en *entries, groups []*distinct) (int64, error) {
			return addDistinct(r, en, f, groups)
		},
		merge: mergeDistinct,
	}
}

func mergeDistinct(dst, src **distinct) (bytes int64, err error) {
	if *src == nil {
		return 0, nil
	}
	if *dst == nil {
		*dst = &distinct{set: make(map[string]struct{}, len((*src).list.ends))}
	}
	set, list := (*dst).set, &(*src).list
	for i := range list.ends {
		text := list.at(i)
		if _, ok := set[text]; !ok {
			set[strings.Clone(text)] = struct{}{}
			bytes += distinctSize + int64(len(text))
		}
	}
	return bytes, nil
}

const distinctSize = 48

func addDistinct(r *reader, en *entries, f query.Field, groups []*distinct) (int64, error) {
	c, present, err := r.codeValues(f, en)
	if err != nil {
		return 0, err
	}
	pairs, err := r.newPairs(en, c.n)
	if err != nil {
		return 0, err
	}
	bytes, owed := int64(0), meter{account: r.account}
	for i := range en.n {
		row, g := en.row(i), en.group(i)
		if i%pulse == 0 && r.ctx.Err() != nil {
			return 0, r.ctx.Err()
		}
		code := c.codes[row]
		if pairs.has(g, code) || !present(row) {
			continue
		}
		if again, err := pairs.seen(g, code); err != nil || again {
			if err != nil {
				return 0, err
			}
			continue
		}
		if groups[g] == nil {
			groups[g] = &distinct{}
		}
		before := len(groups[g].list.bytes)
		size := distinctSize + groups[g].list.add(func(dst []byte) []byte { return c.appendText(dst, code) }) - before
		bytes += int64(size)
		if err := owed.add(size); err != nil {
			return 0, err
		}
	}
	return bytes, owed.settle()
}

// pairs remembers pairs of a group and a number: in a bitmap where that is no
// larger than a few bits an entry, else in a map.
type pairs struct {
	n     uint64 // numbers are below n
	bits  column.Bitmap
	rare  map[uint64]struct{}
	meter meter
}

func (r *reader) newPairs(en *entries, n int) (*pairs, error) {
	p := &pairs{n: uint64(n), meter: meter{account: r}}
	all := uint64(max(en.count, 1)) * p.n
	if all > uint64(64*en.n) {
		p.rare = map[uint64]struct{}{}
		return p, nil
	}
	size := int(all>>6) + 1
	if err := r.Charge(int64(size) * 8); err != nil {
		return nil, err
	}
	p.bits = make(column.Bitmap, size)
	return p, nil
}

// has reports whether a pair has been asked for before, if a bitmap says so: it is
// asked of every row.
func (p *pairs) has(group, number uint32) bool {
	pair := uint64(group)*p.n + uint64(number)
	return p.bits != nil && p.bits[pair>>6]>>(pair&63)&1 != 0
}

// seen reports whether a pair has been asked for before.
func (p *pairs) seen(group, number uint32) (bool, error) {
	pair := uint64(group)*p.n + uint64(number)
	if p.bits != nil {
		word, bit := &p.bits[pair>>6], uint64(1)<<(pair&63)
		again := *word&bit != 0
		*word |= bit
		return again, nil
	}
	if _, again := p.rare[pair]; again {
		return true, nil
	}
	p.rare[pair] = struct{}{}
	return false, p.meter.add(distinctSize)
}

// codeValues numbers the values of a field; present tells the rows that have
// one, of which null may be one.
func (r *reader) codeValues(f query.Field, en *entries) (c *coding, present func(row int) bool, err error) {
	fr, err := r.fieldOf(f, en)
	if err != nil {
		return nil, nil, err
	}
	rows, err := r.rowsOf(en)
	if err != nil {
		return nil, nil, err
	}
	if v := fr.only(); v != nil && v.Kind == column.String && v.Coded() {
		if c, err = r.codeDictionary(v); err == nil {
			err = c.widen(r)
		}
		return c, v.IsValid, err
	}
	if c, err = codeField(fr, rows); err != nil {
		return nil, nil, err
	}
	missing, err := r.bitmap()
	if err != nil {
		return nil, nil, err
	}
	for row := range rows.All() {
		if fr.vector(row) != nil {
			continue
		}
		if _, ok, err := fr.elsewhere(row); err != nil {
			return nil, nil, err
		} else if !ok {
			missing.Set(row)
		}
	}
	return c, func(row int) bool { return !missing.Get(row) }, err
}
