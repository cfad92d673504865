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

// Write writes a run of n sorted pairs to w. It does not sync.
func Write(w io.Writer, n int64, pairs iter.Seq2[Pair, error]) (info Info, err error) {
	buf := bufio.NewWriterSize(w, 64<<10)
	head := binary.LittleEndian.AppendUint64([]byte(magic), uint64(n))
	if _, err := buf.Write(head); err != nil {
		return info, err
	}
	out := writer{w: buf, filter: newFilter(n), left: n}
	for p, err := range pairs {
		if err == nil {
			err = out.add(p)
		}
		if err != nil {
			return info, err
		}
		if info.First == 0 {
			info.First = p.Position
		}
		info.First, info.Last = min(info.First, p.Position), max(info.Last, p.Position)
	}
	if out.left != 0 {
		return info, fmt.Errorf("id run: %d pairs fewer than were announced", out.left)
	}
	if err := out.endBlock(); err != nil {
		return info, err
	}
	if info.Bytes, info.Sum, err = out.finish(head, n); err != nil {
		return info, err
	}
	return info, buf.Flush()
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
func (w *writer) finish(head []byte, n int64) (size int64, sum uint32, err error) {
	blocks := int64(len(w.fences) / 8)
	tail := append(w.filter.encode(), w.fences...)
	start := headerSize + n*pairSize + blocks*4
	foot := binary.LittleEndian.AppendUint64(nil, uint64(start))
	foot = binary.LittleEndian.AppendUint64(foot, uint64(len(tail)-len(w.fences)))
	foot = binary.LittleEndian.AppendUint64(foot, uint64(blocks))
	sum = crc32.Update(crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, tail), castagnoli, foot)
	foot = append(binary.LittleEndian.AppendUint32(foot, sum), endMagic...)
	if _, err := w.w.Write(tail); err != nil {
		return 0, 0, err
	}
	_, err = w.w.Write(foot)
	return start + int64(len(tail)) + footerSize, sum, err
}

// Merge yields the pairs of several runs in order, each once; those that keep
// refuses are left out.
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
		var last *Pair
		for len(sources) > 0 {
			least := 0
			for i := range sources {
				if compare(sources[i].head, sources[least].head) < 0 {
					least = i
				}
			}
			if p := sources[least].head; last == nil || p != *last {
				if !yield(p, nil) {
					return
				}
				last = &p
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
