package app

import (
	"bufio"
	"encoding/csv"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

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
// compared and summed. The delimiter 0 is found out from the head.
func newCSV(r io.Reader, native, text bool, delimiter rune) (*csvSource, error) {
	marked := skipMark(r)
	if delimiter == 0 {
		delimiter = guessDelimiter(marked)
	}
	in := csv.NewReader(marked)
	in.ReuseRecord = true
	in.Comma = delimiter
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

// guessDelimiter is what separates the cells of the first line: the comma, or,
// where that line has none outside of quotes, the semicolon, tab or bar that it
// has most of.
func guessDelimiter(r *bufio.Reader) rune {
	head, _ := r.Peek(64 << 10) // a shorter file is no fault
	counts := map[byte]int{}
	quoted := false
	for _, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted:
			counts[c]++
		}
		if counts['\n'] > 0 {
			break
		}
	}
	best := byte(',')
	for _, c := range []byte(";\t|") {
		if counts[','] == 0 && counts[c] > counts[best] {
			best = c
		}
	}
	return rune(best)
}

// skipMark drops the byte order mark that some programs write first.
func skipMark(r io.Reader) *bufio.Reader {
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
