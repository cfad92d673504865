package segment

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
)

// How a file is covered by checksums: the bytes before its tail, where the pages
// are, by a CRC-32C of every block of blockSize bytes (the last is shorter); the
// tail, which holds the Parquet page index and footer and, in the footer's
// document, that table of CRCs, by a SHA-256. Where the tail starts and its
// SHA-256 are the value of the footer's key sealKey, of fixed width; for the
// hash, the place of its 64 digits is filled with zeros.

const (
	blockSize = 16 << 10
	sealKey   = "firn.seal"
	// sealWidth is 16 hexadecimal digits of the tail's offset, then 64 of its
	// hash.
	sealWidth = 16 + 2*sha256.Size
)

// sealMark is how the key and the head of its value are written in the footer:
// Thrift's compact protocol puts the type of the next field and the length of
// its value, 80, before the value.
var sealMark = []byte(sealKey + "\x18\x50")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksumTable is the CRC-32C of each block, in base64 of little-endian words.
type checksumTable []uint32

// MarshalText implements encoding.TextMarshaler.
func (t checksumTable) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 4*len(t))
	for _, sum := range t {
		raw = binary.LittleEndian.AppendUint32(raw, sum)
	}
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *checksumTable) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil || len(raw)%4 != 0 {
		return errors.New("checksums are not base64 of 32-bit words")
	}
	*t = make(checksumTable, len(raw)/4)
	for i := range *t {
		(*t)[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return nil
}

// sumWriter writes through and takes the checksums of blocks; after hold it
// keeps what is written, the tail.
type sumWriter struct {
	w      io.Writer
	block  []byte // not yet written
	sums   checksumTable
	offset int64 // bytes taken before hold
	held   bool
	tail   []byte
}

func (s *sumWriter) Write(p []byte) (int, error) {
	if s.held {
		s.tail = append(s.tail, p...)
		return len(p), nil
	}
	s.offset += int64(len(p))
	n := len(p)
	for len(p) > 0 {
		take := min(len(p), blockSize-len(s.block))
		s.block = append(s.block, p[:take]...)
		p = p[take:]
		if len(s.block) == blockSize {
			if err := s.writeBlock(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (s *sumWriter) writeBlock() error {
	s.sums = append(s.sums, crc32.Checksum(s.block, castagnoli))
	_, err := s.w.Write(s.block)
	s.block = s.block[:0]
	return err
}

// hold ends the blocks: what is written from now on is the tail.
func (s *sumWriter) hold() error {
	s.held = true
	if len(s.block) == 0 {
		return nil
	}
	return s.writeBlock()
}

// placeholder is the value of sealKey before seal fills it in.
func (s *sumWriter) placeholder() string {
	return fmt.Sprintf("%016x%064d", s.offset, 0)
}

// seal puts the tail's hash into it and writes it. It returns the hash.
func (s *sumWriter) seal() (hash string, err error) {
	at, err := findSeal(s.tail)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(s.tail)
	hash = hex.EncodeToString(sum[:])
	copy(s.tail[at+16:], hash)
	_, err = s.w.Write(s.tail)
	return hash, err
}

// findSeal returns where the value of sealKey starts in a tail or footer.
func findSeal(tail []byte) (int, error) {
	at := bytes.LastIndex(tail, sealMark)
	if at < 0 || at+len(sealMark)+sealWidth > len(tail) {
		return 0, errors.New("the footer has no seal of firn")
	}
	return at + len(sealMark), nil
}

// readTail reads and verifies the tail of a file.
func readTail(r io.ReaderAt, size int64) (tail []byte, hash string, err error) {
	var end [8]byte
	if size < 12 {
		return nil, "", fmt.Errorf("%d bytes are no Parquet file", size)
	}
	if err := readFull(r, end[:], size-8); err != nil {
		return nil, "", err
	}
	footer := int64(binary.LittleEndian.Uint32(end[:]))
	if string(end[4:]) != "PAR1" || footer > size-12 {
		return nil, "", errors.New("it does not end as a Parquet file does")
	}
	tail = make([]byte, footer+8)
	if err := readFull(r, tail, size-int64(len(tail))); err != nil {
		return nil, "", err
	}
	at, err := findSeal(tail)
	if err != nil {
		return nil, "", err
	}
	start, err := strconv.ParseInt(string(tail[at:at+16]), 16, 64)
	if err != nil || start < 4 || start > size-int64(len(tail)) {
		return nil, "", errors.New("the seal says a place outside of the file")
	}
	index := make([]byte, size-int64(len(tail))-start, size-start)
	if err := readFull(r, index, start); err != nil {
		return nil, "", err
	}
	at += len(index)
	tail = append(index, tail...)
	return tail, string(tail[at+16 : at+sealWidth]), checkTail(tail, at+16)
}

// checkTail compares the tail with its hash, which is at an offset in it.
func checkTail(tail []byte, at int) error {
	h := sha256.New()
	h.Write(tail[:at])
	h.Write(bytes.Repeat([]byte{'0'}, 2*sha256.Size))
	h.Write(tail[at+2*sha256.Size:])
	if hex.EncodeToString(h.Sum(nil)) != string(tail[at:at+2*sha256.Size]) {
		return errors.New("the footer does not match its checksum")
	}
	return nil
}

func readFull(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading %d bytes at %d: %w", len(p), offset, err)
}
