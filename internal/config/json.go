package config

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/firnlog/firn/internal/plainyaml"
)

const (
	// maxFile is the most bytes of a configuration file.
	maxFile = 1 << 20
	// maxNodes is how many values a file may hold, those of YAML's aliases counted
	// each time.
	maxNodes = 100_000
)

// reader reads one file into nodes.
type reader struct {
	file     string
	text     []byte
	lines    []int // offset of each line's first byte
	problems []Problem
}

func newReader(file string, text []byte) *reader {
	r := &reader{file: file, text: text, lines: []int{0}}
	for i, c := range text {
		if c == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	return r
}

// source is the place of a byte; columns count characters.
func (r *reader) source(offset int) Source {
	offset = min(max(offset, 0), len(r.text))
	line := 0
	for low, high := 0, len(r.lines); low < high; {
		if mid := (low + high) / 2; r.lines[mid] <= offset {
			line, low = mid, mid+1
		} else {
			high = mid
		}
	}
	return Source{File: r.file, Line: line + 1, Column: utf8.RuneCount(r.text[r.lines[line]:offset]) + 1}
}

func (r *reader) fault(s Source, path, format string, args ...any) {
	r.problems = append(r.problems, Problem{s, path, fmt.Sprintf(format, args...)})
}

// json reads JSON. nil where it is none.
func (r *reader) json() *node {
	j := &jsonReader{reader: r, dec: jsontext.NewDecoder(bytes.NewReader(r.text), jsontext.AllowDuplicateNames(true))}
	var n *node
	// read whole first: its errors say more than those of tokens
	_, err := jsontext.NewDecoder(bytes.NewReader(r.text), jsontext.AllowDuplicateNames(true)).ReadValue()
	if err == nil {
		n, err = j.value("", 0)
	}
	if err == nil {
		end := j.next()
		if _, err = j.dec.ReadToken(); err == nil {
			r.fault(r.source(end), "", "something follows the end of the JSON object")
			return nil
		} else if errors.Is(err, io.EOF) {
			return n
		}
	}
	var broken *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.fault(r.source(len(r.text)), "", "the JSON ends in the middle: a } or ] or \" is missing")
	case errors.As(err, &broken):
		r.fault(r.source(int(broken.ByteOffset)), "", "is not valid JSON: %v", broken.Err)
	default:
		r.fault(r.source(j.next()), "", "%v", err)
	}
	return nil
}

type jsonReader struct {
	*reader
	dec *jsontext.Decoder
}

// next is the offset of the next token.
func (j *jsonReader) next() int {
	at := int(j.dec.InputOffset())
	for at < len(j.text) && bytes.IndexByte([]byte(" \t\r\n,:"), j.text[at]) >= 0 {
		at++
	}
	return at
}

func (j *jsonReader) value(path string, depth int) (*node, error) {
	if depth > plainyaml.MaxNesting {
		return nil, fmt.Errorf("nests deeper than %d levels", plainyaml.MaxNesting)
	}
	n := &node{source: j.source(j.next()), weight: 1}
	tok, err := j.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case 'n':
		n.kind = null
	case 't', 'f':
		n.kind, n.text = boolean, tok.String()
	case '0':
		n.kind, n.text = number, tok.String()
	case '"':
		n.kind, n.text = text, tok.String()
	case '[':
		n.kind = list
		for j.dec.PeekKind() != ']' {
			item, err := j.value(fmt.Sprintf("%s[%d]", path, len(n.items)), depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		_, err = j.dec.ReadToken()
	case '{':
		err = j.object(n, path, depth)
	}
	return n, err
}

func (j *jsonReader) object(n *node, path string, depth int) error {
	n.kind = object
	for j.dec.PeekKind() != '}' {
		at := j.source(j.next())
		tok, err := j.dec.ReadToken()
		if err != nil {
			return err
		}
		name := tok.String()
		v, err := j.value(join(path, name), depth+1)
		if err != nil {
			return err
		}
		j.reader.member(n, path, member{name, at, v})
	}
	_, err := j.dec.ReadToken()
	return err
}

// member adds a member to a block, and a problem where it is there already.
func (r *reader) member(n *node, path string, m member) {
	if i, ok := n.places[m.name]; ok {
		r.fault(m.source, join(path, m.name), "is set twice, first on line %d", n.members[i].source.Line)
		return
	}
	n.put(m)
}

// join is the path of a block's member.
func join(path, name string) string {
	if path == "" {
		return shown(name)
	}
	return path + "." + shown(name)
}

// shown is a text of a file in a message, cut if it is long.
func shown(s string) string {
	const most = 60
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}
