package catalog

import (
	"encoding/json/jsontext"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firnlog/firn/event"
)

// Bounds of an entry's texts, in bytes.
const (
	maxSystem      = 64
	maxDescription = 2000
	maxSubject     = 500
)

// Origin says where an entry comes from.
type Origin string

// The origins.
const (
	OriginBuiltIn Origin = "built-in" // a data file of this package
	OriginFile    Origin = "file"     // a user's file
	OriginPut     Origin = "put"      // Catalog.Put
)

// ownSystem is the system of an entry that names none.
const ownSystem = "own"

// Entry describes one event type. It is a value to be read: what is behind it
// is shared.
type Entry struct {
	Type        string
	System      string // whose type it is: whatshooked, happyview, …, "own"
	Description string
	Severity    event.Severity // what such events usually have
	Subject     string         // what the subject of such an event names, "" = it has none
	Schema      jsontext.Value // JSON Schema 2020-12 of the payload: a compact object
	Origin      Origin

	schema *schema
}

// AppendJSON appends the entry as one compact object, in the order of the
// fields: type, system, category, description, severity, subject (or null),
// schema, origin. Put takes that back.
func (e Entry) AppendJSON(dst []byte) []byte {
	dst = event.AppendQuoted(append(dst, `{"type":`...), e.Type)
	dst = event.AppendQuoted(append(dst, `,"system":`...), e.System)
	dst = event.AppendQuoted(append(dst, `,"category":`...), e.Category())
	dst = event.AppendQuoted(append(dst, `,"description":`...), e.Description)
	dst = event.AppendQuoted(append(dst, `,"severity":`...), e.Severity.String())
	dst = append(dst, `,"subject":`...)
	if e.Subject == "" {
		dst = append(dst, "null"...)
	} else {
		dst = event.AppendQuoted(dst, e.Subject)
	}
	dst = append(append(dst, `,"schema":`...), e.Schema...)
	dst = event.AppendQuoted(append(dst, `,"origin":`...), string(e.Origin))
	return append(dst, '}')
}

// MarshalJSON is AppendJSON.
func (e Entry) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// entryKeys are the keys of an entry.
var entryKeys = []string{"type", "system", "category", "description", "severity", "subject", "schema", "origin"}

// parseDocument makes an entry of the document of Put.
func parseDocument(eventType string, document []byte) (Entry, error) {
	m := &mistakes{}
	if !m.plain("type", eventType, event.MaxType) {
		return Entry{}, m.err()
	}
	m.eventType = eventType
	text, err := event.CompactObject(document, event.Limits{})
	if err != nil {
		m.refused(document, err)
		return Entry{}, m.err()
	}
	e := parseEntry(m, text, Entry{Type: eventType, System: ownSystem, Origin: OriginPut})
	return e, m.err()
}

// parseEntry reads one entry from a compact object. What is not in it is as in
// given; a type in it must be given's, unless that is "". Mistakes are
// reported to m, and the entry is then good for nothing.
func parseEntry(m *mistakes, object jsontext.Value, given Entry) Entry {
	e := given
	var category jsontext.Value
	e.Severity = event.Info
	e.Schema = jsontext.Value(`{"type":"object"}`)
	for f := event.WalkMembers(object); f.Next(); {
		switch key := event.Unquoted(f.Key); key {
		case "type":
			e.Type = m.text(key, f.Value, event.MaxType)
			if given.Type != "" && e.Type != given.Type {
				m.add(key, "is %s, but the entry is for %s; leave it out, or say the same", shown(e.Type), shown(given.Type))
			}
		case "system":
			e.System = m.text(key, f.Value, maxSystem)
		case "category":
			category = f.Value
		case "description":
			e.Description = m.text(key, f.Value, maxDescription)
		case "severity":
			e.Severity = m.severity(key, f.Value)
		case "subject":
			if event.KindOf(f.Value) == 'n' {
				e.Subject = ""
			} else {
				e.Subject = m.text(key, f.Value, maxSubject)
			}
		case "schema":
			e.Schema = jsontext.Value(append([]byte(nil), f.Value...))
		case "origin": // of an entry that was read and is put back
			m.text(key, f.Value, maxSystem)
		default:
			m.add("", "%s", unknown(key, "key of an entry", entryKeys))
		}
	}
	e.complete(m, object, category)
	return e
}

// complete checks what an entry must have and compiles its schema.
func (e *Entry) complete(m *mistakes, object, category jsontext.Value) {
	if e.Type == "" {
		if _, there := event.Member(object, "type"); !there {
			m.add("type", "is missing; every entry names its event type")
		}
		return
	}
	if _, there := event.Member(object, "description"); !there {
		m.add("description", "is missing; say in a sentence what such an event means")
	}
	if category != nil && (event.KindOf(category) != '"' || event.Unquoted(category) != e.Category()) {
		m.add("category", "is %s, but the category of %s is what stands before its first dot: %s; leave it out", shownValue(category), shown(e.Type), shown(e.Category()))
	}
	e.schema = compileSchema(m, e.Schema)
}

// text reads a string of 1 to most bytes without control characters; "" after
// reporting that it is none.
func (m *mistakes) text(path string, value jsontext.Value, most int) string {
	if event.KindOf(value) != '"' {
		m.add(path, "must be a string, is %s", kindName(value))
		return ""
	}
	s := event.Unquoted(value)
	if !m.plain(path, s, most) {
		return ""
	}
	return s
}

// plain reports whether s is 1 to most bytes of one line of text, and says so
// if it is not.
func (m *mistakes) plain(path, s string, most int) bool {
	switch {
	case s == "":
		m.add(path, "is empty")
	case len(s) > most:
		m.add(path, "is %d bytes long; the most is %d", len(s), most)
	case !utf8.ValidString(s):
		m.add(path, "is not valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		m.add(path, "has a line break or another control character; write one line of plain text")
	default:
		return true
	}
	return false
}

// severity reads the name of a severity; Info after reporting that it is none.
func (m *mistakes) severity(path string, value jsontext.Value) event.Severity {
	if event.KindOf(value) == '"' {
		if s, ok := event.ParseSeverity(event.Unquoted(value)); ok {
			return s
		}
	}
	m.add(path, "%s is no severity; one of %s", shownValue(value), event.SeverityNames)
	return event.Info
}

// kindName is the JSON type of a value with its article.
func kindName(value jsontext.Value) string {
	switch event.KindOf(value) {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '[':
		return "an array"
	case '{':
		return "an object"
	}
	return fmt.Sprintf("%q", value)
}
