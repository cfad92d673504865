package webdebug

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server/door"
)

const (
	// maxNesting is how deep events nest; those of the scheme itself are at 1.
	maxNesting = 32
	// maxSchemeID is the most bytes of a scheme's id: the ids of its events are
	// made of it.
	maxSchemeID = 120
	typeScheme  = "scheme"
)

// reader makes drafts of a scheme: first one for the scheme, then its events,
// depth first. Their ids are made of the scheme's, so that the same scheme again
// is a duplicate.
type reader struct {
	redact redactor
	app    string // the stream
	limits event.Limits

	schemeID string
	drafts   []event.Draft
	places   []string // where in the scheme each draft is from
	warnings []warning
}

// eventID is the id of an event of a scheme, by its index.
func eventID(schemeID string, index int) string { return schemeID + ":" + strconv.Itoa(index) }

// read reads a whole scheme.
func (in *reader) read(body []byte) error {
	object, err := event.CompactObject(body, event.Limits{EventBytes: max(len(body), 1)})
	if err != nil {
		return whole(err)
	}
	id, ok := event.Member(object, "id")
	if !ok {
		if id, ok = event.Member(object, "uuid"); !ok {
			return door.Bad("id: is missing; it is the id of the request, a UUID")
		}
	}
	if event.KindOf(id) != '"' || len(id) == 2 || len(event.Unquoted(id)) > maxSchemeID {
		return door.Bad(fmt.Sprintf("id: must be a string of 1 to %d bytes, such as a UUID", maxSchemeID))
	}
	in.schemeID = event.Unquoted(id)
	events, _ := event.Member(object, "events")
	if event.KindOf(events) != '[' {
		return door.Bad("events: must be a list of events")
	}
	in.drafts, in.places = make([]event.Draft, 1), make([]string, 1)
	if err := in.events(events, "events", "", 1); err != nil {
		return err
	}
	in.scheme(object, id)
	in.strangers(object, "", schemeMembers)
	return nil
}

// schemeMembers and eventMembers are what the protocol knows, in both dialects.
var (
	schemeMembers = []string{"id", "uuid", "version", "events"}
	eventMembers  = []string{"type", "payload", "tags", "importance", "time", "duration", "success",
		"called_from", "calledFrom", "defined_in", "definedIn", "nested"}
)

// strangers warns of members that the protocol does not know. They are kept and
// come out again, but if one is a typo nobody would find out.
func (in *reader) strangers(object []byte, place string, known []string) {
	for m := event.WalkMembers(object); m.Next(); {
		if name := event.Unquoted(m.Key); !slices.Contains(known, name) {
			at := event.AppendPathKey([]byte(place), strings.ToValidUTF8(name[:min(len(name), 80)], ""))
			in.warn(string(at), "is no member that the protocol knows; kept as it came, and of no effect")
		}
	}
}

// whole is a fault of the JSON of a scheme.
func whole(err error) error {
	var bad *event.InvalidError
	if !errors.As(err, &bad) {
		return err
	}
	place := bad.Path
	if place == "" {
		place = "the scheme"
	}
	return door.Bad(place + ": " + bad.Message)
}

// scheme makes the first draft, once the others are there.
func (in *reader) scheme(object, id []byte) {
	payload := append(append([]byte(`{"id":`), id...), `,"version":`...)
	if version, ok := event.Member(object, "version"); ok && event.KindOf(version) == '0' {
		payload = append(append(payload, version...), `,"events":`...)
	} else {
		payload = append(payload[:len(payload)-len(`"version":`)], `"events":`...)
	}
	payload = append(strconv.AppendInt(payload, int64(len(in.drafts)-1), 10), '}')
	d := event.Draft{ID: in.schemeID, StreamID: in.app, EventType: typeScheme, Payload: payload}
	for i := range in.drafts {
		if at := in.drafts[i].Timestamp; !at.IsZero() {
			d.Timestamp = at
			break
		}
	}
	metadata := append([]byte(`{"scheme_id":`), id...)
	k := kept{scheme: true, payload: payload}
	d.Metadata = in.finish(metadata, &k, object)
	in.drafts[0], in.places[0] = d, "scheme"
}

// finish ends metadata with the envelope, unless it is the usual one.
func (in *reader) finish(metadata []byte, k *kept, object []byte) []byte {
	k.metadata = append(metadata, '}')
	envelope := k.envelope(object, in.redact)
	if bytes.Equal(envelope, k.usual()) {
		return k.metadata
	}
	metadata = append(k.metadata[:len(k.metadata)-1], `,"`+envelopeKey+`":`...)
	return append(append(metadata, envelope...), '}')
}

// events reads a list of events that are nested in the one with the id parent,
// "" for those of the scheme itself.
func (in *reader) events(list []byte, place, parent string, level int) error {
	if level > maxNesting {
		return door.Bad(fmt.Sprintf("%s: events nest deeper than %d levels", place, maxNesting))
	}
	i := 0
	for e := event.WalkElements(list); e.Next(); i++ {
		if err := in.event(e.Value, place+"["+strconv.Itoa(i)+"]", parent, level); err != nil {
			return err
		}
	}
	return nil
}

