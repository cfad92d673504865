package idrun

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"slices"
)

// Sort sorts pairs as a run has them.
func Sort(pairs []Pair) {
	slices.SortFunc(pairs, compare)
}

func compare(a, b Pair) int {
	return cmp.Or(cmp.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(a.Position, b.Position))
}

// Info describes a run that was written.
type Info struct {
	Bytes       int64  // its size
	Sum         uint32 // tells it from other runs: Run.Sum
	First, Last int64  // the lowest and the highest position; 0 without pairs
}

// Write writes a run of n sorted pairs to w. It goes through pairs twice, which
// must yield the same each time, and does not sync. What it holds in memory is a
// hundredth of what it writes.
func Write(w io.Writer, n int64, pairs iter.Seq2[Pair, error]) (info Info, err error) {
	buf := bufio.NewWriterSize(w, 64<<10)
	sum := crc32.New(castagnoli)
	summed := io.MultiWriter(buf, sum)
	if _, err := summed.Write(binary.LittleEndian.AppendUint64([]byte(magic), uint64(n))); err != nil {
		return info, err
	}
	blocks := blockWriter{w: buf}
	if err := each(n, pairs, func(p Pair) error {
		if info.First == 0 {
			info.First = p.Position
		}
		info.First, info.Last = min(info.First, p.Position), max(info.Last, p.Position)
		return blocks.add(p)
	}); err != nil {
		return info, err
	}
	if err := blocks.end(); err != nil {
		return info, err
	}
	filter := filterWriter{w: summed, size: filterSize(n)}
	if err := each(n, pairs, func(p Pair) error { return filter.add(p.Fingerprint) }); err != nil {
		return info, err
	}
	if err := filter.finish(); err != nil {
		return info, err
	}
	count := int64(len(blocks.fences) / 8)
	start := headerSize + n*pairSize + count*4
	foot := binary.LittleEndian.AppendUint64(blocks.fences, uint64(start))
	foot = binary.LittleEndian.AppendUint64(foot, uint64(filter.size))
	foot = binary.LittleEndian.AppendUint64(foot, uint64(count))
	if _, err := summed.Write(foot); err != nil {
		return info, err
	}
	info.Sum = sum.Sum32()
	info.Bytes = start + filter.size + count*8 + footerSize
	if _, err := buf.Write(append(binary.LittleEndian.AppendUint32(nil, info.Sum), endMagic...)); err != nil {
		return info, err
	}
	return info, buf.Flush()
}

// each calls fn with each of n pairs.
func each(n int64, pairs iter.Seq2[Pair, error], fn func(Pair) error) error {
	left := n
	for p, err := range pairs {
		if left--; err == nil && left < 0 {
			err = fmt.Errorf("id run: more than the %d pairs that were announced", n)
		}
		if err == nil {
			err = fn(p)
		}
		if err != nil {
			return err
		}
	}
	if left != 0 {
		return fmt.Errorf("id run: %d pairs fewer than were announced", left)
	}
	return nil
}

// blockWriter writes pairs in blocks and gathers the fences.
type blockWriter struct {
	w      io.Writer
	fences []byte
	block  []byte
	last   Pair
}

func (w *blockWriter) add(p Pair) error {
	if len(w.fences) > 0 && compare(p, w.last) < 0 {
		return fmt.Errorf("id run: pair %x of position %d is out of order", p.Fingerprint, p.Position)
	}
	w.last = p
	if len(w.block) == 0 {
		w.fences = binary.LittleEndian.AppendUint64(w.fences, p.Fingerprint)
	}
	w.block = binary.LittleEndian.AppendUint64(w.block, p.Fingerprint)
	w.block = binary.LittleEndian.AppendUint64(w.block, uint64(p.Position))
	if len(w.block) == blockPairs*pairSize {
		return w.end()
	}
	return nil
}

// end writes the block.
func (w *blockWriter) end() error {
	if len(w.block) == 0 {
		return nil
	}
	w.block = binary.LittleEndian.AppendUint32(w.block, crc32.Checksum(w.block, castagnoli))
	_, err := w.w.Write(w.block)
	w.block = w.block[:0]
	return err
}

// Merge yields the pairs of several runs in order, each once; those that keep
// refuses are left out.
func Merge(runs []*Run, keep func(Pair) bool) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		var sources []*source
		for _, r := range runs {
			s := &source{run: r, keep: keep}
			ok, err := s.advance()
			if err != nil {
				yield(Pair{}, err)
				return
			}
			if ok {
				sources = append(sources, s)
			}
		}
		var last Pair
		for first := true; len(sources) > 0; {
			least := 0
			for i := 1; i < len(sources); i++ {
				if compare(sources[i].head, sources[least].head) < 0 {
					least = i
				}
			}
			if p := sources[least].head; first || p != last {
				if !yield(p, nil) {
					return
				}
				first, last = false, p
			}
			ok, err := sources[least].advance()
			if err != nil {
				yield(Pair{}, err)
				return
			}
			if !ok {
				sources = slices.Delete(sources, least, least+1)
			}
		}
	}
}

// source is a run that is being merged.
type source struct {
	run  *Run
	keep func(Pair) bool
	head Pair

	buf   [blockSize]byte
	pairs pairs // of the block that is in buf
	at    int   // the next of them
	block int   // the next one
}

// advance puts the next pair that is kept into head; false at the end.
func (s *source) advance() (bool, error) {
	for {
		if s.at == s.pairs.len() {
			if s.block == len(s.run.fences) {
				return false, nil
			}
			var err error
			if s.pairs, err = s.run.block(s.block, &s.buf); err != nil {
				return false, err
			}
			s.at = 0
			s.block++
		}
		s.head = s.pairs.at(s.at)
		s.at++
		if s.keep == nil || s.keep(s.head) {
			return true, nil
		}
	}
}
