package event

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// fault is the first thing wrong with a text.
type fault struct {
	at      int // byte of the text
	code    Code
	message string // for CodeInvalidJSON what was expected, and what was found
}

// fail sets the fault and returns -1.
func (s *scanner) fail(at int, code Code, message string) int {
	s.bad = &fault{at: at, code: code, message: message}
	return -1
}

// expected fails with a fault of the grammar.
func (s *scanner) expected(at int, what string) int {
	return s.fail(at, CodeInvalidJSON, what+butFound(s.text, at))
}

func (s *scanner) tooDeep(at int) int {
	return s.fail(at, CodeTooDeep, "nested deeper than "+strconv.Itoa(MaxDepth)+" levels")
}

// butFound says what is at text[at] instead of what was expected.
func butFound(text []byte, at int) string {
	if at >= len(text) {
		return ", found the end of the text"
	}
	r, width := utf8.DecodeRune(text[at:])
	if r == utf8.RuneError && width == 1 {
		return ", found byte " + hexByte(text[at])
	}
	return ", found " + strconv.QuoteRune(r)
}

func hexByte(b byte) string { return fmt.Sprintf("0x%02X", b) }

// shownText is a text of the caller's as a message shows it: quoted, printable
// and not too long.
func shownText(text string) string {
	const most = 64
	if len(text) <= most {
		return strconv.Quote(text)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.Quote(text[:cut]) + "…"
}

func tooLarge(limit int) string {
	return fmt.Sprintf("payload and metadata together are over the limit of %d bytes", limit)
}

// invalid makes the error of a fault. path is the path of the value that starts
// at text[start], in which the fault is.
func (f *fault) invalid(text []byte, start int, path []byte) *InvalidError {
	e := &InvalidError{Index: -1, Code: f.code, Message: f.message, Offset: f.at}
	if f.code == CodeInvalidJSON {
		e.Message = fmt.Sprintf("invalid JSON: expected %s at %s", f.message, Place(text, f.at))
	}
	e.Path = string(appendPathTo(path, text, start, f.at))
	return e
}

// Place is an offset into text as a person counts: characters from 1 and, in a
// text of several lines, lines. Bytes of a line that are no UTF-8 count one each.
func Place(text []byte, offset int) string {
	before := text[:max(0, min(offset, len(text)))]
	line := bytes.LastIndexByte(before, '\n') + 1
	column := utf8.RuneCount(before[line:]) + 1
	if line == 0 && bytes.IndexByte(bytes.TrimRight(text, "\r\n"), '\n') < 0 {
		return fmt.Sprintf("column %d", column)
	}
	return fmt.Sprintf("line %d column %d", bytes.Count(before, []byte("\n"))+1, column)
}

// pathFrame is an open object or array on the way to a place.
type pathFrame struct {
	array bool
	index int
	// key is the member whose value has begun; nil between members.
	key []byte
}

// appendPathTo appends the path of what is at text[at] inside the value that
// starts at text[start], where all before at has been scanned and is right. The
// path of a key is the path of its object.
func appendPathTo(path, text []byte, start, at int) []byte {
	at = min(at, len(text))
	var open []pathFrame
	for i := start; i < at; {
		switch text[i] {
		case '{', '[':
			open = append(open, pathFrame{array: text[i] == '['})
		case '}', ']':
			open = open[:max(len(open)-1, 0)]
		case ',':
			if n := len(open); n > 0 {
				open[n-1].index++
				open[n-1].key = nil
			}
		case '"':
			end := SkipString(text, i)
			if n := len(open); n > 0 && end <= at && !open[n-1].array && open[n-1].key == nil {
				open[n-1].key = text[i:end]
			}
			i = end
			continue
		}
		i++
	}
	for _, f := range open {
		switch {
		case f.array:
			path = AppendPathIndex(path, f.index)
		case f.key != nil:
			path = appendPathMember(path, f.key)
		}
	}
	return path
}

// appendPathMember appends a quoted key to a path, cut if it is very long.
func appendPathMember(path, quoted []byte) []byte {
	key := Unquoted(quoted)
	const most = 200
	if len(key) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(key[cut]) {
			cut--
		}
		key = key[:cut] + "…"
	}
	return AppendPathKey(path, key)
}

// shared is text as a string that shares its memory: it is valid for as long as
// nobody changes text.
func shared(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }
