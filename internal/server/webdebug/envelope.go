package webdebug

import (
	"bytes"
	"encoding/json/jsontext"
	"strconv"
	"time"

	"github.com/firnlog/firn/event"
)

// What an event of a scheme has beside its payload goes where an event of the
// log has it, or into metadata. So that the scheme can be told exactly as it
// came, metadata.envelope lists its members in their order: the name of one that
// the stored event still tells, the whole member of any other. It is left out
// where it says what it most often says (see usual).
const envelopeKey = "envelope"

// kept is what is stored of one event of a scheme, or of a scheme itself.
type kept struct {
	scheme    bool
	eventType string
	timestamp time.Time // zero: it had no time
	severity  event.Severity
	payload   jsontext.Value
	metadata  jsontext.Value
	children  bool
}

// aliases are the names of envelope members in the camelCase dialect and in the
// official example.
var aliases = map[string]string{"calledFrom": "called_from", "definedIn": "defined_in", "uuid": "id"}

// member tells a member of the envelope from what is stored. Nested events are
// told by others.
func (k *kept) member(name string) (text []byte, ok bool) {
	if canonical, isAlias := aliases[name]; isAlias {
		name = canonical
	}
	if k.scheme {
		if name == "id" || name == "version" {
			return event.Member(k.payload, name)
		}
		return nil, false
	}
	switch name {
	case "type":
		return event.AppendQuoted(nil, k.eventType), true
	case "payload":
		return k.payload, true
	case "importance":
		return strconv.AppendInt(nil, int64(k.severity), 10), k.severity.Valid()
	case "time":
		return strconv.AppendInt(nil, k.timestamp.UnixMilli(), 10), !k.timestamp.IsZero()
	case "tags", "duration", "success", "called_from", "defined_in":
		return event.Member(k.metadata, name)
	}
	return nil, false
}

// nested is the name of the member that holds further events.
func (k *kept) nested() string {
	if k.scheme {
		return "events"
	}
	return "nested"
}

// usual is the envelope that is not stored.
func (k *kept) usual() []byte {
	out := []byte{'['}
	add := func(name string) { out = event.AppendQuoted(appendComma(out), name) }
	if k.scheme {
		add("id")
		add("version")
		add("events")
		return append(out, ']')
	}
	add("type")
	add("payload")
	for _, name := range [...]string{"tags", "importance", "time", "duration", "success", "called_from", "defined_in"} {
		_, stored := event.Member(k.metadata, name)
		if stored || name == "importance" || name == "time" {
			add(name)
		}
	}
	if k.children {
		add("nested")
	}
	return append(out, ']')
}

// envelope lists the members of an object that is stored as k, secrets left
// out.
func (k *kept) envelope(object []byte, redact redactor) []byte {
	out := []byte{'['}
	for m := event.WalkMembers(object); m.Next(); {
		out = appendComma(out)
		name := event.Unquoted(m.Key)
		if k.tells(name, object, m.Value, redact) && event.IsPlain(m.Key) {
			out = append(out, m.Key...)
			continue
		}
		out = append(append(append(out, '{'), m.Key...), ':')
		out = append(append(out, redact.member(m.Key, m.Value)...), '}')
	}
	return append(out, ']')
}

// tells reports whether a member of the envelope is told by what is stored.
func (k *kept) tells(name string, object, value []byte, redact redactor) bool {
	if name == k.nested() {
		return k.scheme || k.children
	}
	if canonical, isAlias := aliases[name]; isAlias {
		if _, both := event.Member(object, canonical); both {
			return false
		}
	}
	if name == "payload" {
		value = redact.object(value)
	}
	told, ok := k.member(name)
	return ok && bytes.Equal(told, value)
}

// append appends the object that k was. nested appends the events in it.
func (k *kept) append(dst []byte, nested func(dst []byte) []byte) []byte {
	envelope, ok := event.Member(k.metadata, envelopeKey)
	if !ok || event.KindOf(envelope) != '[' {
		envelope = k.usual()
	}
	dst = append(dst, '{')
	for e := event.WalkElements(envelope); e.Next(); {
		switch event.KindOf(e.Value) {
		case '{':
			for m := event.WalkMembers(e.Value); m.Next(); {
				dst = append(appendKey(dst, m.Key), m.Value...)
			}
		case '"':
			name := event.Unquoted(e.Value)
			if name == k.nested() {
				dst = nested(appendKey(dst, e.Value))
			} else if text, ok := k.member(name); ok {
				dst = append(appendKey(dst, e.Value), text...)
			}
		}
	}
	return append(dst, '}')
}
