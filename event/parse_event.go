package event

import (
	"encoding/json/jsontext"
	"fmt"
	"strconv"
	"time"
)

// event reads the object that starts at text[i] into d, which is zero.
func (p *Parser) event(i int, d *Draft) (end int, bad *InvalidError) {
	s := &p.scan
	text := s.text
	start := i
	p.first = [fieldCount]int{}
	i = skipSpace(text, i+1)
	if i < len(text) && text[i] == '}' {
		return 0, missingType(start)
	}
	for {
		var key int
		var f field
		if key, i, f, bad = p.fieldName(i); bad != nil {
			return 0, bad
		}
		if i, bad = p.fieldValue(d, f, key, i); bad != nil {
			return 0, bad
		}
		i = skipSpace(text, i)
		if i < len(text) && text[i] == ',' {
			i = skipSpace(text, i+1)
			continue
		}
		if i < len(text) && text[i] == '}' {
			break
		}
		s.expected(i, `"," or "}" after the value`)
		return 0, s.bad.invalid(text, start, nil)
	}
	if d.EventType == "" {
		return 0, missingType(start)
	}
	if size := len(d.Payload) + len(d.Metadata); size > p.limit {
		return 0, &InvalidError{Index: -1, Code: CodeEventTooLarge, Offset: start, Message: tooLarge(p.limit)}
	}
	return i + 1, nil
}

func missingType(start int) *InvalidError {
	return &InvalidError{Index: -1, Path: "event_type", Code: CodeMissingField, Offset: start,
		Message: `is missing; every event needs a type such as "user.login"`}
}

// fieldName reads the key at i. It returns where the key is, where its value
// begins, and the field that it names.
func (p *Parser) fieldName(i int) (key, value int, f field, bad *InvalidError) {
	s := &p.scan
	text := s.text
	if i >= len(text) || text[i] != '"' {
		s.expected(i, "a key in quotes")
		return 0, 0, 0, s.bad.invalid(text, i, nil)
	}
	key = i
	if i = s.str(i); i < 0 {
		return 0, 0, 0, s.bad.invalid(text, key, nil)
	}
	name := s.keyText(keyRef{start: key, end: i, escaped: s.escaped})
	f = fieldNamed(name)
	if f == fieldUnknown {
		return 0, 0, 0, &InvalidError{Index: -1, Code: CodeUnknownField, Offset: key, Message: unknownField(name)}
	}
	if p.first[f] != 0 {
		return 0, 0, 0, p.twice(f, key, name)
	}
	p.first[f] = key
	if f.byLog() && !p.DropServerFields {
		return 0, 0, 0, &InvalidError{Index: -1, Code: CodeServerField, Offset: key,
			Message: strconv.Quote(name) + " is set by the log; leave it out"}
	}
	i = skipSpace(text, i)
	if i >= len(text) || text[i] != ':' {
		s.expected(i, `":" after the key`)
		return 0, 0, 0, s.bad.invalid(text, i, nil)
	}
	return key, skipSpace(text, i+1), f, nil
}

// twice is the error of a field that is named a second time.
func (p *Parser) twice(f field, key int, name string) *InvalidError {
	text := p.scan.text
	before := Unquoted(text[p.first[f]:SkipString(text, p.first[f])])
	if before == name {
		return &InvalidError{Index: -1, Code: CodeDuplicateKey, Offset: key,
			Message: "duplicate key " + strconv.Quote(name)}
	}
	return &InvalidError{Index: -1, Code: CodeTwoSpellings, Offset: key, Message: fmt.Sprintf(
		"%q and %q name the same field; send one of them", before, name)}
}

