package codebolt

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"io"
	"unicode/utf8"
)

const (
	// firstRead is where the buffer of a frame begins.
	firstRead = 2 << 10
	// discardMost is how many times over the limit a frame is read on to answer
	// it; beyond, the connection is closed.
	discardMost = 8
	// maxEcho bounds what of a request is sent back: its type and requestId.
	maxEcho = 1 << 10
	// headBytes is how much of a frame that is not kept is searched for these.
	headBytes = 4 << 10
)

var (
	errFrameTooLarge = errors.New("the frame is too large")
	errNoMemory      = errors.New("too much is in flight")
	errEndless       = errors.New("the frame does not end")
)

// receive reads a frame of at most limit bytes and takes its memory, held
// bytes, from the budget. What is too large, or too much for the budget, is
// read to its end and its head is returned with errFrameTooLarge or
// errNoMemory, so that it can be answered. Other errors end the connection.
func receive(from io.Reader, limit int64, memory Memory) (frame []byte, held int64, err error) {
	size := int64(firstRead)
	for {
		size = min(size, limit+1) // one more than is taken, to see the end
		if !memory.TryAcquire(size - held) {
			return refuse(from, frame, held, limit, memory, errNoMemory)
		}
		held = size
		frame = append(make([]byte, 0, size), frame...)
		for int64(len(frame)) < size {
			n, err := from.Read(frame[len(frame):size])
			frame = frame[:len(frame)+n]
			if errors.Is(err, io.EOF) && int64(len(frame)) <= limit {
				return frame, held, nil
			}
			if err != nil && !errors.Is(err, io.EOF) {
				memory.Release(held)
				return nil, 0, err
			}
			if int64(len(frame)) > limit {
				return refuse(from, frame, held, limit, memory, errFrameTooLarge)
			}
		}
		size *= 4
	}
}

// refuse reads a frame to its end and keeps its head only.
func refuse(from io.Reader, frame []byte, held, limit int64, memory Memory, why error) ([]byte, int64, error) {
	head := bytes.Clone(frame[:min(len(frame), headBytes)])
	memory.Release(held)
	rest := &io.LimitedReader{R: from, N: discardMost * limit}
	more, err := io.ReadAll(io.LimitReader(rest, headBytes-int64(len(head))))
	if err == nil {
		_, err = io.Copy(io.Discard, rest)
	}
	if err == nil && rest.N == 0 {
		err = errEndless
	}
	if err != nil {
		return nil, 0, err
	}
	return append(head, more...), 0, why
}

// request is a frame on its way through the door.
type request struct {
	// kind is the type as text; typeText and id are the JSON of type and
	// requestId as they go back, empty where there are none that can.
	kind         string
	typeText, id jsontext.Value
	params       jsontext.Value // as it came; nil = none
	op           *operation
	batch        *batch // what is to be appended; nil for other operations

	held     int64 // bytes of the budget
	counted  bool  // it counts as begun
	slot     bool  // it has a slot of the reads
	answered bool
}

// endpoint names the request in records of denials.
func (r *request) endpoint() string { return "/codebolt " + r.kind }

// lenient is how an envelope is taken apart: by the grammar alone. Who reads
// the parts is strict about what is in them.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// parse takes a frame apart. Where it fails r has what was found until then,
// so that the error reaches the caller who waits for it. Members that the
// envelope does not know are passed over.
func (r *request) parse(frame []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(frame), lenient...)
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); err != nil {
			return notJSON("the frame", frame, err)
		}
		return invalid("", "the frame must be a JSON object")
	}
	seen := map[string]bool{}
	var fault error
	err := members(dec, frame, func(name string, value jsontext.Value) error {
		if name != "type" && name != "requestId" && name != "params" {
			return nil
		}
		if seen[name] {
			fault = firstOf(fault, invalid(name, "is given twice"))
			return nil
		}
		seen[name] = true
		switch name {
		case "type":
			fault = firstOf(fault, r.readType(value))
		case "requestId":
			fault = firstOf(fault, r.readID(value))
		case "params":
			r.params = value
		}
		return nil
	})
	if err != nil {
		return notJSON("the frame", frame, err)
	}
	if fault != nil {
		return fault
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return invalid("", "the frame must be one JSON object, and nothing behind it")
	}
	if r.typeText == nil {
		return invalid("type", "is missing; it names the operation, such as eventLog.appendEvent")
	}
	return nil
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (r *request) readType(value jsontext.Value) error {
	text, err := jsontext.AppendUnquote(nil, value)
	if value.Kind() != '"' || err != nil || len(text) == 0 || len(value) > maxEcho {
		return invalid("type", "must be a string that names an operation, such as eventLog.appendEvent")
	}
	r.kind, r.typeText = string(text), value
	return nil
}

// readID keeps the requestId in its own spelling: a client may count.
func (r *request) readID(value jsontext.Value) error {
	if value.Kind() == 'n' {
		return nil
	}
	if k := value.Kind(); k != '"' && k != '0' || len(value) > maxEcho || !utf8.Valid(value) {
		return invalid("requestId", "must be a string of at most %d bytes", maxEcho)
	}
	r.id = value
	return nil
}

// members calls fn with every member of the object that dec is before. text is
// what dec reads; values are parts of it.
func members(dec *jsontext.Decoder, text []byte, fn func(name string, value jsontext.Value) error) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		key := name.String() // before dec goes on
		value, err := readValue(dec, text)
		if err != nil {
			return err
		}
		if err := fn(key, value); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// readValue reads a value as a part of text.
func readValue(dec *jsontext.Decoder, text []byte) (jsontext.Value, error) {
	v, err := dec.ReadValue()
	if err != nil {
		return nil, err
	}
	end := dec.InputOffset()
	return text[end-int64(len(v)) : end : end], nil
}
