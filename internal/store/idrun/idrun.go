// Package idrun keeps fingerprints of ids on disk: immutable files of (64-bit
// fingerprint, position) pairs sorted by fingerprint, with a filter that answers
// most lookups of what is not there without reading a pair. It knows nothing of
// ids or events: what it finds is a place to look, never an answer.
//
// A filter is in memory where there is room for it (Run.Loaded), a byte or a byte
// and a half a pair. Else a lookup reads one page of it from the file, which the system
// caches, and checks the page against what it was when the run was opened.
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
	"slices"
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
	fences []uint64

	filterAt, filterSize int64
	pageSums             []uint32 // CRC-32C of each page of the filter
	filter               []byte   // nil = not in memory
}

// Open reads and checks the filter and the fences of a run of size bytes. The
// filter does not stay in memory.
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
	run.filterAt, run.filterSize = start, length
	sum, err := run.sumFilter(crc32.Checksum(head, castagnoli))
	if err != nil {
		return nil, err
	}
	fences := make([]byte, blocks*8)
	if err := run.read(fences, start+length); err != nil {
		return nil, err
	}
	run.sum = crc32.Update(crc32.Update(sum, castagnoli, fences), castagnoli, foot[:24])
	if run.sum != binary.LittleEndian.Uint32(foot[24:]) {
		return nil, run.damaged("checksum of the filter")
	}
	run.fences = make([]uint64, blocks)
	for i := range run.fences {
		run.fences[i] = binary.LittleEndian.Uint64(fences[i*8:])
	}
	return run, nil
}

// sumFilter goes on with a checksum over the filter and keeps those of its pages.
func (r *Run) sumFilter(sum uint32) (uint32, error) {
	buf := make([]byte, min(r.filterSize, 64*pageSize))
	r.pageSums = make([]uint32, 0, (r.filterSize+pageSize-1)/pageSize)
	for at := int64(0); at < r.filterSize; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), r.filterSize-at)]
		if err := r.read(buf, r.filterAt+at); err != nil {
			return 0, err
		}
		sum = crc32.Update(sum, castagnoli, buf)
		for page := range slices.Chunk(buf, pageSize) {
			r.pageSums = append(r.pageSums, crc32.Checksum(page, castagnoli))
		}
	}
	return sum, nil
}

// Loaded is the run with its filter in memory: FilterSize bytes.
func (r *Run) Loaded() (*Run, error) {
	loaded := *r
	loaded.filter = make([]byte, r.filterSize)
	if err := r.read(loaded.filter, r.filterAt); err != nil {
		return nil, err
	}
	for i := range r.pageSums {
		at := int64(i) * pageSize
		if err := r.checkPage(at, loaded.filter[at:min(at+pageSize, r.filterSize)]); err != nil {
			return nil, err
		}
	}
	return &loaded, nil
}

// checkPage checks the page of the filter that begins at.
func (r *Run) checkPage(at int64, page []byte) error {
	if crc32.Checksum(page, castagnoli) != r.pageSums[at/pageSize] {
		return r.damaged("checksum of bytes %d to %d of the filter", at, at+int64(len(page))-1)
	}
	return nil
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

// FilterSize is how many bytes the filter has.
func (r *Run) FilterSize() int64 { return r.filterSize }

// MayHold reports whether the run can have the fingerprint; it may say true
// wrongly, never false.
func (r *Run) MayHold(fp uint64) (bool, error) {
	if r.pairs == 0 || r.filterSize == 0 {
		return false, nil
	}
	at := bucketAt(fp, r.filterSize)
	if r.filter != nil {
		return has(r.filter[at:], fp), nil
	}
	buf := pages.Get().(*[pageSize]byte)
	defer pages.Put(buf)
	from := at - at%pageSize
	page := buf[:min(pageSize, r.filterSize-from)]
	if err := r.read(page, r.filterAt+from); err != nil {
		return false, err
	}
	if err := r.checkPage(from, page); err != nil {
		return false, err
	}
	return has(page[at-from:], fp), nil
}

// Find calls fn with every position that the fingerprint has.
func (r *Run) Find(fp uint64, fn func(position int64) error) error {
	if may, err := r.MayHold(fp); err != nil || !may {
		return err
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

var (
	buffers = sync.Pool{New: func() any { return new([blockSize]byte) }}
	pages   = sync.Pool{New: func() any { return new([pageSize]byte) }}
)

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
