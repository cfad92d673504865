package idrun

import (
	"encoding/binary"
	"fmt"
	"io"
)

// A filter is a split-block Bloom filter: a fingerprint sets one bit in each of
// the eight words of one bucket. Buckets are in the order of the fingerprints, so
// that those of sorted pairs are written one after the other.

const (
	bucketSize = 32
	// bitsPerPair makes about one lookup in two hundred read in vain. Runs of many
	// pairs, of which there are few, have bitsOfMany: there it is one in thirty.
	bitsPerPair = 12
	bitsOfMany  = 8
	many        = 8_000_000
	// pageSize is how many bytes of a filter are read and checked at a time where
	// it is not in memory.
	pageSize = 1 << 10
)

var salts = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

// filterSize is how many bytes the filter of so many pairs has.
func filterSize(pairs int64) int64 {
	bits := int64(bitsPerPair)
	if pairs >= many {
		bits = bitsOfMany
	}
	return (pairs*bits/(bucketSize*8) + 1) * bucketSize
}

// bucketAt is where the bucket of a fingerprint begins in a filter of size bytes.
func bucketAt(fp uint64, size int64) int64 {
	return int64((fp>>32)*uint64(size/bucketSize)>>32) * bucketSize
}

// has reports whether a bucket has the fingerprint's bits.
func has(bucket []byte, fp uint64) bool {
	_ = bucket[bucketSize-1]
	for i, salt := range salts {
		if binary.LittleEndian.Uint32(bucket[4*i:])&(1<<(uint32(fp)*salt>>27)) == 0 {
			return false
		}
	}
	return true
}

// filterWriter writes a filter while it is given sorted fingerprints.
type filterWriter struct {
	w      io.Writer
	size   int64
	at     int64 // where bucket begins
	bucket [8]uint32
	out    [bucketSize]byte
}

func (f *filterWriter) add(fp uint64) error {
	at := bucketAt(fp, f.size)
	if at < f.at {
		return fmt.Errorf("id run: fingerprint %x is out of order", fp)
	}
	if err := f.advance(at); err != nil {
		return err
	}
	for i, salt := range salts {
		f.bucket[i] |= 1 << (uint32(fp) * salt >> 27)
	}
	return nil
}

// advance writes the buckets before to.
func (f *filterWriter) advance(to int64) error {
	for ; f.at < to; f.at += bucketSize {
		for i, word := range f.bucket {
			binary.LittleEndian.PutUint32(f.out[4*i:], word)
		}
		if _, err := f.w.Write(f.out[:]); err != nil {
			return err
		}
		f.bucket = [8]uint32{}
	}
	return nil
}

// finish writes the rest.
func (f *filterWriter) finish() error { return f.advance(f.size) }