func (in *reader) event(object []byte, place, parent string, level int) error {
	if event.KindOf(object) != '{' {
		return door.Bad(place + ": must be an object")
	}
	if len(in.drafts) >= in.limits.BatchEvents {
		return &door.Fault{Status: http.StatusRequestEntityTooLarge, Code: "too_large",
			Message: fmt.Sprintf("%s: a scheme has at most %d events", place, in.limits.BatchEvents-1)}
	}
	index := len(in.drafts) - 1
	d := event.Draft{ID: eventID(in.schemeID, index), StreamID: in.app}
	k := kept{}
	if err := in.typeAndPayload(&d, object, place); err != nil {
		return err
	}
	in.strangers(object, place, eventMembers)
	in.importance(&d, object, place)
	in.time(&d, object, place)
	k.eventType, k.payload, k.severity, k.timestamp = d.EventType, d.Payload, d.Severity, d.Timestamp
	nested, _ := event.Member(object, "nested")
	k.children = event.KindOf(nested) == '[' && len(nested) > len("[]")
	d.Metadata = in.finish(in.metadata(object, parent, index), &k, object)
	in.drafts, in.places = append(in.drafts, d), append(in.places, place)
	if !k.children {
		return nil
	}
	return in.events(nested, place+".nested", d.ID, level+1)
}

// typeAndPayload reads what an event must have. A payload that is missing,
// null or [], as emitters in PHP write an empty one, is {}.
func (in *reader) typeAndPayload(d *event.Draft, object []byte, place string) error {
	typ, _ := event.Member(object, "type")
	if event.KindOf(typ) != '"' || len(typ) == 2 {
		return door.Bad(place + ".type: must be a string, such as log or query")
	}
	if d.EventType = event.Unquoted(typ); d.EventType == "accessCheck" {
		d.EventType = "access_check"
	}
	payload, ok := event.Member(object, "payload")
	switch {
	case event.KindOf(payload) == '{':
		d.Payload = in.redact.object(payload)
	case !ok, string(payload) == "null", string(payload) == "[]":
		d.Payload = []byte("{}")
	default:
		return door.Bad(place + ".payload: must be an object")
	}
	in.lookAtMessage(d, place)
	return nil
}

// datePrefix is the time that a log message begins with, though the protocol
// says that it should not.
var datePrefix = regexp.MustCompile(`^[\[(]?(\d{4}[-/.]\d{2}[-/.]\d{2}|\d{2}:\d{2}:\d{2})`)

func (in *reader) lookAtMessage(d *event.Draft, place string) {
	if d.EventType != "log" {
		return
	}
	message, _ := event.Member(d.Payload, "message")
	if event.KindOf(message) == '"' && datePrefix.MatchString(event.Unquoted(message)) {
		in.warn(place+".payload.message", "begins with a time; the event's time is the place for it")
	}
}

// importance becomes the severity, the nearest one outside 1 to 8.
func (in *reader) importance(d *event.Draft, object []byte, place string) {
	text, ok := event.Member(object, "importance")
	if !ok || string(text) == "null" {
		return
	}
	n, err := strconv.ParseFloat(string(text), 64)
	if event.KindOf(text) != '0' || (err != nil && !errors.Is(err, strconv.ErrRange)) {
		in.warn(place+".importance", "is no number from 1 to 8; stored as info")
		return
	}
	d.Severity = event.Severity(min(max(n, float64(event.Debug)), float64(event.Emergency)))
	if n != float64(d.Severity) {
		in.warn(place+".importance", fmt.Sprintf("is not one of 1 to 8; stored as %d (%s)", d.Severity, d.Severity))
	}
}

func (in *reader) time(d *event.Draft, object []byte, place string) {
	text, ok := event.Member(object, "time")
	if !ok || string(text) == "null" {
		return
	}
	if event.KindOf(text) == '0' {
		micros, err := event.ParseEpochMillis(string(text))
		if at := time.UnixMicro(micros).UTC(); err == nil && !at.IsZero() {
			d.Timestamp = at
			return
		}
	}
	in.warn(place+".time", "is no time in milliseconds since 1970; stored with the time of its arrival")
}

func (in *reader) warn(field, message string) {
	const most = 100
	if len(in.warnings) < most {
		in.warnings = append(in.warnings, warning{field, message})
	}
}

// warnOf warns of payloads that the catalog wants otherwise.
func (in *reader) warnOf(faults []firn.Fault) {
	for _, f := range faults {
		in.warn(in.places[f.Index]+"."+f.Path, f.Message)
	}
}

// metadata is what is known of an event beside its payload, without the brace
// at its end.
func (in *reader) metadata(object []byte, parent string, index int) []byte {
	out := event.AppendQuoted([]byte(`{"scheme_id":`), in.schemeID)
	if parent != "" {
		out = event.AppendQuoted(append(out, `,"parent_id":`...), parent)
	}
	out = strconv.AppendInt(append(out, `,"index":`...), int64(index), 10)
	for _, f := range [...]struct {
		name  string
		alias string
		is    func(value []byte) bool
	}{
		{"tags", "", isTags}, {"duration", "", isKind('0')}, {"success", "", isBool},
		{"called_from", "calledFrom", isKind('{')}, {"defined_in", "definedIn", isKind('{')},
	} {
		value, ok := event.Member(object, f.name)
		if !ok && f.alias != "" {
			value, ok = event.Member(object, f.alias)
		}
		if ok && f.is(value) {
			out = append(append(out, `,"`+f.name+`":`...), value...)
		}
	}
	return out
}

func isKind(kind byte) func([]byte) bool {
	return func(value []byte) bool { return byte(event.KindOf(value)) == kind }
}

func isBool(value []byte) bool { return event.KindOf(value) == 't' || event.KindOf(value) == 'f' }

// isTags holds for a list of strings that has one at least.
func isTags(value []byte) bool {
	if event.KindOf(value) != '[' || len(value) == len("[]") {
		return false
	}
	for e := event.WalkElements(value); e.Next(); {
		if event.KindOf(e.Value) != '"' {
			return false
		}
	}
	return true
}
