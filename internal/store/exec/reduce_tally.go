package exec

import (
	"math"
	"math/bits"

	"github.com/firnlog/firn/internal/store/column"
	"github.com/firnlog/firn/query"
)

// tallySize is about how many bytes a query.Tally takes; adding one that is not
// an integer takes floatTallySize more.
const (
	tallySize      = 72
	floatTallySize = 576
)

// newTally adds the numbers of a field, exactly.
func newTally(f query.Field) *states[query.Tally] {
	return &states[query.Tally]{
		size: tallySize,
		add: func(r *reader, en *entries, groups []query.Tally) (int64, error) {
			return addNumbers(r, en, f, &tallyFold{groups})
		},
		merge: func(dst, src *query.Tally) (int64, error) {
			dst.Merge(src)
			return 0, nil
		},
	}
}

// tallyFold folds numbers into tallies.
type tallyFold struct{ groups []query.Tally }

func (t *tallyFold) ints(en *entries, v *column.Vector) {
	en.eachValue(v, func(row int, g uint32) { t.groups[g].AddInt(v.Ints[row]) })
}

func (t *tallyFold) doubles(en *entries, v *column.Vector) {
	if len(t.groups) > binnedGroups {
		en.eachValue(v, func(row int, g uint32) { addDouble(&t.groups[g], v.Doubles[row]) })
		return
	}
	b := binned{tallies: t.groups, bins: make([]bin, len(t.groups)*groupBins)}
	switch {
	case en.rows != nil:
		b.addSome(en, v)
	case en.bytes != nil:
		addAll(&b, en.bytes, v)
	default:
		addAll(&b, en.groups, v)
	}
	b.flush()
}

func (t *tallyFold) number(group uint32, n query.Number) { t.groups[group].Add(n) }

func (t *tallyFold) most(en *entries, whole bool) int64 {
	if whole {
		return 0
	}
	return int64(min(en.n, en.count))*floatTallySize + int64(min(en.count, binnedGroups))*groupBins*binSize
}

func (t *tallyFold) bytes() int64 {
	n := int64(0)
	for i := range t.groups {
		if t.groups[i].Count() > 0 {
			n += floatTallySize
		}
	}
	return n
}

// addDouble adds a float of a column: an integer literal where it is whole.
func addDouble(t *query.Tally, x float64) {
	const exact = 1 << 53 // all integers up to it are floats
	whole := int64(x)
	switch {
	case float64(whole) != x && x != math.Trunc(x):
		t.AddFloat(x)
	case -exact <= whole && whole <= exact:
		t.AddInt(whole)
	default:
		t.Add(query.FloatNumber(x))
	}
}

// binned adds floats exactly without a carry: those of one group, sign and
// exponent are multiples of one power of two, so their mantissas are summed as
// integers, and the tally gets one number for all of them. Floats far from 1
// go to the tally one by one.
type binned struct {
	tallies []query.Tally
	bins    []bin // by group, sign and exponent
}

// bin sums mantissas without their leading bit, in two halves, so that binMost
// of them cannot overflow.
type bin struct {
	low  uint64 // the sum of the lower halfBits bits, and from binCount on how many
	high uint64 // the sum of the others
	any  uint64 // all bits that occur
}

const (
	binSize       = 24
	binLeast      = 1023 - 40 // the exponent of the first bin: 2^-40
	binExponents  = 64        // bins of a sign
	groupBins     = 2 * binExponents
	binnedGroups  = 64
	fractionBits  = 52
	halfBits      = 26
	binCount      = 44
	binMost       = 1 << (binCount - halfBits)
	lowMask       = 1<<halfBits - 1
	fractionMask  = 1<<fractionBits - 1
	exponentMask  = 1<<11 - 1
	onesExponent  = 1023 + fractionBits // of floats whose last bit is 1
	signAndClass  = 63 - 6              // shift that leaves the sign as bit 6
	signBit       = binExponents
	countInTheLow = 1 << binCount
)

func (b *binned) add(g uint32, x float64) {
	raw := math.Float64bits(x)
	class := raw>>fractionBits&exponentMask - binLeast
	if class >= binExponents {
		addDouble(&b.tallies[g], x)
		return
	}
	b.bins[uint64(g)*groupBins|raw>>signAndClass&signBit|class].add(raw & fractionMask)
}

// add adds a mantissa without its leading bit. It is small enough to be inlined,
// which binned's add is not.
func (b *bin) add(fraction uint64) {
	b.low += fraction&lowMask | countInTheLow
	b.high += fraction >> halfBits
	b.any |= fraction
}

// addAll adds the values of a vector; without groups all are of group 0. A block
// has no more rows than a bin takes.
func addAll[N uint8 | uint32](b *binned, groups []N, v *column.Vector) {
	var zeros [64]N
	for w := range words(v.Len) {
		values := v.Doubles[w<<6 : min(w<<6+64, v.Len)]
		of := zeros[:len(values)]
		if groups != nil {
			of = groups[w<<6 : w<<6+len(values)]
		}
		m := word(v.Valid, w)
		if m == math.MaxUint64 {
			addWord(b, of, values)
			continue
		}
		if len(values) < 64 {
			m &= 1<<len(values) - 1
		}
		for ; m != 0; m &= m - 1 {
			j := bits.TrailingZeros64(m) & 63
			b.add(uint32(of[j]), values[j])
		}
	}
}

// addWord adds values of groups.
func addWord[N uint8 | uint32](b *binned, of []N, values []float64) {
	bins := b.bins
	of = of[:len(values)]
	for j, x := range values {
		raw := math.Float64bits(x)
		class := raw>>fractionBits&exponentMask - binLeast
		if class >= binExponents {
			addDouble(&b.tallies[of[j]], x)
			continue
		}
		bins[uint64(of[j])*groupBins|raw>>signAndClass&signBit|class].add(raw & fractionMask)
	}
}

// addSome adds the values at some rows, which may occur several times.
func (b *binned) addSome(en *entries, v *column.Vector) {
	for i, row := range en.rows {
		if v.Valid == nil || v.Valid.Get(int(row)) {
			b.add(en.group(i), v.Doubles[row])
		}
		if (i+1)%binMost == 0 {
			b.flush()
		}
	}
}

// flush moves the sums to the tallies.
func (b *binned) flush() {
	for i := range b.bins {
		if n := b.bins[i].low >> binCount; n > 0 {
			b.bins[i].flush(&b.tallies[i/groupBins], int64(n), i%groupBins&signBit != 0, binLeast+i%binExponents-onesExponent)
			b.bins[i] = bin{}
		}
	}
}

// flush adds the n numbers of a bin, whose last bits stand for 2^exponent.
func (b *bin) flush(t *query.Tally, n int64, negative bool, exponent int) {
	lo, carry := bits.Add64(b.low&(countInTheLow-1), b.high<<halfBits, 0)
	hi := b.high>>(64-halfBits) + carry
	lo, carry = bits.Add64(lo, uint64(n)<<fractionBits, 0)
	hi += uint64(n)>>(64-fractionBits) + carry
	if exponent <= 0 && exponent >= -fractionBits && b.any&(1<<-exponent-1) == 0 {
		shift := uint(-exponent) // all are whole, and so the sum is
		t.AddInts(n, negative, hi>>shift, lo>>shift|hi<<(64-shift))
		return
	}
	t.AddFloats(n, negative, hi, lo, exponent)
}