// fieldValue reads the value at i of the field that was named at key.
func (p *Parser) fieldValue(d *Draft, f field, key, i int) (end int, bad *InvalidError) {
	s := &p.scan
	switch f {
	case fieldPayload:
		d.Payload, end, bad = p.object(key, i)
	case fieldMetadata:
		d.Metadata, end, bad = p.object(key, i)
	case fieldID:
		d.ID, end, bad = p.text(key, i, MaxID)
	case fieldStream:
		d.StreamID, end, bad = p.text(key, i, MaxStream)
	case fieldType:
		d.EventType, end, bad = p.text(key, i, MaxType)
	case fieldTimestamp:
		d.Timestamp, end, bad = p.time(key, i)
	case fieldSeverity:
		d.Severity, end, bad = p.severity(key, i)
	case fieldActor:
		d.Actor, end, bad = p.actor(key, i)
	case fieldSubject:
		d.Subject, end, bad = p.person(key, i)
	default: // set by the log, to be dropped
		if _, end = s.compact(i, p.limit); end < 0 {
			bad = p.invalid(key, i)
		}
	}
	return end, bad
}

// invalid is the error of the scanner's fault in the value at i of the field
// that was named at key.
func (p *Parser) invalid(key, i int) *InvalidError {
	text := p.scan.text
	return p.scan.bad.invalid(text, i, appendPathMember(nil, text[key:SkipString(text, key)]))
}

// wrong is an error about the value at i of the field that was named at key.
func (p *Parser) wrong(key, i int, code Code, message string) *InvalidError {
	text := p.scan.text
	path := appendPathMember(nil, text[key:SkipString(text, key)])
	return &InvalidError{Index: -1, Path: string(path), Code: code, Message: message, Offset: i}
}

// wrongType is the error of a value of another type, or of none, at i.
func (p *Parser) wrongType(key, i int, want string) *InvalidError {
	text := p.scan.text
	if kind := kindName(text[min(i, len(text)):]); kind != "" {
		return p.wrong(key, i, CodeWrongType, "must be "+want+", is "+kind)
	}
	p.scan.expected(i, "a value")
	return p.invalid(key, i)
}

// isNull reports whether there is a null at i.
func (p *Parser) isNull(i int) bool {
	text := p.scan.text
	return len(text)-i >= 4 && string(text[i:i+4]) == "null"
}

// object reads a payload or metadata.
func (p *Parser) object(key, i int) (v jsontext.Value, end int, bad *InvalidError) {
	s := &p.scan
	if i >= len(s.text) || s.text[i] != '{' {
		return nil, 0, p.wrongType(key, i, "an object")
	}
	if v, end = s.compact(i, p.limit); end < 0 {
		return nil, 0, p.invalid(key, i)
	}
	return v, end, nil
}

// str reads a string.
func (p *Parser) str(key, i int) (v string, end int, bad *InvalidError) {
	s := &p.scan
	if i >= len(s.text) || s.text[i] != '"' {
		return "", 0, p.wrongType(key, i, "a string")
	}
	if end = s.str(i); end < 0 {
		return "", 0, p.invalid(key, i)
	}
	return s.keyText(keyRef{start: i, end: end, escaped: s.escaped}), end, nil
}

// text reads a string of 1 to most bytes; null is none.
func (p *Parser) text(key, i, most int) (v string, end int, bad *InvalidError) {
	if p.isNull(i) {
		return "", i + 4, nil
	}
	if v, end, bad = p.str(key, i); bad != nil {
		return "", 0, bad
	}
	if code, message := checkText(v, most); code != "" {
		return "", 0, p.wrong(key, i, code, message)
	}
	return v, end, nil
}

// checkText checks the length of a text of 1 to most bytes.
func checkText(v string, most int) (Code, string) {
	switch {
	case v == "":
		return CodeEmpty, fmt.Sprintf("is empty; want 1 to %d bytes", most)
	case len(v) > most:
		return CodeTooLong, fmt.Sprintf("is %d bytes long; the most is %d", len(v), most)
	}
	return "", ""
}

// person reads a string or null: an actor or a subject.
func (p *Parser) person(key, i int) (v *string, end int, bad *InvalidError) {
	if p.isNull(i) {
		return nil, i + 4, nil
	}
	text, end, bad := p.str(key, i)
	if bad != nil {
		return nil, 0, bad
	}
	if len(text) > p.limit {
		return nil, 0, p.wrong(key, i, CodeTooLong, fmt.Sprintf("is %d bytes long; the most is %d", len(text), p.limit))
	}
	return p.keep(text), end, nil
}

