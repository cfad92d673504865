package server

import (
	"encoding/json/v2"
	"fmt"
	"net/http"
	"strconv"

	"github.com/firnlog/firn/event"
)

// problem is an answer that is not a success: RFC 9457 problem details. It is
// an error, so that a handler returns it; everything in it is safe to show.
type problem struct {
	// Type is urn:firn: and a code that programs branch on.
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Errors []fieldError `json:"errors,omitempty"`
	// Expected and Actual are the numbers of a sequence conflict.
	Expected *int64 `json:"expected,omitempty"`
	Actual   *int64 `json:"actual,omitempty"`
	// Line is the line of an NDJSON body, from 1.
	Line *int64 `json:"line,omitempty"`
	// RequiredPermission is the one that the caller's key lacks.
	RequiredPermission string `json:"required_permission,omitempty"`
	RequestID          string `json:"request_id,omitempty"`

	retryAfter int    // seconds; 0 = no Retry-After
	allow      string // the methods of a 405
	accept     string // the header "Accept-Encoding" of a 415
}

// fieldError says what is wrong with one field, parameter or header.
type fieldError struct {
	Field string `json:"field"`
	// Line is the line of an NDJSON body that it is about, from 1, where a
	// problem is about several.
	Line    int64  `json:"line,omitzero"`
	Message string `json:"message"`
}

// The codes of problems, the last part of their type.
const (
	codeMalformed    = "malformed"
	codeForbidden    = "forbidden"
	codeUnauthorized = "unauthorized"
	codePermission   = "permission_denied"
	codeRate         = "rate_limited"
	codeNotFound     = "not_found"
	codeMethod       = "method_not_allowed"
	codeSlowBody     = "request_timeout"
	codeExists       = "already_exists"
	codeSequence     = "sequence_conflict"
	codeIDConflict   = "id_conflict"
	codePayload      = "invalid_payload"
	codeCatalogFull  = "catalog_full"
	codeViewsFull    = "views_full"
	codeNotRunning   = "not_running"
	codeTooLarge     = "too_large"
	codeMediaType    = "unsupported_media_type"
	codeInternal     = "internal"
	codeDamaged      = "damaged"
	codeUnreadable   = "unreadable"
	codeOverloaded   = "overloaded"
	codeClosing      = "closing"
	codeFailed       = "log_failed"
	codeTimeout      = "query_timeout"
	codeNoSpace      = "no_space"
	codeNotReady     = "not_ready"
	problemMedia     = "application/problem+json"
	problemURN       = "urn:firn:"
	requestIDHeader  = "X-Request-Id"
)

func newProblem(status int, code, title, detail string) *problem {
	return &problem{Type: problemURN + code, Title: title, Status: status, Detail: detail}
}

func (p *problem) Error() string {
	if len(p.Errors) > 0 {
		return fmt.Sprintf("%s: %s: %s", p.Title, p.Errors[0].Field, p.Errors[0].Message)
	}
	return p.Title + ": " + p.Detail
}

// malformed is a 400 for one field, parameter or header.
func malformed(field, format string, args ...any) *problem {
	message := fmt.Sprintf(format, args...)
	p := newProblem(http.StatusBadRequest, codeMalformed, "The request is malformed", field+": "+message)
	if field == "" {
		p.Detail = message
	}
	p.Errors = []fieldError{{Field: field, Message: message}}
	return p
}

func forbidden(format string, args ...any) *problem {
	return newProblem(http.StatusForbidden, codeForbidden, "The request is refused", fmt.Sprintf(format, args...))
}

func tooLarge(format string, args ...any) *problem {
	return newProblem(http.StatusRequestEntityTooLarge, codeTooLarge, "The request is too large", fmt.Sprintf(format, args...))
}

func overloaded(format string, args ...any) *problem {
	p := newProblem(http.StatusServiceUnavailable, codeOverloaded, "The server is busy", fmt.Sprintf(format, args...))
	p.retryAfter = 1
	return p
}

func closing() *problem {
	p := newProblem(http.StatusServiceUnavailable, codeClosing, "The server is stopping", "the server is stopping; ask again once it is back")
	p.retryAfter = 5
	return p
}

// encode is the problem as JSON, with the id of the request.
func (p *problem) encode(requestID string) []byte {
	if p.isPlain() {
		return p.encodePlain(requestID)
	}
	answer := *p
	answer.RequestID = requestID
	text, err := json.Marshal(&answer)
	if err != nil { // nothing in it can fail but a text that is not UTF-8
		answer.Detail, answer.Errors = "", nil
		text, _ = json.Marshal(&answer)
	}
	return text
}

// isPlain reports whether there is nothing to a problem but what every one has, as
// with those that a busy server answers by the thousand.
func (p *problem) isPlain() bool {
	return len(p.Errors) == 0 && p.Expected == nil && p.Actual == nil && p.Line == nil && p.RequiredPermission == "" && p.Detail != ""
}

func (p *problem) encodePlain(requestID string) []byte {
	text := event.AppendQuoted(append(make([]byte, 0, 512), `{"type":`...), p.Type)
	text = event.AppendQuoted(append(text, `,"title":`...), p.Title)
	text = strconv.AppendInt(append(text, `,"status":`...), int64(p.Status), 10)
	text = event.AppendQuoted(append(text, `,"detail":`...), p.Detail)
	if requestID != "" {
		text = event.AppendQuoted(append(text, `,"request_id":`...), requestID)
	}
	return append(text, '}')
}

// write answers with the problem.
func (p *problem) write(w http.ResponseWriter, requestID string) {
	h := w.Header()
	for _, name := range []string{"Content-Disposition", "Cache-Control", "Location", "Etag"} {
		h.Del(name)
	}
	text := append(p.encode(requestID), '\n')
	h.Set("Content-Type", problemMedia)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("X-Content-Type-Options", "nosniff")
	p.setHeaders(h)
	w.WriteHeader(p.Status)
	_, _ = w.Write(text) //nolint:gosec // JSON, and said to be; where the client is gone there is nobody to tell
}

// setHeaders sets what a problem says in headers, whatever its body.
func (p *problem) setHeaders(h http.Header) {
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="firn"`)
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	if p.accept != "" {
		h.Set("Accept-Encoding", p.accept)
	}
}
