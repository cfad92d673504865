package query

import (
	"encoding/json/jsontext"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/spelling"
)

// Root is the event field a Field starts from.
type Root uint8

// The event fields a query can name.
const (
	ID Root = iota + 1
	InstanceID
	StreamID
	SequenceNumber
	Position
	EventType
	Category
	Timestamp
	RecordedAt
	Severity
	Actor
	Subject
	Payload
	Metadata
)

var rootNames = [...]string{
	ID: "id", InstanceID: "instance_id", StreamID: "stream_id", SequenceNumber: "sequence_number", Position: "position",
	EventType: "event_type", Category: "category", Timestamp: "timestamp", RecordedAt: "recorded_at", Severity: "severity",
	Actor: "actor", Subject: "subject", Payload: "payload", Metadata: "metadata",
}

// rootAliases are the other names of fields: camelCase and the documents'.
// importance, severity as a number, is apart.
var rootAliases = map[string]Root{
	"eventType": EventType, "streamId": StreamID, "sequenceNumber": SequenceNumber, "instanceId": InstanceID,
	"recordedAt": RecordedAt, "created_at": RecordedAt, "detail": Payload, "event_data": Payload, "data": Payload,
	"actor_did": Actor, "uid": Actor,
}

// shortNames are what fields are called elsewhere, for suggestions.
var shortNames = map[string]string{
	"stream": "stream_id", "instance": "instance_id", "type": "event_type", "event": "event_type", "name": "event_type", "level": "severity",
	"time": "timestamp", "ts": "timestamp", "sequence": "sequence_number", "seq": "sequence_number", "user": "actor", "who": "actor",
	"meta": "metadata", "body": "payload",
}

// fieldNames are all names a field can start with, for suggestions.
var fieldNames = func() []string {
	names := append([]string{"importance"}, rootNames[ID:]...)
	for alias := range rootAliases {
		names = append(names, alias)
	}
	slices.Sort(names)
	return names
}()

// String is the field's canonical name.
func (r Root) String() string {
	if r < ID || r > Metadata {
		return "unknown"
	}
	return rootNames[r]
}

// Time reports whether the field holds an instant.
func (r Root) Time() bool { return r == Timestamp || r == RecordedAt }

// JSON reports whether the field holds JSON and takes a path.
func (r Root) JSON() bool { return r == Payload || r == Metadata }

// Step is one step into a payload or metadata: a key of an object or an index
// of an array.
type Step struct {
	Key     string
	Index   int // used when IsIndex
	IsIndex bool
	// Each is the [] of metadata.tags[]: every element of the array. Only the
	// last step of a group key may be it.
	Each bool
}

// Field names an event field or a path into payload or metadata.
type Field struct {
	Root Root
	Path []Step // empty, or steps into Payload or Metadata
	// Name is the spelling in the query, kept for answers and errors.
	Name string
	// Importance is set where the query said "importance": severity shown as a
	// number.
	Importance bool
}

// String is the field in its canonical spelling, which ParseField reads.
func (f Field) String() string {
	if f.Importance {
		return "importance"
	}
	text := []byte(f.Root.String())
	for _, s := range f.Path {
		switch {
		case s.Each:
			text = append(text, "[]"...)
		case s.IsIndex:
			text = event.AppendPathIndex(text, s.Index)
		default:
			text = event.AppendPathKey(text, s.Key)
		}
	}
	return string(text)
}

// Same reports whether f and g name the same thing, however they are spelled.
func (f Field) Same(g Field) bool { return f.String() == g.String() }

// each reports whether f ends in [].
func (f Field) each() bool { return len(f.Path) > 0 && f.Path[len(f.Path)-1].Each }

// Bounds of a field's text: no payload nests deeper than maxSteps.
const (
	maxSteps = event.MaxDepth
	maxIndex = 1<<31 - 1
)

// ParseField reads the name of an event field or a path into payload or
// metadata: payload.geo.city, payload["dotted.key"], payload.items[0].price. A
// *Error has an empty path.
func ParseField(text string) (Field, error) {
	f, err := parseField("", text)
	if err != nil {
		return Field{}, err
	}
	if f.each() {
		return Field{}, eachError("", text)
	}
	return f, nil
}

func eachError(path, text string) *Error {
	return errorAt(path, "%q: [] is for groupBy; name an element, such as %s[0]", quoted(text), quoted(strings.TrimSuffix(text, "[]")))
}

