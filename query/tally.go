package query

import (
	"math"
	"math/big"
	"math/bits"
)

// Tally adds numbers exactly, in any order and in any division of the work
// (Merge), so that every way of summing gives the same answer. Integer literals
// are added as integers, all others as their nearest float64; rounding happens
// once, at the end. The zero value is empty.
type Tally struct {
	count int64
	// Integers: a 128-bit two's complement sum, and what does not fit int64.
	hi   int64
	lo   uint64
	huge *big.Int
	// Others: the sum is Σ limbs[i] × 2^(32i - floatBias).
	floats int64
	limbs  *[floatLimbs]int64
	adds   int // since carries were last moved up
}

const (
	floatBias  = 1074 // the smallest float64 is 2^-1074
	floatLimbs = (1074+1024)/32 + 4
	maxAdds    = 1 << 29 // limbs take 2^30 of 33 bits each before they overflow
)

// AddInt adds an integer.
func (t *Tally) AddInt(i int64) {
	t.count++
	lo, carry := bits.Add64(t.lo, uint64(i), 0)
	t.lo = lo
	t.hi += i>>63 + int64(carry)
}

// AddInts adds n integers whose sum is hi × 2^64 + lo, or with negative the
// opposite of it.
func (t *Tally) AddInts(n int64, negative bool, hi, lo uint64) {
	t.count += n
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	sum, carry := bits.Add64(t.lo, lo, 0)
	t.lo = sum
	t.hi += int64(hi) + int64(carry)
}

// AddFloats adds n numbers that are no integer literals, and whose nearest
// float64s have a sum of (hi × 2^64 + lo) × 2^exponent, or with negative the
// opposite of it. hi is below 2^32 and exponent is that of the last bit of a
// float64, -1074 to 971.
func (t *Tally) AddFloats(n int64, negative bool, hi, lo uint64, exponent int) {
	t.count += n
	t.floats += n
	if t.limbs == nil {
		t.limbs = new([floatLimbs]int64)
	}
	if t.adds++; t.adds == maxAdds {
		t.carry()
	}
	at, shift := (exponent+floatBias)/32, uint(exponent+floatBias)%32
	parts := [4]uint64{lo << shift & math.MaxUint32, lo << shift >> 32, hi<<shift | lo>>(64-shift)}
	parts[3] = parts[2] >> 32
	parts[2] &= math.MaxUint32
	for i, part := range parts {
		if part == 0 {
			continue
		}
		if negative {
			t.limbs[at+i] -= int64(part)
		} else {
			t.limbs[at+i] += int64(part)
		}
	}
}

// AddFloat adds the number that is no integer literal and whose nearest float64
// is f. Beyond float64's range counts as its largest number.
func (t *Tally) AddFloat(f float64) {
	t.count++
	t.floats++
	if t.limbs == nil {
		t.limbs = new([floatLimbs]int64)
	}
	if t.adds++; t.adds == maxAdds {
		t.carry()
	}
	if math.IsInf(f, 0) {
		f = math.Copysign(math.MaxFloat64, f)
	}
	b := math.Float64bits(f)
	exponent := int(b >> 52 & 0x7ff)
	mantissa := b & (1<<52 - 1)
	if exponent > 0 {
		mantissa |= 1 << 52
		exponent--
	}
	// f = ±mantissa × 2^(exponent - 1074)
	at, shift := exponent/32, uint(exponent%32)
	low, high := mantissa<<shift, uint64(0)
	if shift > 0 {
		high = mantissa >> (64 - shift)
	}
	a, c, d := int64(low&math.MaxUint32), int64(low>>32), int64(high)
	if f < 0 {
		a, c, d = -a, -c, -d
	}
	t.limbs[at] += a
	t.limbs[at+1] += c
	t.limbs[at+2] += d
}

// carry moves what exceeds 32 bits of a limb to the next.
func (t *Tally) carry() {
	for i := range floatLimbs - 1 {
		t.limbs[i+1] += t.limbs[i] >> 32
		t.limbs[i] &= math.MaxUint32
	}
	t.adds = 1
}

// Add adds a number.
func (t *Tally) Add(n Number) {
	if !n.IsInteger() {
		t.AddFloat(n.Float())
		return
	}
	if i, ok := n.Int(); ok {
		t.AddInt(i)
		return
	}
	t.count++
	if t.huge == nil {
		t.huge = new(big.Int)
	}
	// An integer literal has at most event.MaxNumber digits and no exponent.
	digits := decimalDigits(n)
	i, _ := new(big.Int).SetString(digits, 10)
	t.huge.Add(t.huge, i)
}

func decimalDigits(n Number) string {
	digits := []byte{}
	if n.neg {
		digits = append(digits, '-')
	}
	start := len(digits)
	digits = append(big.NewInt(0).SetUint64(n.lead).Append(digits, 10), n.tail...)
	for len(digits)-start < int(n.exp) {
		digits = append(digits, '0')
	}
	return string(digits[:start+int(n.exp)])
}

// Merge adds what u has added. u is not changed.
func (t *Tally) Merge(u *Tally) {
	t.count += u.count
	t.floats += u.floats
	lo, carry := bits.Add64(t.lo, u.lo, 0)
	t.lo = lo
	t.hi += u.hi + int64(carry)
	if u.huge != nil {
		if t.huge == nil {
			t.huge = new(big.Int)
		}
		t.huge.Add(t.huge, u.huge)
	}
	if u.limbs != nil {
		if t.limbs == nil {
			t.limbs = new([floatLimbs]int64)
		}
		for i, l := range u.limbs {
			t.limbs[i] += l
		}
		t.adds += u.adds
		if t.adds >= maxAdds {
			t.carry()
		}
	}
}

// Count is how many numbers were added.
func (t *Tally) Count() int64 { return t.count }

// AppendSum appends the sum as JSON: the exact integer when all numbers were
// integer literals, otherwise the nearest float64 in its shortest form, as
// Number.String spells it. Of nothing it is null.
func (t *Tally) AppendSum(dst []byte) []byte {
	switch {
	case t.count == 0:
		return append(dst, "null"...)
	case t.floats == 0:
		return t.integers().Append(dst, 10)
	}
	sum, _ := t.exact().Float64()
	return FloatNumber(sum).append(dst)
}

// AppendAvg appends the mean as JSON: the exact sum divided by the count,
// rounded once to a float64 in its shortest form. Of nothing it is null.
func (t *Tally) AppendAvg(dst []byte) []byte {
	if t.count == 0 {
		return append(dst, "null"...)
	}
	mean := t.exact()
	avg, _ := mean.Quo(mean, new(big.Rat).SetInt64(t.count)).Float64()
	return FloatNumber(avg).append(dst)
}

func (t *Tally) integers() *big.Int {
	sum := big.NewInt(t.hi)
	sum.Lsh(sum, 64)
	sum.Add(sum, new(big.Int).SetUint64(t.lo))
	if t.huge != nil {
		sum.Add(sum, t.huge)
	}
	return sum
}

func (t *Tally) exact() *big.Rat {
	sum := new(big.Rat).SetInt(t.integers())
	if t.limbs == nil {
		return sum
	}
	scaled := new(big.Int)
	for i := floatLimbs - 1; i >= 0; i-- {
		scaled.Lsh(scaled, 32)
		scaled.Add(scaled, big.NewInt(t.limbs[i]))
	}
	unit := new(big.Int).Lsh(big.NewInt(1), floatBias)
	return sum.Add(sum, new(big.Rat).SetFrac(scaled, unit))
}
