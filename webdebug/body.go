package webdebug

import (
	"bytes"
	"encoding/json/jsontext"
	"io"
	"mime"
	"net/http"
	"strconv"
	"sync"
)

// bodyTee is a request's body that keeps the start of what the application
// reads.
type bodyTee struct {
	io.ReadCloser
	form  bool // a form; otherwise JSON
	limit int

	mu   sync.Mutex // a proxy's transport may read on when the request is over
	kept []byte
	more bool // there was more than limit
}

// teeBody lets r's body be looked at, if it is a form or JSON.
func (c *Collector) teeBody(r *http.Request) *bodyTee {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 || c.opts.BodyBytes < 0 {
		return nil
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := media == "application/x-www-form-urlencoded"
	if !form && media != "application/json" {
		return nil
	}
	t := &bodyTee{ReadCloser: r.Body, form: form, limit: c.opts.BodyBytes}
	r.Body = t
	return t
}

func (t *bodyTee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	keep := min(n, t.limit-len(t.kept))
	t.kept = append(t.kept, p[:keep]...)
	t.more = t.more || keep < n
	return n, err
}

// appendBody writes the fields of the body that the application read, as far
// as it is known.
func (c *Collector) appendBody(dst []byte, t *bodyTee) []byte {
	if t == nil {
		return dst
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.kept
	if len(text) == 0 {
		return dst
	}
	dst = append(dst, `,"body":`...)
	if !t.form {
		return c.appendJSON(dst, text)
	}
	if t.more { // the last field may have lost its end
		text = text[:bytes.LastIndexByte(text, '&')+1]
	}
	return c.appendQuery(dst, string(text))
}

// appendJSON writes every scalar in a JSON text as a parameter whose key is
// the way to it: user.name, items[0].id. Where the text ends early or is none,
// it writes what there was before.
func (c *Collector) appendJSON(dst []byte, text []byte) []byte {
	f := flattener{collector: c, in: jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	f.dst = append(dst, '[')
	f.value("", false, 0)
	return append(f.dst, ']')
}

type flattener struct {
	collector *Collector
	in        *jsontext.Decoder
	dst       []byte
	n         int // parameters so far
}

// value writes the next value and reports whether to go on.
func (f *flattener) value(key string, hide bool, depth int) bool {
	token, err := f.in.ReadToken()
	if err != nil || depth > MaxNesting || f.n >= maxParams {
		return false
	}
	switch token.Kind() {
	case '{':
		return f.object(key, hide, depth)
	case '[':
		return f.array(key, hide, depth)
	default:
		f.scalar(key, hide, token.String())
		return true
	}
}

func (f *flattener) scalar(key string, hide bool, value string) {
	if hide {
		value = redacted
	}
	if f.n++; f.n > 1 {
		f.dst = append(f.dst, ',')
	}
	f.dst = appendParam(f.dst, key, value, f.collector.opts.TextBytes)
}

func (f *flattener) object(key string, hide bool, depth int) bool {
	if key != "" {
		key += "."
	}
	for f.in.PeekKind() == '"' {
		token, err := f.in.ReadToken()
		if err != nil {
			return false
		}
		name := token.String()
		if !f.value(key+name, hide || f.collector.opts.secret(name), depth+1) {
			return false
		}
	}
	_, err := f.in.ReadToken()
	return err == nil
}

func (f *flattener) array(key string, hide bool, depth int) bool {
	for i := 0; f.in.PeekKind() != ']'; i++ {
		if !f.value(key+"["+strconv.Itoa(i)+"]", hide, depth+1) {
			return false
		}
	}
	_, err := f.in.ReadToken()
	return err == nil
}
