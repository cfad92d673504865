// Package querytest makes random events and random queries over them, for tests
// that compare two ways of answering. What it makes is small in variety so that
// conditions do match, and odd on purpose: several types on one path, numbers
// that float64 confuses, keys with dots, null beside missing.
package querytest

import (
	"encoding/json/jsontext"
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
)

// InstanceID is the instance of all random events.
const InstanceID = "01890a5d-ac96-774b-bcce-b302099a8057"

// Instance is the name that random queries ask for.
const Instance = "random"

// Now is the instant that random relative times count from; events lie within
// some days before it. It is right after a change of clocks in Europe.
var Now = time.Date(2025, 3, 30, 12, 30, 0, 0, time.UTC)

var (
	streams  = []string{"default", "user-1", "user-2", "größe"}
	types    = []string{"login", "login.failed", "page.view", "page", "ſtraße", "script.error"}
	actors   = []string{"alice", "Bob", "", "12", "did:plc:x"}
	strs     = []string{"", "a", "b", "Straße", "STRASSE", "error", "Error: disk", "12", "1", "\u0000", "ключ", "\U0001F600", "\uffff", "K", "\u212a", "10", "9", "2025-03-30T00:00:00Z"}
	numbers  = []string{"0", "-0", "1", "1.0", "1e0", "2", "3", "-1", "0.1", "0.1000", "1e-1", "10", "9", "1e3", "1000", "9007199254740992", "9007199254740993", "9007199254740993.0", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "1e300", "-1e300", "1e400", "1e-400", "0.30000000000000004", "0.3", "3.141592653589793238462643", "100000000000000000000000000000000000001"}
	keys     = []string{"a", "b", "n", "s", "dotted.key", "ключ", `q"uote`, "", "a b"}
	wideKeys = []string{"n", "s", "n", "s", "a", "tags", "geo", "items"}
)

// Events makes 0 to most events of one instance in order of position, from
// position 1. Sequence numbers are right, recorded_at never goes back.
func Events(t *rapid.T, most int) []event.Event {
	count := rapid.IntRange(0, most).Draw(t, "events")
	first := Now.Add(-72 * time.Hour)
	recorded := first
	last := make(map[string]int64)
	events := make([]event.Event, 0, count)
	for i := range count {
		e := event.Event{
			ID:         fmt.Sprintf("id-%d", i+1),
			InstanceID: InstanceID,
			Position:   int64(i + 1),
			StreamID:   rapid.SampledFrom(streams).Draw(t, "stream"),
			EventType:  rapid.SampledFrom(types).Draw(t, "type"),
			Severity:   event.Severity(rapid.IntRange(1, 8).Draw(t, "severity")),
			Actor:      optional(t, "actor", actors),
			Subject:    optional(t, "subject", strs),
			Timestamp:  timestamp(t),
			Payload:    payload(t),
			Metadata:   metadata(t),
		}
		recorded = recorded.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "pause")) * 1200 * time.Second)
		e.RecordedAt = recorded
		last[e.StreamID]++
		e.SequenceNumber = last[e.StreamID]
		events = append(events, e)
	}
	return events
}

// timestamp is now and then the same twice, and to the microsecond.
func timestamp(t *rapid.T) time.Time {
	at := Now.Add(-time.Duration(rapid.IntRange(0, 200).Draw(t, "ago")) * 20 * time.Minute)
	if rapid.IntRange(0, 9).Draw(t, "fine") == 0 {
		at = at.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, "micros")) * time.Microsecond)
	}
	return at
}

func optional(t *rapid.T, label string, from []string) *string {
	if rapid.IntRange(0, 3).Draw(t, label+"?") == 0 {
		return nil
	}
	s := rapid.SampledFrom(from).Draw(t, label)
	return &s
}

