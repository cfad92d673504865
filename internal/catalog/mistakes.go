package catalog

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/spelling"
)

// maxMistakes bounds how many mistakes an InvalidError tells.
const maxMistakes = 50

// InvalidError says why entries are refused: everything that is wrong with
// them. Nothing of them has been kept.
type InvalidError struct {
	Mistakes []Mistake
}

// Mistake is one thing that is wrong with an entry.
type Mistake struct {
	// File is the file that has the entry, "" for a document.
	File string
	// Type is the entry's event type, "" where it has none or the mistake is
	// about the whole file.
	Type string
	// Path is where in the entry, such as schema.properties.from.type; "" is
	// the entry itself.
	Path string
	// Message is what is wrong and what would be right.
	Message string
}

// Error is one line a mistake.
func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// String is one line such as
//
//	chat.yaml: "message.sent": severity: "loud" is no severity; one of debug, …
func (m Mistake) String() string {
	var parts []string
	if m.File != "" {
		parts = append(parts, m.File)
	}
	if m.Type != "" {
		parts = append(parts, shown(m.Type))
	}
	if m.Path != "" {
		parts = append(parts, m.Path)
	}
	return strings.Join(append(parts, m.Message), ": ")
}

// mistakes gathers what is wrong. File and eventType are where one is.
type mistakes struct {
	file, eventType string
	list            []Mistake
}

func (m *mistakes) add(path, format string, args ...any) {
	if len(m.list) > maxMistakes {
		return
	}
	next := Mistake{File: m.file, Type: m.eventType, Path: path, Message: fmt.Sprintf(format, args...)}
	if len(m.list) == maxMistakes {
		next = Mistake{Message: fmt.Sprintf("and more: these are the first %d", maxMistakes)}
	}
	m.list = append(m.list, next)
}

// refused adds what package event has against a text.
func (m *mistakes) refused(text []byte, err error) {
	if bad, ok := errors.AsType[*event.InvalidError](err); ok {
		if bad.Offset >= 0 && bad.Code != event.CodeInvalidJSON { // which says where
			m.add(bad.Path, "%s (at %s)", bad.Message, event.Place(text, bad.Offset))
			return
		}
		m.add(bad.Path, "%s", bad.Message)
		return
	}
	m.add("", "%v", err)
}

// err is an *InvalidError, or nil if there were no mistakes.
func (m *mistakes) err() error {
	if len(m.list) == 0 {
		return nil
	}
	return &InvalidError{Mistakes: m.list}
}

// shown quotes a text for a message, cut if it is long.
func shown(s string) string { return fmt.Sprintf("%q", cut(s)) }

// shownValue shows a JSON value in a message, cut if it is long.
func shownValue(v jsontext.Value) string { return cut(string(v)) }

// cut shortens a text to what a message can bear.
func cut(s string) string { return cutTo(s, 80) }

// cutTo shortens a text to at most that many bytes and an ellipsis.
func cutTo(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// unknown is the message about a name that is none of the known: with the
// nearest one if there is one, else with all of them if they are few.
func unknown(name, what string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := spelling.Distance(strings.ToLower(cut(name)), strings.ToLower(k)); d < least && d < len(k) {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("%s is no %s; did you mean %q?", shown(name), what, best)
	}
	if len(known) > 10 {
		return fmt.Sprintf("%s is no %s", shown(name), what)
	}
	return fmt.Sprintf("%s is no %s; one of %s", shown(name), what, strings.Join(known, ", "))
}
