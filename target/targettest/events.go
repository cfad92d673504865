package targettest

import (
	"encoding/json/jsontext"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// begin is when the events of the suite happened: a day's last seconds, so that
// a long batch goes over midnight.
var begin = time.Date(2026, 2, 28, 23, 59, 50, 0, time.UTC)

// instances are those the suite writes to.
var instances = []target.Instance{
	{ID: "0199c5a8-0001-7000-8000-000000000001", Name: "shop"},
	{ID: "0199c5a8-0002-7000-8000-000000000002", Name: "app \"two\"\n"},
	{ID: "0199c5a8-0003-7000-8000-000000000003", Name: "mail"},
}

// typeOf is the event type that the suite's plain events of an instance have.
func typeOf(in target.Instance) string { return "suite." + in.ID[len(in.ID)-1:] }

// plain makes n events of an instance that follow one another: positions from
// first, with a hole after each third, as purges leave them.
func (s *suite) plain(in target.Instance, first int64, n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		s.made++
		actor := fmt.Sprint(s.made)
		events[i] = s.event(in, first+int64(i)+int64(i)/3, typeOf(in), fmt.Sprintf(`{"n":%d,"text":"number %d"}`, s.made, s.made))
		events[i].Actor = &actor
	}
	return events
}

// event makes one event. Four of them share a second.
func (s *suite) event(in target.Instance, position int64, eventType, payload string) event.Event {
	at := begin.Add(time.Duration(position) * 250 * time.Millisecond)
	return event.Event{
		ID:         fmt.Sprintf("%s-%d", in.ID[len(in.ID)-1:], position),
		InstanceID: in.ID, StreamID: event.DefaultStream, SequenceNumber: position, Position: position,
		EventType: eventType, Timestamp: at, RecordedAt: at.Add(3 * time.Millisecond), Severity: event.Notice,
		Payload: jsontext.Value(payload), Metadata: jsontext.Value(`{"source":"suite"}`),
	}
}

// batch wraps events of one instance.
func (s *suite) batch(in target.Instance, events []event.Event) target.Batch {
	return target.Batch{Log: s.log, Instance: in, Events: events, Through: events[len(events)-1].Position + s.unwanted}
}

// Hostile are events that are allowed and that nobody expects, one of each kind.
// Each is of a type of its own.
func Hostile() []event.Event {
	s := &suite{}
	in := instances[0]
	var events []event.Event
	add := func(eventType, payload string) {
		events = append(events, s.event(in, int64(len(events)+1), eventType, payload))
	}
	for i, payload := range hostilePayloads() {
		add(fmt.Sprintf("payload.%d", i), payload)
	}
	for _, eventType := range hostileTypes() {
		add(eventType, `{"type":"odd"}`)
	}
	return append(events, hostileTimes(s, in, len(events))...)
}

func hostilePayloads() []string {
	return []string{
		`{}`,
		`{"":""}`,
		`{"nul":"a\u0000b","\u0000":1}`,
		`{"control":"\u0001\u001b[31m\u007f\u0085\r\n\t\b\f"}`,
		"{\"raw\":\"\u0085\u2028\u2029\ufeff\u202e\uffff\"}",
		`{"quotes":"'; DROP TABLE event_logs; -- \" \\ % _ $1 ? :x"}`,
		"{\"high\":\"\U0001f600\U0010ffff\ue000\",\"escaped\":\"\\ud83d\\ude00\"}",
		`{"numbers":[1e1000,-1e-1000,1E+308,1e309,0.1000,1.0,1e3,-0,-0.0,9007199254740993,18446744073709551616]}`,
		`{"long":` + strings.Repeat("7", event.MaxNumber) + `,"fraction":0.` + strings.Repeat("3", event.MaxNumber-2) + `}`,
		`{"null":null,"true":true,"list":[],"object":{},"mixed":[null,[[]],{"":{}}]}`,
		`{"deep":` + strings.Repeat("[", event.MaxDepth-1) + strings.Repeat("]", event.MaxDepth-1) + `}`,
		strings.Repeat(`{"d":`, event.MaxDepth-1) + `{}` + strings.Repeat(`}`, event.MaxDepth-1),
		`{"` + strings.Repeat("k", 70_000) + `":"` + strings.Repeat("v", 70_000) + `"}`,
		`{"type":"no","timestamp":"no","data":{},"id":"no","n":-1,"ack":1}`,
		manyMembers(5_000),
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"member %d":%d`, i, i)
	}
	return "{" + b.String()[1:] + "}"
}

func hostileTypes() []string {
	return []string{
		"../../escaped", "a/b", "/absolute", `back\slash`, ".", "..", "...", ".hidden", "trailing.", "trailing ", "-dash", "~", "%2E", "%",
		"nul\x00inside", "line\nbreak", "\x1b[31mred", "\u202eevil", "emoji \U0001f600", "CON", "UPPER", "upper", "a:b", "*?<>|\"'`$",
		"\x00", " ", "/", "//", "a/../../b",
		strings.Repeat("x", event.MaxType), strings.Repeat("x", event.MaxType-1) + "y", strings.Repeat("é", event.MaxType/2), strings.Repeat("/", event.MaxType),
		strings.Repeat("t", 101),
	}
}

func hostileTimes(s *suite, in target.Instance, have int) []event.Event {
	var events []event.Event
	for i, at := range []time.Time{
		time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Unix(0, 0).UTC(), time.Date(2024, 2, 29, 12, 0, 0, 1_000_000, time.UTC), time.Date(2039, 1, 19, 3, 14, 8, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
	} {
		e := s.event(in, int64(have+i+1), fmt.Sprintf("time.%d", i), `{}`)
		e.Timestamp = at
		empty, odd := "", "someone\x00\n'\"\U0001f600"
		e.Actor, e.Subject = &empty, &odd
		events = append(events, e)
	}
	return events
}

// clone copies what a target is given, so that it can be spoilt afterwards.
func clone(events []event.Event) []event.Event {
	out := slices.Clone(events)
	for i := range out {
		out[i].Payload = slices.Clone(out[i].Payload)
		out[i].Metadata = slices.Clone(out[i].Metadata)
	}
	return out
}

// spoil overwrites what was only lent: a target that kept it shows it.
func spoil(events []event.Event) {
	for i := range events {
		for j := range events[i].Payload {
			events[i].Payload[j] = '#'
		}
		for j := range events[i].Metadata {
			events[i].Metadata[j] = '#'
		}
		events[i] = event.Event{EventType: "spoilt", Payload: jsontext.Value(`{"spoilt":true}`)}
	}
}
