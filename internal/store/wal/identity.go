package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/firnlog/firn/internal/store/vfs"
)

// Where no file of a log has a readable header, and nobody else knows the log's
// identity, its records still bear it: the checksum of each record's header
// begins with a salt that identity and number of the file make. A record whose
// body is good is one, so the salt can be computed from it, and an identity that
// makes the same salt. It is another than the log had, but reads all its files:
// the checksum is linear, so two identities that agree for one number agree for
// all.

// deduce finds an identity that the records of these files are good with; ok is
// false if none of them has a good record.
func deduce(fsys vfs.FS, list []*logFile) (id Identity, ok bool, err error) {
	for _, lf := range list {
		salt, ok, err := findSalt(fsys, lf)
		if err != nil {
			return id, false, fmt.Errorf("wal: %s: %w", lf.name, err)
		}
		if ok {
			return identityOf(salt, lf.hdr.number), true, nil
		}
	}
	return id, false, nil
}

// findSalt looks for the first good record of a file, of whatever log.
func findSalt(fsys vfs.FS, lf *logFile) (salt uint32, ok bool, err error) {
	f, err := fsys.Open(lf.name)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	r := &reader{f: f, size: lf.size}
	for at := int64(dataStart); at+recordHeaderSize <= lf.size; {
		c, err := r.chunk(at, recordHeaderSize)
		if err != nil {
			return 0, false, err
		}
		for i := 0; i+recordHeaderSize <= len(c); i++ {
			offset := at + int64(i)
			if !headsRecord(c[i:], offset, lf.size) {
				continue
			}
			h := append([]byte(nil), c[i:i+recordHeaderSize]...)
			good, err := r.bodyIsGood(h, offset)
			if err != nil {
				return 0, false, err
			}
			if good {
				return unwind(binary.LittleEndian.Uint32(h), h[4:]), true, nil
			}
			if c, err = r.chunk(at, recordHeaderSize); err != nil { // reading the body has moved the window
				return 0, false, err
			}
		}
		at += int64(len(c)) - recordHeaderSize + 1
	}
	return 0, false, nil
}

// headsRecord reports whether bytes look like the header of a record with a body,
// whatever their checksum.
func headsRecord(b []byte, offset, size int64) bool {
	le := binary.LittleEndian
	if kind := le.Uint32(b[28:]); kind != kindData && kind != kindSnapshot {
		return false
	}
	length, synced := int64(le.Uint32(b[4:])), le.Uint64(b[16:])
	return length > 0 && length <= size-offset-recordHeaderSize && le.Uint64(b[8:]) > 0 && synced <= uint64(offset)
}

// bodyIsGood checks the body behind a header.
func (r *reader) bodyIsGood(header []byte, offset int64) (bool, error) {
	le := binary.LittleEndian
	body, err := r.at(offset+recordHeaderSize, int(le.Uint32(header[4:])))
	return err == nil && crc32.Checksum(body, castagnoli) == le.Uint32(header[24:]), err
}

// identityOf makes an identity whose salt for a number is this one.
func identityOf(salt uint32, number uint64) Identity {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], number)
	id := newIdentity()
	// The last four bytes take the checksum from where the others have brought it
	// to where it must be before the number.
	from := crc32.Checksum(id[:12], castagnoli)
	to := unwind(unwind(salt, n[:]), make([]byte, 4))
	binary.LittleEndian.PutUint32(id[12:], from^to)
	return id
}

// unwind is the checksum that there was before the bytes b were added: of
// crc32.Update(x, castagnoli, b) it is x.
func unwind(sum uint32, b []byte) uint32 {
	sum = ^sum
	for i := len(b) - 1; i >= 0; i-- {
		index := byHighest[sum>>24]
		sum = (sum^castagnoli[index])<<8 | uint32(index^b[i])
	}
	return ^sum
}

// byHighest are the entries of the table by their highest byte, which differs in
// all of them.
var byHighest = func() (t [256]byte) {
	for i, v := range castagnoli {
		t[v>>24] = byte(i)
	}
	return t
}()
