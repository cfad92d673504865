package event

import (
	"encoding/json/jsontext"
	"fmt"
	"slices"
	"sync"
)

// ParseBatch reads a batch from JSON: one event object, or an array of them,
// possibly empty. It is Parser.Batch with lim, and as strict.
func ParseBatch(body []byte, lim Limits) ([]Draft, error) {
	p := borrowParser(lim)
	defer p.giveBack()
	return p.Batch(body)
}

// ParseLine reads one event from JSON, such as a line of NDJSON. It is as strict
// as ParseBatch; the Index of its error is -1.
func ParseLine(line []byte, lim Limits) (Draft, error) {
	p := borrowParser(lim)
	defer p.giveBack()
	d, err := p.one(line)
	if err != nil {
		return Draft{}, err
	}
	return d, nil
}

// Parser reads events from JSON, strictly and without loss. Every error it
// returns is an *InvalidError, and then nothing is kept.
//
// It refuses text that is no JSON or no UTF-8, lone surrogates, duplicate keys,
// too deep nesting, extreme numbers, sizes over the limits. It takes each of the
// spellings of a field (a type is event_type, eventType or type) and refuses two
// spellings of one field, unknown fields, and the fields that only the log sets
// (instance_id, sequence_number, position, recorded_at, category). A field other
// than event_type, payload and metadata may be null, which is as if it were not
// there.
//
// The drafts share the memory of the text: their strings, payloads and metadata
// are slices of it where they can be. The text must not be changed for as long
// as they are used.
//
// The zero Parser is ready for use, by one goroutine at a time.
type Parser struct {
	// Limits bounds what is accepted.
	Limits Limits
	// DropServerFields ignores the fields that only the log sets instead of
	// refusing them, so that what was exported can be imported.
	DropServerFields bool

	scan scanner
	// strings is where the pointers of actors and subjects point to: several
	// share one allocation.
	strings []string
	// first is where in the text each field of the current event was named.
	first [fieldCount]int
	limit int
}

var parsers = sync.Pool{New: func() any { return new(Parser) }}

func borrowParser(lim Limits) *Parser {
	p := parsers.Get().(*Parser)
	p.Limits, p.DropServerFields = lim, false
	return p
}

// giveBack drops what refers to the caller's text and what the drafts share.
func (p *Parser) giveBack() {
	p.scan.reset(nil)
	p.scan.scratch, p.strings = nil, nil
	parsers.Put(p)
}

// Batch reads one event object, or an array of them, possibly empty.
func (p *Parser) Batch(body []byte) ([]Draft, error) {
	lim := p.Limits.WithDefaults()
	if len(body) > lim.BatchBytes {
		return nil, &InvalidError{Index: -1, Code: CodeBatchTooLarge, Offset: -1, Message: fmt.Sprintf(
			"the batch is %d bytes; the most is %d", len(body), lim.BatchBytes)}
	}
	p.begin(body)
	i := skipSpace(body, 0)
	switch KindOf(body[i:]) {
	case '{':
		drafts := make([]Draft, 1)
		end, err := p.event(i, &drafts[0])
		if err == nil {
			err = p.end(end)
		}
		if err != nil {
			return nil, err.at(0)
		}
		return drafts, nil
	case '[':
		return p.array(i, lim.BatchEvents)
	case 0:
		return nil, &InvalidError{Index: -1, Code: CodeInvalidJSON, Offset: i,
			Message: "the body is empty; want an event object or an array of them"}
	default:
		return nil, p.notEvents(i, "the body", "an event object or an array of them")
	}
}

// AppendLine reads one event, such as a line of NDJSON, and appends it to dst.
// The Index of its error is the place that the event would have had in dst.
func (p *Parser) AppendLine(dst []Draft, line []byte) ([]Draft, error) {
	d, err := p.one(line)
	if err != nil {
		return dst, err.at(len(dst))
	}
	return append(dst, d), nil
}

