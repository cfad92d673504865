package webdebug

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/firnlog/firn/event"
)

const (
	redacted  = "[redacted]"
	maxParams = 500 // of one table of a request
)

// secret reports whether values of a name stay in the process: of the name as a
// whole, or of one of those that forms put into it, as in user[password] or
// user.password.
func (o *Options) secret(name string) bool {
	if o.redacts(name) {
		return true
	}
	if strings.ContainsAny(name, "[.") {
		for part := range strings.FieldsFuncSeq(name, func(c rune) bool { return c == '[' || c == ']' || c == '.' }) {
			if o.redacts(part) {
				return true
			}
		}
	}
	return false
}

func (o *Options) redacts(name string) bool {
	for _, s := range o.Redact {
		if strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}

// appendRequest writes the request event's payload, but for what is known only
// at its end (the body, the session), and leaves it open.
func (c *Collector) appendRequest(dst []byte, r *http.Request) []byte {
	limit := c.opts.TextBytes
	dst = appendText(append(dst, `{"method":`...), r.Method, limit)
	query := c.redactQuery(r.URL.RawQuery)
	dst = appendText(append(dst, `,"uri":`...), uri(r.URL.EscapedPath(), query), limit)
	dst = c.appendHeader(append(dst, `,"headers":`...), r)
	if query != "" {
		dst = c.appendQuery(append(dst, `,"query":`...), query)
	}
	if len(r.Header["Cookie"]) > 0 {
		dst = c.appendCookies(append(dst, `,"cookies":`...), r)
	}
	return dst
}

func uri(path, query string) string {
	if path == "" {
		path = "/"
	}
	if query == "" {
		return path
	}
	return path + "?" + query
}

// appendHeader writes a request's header sorted by name, its host first.
func (c *Collector) appendHeader(dst []byte, r *http.Request) []byte {
	dst = appendParam(append(dst, '['), "Host", r.Host, c.opts.TextBytes)
	var room [32]string
	names := room[:0]
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	left := maxParams
	for _, name := range names {
		hide := c.opts.secret(name)
		for _, value := range r.Header[name] {
			if left--; left < 0 {
				break
			}
			switch {
			case hide:
				value = redacted
			case name == "Referer":
				value = c.redactURI(value)
			}
			dst = appendParam(append(dst, ','), name, value, c.opts.TextBytes)
		}
	}
	return append(dst, ']')
}

// redactURI is a URI without the secrets in its query.
func (c *Collector) redactURI(uri string) string {
	path, query, found := strings.Cut(uri, "?")
	if !found {
		return uri
	}
	return path + "?" + c.redactQuery(query)
}

// redactQuery is a query string without the values of secrets; all else is as
// it was.
func (c *Collector) redactQuery(query string) string {
	if query == "" || !c.hasSecret(query) {
		return query
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, valued := strings.Cut(pair, "=")
		if valued && c.opts.secret(unescape(name)) {
			pairs[i] = name + "=" + redacted
		}
	}
	return strings.Join(pairs, "&")
}

func (c *Collector) hasSecret(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if c.opts.secret(unescape(name)) {
			return true
		}
	}
	return false
}

// appendQuery writes the parameters of a query or a form in their order, those
// that come twice, too. It redacts: a redacted query stays so.
func (c *Collector) appendQuery(dst []byte, query string) []byte {
	dst = append(dst, '[')
	n := 0
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		if n++; n > maxParams {
			break
		}
		if n > 1 {
			dst = append(dst, ',')
		}
		name, value, _ := strings.Cut(pair, "=")
		name = unescape(name)
		if value = unescape(value); c.opts.secret(name) {
			value = redacted
		}
		dst = appendParam(dst, name, value, c.opts.TextBytes)
	}
	return append(dst, ']')
}

// unescape decodes a part of a query; what is badly escaped stays as it is.
func unescape(part string) string {
	if text, err := url.QueryUnescape(part); err == nil {
		return text
	}
	return part
}

func (c *Collector) appendCookies(dst []byte, r *http.Request) []byte {
	dst = append(dst, '[')
	hide := c.opts.secret("Cookie")
	n := 0
	for _, line := range r.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.TrimSpace(pair); pair == "" || n >= maxParams {
				continue
			}
			name, value, _ := strings.Cut(pair, "=")
			n++
			if n > 1 {
				dst = append(dst, ',')
			}
			if hide || c.opts.secret(name) {
				value = redacted
			}
			dst = appendParam(dst, name, value, c.opts.TextBytes)
		}
	}
	return append(dst, ']')
}

// appendParams writes parameters that the application gave.
func (c *Collector) appendParams(dst []byte, params []Param) []byte {
	dst = append(dst, '[')
	for i, p := range params[:min(len(params), maxParams)] {
		if i > 0 {
			dst = append(dst, ',')
		}
		if c.opts.secret(p.Key) {
			p.Value = redacted
		}
		dst = appendParam(dst, p.Key, p.Value, c.opts.TextBytes)
	}
	return append(dst, ']')
}

func appendParam(dst []byte, key, value string, limit int) []byte {
	dst = event.AppendQuoted(append(dst, `{"key":`...), cut(key, limit))
	dst = appendText(append(dst, `,"value":`...), value, limit)
	return append(dst, '}')
}
