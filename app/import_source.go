package app

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// source yields the records of a file, one by one.
type source interface {
	// next returns the next record, io.EOF at the end. A *badRecord is the fault
	// of one record: the next call goes on behind it.
	next() (record, error)
}

// record is one record of a file, as members of an object.
type record struct {
	line   int   // in the file, from 1
	offset int64 // of its end in the file, for progress
	// text is the record as a JSON object; members are its fields where they
	// are to be mapped.
	text    []byte
	members []member
	// id is what the record is called in the log, unless it brings an id of its
	// own. It follows from everything in the file up to here, so that the same
	// file imported again has the same ids, and a file that has grown since has
	// them up to where it grew.
	id string
}

// badRecord is a record that cannot be an event.
type badRecord struct {
	line int
	err  error
}

func (e *badRecord) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *badRecord) Unwrap() error { return e.err }

// maxLine bounds a line: the largest event, escaped in the longest way.
const maxLine = 32 << 20

// chain makes the ids of records: a running hash over everything read.
type chain struct{ state [sha256.Size]byte }

func (c *chain) add(line int, parts ...[]byte) (id string) {
	h := sha256.New()
	h.Write(c.state[:])
	for _, part := range parts {
		h.Write(strconv.AppendInt(nil, int64(len(part)), 10))
		h.Write([]byte{':'})
		h.Write(part)
	}
	h.Sum(c.state[:0])
	// 48 bits of the hash are enough beside the number of the line: a collision
	// needs two files that agree in them at the same line, and is then reported
	// as a conflict, never lost. Short ids cost less disk.
	return "import-" + hex.EncodeToString(c.state[:6]) + "-" + strconv.Itoa(line)
}

// ndjson is a file of one JSON object a line. Empty lines are passed over.
type ndjson struct {
	in     *bufio.Reader
	line   int
	offset int64
	ids    chain
	long   []byte
	split  bool // into members
}

func newNDJSON(r io.Reader, split bool) *ndjson {
	return &ndjson{in: bufio.NewReaderSize(r, 256<<10), split: split}
}

func (s *ndjson) next() (record, error) {
	for {
		text, err := s.read()
		if err != nil {
			return record{}, err
		}
		id := s.ids.add(s.line, text)
		if s.line == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		r := record{line: s.line, offset: s.offset, text: bytes.Clone(text), id: id}
		if s.split {
			if r.members, err = members(text); err != nil {
				return record{}, &badRecord{s.line, err}
			}
		}
		return r, nil
	}
}

// read returns the next line, valid until the next call.
func (s *ndjson) read() ([]byte, error) {
	text, err := s.in.ReadSlice('\n')
	size := len(text)
	if errors.Is(err, bufio.ErrBufferFull) {
		s.long = append(s.long[:0], text...)
		for errors.Is(err, bufio.ErrBufferFull) {
			text, err = s.in.ReadSlice('\n')
			size += len(text)
			if len(s.long) <= maxLine {
				s.long = append(s.long, text...)
			}
		}
		text = s.long
	}
	if err != nil && (err != io.EOF || len(text) == 0) {
		return nil, err
	}
	s.line++
	s.offset += int64(size)
	if size > maxLine {
		return nil, &badRecord{s.line, fmt.Errorf("longer than %d MiB", maxLine>>20)}
	}
	return bytes.TrimRight(text, "\r\n"), nil
}