// one reads a text that is one event.
func (p *Parser) one(line []byte) (d Draft, bad *InvalidError) {
	if most := p.Limits.WithDefaults().BatchBytes; len(line) > most {
		return d, &InvalidError{Index: -1, Code: CodeBatchTooLarge, Offset: -1, Message: fmt.Sprintf(
			"the event is %d bytes of JSON; the most is %d", len(line), most)}
	}
	p.begin(line)
	i := skipSpace(line, 0)
	if i == len(line) {
		return d, &InvalidError{Index: -1, Code: CodeInvalidJSON, Offset: i,
			Message: "the line is empty; want an event object"}
	}
	if line[i] != '{' {
		return d, p.notEvents(i, "the line", "an event object")
	}
	end, bad := p.event(i, &d)
	if bad == nil {
		bad = p.end(end)
	}
	return d, bad
}

// begin makes the parser ready for a text.
func (p *Parser) begin(text []byte) {
	p.scan.reset(text)
	p.limit = p.Limits.WithDefaults().EventBytes
}

// array reads the events of the array that starts at body[i].
func (p *Parser) array(i, most int) ([]Draft, error) {
	body := p.scan.text
	drafts := []Draft{}
	i = skipSpace(body, i+1)
	if i < len(body) && body[i] == ']' {
		i++
	} else {
		for more := true; more; {
			var err *InvalidError
			if drafts, i, more, err = p.element(drafts, i, most); err != nil {
				return nil, err
			}
		}
	}
	if err := p.end(i); err != nil {
		return nil, err
	}
	return drafts, nil
}

// element reads the event at i and what follows it: a comma, and then there is
// more, or the end of the array.
func (p *Parser) element(drafts []Draft, i, most int) (_ []Draft, end int, more bool, bad *InvalidError) {
	n, body := len(drafts), p.scan.text
	if n == most {
		return nil, 0, false, &InvalidError{Index: -1, Code: CodeTooManyEvents, Offset: i,
			Message: fmt.Sprintf("the batch has more than %d events", most)}
	}
	if i >= len(body) || body[i] != '{' {
		return nil, 0, false, p.notEvents(i, "the element", "an event object").at(n)
	}
	drafts = append(drafts, Draft{})
	if end, bad = p.event(i, &drafts[n]); bad != nil {
		return nil, 0, false, bad.at(n)
	}
	if n == 0 {
		// The others are likely to be about as long as the first.
		drafts = slices.Grow(drafts, min(most, (len(body)-end)/(end-i)+1))
	}
	end = skipSpace(body, end)
	if end < len(body) && body[end] == ',' {
		return drafts, skipSpace(body, end+1), true, nil
	}
	if end < len(body) && body[end] == ']' {
		return drafts, end + 1, false, nil
	}
	p.scan.expected(end, `"," or "]" after the event`)
	return nil, 0, false, p.scan.bad.invalid(body, end, nil).at(n)
}

// end refuses anything but white space from i on, behind an event or a batch.
func (p *Parser) end(i int) *InvalidError {
	bad := p.scan.end(i)
	if bad != nil && p.scan.text[bad.Offset] == '{' {
		bad.Message += "; several events go into an array, or as NDJSON with Content-Type application/x-ndjson"
	}
	return bad
}

// end refuses anything but white space from i on.
func (s *scanner) end(i int) *InvalidError {
	if i = skipSpace(s.text, i); i == len(s.text) {
		return nil
	}
	s.expected(i, "the end of the text")
	return s.bad.invalid(s.text, i, nil)
}

// notEvents says that there is another value than events at i, or none.
func (p *Parser) notEvents(i int, what, want string) *InvalidError {
	s := &p.scan
	if kind := kindName(s.text[i:]); kind != "" {
		return &InvalidError{Index: -1, Code: CodeWrongType, Offset: i,
			Message: what + " must be " + want + ", is " + kind}
	}
	s.expected(i, want)
	return s.bad.invalid(s.text, i, nil)
}

// kindName is the type of the value that starts text, with its article; "" if
// none starts there.
func kindName(text []byte) string {
	switch KindOf(text) {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	case jsontext.KindNumber:
		if text[0] == '-' || text[0]-'0' <= 9 {
			return "a number"
		}
	}
	return ""
}

// at returns the error as one about the event of a batch.
func (e *InvalidError) at(index int) *InvalidError {
	e.Index = index
	return e
}
