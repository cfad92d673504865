package webdebug

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"math"
	"time"
)

// UnmarshalJSON reads a scheme of either dialect and of the emitters that write
// a little beside them: uuid for id, relativePath for file. Types and keys come
// out as the snake_case dialect has them; where both spellings are there, its
// own wins. Keys that the protocol does not have are passed over in the
// envelope and kept in payloads; an importance outside 1 to 8 becomes the
// nearest inside. Refused are JSON that is none, a value of another type, and
// nesting deeper than MaxNesting.
func (s *Scheme) UnmarshalJSON(text []byte) error {
	var in schemeText
	if err := json.Unmarshal(text, &in); err != nil {
		return fmt.Errorf("scheme: %w", err)
	}
	events, err := readEvents(in.Events, 1)
	if err != nil {
		return fmt.Errorf("scheme %s: %w", first(in.ID, in.UUID), err)
	}
	*s = Scheme{ID: first(in.ID, in.UUID), Version: int(whole(in.Version)), Events: events}
	return nil
}

type schemeText struct {
	ID      string      `json:"id"`
	UUID    string      `json:"uuid"`
	Version float64     `json:"version"`
	Events  []eventText `json:"events"`
}

type eventText struct {
	Type        string         `json:"type"`
	Payload     jsontext.Value `json:"payload"`
	Tags        []string       `json:"tags"`
	Importance  *float64       `json:"importance"`
	Time        *float64       `json:"time"`
	Duration    *float64       `json:"duration"`
	Success     *bool          `json:"success"`
	CalledFrom  *locationText  `json:"called_from"`
	CalledFrom2 *locationText  `json:"calledFrom"`
	DefinedIn   *locationText  `json:"defined_in"`
	DefinedIn2  *locationText  `json:"definedIn"`
	Nested      []eventText    `json:"nested"`
}

type locationText struct {
	File    string  `json:"file"`
	File2   string  `json:"relativePath"`
	Line    float64 `json:"line"`
	Pos     float64 `json:"pos"`
	Pos2    float64 `json:"positionStart"`
	PosEnd  float64 `json:"pos_end"`
	PosEnd2 float64 `json:"positionEnd"`
}

var errNesting = fmt.Errorf("events nest deeper than %d", MaxNesting)

func readEvents(in []eventText, level int) ([]Event, error) {
	if len(in) == 0 {
		return nil, nil
	}
	if level > MaxNesting {
		return nil, errNesting
	}
	events := make([]Event, len(in))
	for i := range in {
		e, err := in[i].event(level)
		if errors.Is(err, errNesting) {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("events[%d]: %w", i, err)
		}
		events[i] = e
	}
	return events, nil
}

func (in *eventText) event(level int) (Event, error) {
	e := Event{
		Type: in.Type, Tags: in.Tags, Success: in.Success,
		CalledFrom: first(in.CalledFrom, in.CalledFrom2).location(),
		DefinedIn:  first(in.DefinedIn, in.DefinedIn2).location(),
	}
	if e.Type == "accessCheck" {
		e.Type = "access_check"
	}
	if in.Importance != nil {
		e.Importance = Importance(min(max(math.Round(*in.Importance), float64(Debug)), float64(Emergency)))
	}
	if in.Time != nil {
		e.Time = time.UnixMilli(whole(*in.Time)).UTC()
	}
	if in.Duration != nil {
		took := time.Duration(whole(*in.Duration)) * time.Millisecond
		e.Duration = &took
	}
	var err error
	if e.Payload, err = readPayload(e.Type, in.Payload); err != nil {
		return Event{}, err
	}
	e.Nested, err = readEvents(in.Nested, level+1)
	return e, err
}

func (in *locationText) location() *Location {
	if in == nil {
		return nil
	}
	return &Location{
		File: first(in.File, in.File2), Line: int(whole(in.Line)),
		Pos: int(whole(first(in.Pos, in.Pos2))), PosEnd: int(whole(first(in.PosEnd, in.PosEnd2))),
	}
}

// whole is the integer nearest to f, so far as milliseconds fit a
// time.Duration: some 290 years.
func whole(f float64) int64 {
	const most = float64(math.MaxInt64 / int64(time.Millisecond))
	return int64(math.Round(min(max(f, -most), most)))
}

// readPayload puts the one key of each type that the dialects spell
// differently into the snake_case one. All else stays as it came.
func readPayload(typ string, payload jsontext.Value) (jsontext.Value, error) {
	var canonical, alias string
	switch typ {
	case "email":
		canonical, alias = "reply_to", "replyTo"
	case "response":
		canonical, alias = "memory_peak", "memoryPeak"
	}
	if alias == "" || !bytes.Contains(payload, []byte(`"`+alias+`"`)) || payload.Kind() != '{' {
		return payload, nil
	}
	var out bytes.Buffer
	in, rest := jsontext.NewDecoder(bytes.NewReader(payload)), jsontext.NewEncoder(&out, jsontext.PreserveRawStrings(true))
	var aliased jsontext.Value
	there := false
	if err := copyToken(in, rest); err != nil {
		return nil, err
	}
	for in.PeekKind() == '"' {
		key, err := in.ReadToken()
		if err != nil {
			return nil, err
		}
		name := key.String()
		value, err := in.ReadValue()
		if err != nil {
			return nil, err
		}
		if name == alias {
			aliased = value.Clone()
			continue
		}
		there = there || name == canonical
		if err := writeMember(rest, name, value); err != nil {
			return nil, err
		}
	}
	if aliased != nil && !there {
		if err := writeMember(rest, canonical, aliased); err != nil {
			return nil, err
		}
	}
	if err := copyToken(in, rest); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

func copyToken(from *jsontext.Decoder, to *jsontext.Encoder) error {
	token, err := from.ReadToken()
	if err != nil {
		return err
	}
	return to.WriteToken(token)
}

func writeMember(to *jsontext.Encoder, name string, value jsontext.Value) error {
	if err := to.WriteToken(jsontext.String(name)); err != nil {
		return err
	}
	return to.WriteValue(value)
}

// first is the first value that is not zero.
func first[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}
