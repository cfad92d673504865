package query

import (
	"fmt"
	"strings"
)

// Error says what is wrong with a query, where, and what would be right. Its
// text is safe to show to whoever wrote the query.
type Error struct {
	// Path is the JSON path of the fault, such as where[1].operator; empty when
	// the fault is of the whole text.
	Path    string
	Message string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// errorAt makes an error. Texts of the query in it are shortened, so that no
// message grows with the query.
func errorAt(path, format string, args ...any) *Error {
	for i, arg := range args {
		if text, ok := arg.(quoted); ok {
			args[i] = shortened(string(text), 80)
		}
	}
	return &Error{Path: shortened(path, 500), Message: fmt.Sprintf(format, args...)}
}

// quoted is a text of the query in a message.
type quoted string

func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// nearest is the one of known that name was probably meant to be; ok is false
// if none is near.
func nearest(name string, known []string) (best string, ok bool) {
	const longest = 40 // names of the DSL are shorter, and so is the work
	if len(name) > longest {
		return "", false
	}
	least := 1 + len(name)/3
	for _, k := range known {
		d := distance(strings.ToLower(name), strings.ToLower(k))
		if d < least {
			best, least, ok = k, d, true
		}
	}
	return best, ok
}

// Nearest is the one of known that name was probably meant to be; ok is false
// if none is near. Messages suggest it.
func Nearest(name string, known []string) (best string, ok bool) { return nearest(name, known) }

// distance is the number of bytes to insert, remove, replace or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
