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
