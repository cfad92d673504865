package query

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/spelling"
)

// MaxText is the most bytes of a query's text.
const MaxText = 1 << 20

// readJSON checks that text is one JSON value, with no key twice, and returns
// it in compact form.
func readJSON(text []byte) (jsontext.Value, *Error) {
	if len(text) > MaxText {
		return nil, errorAt("", "query has %d bytes, at most %d are allowed", len(text), MaxText)
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(text))
	value, err := decoder.ReadValue()
	if err == nil {
		value = value.Clone()
		_, err = decoder.ReadToken()
		if err == nil {
			return nil, errorAt("", "something follows the JSON value at %s", Place(text, decoder.InputOffset()-1))
		}
	} else if errors.Is(err, io.EOF) {
		return nil, errorAt("", "query is empty; a JSON value is expected")
	}
	if !errors.Is(err, io.EOF) {
		return nil, syntaxError(text, err)
	}
	if err := value.Compact(); err != nil {
		return nil, syntaxError(text, err)
	}
	return value, nil
}

// CheckJSON checks no more than that text is one JSON value, with no key
// twice. The only error is a *Error that says at which line and column it is
// not.
func CheckJSON(text []byte) error {
	if _, err := readJSON(text); err != nil {
		return err
	}
	return nil
}

// Place is an offset into text as a person counts: lines, and characters in
// the line.
func Place(text []byte, offset int64) string {
	before := text[:max(0, min(offset, int64(len(text))))]
	line := bytes.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("line %d column %d", bytes.Count(before, []byte("\n"))+1, utf8.RuneCount(before[line:])+1)
}

func syntaxError(text []byte, err error) *Error {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return errorAt("", "not JSON: %v", err)
	}
	path := pointerPath(syntax.JSONPointer)
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return errorAt(path, "the key is given twice")
	}
	return errorAt(path, "not JSON at %s: %v", Place(text, syntax.ByteOffset), syntax.Err)
}

// pointerPath spells a JSON pointer as the paths of errors are spelled.
func pointerPath(pointer jsontext.Pointer) string {
	var path []byte
	for token := range pointer.Tokens() {
		if index, err := strconv.ParseUint(token, 10, 31); err == nil {
			path = event.AppendPathIndex(path, int(index))
		} else {
			path = event.AppendPathKey(path, token)
		}
	}
	return string(path)
}

func keyPath(path, key string) string { return string(event.AppendPathKey([]byte(path), key)) }

func indexPath(path string, i int) string {
	return string(event.AppendPathIndex([]byte(path), i))
}

// kindName names the JSON type of v for messages.
func kindName(v jsontext.Value) string {
	switch event.KindOf(v) {
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	}
	return "null"
}

// readObject returns the members of an object that has no other keys than those
// known.
func readObject(path string, v jsontext.Value, known ...string) (map[string]jsontext.Value, *Error) {
	if event.KindOf(v) != '{' {
		return nil, errorAt(path, "must be an object, not %s", kindName(v))
	}
	members := make(map[string]jsontext.Value)
	for m := event.WalkMembers(v); m.Next(); {
		key := event.Unquoted(m.Key)
		if !slices.Contains(known, key) {
			return nil, unknownKey(keyPath(path, key), key, known)
		}
		members[key] = m.Value
	}
	return members, nil
}

func unknownKey(path, key string, known []string) *Error {
	if near, ok := spelling.Nearest(key, known); ok {
		return errorAt(path, "is not a key of a query here; did you mean %s?", near)
	}
	return errorAt(path, "is not a key of a query here; one of %s", strings.Join(known, ", "))
}

func readArray(path string, v jsontext.Value) ([]jsontext.Value, *Error) {
	if event.KindOf(v) != '[' {
		return nil, errorAt(path, "must be an array, not %s", kindName(v))
	}
	var list []jsontext.Value
	for e := event.WalkElements(v); e.Next(); {
		list = append(list, e.Value)
	}
	return list, nil
}

func readString(path string, v jsontext.Value) (string, *Error) {
	if event.KindOf(v) != '"' {
		return "", errorAt(path, "must be a string, not %s", kindName(v))
	}
	return event.Unquoted(v), nil
}

// readName reads a string that must not be empty.
func readName(path string, v jsontext.Value) (string, *Error) {
	s, err := readString(path, v)
	if err == nil && s == "" {
		err = errorAt(path, "must not be empty")
	}
	return s, err
}

func readBool(path string, v jsontext.Value) (bool, *Error) {
	switch event.KindOf(v) {
	case 't':
		return true, nil
	case 'f':
		return false, nil
	}
	return false, errorAt(path, "must be true or false, not %s", kindName(v))
}

// readCount reads a whole number from 0 to most.
func readCount(path string, v jsontext.Value, most int64) (int, *Error) {
	if event.KindOf(v) != '0' {
		return 0, errorAt(path, "must be a number, not %s", kindName(v))
	}
	n, err := ParseNumber([]byte(v))
	if err != nil {
		return 0, errorAt(path, "%s is not a number", v)
	}
	i, whole := n.Int()
	switch {
	case n.Sign() < 0:
		return 0, errorAt(path, "must not be negative")
	case n.CompareInt(most) > 0:
		return 0, errorAt(path, "must be at most %d", most)
	case !whole:
		return 0, errorAt(path, "must be a whole number")
	}
	return int(i), nil
}
