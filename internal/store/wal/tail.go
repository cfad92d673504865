package wal

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/firnlog/firn/internal/store/vfs"
)

// tail is what is at the end of the last file.
type tail struct {
	proven  int64 // up to here the file was known to be synced
	good    int64 // up to here there are whole records, but for damaged ones
	records int64 // good data records in [proven, good)
	first   uint64
	torn    *hole // beyond good; nil = nothing
	// damaged are holes in [proven, good) that records have left which were
	// written whole. The last of them had the LSN upTo at least.
	damaged []hole
	upTo    uint64
}

// doubt is where the unproven part begins that has damaged records; 0 = it has
// none.
func (t *tail) doubt() int64 {
	if len(t.damaged) == 0 {
		return 0
	}
	return t.proven
}

// unprovenHole is a hole with the LSN of the last record before it.
type unprovenHole struct {
	hole
	after uint64
}

// survey reads the last file to find its tail.
func survey(f vfs.File, lf *logFile) (tail, error) {
	t := tail{proven: dataStart}
	last := uint64(0)
	if lf.hdrOK {
		t.proven = max(t.proven, lf.hdr.proven)
		last = lf.hdr.firstLSN - 1
	}
	var unproven []placed // records that may be beyond proven; few, as each group proves the last
	var holes []unprovenHole
	end, err := walk(f, lf.hdr.salt(), min(dataStart, lf.size), lf.size, visitor{
		record: func(p placed, _ []byte) error {
			last = max(last, p.lsn)
			if p.synced > t.proven {
				t.proven = p.synced
				unproven = beyond(unproven, t.proven)
			}
			if p.offset >= t.proven {
				unproven = append(unproven, p)
			}
			return nil
		},
		hole: func(h hole) {
			holes = append(holes, unprovenHole{h, last})
			last = max(last, h.lsn)
		},
	})
	if err != nil {
		return t, err
	}
	t.good = max(min(t.proven, lf.size), end)
	for _, h := range holes {
		// Without its header a file has been damaged, and may be proven further. A
		// hole that has a record's length is all damage if any of it is proven.
		if h.end <= t.proven || !lf.hdrOK || h.lsn > 0 && h.offset < t.proven {
			continue
		}
		whole, err := h.whole(f, lf)
		if err != nil {
			return t, err
		}
		if whole {
			t.damaged = append(t.damaged, h.hole)
			t.upTo = max(t.upTo, h.lsn, h.after+1)
			continue
		}
		from := max(h.offset, t.proven)
		t.good, t.torn = from, &hole{offset: from, end: end, reason: h.reason}
		break
	}
	for _, p := range beyond(unproven, t.proven) {
		if p.kind == kindData && p.offset < t.good {
			if t.records == 0 {
				t.first = p.lsn
			}
			t.records++
		}
	}
	return t, nil
}

func beyond(list []placed, offset int64) []placed {
	i := 0
	for i < len(list) && list[i].offset < offset {
		i++
	}
	return list[i:]
}

// sectorSize is what a disk writes whole or not at all, in bytes.
const sectorSize = 512

// whole reports whether the hole is a record that was written whole and has been
// damaged since, and not one whose writing was cut short. Files are not used
// again, so a sector that was not written has only zeros, and a record never
// does: one whose every sector has something was written. (A disk that zeroes
// sectors of the newest records later cannot be told from a torn write.)
func (h *unprovenHole) whole(f vfs.File, lf *logFile) (bool, error) {
	if h.end-h.offset < recordHeaderSize {
		return false, nil
	}
	b := make([]byte, h.end-h.offset)
	if _, err := f.ReadAt(b, h.offset); err != nil {
		return false, err
	}
	if h.lsn == 0 && !h.plausible(b, lf.hdr.salt()) {
		return false, nil
	}
	for at := h.offset; at < h.end; {
		next := min(at/sectorSize*sectorSize+sectorSize, h.end)
		if allZero(b[at-h.offset : next-h.offset]) {
			return false, nil
		}
		at = next
	}
	return true, nil
}

// plausible reports whether bytes that do not begin with a good header begin
// with one that has been damaged: one of its fields may be wrong, not several.
func (h *unprovenHole) plausible(b []byte, salt uint32) bool {
	le := binary.LittleEndian
	if crc32.Update(salt, castagnoli, b[4:recordHeaderSize]) == le.Uint32(b) {
		return false // a good one, of a record that the file ends in
	}
	right := 0
	for _, ok := range []bool{
		int64(le.Uint32(b[4:])) == h.end-h.offset-recordHeaderSize,
		le.Uint64(b[8:]) == h.after+1,
		int64(le.Uint64(b[16:])) >= dataStart && int64(le.Uint64(b[16:])) <= h.offset,
		le.Uint32(b[28:]) == kindData,
	} {
		if ok {
			right++
		}
	}
	return right >= 3
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
