package idrun

import "encoding/binary"

// filter is a split-block Bloom filter: a fingerprint sets one bit in each of
// the eight words of one bucket.
type filter [][8]uint32

const (
	bucketSize = 32
	// bitsPerPair makes about one lookup in two hundred read in vain.
	bitsPerPair = 12
)

var salts = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

func newFilter(pairs int64) filter { return make(filter, pairs*bitsPerPair/(bucketSize*8)+1) }

func (f filter) bucket(fp uint64) *[8]uint32 {
	return &f[(fp>>32)*uint64(len(f))>>32]
}

func (f filter) add(fp uint64) {
	b := f.bucket(fp)
	for i, salt := range salts {
		b[i] |= 1 << (uint32(fp) * salt >> 27)
	}
}

func (f filter) has(fp uint64) bool {
	if len(f) == 0 {
		return false
	}
	b := f.bucket(fp)
	for i, salt := range salts {
		if b[i]&(1<<(uint32(fp)*salt>>27)) == 0 {
			return false
		}
	}
	return true
}

func (f filter) encode() []byte {
	out := make([]byte, 0, len(f)*bucketSize)
	for i := range f {
		for _, w := range f[i] {
			out = binary.LittleEndian.AppendUint32(out, w)
		}
	}
	return out
}

func decodeFilter(b []byte) filter {
	f := make(filter, len(b)/bucketSize)
	for i := range f {
		for w := range f[i] {
			f[i][w] = binary.LittleEndian.Uint32(b[i*bucketSize+w*4:])
		}
	}
	return f
}
