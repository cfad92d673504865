package querybook

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/server/door"
)

// rejection is an entry that is not stored.
type rejection struct {
	index int
	why   string
}

// lenient is how the list is taken apart: by the grammar alone, so that one bad
// entry does not cost the others. The parser of events is strict about each.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// parse reads the list that a page sends: {"type", "data", "timestamp"} each.
// Its error, a *door.Fault, is for a body that is no such list.
func parse(body []byte, limits event.Limits) (drafts []event.Draft, rejected []rejection, err error) {
	dec := jsontext.NewDecoder(bytes.NewReader(body), lenient...)
	if dec.PeekKind() != '[' {
		return nil, nil, notList(dec, body)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, nil, notJSON(body, err)
	}
	// A copy has room for what is added to each.
	entry := make([]byte, 0, 1<<10)
	for index := 0; dec.PeekKind() != ']'; index++ {
		if index == limits.BatchEvents {
			return nil, nil, &door.Fault{Status: http.StatusRequestEntityTooLarge, Code: "too_large",
				Message: fmt.Sprintf("the list has more than %d events", limits.BatchEvents)}
		}
		var bad string
		entry, bad, err = readEntry(dec, entry[:0])
		if err != nil {
			return nil, nil, notJSON(body, err)
		}
		if bad == "" {
			own := bytes.Clone(entry) // the draft is parts of it
			draft, invalid := event.ParseLine(own, limits)
			if invalid == nil {
				drafts = append(drafts, draft)
				continue
			}
			bad = reason(invalid)
		}
		rejected = append(rejected, rejection{index, bad})
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, nil, notJSON(body, err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, nil, door.Bad("the body must be one JSON list, and nothing behind it")
	}
	return drafts, rejected, nil
}

// readEntry reads an entry and appends it to dst as the parser of events takes
// it. bad says why it can be no event; err is for a broken body.
func readEntry(dec *jsontext.Decoder, dst []byte) (_ []byte, bad string, err error) {
	if dec.PeekKind() != '{' {
		_, err := dec.ReadValue()
		return dst, `must be an object: {"type": …, "data": …, "timestamp": …}`, err
	}
	if _, err := dec.ReadToken(); err != nil {
		return dst, "", err
	}
	dst = append(dst, '{')
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return dst, "", err
		}
		name := token.String() // before dec goes on
		value, err := dec.ReadValue()
		if err != nil {
			return dst, "", err
		}
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendQuoted(dst, name), ':')
		switch name {
		case "type", "event_type", "timestamp", "created_at":
			dst = append(dst, value...)
		case "data", "event_data":
			dst = appendObject(dst, value)
		case "uid":
			bad = "uid: is not for the page to say; it comes with the URL"
		default:
			bad = fmt.Sprintf("%.80q: is no member of an event; known: type, data, timestamp", name)
		}
	}
	_, err = dec.ReadToken()
	return append(dst, '}'), bad, err
}

// appendObject appends a value as a payload: what is no object becomes one.
func appendObject(dst []byte, value jsontext.Value) []byte {
	if value.Kind() == '{' {
		return append(dst, value...)
	}
	return append(append(append(dst, `{"value":`...), value...), '}')
}

func notList(dec *jsontext.Decoder, body []byte) error {
	if _, err := dec.ReadValue(); err != nil {
		return notJSON(body, err)
	}
	return door.Bad("the body must be a list of events")
}

func notJSON(body []byte, err error) error {
	var broken *jsontext.SyntacticError
	if errors.As(err, &broken) {
		return door.Bad(fmt.Sprintf("the body is not valid JSON at %s: %s", event.Place(body, int(broken.ByteOffset)), broken.Err))
	}
	return door.Bad("the body is not whole JSON")
}
