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

// Write writes a run of n sorted pairs to w and returns its size in bytes. It
// does not sync.
func Write(w io.Writer, n int64, pairs iter.Seq2[Pair, error]) (size int64, err error) {
	buf := bufio.NewWriterSize(w, 64<<10)
	head := binary.LittleEndian.AppendUint64([]byte(magic), uint64(n))
	if _, err := buf.Write(head); err != nil {
		return 0, err
	}
	out := writer{w: buf, filter: newFilter(n), left: n}
	for p, err := range pairs {
		if err == nil {
			err = out.add(p)
		}
		if err != nil {
			return 0, err
		}
	}
	if out.left != 0 {
		return 0, fmt.Errorf("id run: %d pairs fewer than were announced", out.left)
	}
	if err := out.endBlock(); err != nil {
		return 0, err
	}
	size, err = out.finish(head, n)
	if err != nil {
		return 0, err
	}
	return size, buf.Flush()
}

type writer struct {
	w      io.Writer
	filter filter
	fences []byte
	block  []byte
	left   int64
	last   Pair
}

func (w *writer) add(p Pair) error {
	if w.left--; w.left < 0 {
		return fmt.Errorf("id run: more pairs than were announced")
	}
	if len(w.fences) > 0 && compare(p, w.last) < 0 {
		return fmt.Errorf("id run: pair %x of position %d is out of order", p.Fingerprint, p.Position)
	}
	w.last = p
	if len(w.block) == 0 {
		w.fences = binary.LittleEndian.AppendUint64(w.fences, p.Fingerprint)
	}
	w.filter.add(p.Fingerprint)
	w.block = binary.LittleEndian.AppendUint64(w.block, p.Fingerprint)
	w.block = binary.LittleEndian.AppendUint64(w.block, uint64(p.Position))
	if len(w.block) == blockPairs*pairSize {
		return w.endBlock()
	}
	return nil
}

func (w *writer) endBlock() error {
	if len(w.block) == 0 {
		return nil
	}
	w.block = binary.LittleEndian.AppendUint32(w.block, crc32.Checksum(w.block, castagnoli))
	_, err := w.w.Write(w.block)
	w.block = w.block[:0]
	return err
}

// finish writes what follows the blocks.
func (w *writer) finish(head []byte, n int64) (size int64, err error) {
	blocks := int64(len(w.fences) / 8)
	tail := append(w.filter.encode(), w.fences...)
	start := headerSize + n*pairSize + blocks*4
	foot := binary.LittleEndian.AppendUint64(nil, uint64(start))
	foot = binary.LittleEndian.AppendUint64(foot, uint64(len(tail)-len(w.fences)))
	foot = binary.LittleEndian.AppendUint64(foot, uint64(blocks))
	sum := crc32.Update(crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, tail), castagnoli, foot)
	foot = append(binary.LittleEndian.AppendUint32(foot, sum), endMagic...)
	if _, err := w.w.Write(tail); err != nil {
		return 0, err
	}
	_, err = w.w.Write(foot)
	return start + int64(len(tail)) + footerSize, err
}

// Merge yields the pairs of several runs in order; those that keep refuses are
// left out.
func Merge(runs []*Run, keep func(Pair) bool) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		type source struct {
			next func() (Pair, error, bool)
			head Pair
		}
		var sources []*source
		advance := func(s *source) (bool, error) {
			for {
				p, err, ok := s.next()
				if err != nil || !ok {
					return false, err
				}
				if keep == nil || keep(p) {
					s.head = p
					return true, nil
				}
			}
		}
		for _, r := range runs {
			next, stop := iter.Pull2(r.All)
			defer stop()
			s := &source{next: next}
			ok, err := advance(s)
			if err != nil {
				yield(Pair{}, err)
				return
			}
			if ok {
				sources = append(sources, s)
			}
		}
		for len(sources) > 0 {
			least := 0
			for i := range sources {
				if compare(sources[i].head, sources[least].head) < 0 {
					least = i
				}
			}
			if !yield(sources[least].head, nil) {
				return
			}
			ok, err := advance(sources[least])
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