// actor reads an actor; under the name uid it may be an integer, which stands
// for its text.
func (p *Parser) actor(key, i int) (v *string, end int, bad *InvalidError) {
	s := &p.scan
	if i >= len(s.text) || (s.text[i] != '-' && s.text[i]-'0' > 9) {
		return p.person(key, i)
	}
	if !EqualQuoted(s.text[key:SkipString(s.text, key)], "uid") {
		return p.person(key, i)
	}
	if end = s.number(i); end < 0 {
		return nil, 0, p.invalid(key, i)
	}
	text := shared(s.text[i:end])
	if !isInteger(text) {
		return nil, 0, p.wrong(key, i, CodeWrongType, "must be a string or an integer, is the number "+shownNumber(text))
	}
	return p.keep(text), end, nil
}

// isInteger reports whether a number literal has neither fraction nor exponent.
func isInteger(literal string) bool {
	for i := range len(literal) {
		switch literal[i] {
		case '.', 'e', 'E':
			return false
		}
	}
	return true
}

// keep returns a pointer to v.
func (p *Parser) keep(v string) *string {
	if len(p.strings) == cap(p.strings) {
		p.strings = make([]string, 0, min(max(2, 2*cap(p.strings)), 512))
	}
	p.strings = append(p.strings, v)
	return &p.strings[len(p.strings)-1]
}

// time reads a timestamp: RFC 3339, or a number of milliseconds since the epoch;
// null is none.
func (p *Parser) time(key, i int) (t time.Time, end int, bad *InvalidError) {
	s := &p.scan
	var micros int64
	var err error
	switch {
	case p.isNull(i):
		return time.Time{}, i + 4, nil
	case i < len(s.text) && (s.text[i] == '-' || s.text[i]-'0' <= 9):
		if end = s.number(i); end < 0 {
			return t, 0, p.invalid(key, i)
		}
		micros, err = ParseEpochMillis(shared(s.text[i:end]))
	case i < len(s.text) && s.text[i] == '"':
		var text string
		if text, end, bad = p.str(key, i); bad != nil {
			return t, 0, bad
		}
		micros, err = ParseTime(text)
	default:
		return t, 0, p.wrongType(key, i, "an RFC 3339 string or a number of milliseconds since the epoch")
	}
	if err == nil && micros == zeroMicros {
		err = errTimeZero
	}
	if err != nil {
		return t, 0, p.wrong(key, i, CodeInvalidTime, err.Error())
	}
	return time.UnixMicro(micros).UTC(), end, nil
}

// severity reads a severity by name or as 1 to 8; null is none.
func (p *Parser) severity(key, i int) (v Severity, end int, bad *InvalidError) {
	s := &p.scan
	switch {
	case p.isNull(i):
		return 0, i + 4, nil
	case i < len(s.text) && (s.text[i] == '-' || s.text[i]-'0' <= 9):
		if end = s.number(i); end < 0 {
			return 0, 0, p.invalid(key, i)
		}
		literal := s.text[i:end]
		if len(literal) != 1 || literal[0] < '1' || literal[0] > '8' {
			return 0, 0, p.wrong(key, i, CodeInvalidSeverity, shownNumber(string(literal))+" is no importance; want 1 (debug) to 8 (emergency)")
		}
		return Severity(literal[0] - '0'), end, nil
	case i < len(s.text) && s.text[i] == '"':
		name, end, bad := p.str(key, i)
		if bad != nil {
			return 0, 0, bad
		}
		v, ok := ParseSeverity(name)
		if !ok {
			return 0, 0, p.wrong(key, i, CodeInvalidSeverity, shownText(name)+" is no severity; one of "+SeverityNames)
		}
		return v, end, nil
	default:
		return 0, 0, p.wrongType(key, i, "the name of a severity or a number from 1 to 8")
	}
}

// shownNumber is a number literal as a message shows it.
func shownNumber(literal string) string {
	if len(literal) > 40 {
		return literal[:40] + "…"
	}
	return literal
}
