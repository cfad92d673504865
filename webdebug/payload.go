package webdebug

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/firnlog/firn/event"
)

// Payload is what Add and Start take: one of the types of this package.
type Payload interface {
	debugType() string
	// appendPayload writes a JSON object whose texts are cut at limit bytes.
	appendPayload(dst []byte, limit int) []byte
}

// Log is a line of the application's log, for those that do not use slog.
type Log struct {
	Message string // without date and time in front
	Context string // JSON of any form
}

// Query is a request to a database, a cache or another service.
type Query struct {
	Target string // mysql, redis, the name of a service
	Query  string
	Syntax string // how to show it: sql, json, xml or text; "" = text
}

// Middleware is a middleware that ran. WrapMiddleware records one.
type Middleware struct{ Name string }

// Template is a template that was rendered. Execute records one.
type Template struct{ Name string }

// Email is a mail that was sent.
type Email struct {
	Subject     string
	Body        string // HTML or plain text
	From        string
	To, Cc, Bcc []string
	ReplyTo     string
	Attachments []string // names of files
}

// Listener is a listener of the application that was called. Its type is
// event.
type Listener struct {
	Name  string
	Group string // kernel, app
}

// AccessCheck is a question for a permission. The votes of several voters may
// be recorded one by one, and the final result with a higher importance.
type AccessCheck struct {
	Access  Access
	Control string // what is guarded: article:2
	Object  string // who asks: user:admin
	Action  string // what for: publish
}

// Access is the answer to an access check.
type Access bool

// The answers.
const (
	Denied Access = false
	Grant  Access = true
)

// Custom is an event of the application's own type.
type Custom struct {
	Type string // "" = custom
	// Data becomes the payload, written as encoding/json/v2 does. What is no
	// JSON object becomes {"value": …}; what cannot be written becomes
	// {"error": …}.
	Data any
}

func (Log) debugType() string         { return "log" }
func (Query) debugType() string       { return "query" }
func (Middleware) debugType() string  { return "middleware" }
func (Template) debugType() string    { return "template" }
func (Email) debugType() string       { return "email" }
func (Listener) debugType() string    { return "event" }
func (AccessCheck) debugType() string { return "access_check" }
func (c Custom) debugType() string    { return first(cut(c.Type, event.MaxType), "custom") }

func (p Log) appendPayload(dst []byte, limit int) []byte {
	dst = appendText(append(dst, `{"message":`...), p.Message, limit)
	dst = appendMember(dst, `,"context":`, p.Context, limit)
	return append(dst, '}')
}

func (p Query) appendPayload(dst []byte, limit int) []byte {
	dst = appendText(append(dst, `{"target":`...), p.Target, limit)
	dst = appendText(append(dst, `,"query":`...), p.Query, limit)
	dst = appendMember(dst, `,"syntax":`, p.Syntax, limit)
	return append(dst, '}')
}

func (p Middleware) appendPayload(dst []byte, limit int) []byte {
	return append(appendText(append(dst, `{"name":`...), p.Name, limit), '}')
}

func (p Template) appendPayload(dst []byte, limit int) []byte {
	return append(appendText(append(dst, `{"name":`...), p.Name, limit), '}')
}

func (p Email) appendPayload(dst []byte, limit int) []byte {
	dst = appendText(append(dst, `{"subject":`...), p.Subject, limit)
	dst = appendText(append(dst, `,"body":`...), p.Body, limit)
	dst = appendText(append(dst, `,"from":`...), p.From, limit)
	dst = appendList(append(dst, `,"to":`...), p.To, limit)
	for _, list := range [...]struct {
		key   string
		texts []string
	}{{`,"cc":`, p.Cc}, {`,"bcc":`, p.Bcc}, {`,"attachments":`, p.Attachments}} {
		if len(list.texts) > 0 {
			dst = appendList(append(dst, list.key...), list.texts, limit)
		}
	}
	dst = appendMember(dst, `,"reply_to":`, p.ReplyTo, limit)
	return append(dst, '}')
}

func (p Listener) appendPayload(dst []byte, limit int) []byte {
	dst = appendText(append(dst, `{"name":`...), p.Name, limit)
	dst = appendMember(dst, `,"group":`, p.Group, limit)
	return append(dst, '}')
}

func (p AccessCheck) appendPayload(dst []byte, limit int) []byte {
	access := `{"access":"DENIED"`
	if p.Access == Grant {
		access = `{"access":"GRANT"`
	}
	dst = append(dst, access...)
	dst = appendMember(dst, `,"control":`, p.Control, limit)
	dst = appendMember(dst, `,"object":`, p.Object, limit)
	dst = appendMember(dst, `,"action":`, p.Action, limit)
	return append(dst, '}')
}

// appendPayload calls the application's code, which may call this package.
func (c Custom) appendPayload(dst []byte, limit int) []byte {
	text, err := encode(c.Data)
	if err == nil && jsontext.Value(text).Kind() != '{' {
		text = append(append([]byte(`{"value":`), text...), '}')
	}
	var object jsontext.Value
	if err == nil {
		// As strict as the log is: one event that it refuses costs the scheme.
		object, err = event.CompactObject(text, event.Limits{EventBytes: limit})
	}
	if err == nil {
		return append(dst, object...)
	}
	dst = appendText(append(dst, `{"error":`...), err.Error(), limit)
	if bad, ok := errors.AsType[*event.InvalidError](err); ok && bad.Code == event.CodeEventTooLarge {
		dst = appendText(append(dst, `,"excerpt":`...), string(text), limit)
	}
	return append(dst, '}')
}

func encode(data any) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("writing %T as JSON panics: %v", data, p)
		}
	}()
	return json.Marshal(data, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
}

// appendMember writes key and text, or nothing where there is no text.
func appendMember(dst []byte, key, text string, limit int) []byte {
	if text == "" {
		return dst
	}
	return appendText(append(dst, key...), text, limit)
}

const maxList = 1000 // texts of one list

func appendList(dst []byte, texts []string, limit int) []byte {
	dst = append(dst, '[')
	for i, text := range texts[:min(len(texts), maxList)] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, text, limit)
	}
	return append(dst, ']')
}

// appendText writes a JSON string. One that is longer than limit says how much
// is missing.
func appendText(dst []byte, text string, limit int) []byte {
	if len(text) <= limit {
		return event.AppendQuoted(dst, text)
	}
	kept := cut(text, limit)
	dst = event.AppendQuoted(dst, kept)
	dst = append(dst[:len(dst)-1], "… ["...)
	dst = strconv.AppendInt(dst, int64(len(text)-len(kept)), 10)
	return append(dst, ` bytes cut]"`...)
}

// cut is the start of text, limit bytes or a little less: no character is
// split.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
