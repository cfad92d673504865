package app

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
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

// csvSource is a CSV file with a line of names at its head (RFC 4180).
type csvSource struct {
	in     *csv.Reader
	header []string
	native bool // Firn's own export
	text   bool // all cells are text
	ids    chain
}

// newCSV reads the head of a CSV file. With text every cell is a string;
// without, what reads as a JSON number, true or false is that, so that it can be
// compared and summed.
func newCSV(r io.Reader, native, text bool) (*csvSource, error) {
	in := csv.NewReader(skipMark(r))
	in.ReuseRecord = true
	header, err := in.Read()
	if err == io.EOF {
		return nil, errors.New("the file is empty; a CSV file begins with a line of field names")
	}
	if err != nil {
		return nil, plainCSVError(err)
	}
	s := &csvSource{in: in, header: slices.Clone(header), native: native, text: text}
	for i, name := range s.header {
		if slices.Contains(s.header[:i], name) {
			return nil, fmt.Errorf("line 1: the field name %q stands there twice", name)
		}
	}
	s.ids.add(1, []byte(strings.Join(s.header, "\x00")))
	return s, nil
}

// skipMark drops the byte order mark that some programs write first.
func skipMark(r io.Reader) io.Reader {
	b := bufio.NewReaderSize(r, 256<<10)
	if head, _ := b.Peek(3); string(head) == "\ufeff" {
		_, _ = b.Discard(3) // they are in the buffer
	}
	return b
}

func (s *csvSource) next() (record, error) {
	cells, err := s.in.Read()
	if err == io.EOF {
		return record{}, err
	}
	if err != nil {
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return record{}, &badRecord{bad.StartLine, plainCSVError(err)}
		}
		return record{}, err
	}
	line, _ := s.in.FieldPos(0)
	raw := make([][]byte, len(cells))
	r := record{line: line, offset: s.in.InputOffset()}
	whole := object{}
	for i, cell := range cells {
		raw[i] = []byte(cell)
		if cell != "" {
			value := s.cell(s.header[i], cell)
			r.members = append(r.members, member{s.header[i], value})
			whole.put(s.header[i], value)
		}
	}
	r.text = whole.close()
	r.id = s.ids.add(line, raw...)
	return r, nil
}

func (s *csvSource) cell(name, cell string) jsontext.Value {
	if s.native {
		cell = unguard(cell)
		if v := jsontext.Value(cell); (name == "payload" || name == "metadata" || name == "importance") && v.IsValid() {
			return v
		}
		return quote(cell)
	}
	if v := jsontext.Value(cell); !s.text && v.IsValid() {
		switch v.Kind() {
		case '0', 't', 'f':
			if strings.TrimSpace(cell) == cell {
				return v
			}
		}
	}
	return quote(cell)
}

// unguard takes back what an export does to cells that a spreadsheet would run
// as a formula: it puts an apostrophe before them.
func unguard(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && rest != "" && strings.IndexByte("=+-@\t\r'", rest[0]) >= 0 {
		return rest
	}
	return cell
}

func plainCSVError(err error) error {
	var bad *csv.ParseError
	if !errors.As(err, &bad) {
		return err
	}
	switch {
	case errors.Is(bad.Err, csv.ErrFieldCount):
		return errors.New("another number of cells than the line of field names")
	case errors.Is(bad.Err, csv.ErrQuote):
		return fmt.Errorf(`a " that is not closed or not doubled, at column %d`, bad.Column)
	case errors.Is(bad.Err, csv.ErrBareQuote):
		return fmt.Errorf(`a " inside a cell that does not begin with one, at column %d`, bad.Column)
	}
	return bad.Err
}