// payload is mostly of one shape, so that columns are made, and sometimes of
// any.
func payload(t *rapid.T) jsontext.Value {
	switch rapid.IntRange(0, 9).Draw(t, "payload") {
	case 0:
		return jsontext.Value("{}")
	case 1, 2, 3:
		return compact(Object(t, 3))
	case 4:
		return compact(`{"n":` + Number(t) + `,"items":[{"price":` + Number(t) + `},` + Value(t, 1) + `]}`)
	}
	var b strings.Builder
	b.WriteString(`{"n":` + Number(t))
	if rapid.Bool().Draw(t, "s?") {
		b.WriteString(`,"s":` + String(t))
	}
	if rapid.Bool().Draw(t, "geo?") {
		b.WriteString(`,"geo":{"city":` + String(t) + `,"lat":` + Number(t) + `}`)
	}
	if rapid.Bool().Draw(t, "dotted?") {
		b.WriteString(`,"dotted.key":` + Value(t, 0) + `,"dotted":{"key":` + Value(t, 0) + `}`)
	}
	if rapid.Bool().Draw(t, "ok?") {
		b.WriteString(`,"ok":` + rapid.SampledFrom([]string{"true", "false", "null"}).Draw(t, "ok"))
	}
	b.WriteString("}")
	return compact(b.String())
}

func metadata(t *rapid.T) jsontext.Value {
	switch rapid.IntRange(0, 4).Draw(t, "metadata") {
	case 0, 1:
		return jsontext.Value("{}")
	case 2:
		return compact(`{"tags":` + Value(t, 1) + `}`)
	}
	var tags []string
	for range rapid.IntRange(0, 3).Draw(t, "tags") {
		tags = append(tags, rapid.SampledFrom([]string{`"x"`, `"y"`, `"x"`, "1", "null"}).Draw(t, "tag"))
	}
	return compact(`{"source":` + String(t) + `,"tags":[` + strings.Join(tags, ",") + `]}`)
}

func compact(text string) jsontext.Value {
	v := jsontext.Value(text)
	if err := v.Compact(); err != nil {
		panic("querytest: made invalid JSON: " + err.Error() + ": " + text)
	}
	return v
}

// Value makes a JSON value nested at most depth deep.
func Value(t *rapid.T, depth int) string {
	most := 9
	if depth == 0 {
		most = 7
	}
	switch rapid.IntRange(0, most).Draw(t, "value") {
	case 0:
		return "null"
	case 1:
		return rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool")
	case 2, 3, 4:
		return Number(t)
	case 5, 6, 7:
		return String(t)
	case 8:
		return Object(t, depth-1)
	}
	var elements []string
	for range rapid.IntRange(0, 3).Draw(t, "elements") {
		elements = append(elements, Value(t, depth-1))
	}
	return "[" + strings.Join(elements, ",") + "]"
}

// Object makes a JSON object whose values nest at most depth deep.
func Object(t *rapid.T, depth int) string {
	from := keys
	if depth > 1 {
		from = wideKeys
	}
	taken := make(map[string]bool)
	var members []string
	for range rapid.IntRange(0, 4).Draw(t, "members") {
		key := rapid.SampledFrom(from).Draw(t, "key")
		if taken[key] {
			continue
		}
		taken[key] = true
		members = append(members, string(event.AppendQuoted(nil, key))+":"+Value(t, max(depth, 0)))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// Number makes a number literal, often an odd one.
func Number(t *rapid.T) string {
	if rapid.Bool().Draw(t, "small") {
		return fmt.Sprint(rapid.IntRange(-3, 12).Draw(t, "int"))
	}
	return rapid.SampledFrom(numbers).Draw(t, "number")
}

// String makes a quoted JSON string, sometimes with escapes that are not
// needed.
func String(t *rapid.T) string {
	s := rapid.SampledFrom(strs).Draw(t, "string")
	if s != "" && s[0] < 0x80 && rapid.IntRange(0, 9).Draw(t, "escaped") == 0 {
		return fmt.Sprintf(`"\u%04X%s`, s[0], event.AppendQuoted(nil, s[1:])[1:])
	}
	return string(event.AppendQuoted(nil, s))
}