// parseField reads a field that may end in [].
func parseField(path, text string) (Field, *Error) {
	if !utf8.ValidString(text) {
		return Field{}, errorAt(path, "%q is not valid UTF-8", quoted(text))
	}
	name := text
	if end := strings.IndexAny(text, ".["); end >= 0 {
		name = text[:end]
	}
	f := Field{Name: text}
	switch root, known := rootOf(name); {
	case name == "importance":
		f.Root, f.Importance = Severity, true
	case known:
		f.Root = root
	default:
		return Field{}, unknownField(path, text, name)
	}
	if rest := text[len(name):]; rest != "" {
		if !f.Root.JSON() {
			return Field{}, errorAt(path, "%q: %s has no inner fields; only payload and metadata have", quoted(text), name)
		}
		steps, err := parseSteps(rest)
		if err != nil {
			return Field{}, errorAt(path, "%q: %v", quoted(text), quoted(err.Error()))
		}
		f.Path = steps
	}
	return f, nil
}

func rootOf(name string) (Root, bool) {
	for root := ID; root <= Metadata; root++ {
		if rootNames[root] == name {
			return root, true
		}
	}
	root, ok := rootAliases[name]
	return root, ok
}

func unknownField(path, text, name string) *Error {
	if text == "" {
		return errorAt(path, "is empty; name a field: %s", fieldList)
	}
	if meant, ok := shortNames[strings.ToLower(name)]; ok {
		return errorAt(path, "%q is not a field; did you mean %s?", quoted(text), quoted(meant+text[len(name):]))
	}
	if known, ok := spelling.Nearest(name, fieldNames); ok {
		return errorAt(path, "%q is not a field; did you mean %s?", quoted(text), quoted(known+text[len(name):]))
	}
	if steps, err := parseSteps("." + text); err == nil && len(text) < 100 {
		inner := Field{Root: Payload, Path: steps}
		return errorAt(path, "%q is not a field; did you mean %s? Fields are %s", quoted(text), inner, fieldList)
	}
	return errorAt(path, "%q is not a field; one of %s", quoted(text), fieldList)
}

var fieldList = strings.Join(rootNames[ID:], ", ") + ", importance and paths such as payload.geo.city"

// parseSteps reads the part of a path behind its root.
func parseSteps(text string) ([]Step, error) {
	var steps []Step
	for at := 0; at < len(text); {
		step, end, err := parseStep(text, at)
		if err != nil {
			return nil, err
		}
		if len(steps) > 0 && steps[len(steps)-1].Each {
			return nil, fmt.Errorf("nothing may follow []")
		}
		if len(steps) == maxSteps {
			return nil, fmt.Errorf("has more than %d steps", maxSteps)
		}
		steps = append(steps, step)
		at = end
	}
	return steps, nil
}

// parseStep reads the step at text[at]: .key, ["key"], [0] or [].
func parseStep(text string, at int) (step Step, end int, err error) {
	if text[at] == '.' {
		end = at + 1
		for end < len(text) && !strings.ContainsRune(`.[]"`, rune(text[end])) {
			end++
		}
		if end == at+1 {
			return Step{}, 0, fmt.Errorf(`a key is missing after the dot; spell unusual keys ["key"]`)
		}
		return Step{Key: text[at+1 : end]}, end, nil
	}
	if text[at] != '[' {
		return Step{}, 0, fmt.Errorf("%q is not expected at byte %d of the path; write .key, [\"key\"] or [0]", text[at:at+1], at)
	}
	if strings.HasPrefix(text[at:], `["`) {
		quoted := event.SkipString([]byte(text), at+1)
		if quoted >= len(text) || text[quoted] != ']' {
			return Step{}, 0, fmt.Errorf(`a closing "] is missing`)
		}
		key, err := jsontext.AppendUnquote(nil, text[at+1:quoted])
		if err != nil {
			return Step{}, 0, fmt.Errorf("%s is not a JSON string", text[at+1:quoted])
		}
		return Step{Key: string(key)}, quoted + 1, nil
	}
	length := strings.IndexByte(text[at:], ']')
	if length < 0 {
		return Step{}, 0, fmt.Errorf("a closing ] is missing")
	}
	inner := text[at+1 : at+length]
	if inner == "" {
		return Step{Each: true}, at + length + 1, nil
	}
	index, err := strconv.ParseUint(inner, 10, 32)
	if err != nil || index > maxIndex || (inner[0] == '0' && len(inner) > 1) || inner[0] == '+' {
		return Step{}, 0, fmt.Errorf(`[%s] is neither an index from 0 nor a key in quotes`, inner)
	}
	return Step{Index: int(index), IsIndex: true}, at + length + 1, nil
}
