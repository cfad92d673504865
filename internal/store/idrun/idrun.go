// Package idrun keeps fingerprints of ids on disk: immutable files of (64-bit
// fingerprint, position) pairs sorted by fingerprint, with a filter that answers
// most lookups of what is not there without reading. It knows nothing of ids or
// events: what it finds is a place to look, never an answer.
//
// # File
//
// All numbers are little endian.
//
//	header  "FIRNIDS1", number of pairs (8 bytes)
//	blocks  256 pairs each (fingerprint 8 bytes, position 8 bytes), the last one
//	        shorter, each followed by its CRC-32C
//	filter  a split-block Bloom filter, 32 bytes a bucket
//	fences  the first fingerprint of each block
//	footer  offset of the filter, its length, number of blocks (8 bytes each),
//	        CRC-32C of header, filter, fences and the three numbers, "FIRN"
package idrun

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"
	"sync"
)

// Pair is a fingerprint and where its event is.
type Pair struct {
	Fingerprint uint64
	Position    int64
}

// DamageError says that a run is not what was written.
type DamageError struct {
	File   string
	Reason string
}

func (e *DamageError) Error() string { return "id run " + e.File + " is damaged: " + e.Reason }

const (
	magic      = "FIRNIDS1"
	endMagic   = "FIRN"
	headerSize = 16
	pairSize   = 16
	blockPairs = 256
	blockSize  = blockPairs*pairSize + 4
	footerSize = 3*8 + 4 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Run is an open run. Its methods may be called by many goroutines at once.
type Run struct {
	name   string
	r      io.ReaderAt
	pairs  int64
	sum    uint32
	filter filter
	fences []uint64
}

// Open reads and checks the filter and the fences of a run of size bytes.
func Open(name string, r io.ReaderAt, size int64) (*Run, error) {
	run := &Run{name: name, r: r}
	if size < headerSize+footerSize {
		return nil, run.damaged("it has %d bytes", size)
	}
	head := make([]byte, headerSize)
	foot := make([]byte, footerSize)
	if err := run.read(head, 0); err != nil {
		return nil, err
	}
	if err := run.read(foot, size-footerSize); err != nil {
		return nil, err
	}
	if string(head[:8]) != magic || string(foot[footerSize-4:]) != endMagic {
		return nil, run.damaged("it does not begin and end as an id run does")
	}
	run.pairs = int64(binary.LittleEndian.Uint64(head[8:]))
	start, length := int64(binary.LittleEndian.Uint64(foot)), int64(binary.LittleEndian.Uint64(foot[8:]))
	blocks := int64(binary.LittleEndian.Uint64(foot[16:]))
	if run.pairs < 0 || run.pairs > size/pairSize || length > size || blocks != (run.pairs+blockPairs-1)/blockPairs || start != headerSize+run.pairs*pairSize+blocks*4 ||
		length < 0 || length%bucketSize != 0 || start+length+blocks*8 != size-footerSize {
		return nil, run.damaged("its lengths do not add up")
	}
	tail := make([]byte, length+blocks*8)
	if err := run.read(tail, start); err != nil {
		return nil, err
	}
	sum := crc32.Update(crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, tail), castagnoli, foot[:24])
	if sum != binary.LittleEndian.Uint32(foot[24:]) {
		return nil, run.damaged("checksum of the filter")
	}
	run.sum = sum
	run.filter = decodeFilter(tail[:length])
	run.fences = make([]uint64, blocks)
	for i := range run.fences {
		run.fences[i] = binary.LittleEndian.Uint64(tail[length+int64(i)*8:])
	}
	return run, nil
}

func (r *Run) damaged(format string, args ...any) error {
	return &DamageError{File: r.name, Reason: fmt.Sprintf(format, args...)}
}

func (r *Run) read(p []byte, at int64) error {
	_, err := r.r.ReadAt(p, at)
	if errors.Is(err, io.EOF) {
		return r.damaged("it ends before byte %d", at+int64(len(p)))
	}
	if err != nil {
		return fmt.Errorf("id run %s: %w", r.name, err)
	}
	return nil
}

// Pairs is how many pairs the run has.
func (r *Run) Pairs() int64 { return r.pairs }

// Sum is the checksum of what Open reads: it tells the run from others.
func (r *Run) Sum() uint32 { return r.sum }

// Memory is how many bytes of memory the run takes.
func (r *Run) Memory() int64 { return int64(len(r.filter))*bucketSize + int64(len(r.fences))*8 }

// MayHold reports whether the run can have the fingerprint; it may say true
// wrongly, never false.
func (r *Run) MayHold(fp uint64) bool { return r.pairs > 0 && r.filter.has(fp) }

// Find calls fn with every position that the fingerprint has.
func (r *Run) Find(fp uint64, fn func(position int64) error) error {
	if !r.MayHold(fp) {
		return nil
	}
	buf := buffers.Get().(*[blockSize]byte)
	defer buffers.Put(buf)
	i := sort.Search(len(r.fences), func(i int) bool { return r.fences[i] >= fp })
	for i = max(0, i-1); i < len(r.fences) && r.fences[i] <= fp; i++ {
		pairs, err := r.block(i, buf)
		if err != nil {
			return err
		}
		for at := sort.Search(pairs.len(), func(j int) bool { return pairs.at(j).Fingerprint >= fp }); at < pairs.len() && pairs.at(at).Fingerprint == fp; at++ {
			if err := fn(pairs.at(at).Position); err != nil {
				return err
			}
		}
	}
	return nil
}

var buffers = sync.Pool{New: func() any { return new([blockSize]byte) }}

// pairs are those of a block as the file has them.
type pairs []byte

func (p pairs) len() int { return len(p) / pairSize }

func (p pairs) at(i int) Pair {
	return Pair{binary.LittleEndian.Uint64(p[i*pairSize:]), int64(binary.LittleEndian.Uint64(p[i*pairSize+8:]))}
}

// block reads and checks one block; its pairs are in buf.
func (r *Run) block(i int, buf *[blockSize]byte) (pairs, error) {
	n := min(blockPairs, int(r.pairs-int64(i)*blockPairs))
	all := buf[:n*pairSize+4]
	if err := r.read(all, headerSize+int64(i)*blockSize); err != nil {
		return nil, err
	}
	body := pairs(all[:n*pairSize])
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(all[len(body):]) {
		return nil, r.damaged("checksum of pairs %d to %d", i*blockPairs, i*blockPairs+n-1)
	}
	return body, nil
}

// All yields every pair in order, each checked.
func (r *Run) All(yield func(Pair, error) bool) {
	buf := new([blockSize]byte)
	for i := range r.fences {
		pairs, err := r.block(i, buf)
		if err != nil {
			yield(Pair{}, err)
			return
		}
		for j := range pairs.len() {
			if !yield(pairs.at(j), nil) {
				return
			}
		}
	}
}
