package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// problemOf is the one place where an error of the log becomes an answer. What
// it does not know is a 500 that says nothing: ok is then false and the error
// is for the server's own log.
func problemOf(err error) (p *problem, ok bool) {
	if errors.As(err, &p) {
		return p, true
	}
	if p := problemOfFault(err); p != nil {
		return p, true
	}
	if p := problemOfType(err); p != nil {
		return p, true
	}
	if p := problemOfAccess(err); p != nil {
		return p, true
	}
	if p := problemOfCatalog(err); p != nil {
		return p, true
	}
	if p := problemOfTarget(err); p != nil {
		return p, true
	}
	switch {
	case errors.Is(err, firn.ErrNotFound):
		return newProblem(http.StatusNotFound, codeNotFound, "Not found", err.Error()), true
	case errors.Is(err, firn.ErrExists):
		return newProblem(http.StatusConflict, codeExists, "Already exists", err.Error()), true
	case errors.Is(err, firn.ErrInvalid):
		return malformed("", "%s", err.Error()), true
	case errors.Is(err, firn.ErrOverloaded):
		return overloaded("too much is waiting to be written; send it again, with the same ids"), true
	case errors.Is(err, firn.ErrMemory):
		return overloaded("the running queries use all of the query memory; ask again, or ask for less"), true
	case errors.Is(err, firn.ErrNoSpace):
		return newProblem(http.StatusInsufficientStorage, codeNoSpace, "The disk is full",
			"no space is left on the disk of the data directory; nothing of this was stored"), true
	case errors.Is(err, firn.ErrFailed):
		return newProblem(http.StatusServiceUnavailable, codeFailed, "The log refuses appends",
			"a write to the disk failed and the server stops; whether this was stored is known once it is back: send it again then, with the same ids"), true
	case errors.Is(err, firn.ErrUnreadable):
		return newProblem(http.StatusServiceUnavailable, codeUnreadable, "The disk cannot be read",
			"the disk of the data directory did not give what is on it; the server's log says more; ask again later"), false
	case errors.Is(err, firn.ErrDamaged):
		return newProblem(http.StatusInternalServerError, codeDamaged, "Stored data is damaged",
			"bytes on the disk are not what was written, and what is asked for is among them; ask again for the rest; the server's log says where"), false
	case errors.Is(err, firn.ErrClosed):
		return closing(), true
	case errors.Is(err, context.DeadlineExceeded):
		return newProblem(http.StatusGatewayTimeout, codeTimeout, "The query took too long",
			"the query was stopped at its time limit; narrow it by time, stream or type"), true
	}
	return newProblem(http.StatusInternalServerError, codeInternal, "Something broke in the server",
		"the server's log says what, under this request's id; whether anything was stored is unknown: ask again with the same ids"), false
}

// problemOfType maps the typed errors.
func problemOfType(err error) *problem {
	var bad *event.InvalidError
	if errors.As(err, &bad) {
		return problemOfEvent(bad)
	}
	var badQuery *query.Error
	if errors.As(err, &badQuery) {
		return malformed(badQuery.Path, "%s", badQuery.Message)
	}
	if errors.Is(err, query.ErrTooManyValues) {
		return malformed("reduce", "%s", query.ErrTooManyValues.Error())
	}
	var refused *firn.PayloadError
	if errors.As(err, &refused) {
		return problemOfPayloads(refused, nil)
	}
	var sequence *firn.SequenceError
	if errors.As(err, &sequence) {
		p := newProblem(http.StatusConflict, codeSequence, "The stream is not where it was expected", sequence.Error())
		p.Expected, p.Actual = &sequence.Expected, &sequence.Actual
		return p
	}
	var conflict *firn.IDConflictError
	if errors.As(err, &conflict) {
		p := newProblem(http.StatusConflict, codeIDConflict, "The id is taken by another event", conflict.Error())
		p.Errors = []fieldError{{Field: indexed(conflict.Index) + ".id", Message: "is held by an event with other content"}}
		return p
	}
	return nil
}

// problemOfEvent is a 400, or a 413 for what is too large rather than wrong.
func problemOfEvent(bad *event.InvalidError) *problem {
	field := bad.Path
	if bad.Index >= 0 {
		field = indexed(bad.Index)
		if bad.Path != "" && bad.Path[0] != '[' {
			field += "."
		}
		field += bad.Path
	}
	switch bad.Code {
	case event.CodeEventTooLarge, event.CodeBatchTooLarge, event.CodeTooManyEvents:
		p := tooLarge("%s", bad.Error())
		p.Errors = []fieldError{{Field: field, Message: bad.Message}}
		return p
	default:
		return malformed(field, "%s", bad.Message)
	}
}

// problemOfPayloads is a 422 that names each place; by line, if lines are given.
func problemOfPayloads(refused *firn.PayloadError, lines []int64) *problem {
	p := newProblem(http.StatusUnprocessableEntity, codePayload, "A payload is not what its event type wants", "")
	for i := range refused.Faults {
		p.Errors = append(p.Errors, fieldOfFault(&refused.Faults[i], lines))
	}
	first := p.Errors[0]
	p.Detail = first.Field + ": " + first.Message
	if first.Line > 0 {
		p.Line = &first.Line
		p.Detail = fmt.Sprintf("line %d: %s", first.Line, p.Detail)
	}
	if more := len(p.Errors) - 1; more > 0 {
		p.Detail += fmt.Sprintf(" (and %d more)", more)
	}
	return p
}

// fieldOfFault names the event of a fault, or its line if lines are given.
func fieldOfFault(f *firn.Fault, lines []int64) fieldError {
	if f.Index < len(lines) {
		return fieldError{Field: f.Path, Line: lines[f.Index], Message: f.Message}
	}
	return fieldError{Field: indexed(f.Index) + "." + f.Path, Message: f.Message}
}

// indexed names an event of a batch as errors do: events[3].
func indexed(index int) string { return "events[" + strconv.Itoa(index) + "]" }
