package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A file begins with its header, twice, so that one bad sector costs nothing;
// records follow from dataStart.
const (
	magic         = "FIRNLOG\n"
	formatVersion = 1

	fileHeaderSize   = 84
	headerCopyOffset = 512
	dataStart        = 1024

	recordHeaderSize = 32
)

// Kinds of records.
const (
	kindData     = 1
	kindMark     = 2 // proves what is before it; has no body and takes no LSN
	kindSnapshot = 3 // of a journal: part of the snapshot its generation begins with
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fileHeader is what a file says of itself.
//
//	0 magic, 8 version u32, 12 zero u32, 16 identity, 32 number, 40 firstLSN,
//	48 baseLSN, 56 lastLSN, 64 proven, 72 previous, 80 CRC-32C of bytes 0–79
//
// All numbers are little-endian.
type fileHeader struct {
	identity Identity
	number   uint64
	firstLSN uint64 // of the first record the file has or will have
	baseLSN  uint64 // of a journal's last snapshot record; else 0
	// lastLSN and proven say what was synced before the file got its name: the
	// records up to this LSN, the bytes up to this offset.
	lastLSN uint64
	proven  int64
	// previous is where a journal's generation before this one ended; 0 = not known.
	previous int64
}

func (h *fileHeader) encode() []byte {
	b := make([]byte, dataStart)
	copy(b, magic)
	le := binary.LittleEndian
	le.PutUint32(b[8:], formatVersion)
	copy(b[16:], h.identity[:])
	le.PutUint64(b[32:], h.number)
	le.PutUint64(b[40:], h.firstLSN)
	le.PutUint64(b[48:], h.baseLSN)
	le.PutUint64(b[56:], h.lastLSN)
	le.PutUint64(b[64:], uint64(h.proven))
	le.PutUint64(b[72:], uint64(h.previous))
	le.PutUint32(b[80:], crc32.Checksum(b[:80], castagnoli))
	copy(b[headerCopyOffset:], b[:fileHeaderSize])
	return b
}

// decodeFileHeader reads one copy of a header; ok is false if it is damaged.
// ErrNewer if it is good but of a newer format.
func decodeFileHeader(b []byte) (h fileHeader, ok bool, err error) {
	le := binary.LittleEndian
	if len(b) < fileHeaderSize || string(b[:8]) != magic ||
		crc32.Checksum(b[:80], castagnoli) != le.Uint32(b[80:]) {
		return h, false, nil
	}
	if v := le.Uint32(b[8:]); v != formatVersion {
		return h, false, fmt.Errorf("%w: format %d, this version knows %d", ErrNewer, v, formatVersion)
	}
	copy(h.identity[:], b[16:])
	h.number = le.Uint64(b[32:])
	h.firstLSN = le.Uint64(b[40:])
	h.baseLSN = le.Uint64(b[48:])
	h.lastLSN = le.Uint64(b[56:])
	h.proven = int64(le.Uint64(b[64:]))
	h.previous = int64(le.Uint64(b[72:]))
	return h, h.proven >= 0 && h.previous >= 0, nil
}

// salt begins the checksum of every record header of a file, so that a record of
// another file, or one inside a body, is never taken for one of this file.
func (h *fileHeader) salt() uint32 {
	var b [24]byte
	copy(b[:], h.identity[:])
	binary.LittleEndian.PutUint64(b[16:], h.number)
	return crc32.Checksum(b[:], castagnoli)
}

// recordHeader stands before each body.
//
//	0 CRC-32C of bytes 4–31 after the salt, 4 length u32, 8 LSN, 16 synced,
//	24 CRC-32C of the body, 28 kind u32
type recordHeader struct {
	length  uint32
	lsn     uint64
	synced  int64 // the offset up to which the file was known to be synced
	bodyCRC uint32
	kind    uint32
}

func (h *recordHeader) encode(b []byte, salt uint32) {
	le := binary.LittleEndian
	le.PutUint32(b[4:], h.length)
	le.PutUint64(b[8:], h.lsn)
	le.PutUint64(b[16:], uint64(h.synced))
	le.PutUint32(b[24:], h.bodyCRC)
	le.PutUint32(b[28:], h.kind)
	le.PutUint32(b, crc32.Update(salt, castagnoli, b[4:recordHeaderSize]))
}

// decodeRecordHeader reads the header at an offset of a file of size bytes; ok
// is false if it is damaged or is none.
func decodeRecordHeader(b []byte, salt uint32, offset, size int64) (h recordHeader, ok bool) {
	le := binary.LittleEndian
	h.kind = le.Uint32(b[28:])
	h.length = le.Uint32(b[4:])
	h.synced = int64(le.Uint64(b[16:]))
	if h.kind < kindData || h.kind > kindSnapshot || (h.length == 0) != (h.kind == kindMark) ||
		h.synced < 0 || h.synced > offset || int64(h.length) > size-offset-recordHeaderSize {
		return h, false
	}
	if crc32.Update(salt, castagnoli, b[4:recordHeaderSize]) != le.Uint32(b) {
		return h, false
	}
	h.lsn = le.Uint64(b[8:])
	h.bodyCRC = le.Uint32(b[24:])
	return h, true
}
