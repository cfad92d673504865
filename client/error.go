package client

import (
	"encoding/json/v2"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is what the server answered instead of a success.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code says in one word what is wrong: not_found, sequence_conflict,
	// id_conflict, malformed, too_large, overloaded… ; empty if the answer was
	// not Firn's.
	Code string
	// Title and Detail are for people.
	Title  string
	Detail string
	// Fields names each fault.
	Fields []FieldError
	// Expected and Actual are the numbers of a sequence conflict.
	Expected, Actual *int64
	// Line is the faulty line of an NDJSON body, from 1; 0 = none.
	Line int64
	// FirstLineNotStored says from which line on nothing of an NDJSON body is
	// stored; 0 = not said, then nothing is but what was acknowledged.
	FirstLineNotStored int64
	// RetryAfter is how long the server asks to wait; 0 = not said.
	RetryAfter time.Duration
	// RequestID finds the request in the server's log.
	RequestID string
}

// FieldError says what is wrong with one field, parameter or header.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
	// Line is the line of an NDJSON body that it is about, from 1, where several
	// are named; else 0.
	Line int64 `json:"line,omitzero"`
}

func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	if text == "" {
		text = http.StatusText(e.Status)
	}
	if e.RequestID != "" && e.Status >= 500 {
		return fmt.Sprintf("firn server: %s (%d, request %s)", text, e.Status, e.RequestID)
	}
	return fmt.Sprintf("firn server: %s (%d)", text, e.Status)
}

// wireError is the RFC 9457 form.
type wireError struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail"`
	Errors    []FieldError `json:"errors"`
	Expected  *int64       `json:"expected"`
	Actual    *int64       `json:"actual"`
	Line      int64        `json:"line"`
	RequestID string       `json:"request_id"`
}

func (w *wireError) error() *Error {
	return &Error{Status: w.Status, Code: w.Type[strings.LastIndexByte(w.Type, ':')+1:], Title: w.Title, Detail: w.Detail,
		Fields: w.Errors, Expected: w.Expected, Actual: w.Actual, Line: w.Line, RequestID: w.RequestID}
}

// readError reads an answer that is no success.
func readError(response *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20)) // what came is all there is to tell
	var wire wireError
	e := &Error{}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/problem+json") && json.Unmarshal(text, &wire) == nil {
		e = wire.error()
	}
	e.Status = response.StatusCode
	if e.RequestID == "" {
		e.RequestID = response.Header.Get("X-Request-Id")
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}
