package codebolt

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"strconv"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// defaultType is the type of an event that names none.
const defaultType = "event"

// batch is what an append asks for.
type batch struct {
	instance   string // id or name, as the client said
	autoCreate bool
	single     bool // appendEvent
	events     []event.Draft
}

// parseAppend reads the params of appendEvent, or of appendEvents, where the
// event lies in a list.
func parseAppend(params jsontext.Value, single bool, limits event.Limits) (*batch, error) {
	if params == nil {
		return nil, noInstance()
	}
	if params.Kind() != '{' {
		return nil, invalid("params", "must be an object")
	}
	p := appendParams{batch: batch{single: single}, one: []byte{'{'}}
	dec := jsontext.NewDecoder(bytes.NewReader(params), lenient...)
	if err := members(dec, params, p.member); err != nil {
		return nil, err
	}
	if p.instance == "" {
		return nil, noInstance()
	}
	text := jsontext.Value(endEvent(p.one, p.typed))
	if !single {
		if p.list == nil {
			return nil, invalid("events", "is missing; give a list of events")
		}
		var err error
		if text, err = withTypes(p.list); err != nil {
			return nil, err
		}
	}
	limits.BatchBytes = max(limits.BatchBytes, len(text)) // the frame was in the limit
	events, err := event.ParseBatch(text, limits)
	if bad, ok := errors.AsType[*event.InvalidError](err); ok && single {
		bad.Index = -1
	}
	if err != nil {
		return nil, err
	}
	p.events = events
	return &p.batch, nil
}

// appendParams takes the params of an append apart.
type appendParams struct {
	batch
	list  jsontext.Value // events
	one   []byte         // the members of a single event so far
	typed bool           // it has a type
	told  bool           // whether to create is said
}

func (p *appendParams) member(name string, value jsontext.Value) error {
	switch {
	case name == "instanceId" || name == "instance_id":
		return p.readInstance(name, value)
	case name == "autoCreateInstance" || name == "auto_create_instance":
		if p.told {
			return invalid(name, "is given twice")
		}
		p.told = true
		if k := value.Kind(); k != 't' && k != 'f' && k != 'n' {
			return invalid(name, "must be true or false")
		}
		p.autoCreate = value.Kind() == 't'
		return nil
	case p.single:
		p.one = appendMember(p.one, name, value, &p.typed)
		return nil
	case name != "events":
		return invalid(shown(name), "is not a parameter of this operation; known: instanceId, events, autoCreateInstance")
	case p.list != nil:
		return invalid(name, "is given twice")
	case value.Kind() != '[':
		return invalid(name, "must be a list of events")
	}
	p.list = value
	return nil
}

func (p *appendParams) readInstance(name string, value jsontext.Value) error {
	if p.instance != "" {
		return invalid(name, "is given twice")
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if value.Kind() != '"' || err != nil || len(text) == 0 {
		return invalid(name, "must be the id or the name of an instance")
	}
	p.instance = string(text)
	return nil
}

// appendMember adds a member to an event's text, unless it is null, which in
// JavaScript is often meant as nothing.
func appendMember(dst []byte, name string, value jsontext.Value, typed *bool) []byte {
	if value.Kind() == 'n' {
		return dst
	}
	if name == "eventType" || name == "event_type" || name == "type" {
		*typed = true
	}
	if len(dst) > 0 && dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(event.AppendQuoted(dst, name), ':')
	return append(dst, value...)
}

func endEvent(dst []byte, typed bool) []byte {
	if !typed {
		dst = appendMember(dst, "event_type", jsontext.Value(`"`+defaultType+`"`), &typed)
	}
	return append(dst, '}')
}

// withTypes copies a list of events and gives those a type that have none.
// What is no event is copied as it is: the parser of events names it.
func withTypes(list jsontext.Value) (jsontext.Value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(list), lenient...)
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(list)+64), '[')
	for dec.PeekKind() != ']' {
		if len(out) > 1 {
			out = append(out, ',')
		}
		if dec.PeekKind() != '{' {
			value, err := readValue(dec, list)
			if err != nil {
				return nil, err
			}
			out = append(out, value...)
			continue
		}
		out = append(out, '{')
		typed := false
		err := members(dec, list, func(name string, value jsontext.Value) error {
			out = appendMember(out, name, value, &typed)
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = endEvent(out, typed)
	}
	return append(out, ']'), nil
}

// stored writes the data of an append's answer: what was given and what the
// log added is all there is to an event. Faults of their payloads, which count
// events from 0, are told beside them.
func (b *batch) stored(receipts []firn.Receipt, instanceID string, faults []firn.Fault) func(*writer) error {
	return func(w *writer) error {
		if b.single {
			w.raw(`{"event":`)
			w.stored(instanceID, &b.events[0], &receipts[0])
			w.warnings(faults, true)
			w.raw("}")
			return nil
		}
		w.raw(`{"events":[`)
		for i := range b.events {
			if err := w.room(); err != nil {
				return err
			}
			if i > 0 {
				w.raw(",")
			}
			w.stored(instanceID, &b.events[i], &receipts[i])
		}
		w.raw(`],"count":`)
		w.integer(int64(len(b.events)))
		w.warnings(faults, false)
		w.raw("}")
		return nil
	}
}

// warnings writes the member warnings, if there are any: a client that does not
// know it passes it over.
func (w *writer) warnings(faults []firn.Fault, single bool) {
	for i, f := range faults {
		if i == 0 {
			w.raw(`,"warnings":[`)
		} else {
			w.raw(",")
		}
		field := f.Path
		if !single {
			field = "events[" + strconv.Itoa(f.Index) + "]." + f.Path
		}
		w.raw(`{"field":`)
		w.text(field)
		w.raw(`,"message":`)
		w.text(f.Message)
		w.raw("}")
	}
	if len(faults) > 0 {
		w.raw("]")
	}
}

// among are the faults of n events of a longer list, from first on. The log ends
// its own list with one that says so where there are too many: it is the last
// that was looked at.
func among(faults []firn.Fault, first, n int) []firn.Fault {
	var own []firn.Fault
	for _, f := range faults {
		if f.Index >= first && f.Index < first+n {
			f.Index -= first
			own = append(own, f)
		}
	}
	if len(faults) > firn.MaxFaults && faults[len(faults)-1].Index < first {
		own = append(own, firn.Fault{Path: "payload", Message: "was not validated: other appends that came at the same time had too many faults"})
	}
	return own
}

func (w *writer) stored(instanceID string, d *event.Draft, r *firn.Receipt) {
	w.event(&event.Event{ID: r.ID, InstanceID: instanceID, StreamID: r.StreamID, SequenceNumber: r.SequenceNumber,
		EventType: d.EventType, Timestamp: r.Timestamp, Payload: d.Payload, Metadata: d.Metadata})
	if r.Duplicate {
		w.buf = append(w.buf[:len(w.buf)-1], `,"duplicate":true}`...)
	}
}
