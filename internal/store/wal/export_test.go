package wal

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// WithVersion is a file with another format version.
func WithVersion(b []byte, version uint32) []byte {
	b = slices.Clone(b)
	for _, at := range []int{0, headerCopyOffset} {
		h := b[at:]
		binary.LittleEndian.PutUint32(h[8:], version)
		binary.LittleEndian.PutUint32(h[80:], crc32.Checksum(h[:80], castagnoli))
	}
	return b
}
