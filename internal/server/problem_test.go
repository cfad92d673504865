package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

func newLogger(to *strings.Builder) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }

func TestProblemOf(t *testing.T) {
	for _, x := range []struct {
		err    error
		status int
		code   string
		retry  bool
		known  bool
	}{
		{firn.ErrNotFound, 404, "not_found", false, true},
		{firn.ErrExists, 409, "already_exists", false, true},
		{firn.ErrInvalid, 400, "malformed", false, true},
		{firn.ErrOverloaded, 503, "overloaded", true, true},
		{firn.ErrMemory, 503, "overloaded", true, true},
		{firn.ErrNoSpace, 507, "no_space", false, true},
		{firn.ErrFailed, 503, "log_failed", false, true},
		{firn.ErrClosed, 503, "closing", true, true},
		{firn.ErrDamaged, 500, "damaged", false, false},
		{firn.ErrUnreadable, 503, "unreadable", false, false},
		{context.DeadlineExceeded, 504, "query_timeout", false, true},
		{&firn.SequenceError{Stream: "s", Expected: 1, Actual: 2}, 409, "sequence_conflict", false, true},
		{&firn.IDConflictError{ID: "x", Index: 3}, 409, "id_conflict", false, true},
		{&firn.PayloadError{Faults: []firn.Fault{{Index: 1, Path: "payload", Message: "no"}}}, 422, "invalid_payload", false, true},
		{&event.InvalidError{Index: 2, Path: "payload.x", Code: event.CodeTooDeep, Message: "is too deep"}, 400, "malformed", false, true},
		{&event.InvalidError{Index: -1, Code: event.CodeTooManyEvents, Message: "too many"}, 413, "too_large", false, true},
		{&query.Error{Path: "where[0]", Message: "no"}, 400, "malformed", false, true},
		{query.ErrTooManyValues, 400, "malformed", false, true},
		{errors.New("open /secret/path: denied"), 500, "internal", false, false},
	} {
		p, known := problemOf(fmt.Errorf("wrapped: %w", x.err))
		if p.Status != x.status || p.Type != problemURN+x.code || (p.retryAfter > 0) != x.retry || known != x.known {
			t.Errorf("%v becomes %d %s (retry after %d, known %v)", x.err, p.Status, p.Type, p.retryAfter, known)
		}
		if strings.Contains(string(p.encode("id")), "/secret") {
			t.Errorf("%v tells internals", x.err)
		}
	}
}
