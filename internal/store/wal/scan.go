package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/firnlog/firn/internal/store/vfs"
)

// windowSize is how much of a file is read at a time.
const windowSize = 256 << 10

// reader reads a file through a window.
type reader struct {
	f     vfs.File
	size  int64
	start int64 // of the window
	buf   []byte
}

// at returns the n bytes at an offset, all within the file. They are the
// caller's until the next call.
func (r *reader) at(offset int64, n int) ([]byte, error) {
	if offset >= r.start && offset+int64(n) <= r.start+int64(len(r.buf)) {
		return r.buf[offset-r.start:][:n], nil
	}
	want := min(int64(max(n, windowSize)), r.size-offset)
	if int64(cap(r.buf)) < want {
		r.buf = make([]byte, want)
	}
	r.buf, r.start = r.buf[:want], offset
	if got, err := r.f.ReadAt(r.buf, offset); int64(got) < want {
		r.buf = r.buf[:0]
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read %d bytes at %d: %w", want, offset, err)
	}
	return r.buf[:n], nil
}

// chunk returns some bytes at an offset, at least n and no more than a window.
func (r *reader) chunk(offset int64, n int) ([]byte, error) {
	if _, err := r.at(offset, n); err != nil {
		return nil, err
	}
	rest := r.buf[offset-r.start:]
	return rest[:min(len(rest), windowSize)], nil
}

// placed is a record and where it is.
type placed struct {
	recordHeader
	offset int64
}

func (p placed) end() int64 { return p.offset + recordHeaderSize + int64(p.length) }

// hole is a range of bytes that are no good record.
type hole struct {
	offset, end int64
	lsn         uint64 // of the one record whose body it is; 0 = not known
	reason      string
}

// visitor is told what is in a file, in order. The body is its until it
// returns. errStop ends the walk.
type visitor struct {
	record func(p placed, body []byte) error
	hole   func(h hole)
}

var errStop = errors.New("stop")

// walk tells v of every record and hole between two offsets, and returns where
// the last of them ends: only zeros follow it, or nothing.
func walk(f vfs.File, salt uint32, from, to int64, v visitor) (end int64, err error) {
	r := &reader{f: f, size: to}
	for end = from; end < to; {
		p, body, fault, err := r.record(end, salt)
		switch {
		case err != nil:
			return end, err
		case fault == "":
			if err := v.record(p, body); err != nil {
				if errors.Is(err, errStop) {
					return end, nil
				}
				return end, err
			}
			end = p.end()
			continue
		case fault == faultBody:
			v.hole(hole{offset: end, end: p.end(), lsn: p.lsn, reason: fault})
			end = p.end()
			continue
		}
		next, err := r.resync(end, salt)
		if err != nil || next == end {
			return end, err
		}
		v.hole(hole{offset: end, end: next, reason: fault})
		end = next
	}
	return end, nil
}

// What is wrong with bytes that are no good record.
const (
	faultShort  = "the file ends inside a record's header"
	faultHeader = "no record header: its checksum is wrong"
	faultBody   = "the checksum of a record's body is wrong"
)

// record reads the record at an offset; fault says what is wrong with it. A
// faultBody comes with the header.
func (r *reader) record(offset int64, salt uint32) (p placed, body []byte, fault string, err error) {
	if r.size-offset < recordHeaderSize {
		return p, nil, faultShort, nil
	}
	b, err := r.at(offset, recordHeaderSize)
	if err != nil {
		return p, nil, "", err
	}
	h, ok := decodeRecordHeader(b, salt, offset, r.size)
	if !ok {
		return p, nil, faultHeader, nil
	}
	p = placed{h, offset}
	b, err = r.at(offset, recordHeaderSize+int(h.length))
	if err != nil {
		return p, nil, "", err
	}
	body = b[recordHeaderSize:]
	if checksums && crc32.Checksum(body, castagnoli) != h.bodyCRC {
		return p, nil, faultBody, nil
	}
	return p, body, "", nil
}

// resync finds the next record header after an offset that has none. Without
// one it returns the end of the last byte that is not zero, which is the offset
// itself when only zeros follow.
func (r *reader) resync(offset int64, salt uint32) (int64, error) {
	nonZero := offset
	for at := offset; at < r.size; {
		c, err := r.chunk(at, int(min(recordHeaderSize, r.size-at)))
		if err != nil {
			return 0, err
		}
		for i := 0; i+recordHeaderSize <= len(c); i++ {
			kind := binary.LittleEndian.Uint32(c[i+28:])
			if kind-kindData > kindSnapshot-kindData || at+int64(i) == offset {
				continue
			}
			if _, ok := decodeRecordHeader(c[i:], salt, at+int64(i), r.size); ok {
				return at + int64(i), nil
			}
		}
		if n := len(bytes.TrimRight(c, "\x00")); n > 0 {
			nonZero = at + int64(n)
		}
		if at+int64(len(c)) == r.size {
			break
		}
		at += int64(len(c)) - recordHeaderSize + 1
	}
	return nonZero, nil
}
