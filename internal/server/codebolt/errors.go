package codebolt

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"reflect"
	"strings"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/query"
)

// invalidError says what is wrong with a request, and where.
type invalidError struct{ path, message string }

func (e *invalidError) Error() string {
	if e.path == "" {
		return e.message
	}
	return e.path + ": " + e.message
}

func invalid(path, format string, args ...any) error {
	return &invalidError{path, fmt.Sprintf(format, args...)}
}

// notJSON is the error of a text that breaks the grammar.
func notJSON(what string, text []byte, err error) error {
	var broken *jsontext.SyntacticError
	if !errors.As(err, &broken) {
		return invalid("", "%s is not whole JSON", what)
	}
	return invalid("", "%s is not valid JSON at %s: %s", what, event.Place(text, int(broken.ByteOffset)), plain(broken.Err))
}

// plain is an error of the JSON library without the library's name.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "jsontext: ") }

// decode reads the params of an operation, strictly, into v, a pointer to a
// struct.
func decode(params jsontext.Value, v any) error {
	if params == nil {
		params = jsontext.Value("{}") // undefined does not travel
	}
	err := json.Unmarshal(params, v, json.RejectUnknownMembers(true))
	var broken *jsontext.SyntacticError
	var wrong *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &broken):
		return invalid(pointed(broken.JSONPointer), "%s", plain(broken.Err))
	case !errors.As(err, &wrong):
		return invalid("params", "must be an object")
	case errors.Is(wrong.Err, json.ErrUnknownName):
		return invalid(pointed(wrong.JSONPointer), "is not a parameter of this operation; known: %s", strings.Join(names(v), ", "))
	case wrong.JSONPointer == "":
		return invalid("params", "must be an object")
	default:
		return invalid(pointed(wrong.JSONPointer), "must be a string")
	}
}

// pointed is a JSON pointer into params as a path with dots.
func pointed(p jsontext.Pointer) string {
	if p == "" {
		return "params"
	}
	var path []byte
	for name := range p.Tokens() {
		path = event.AppendPathKey(path, shown(name))
	}
	return string(path)
}

// shown is a text of the client's as a message shows it.
func shown(text string) string {
	const most = 200
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// names are the JSON names of a struct's fields.
func names(v any) []string {
	t := reflect.TypeOf(v).Elem()
	var all []string
	for i := range t.NumField() {
		all = append(all, t.Field(i).Tag.Get("json"))
	}
	if all == nil {
		return []string{"none"}
	}
	return all
}

// explain is what a client is told of an error. What it does not know is for
// the server's own log, and known is then false.
func explain(err error) (text string, known bool) {
	var (
		bad      *invalidError
		badEvent *event.InvalidError
		badQuery *query.Error
		conflict *firn.IDConflictError
		refused  *firn.PayloadError
		denied   *auth.DeniedError
		rate     *auth.RateError
	)
	switch {
	case errors.As(err, &bad), errors.As(err, &badEvent), errors.As(err, &badQuery), errors.As(err, &conflict), errors.As(err, &refused), errors.As(err, &denied), errors.As(err, &rate),
		errors.Is(err, firn.ErrNotFound), errors.Is(err, firn.ErrExists), errors.Is(err, firn.ErrInvalid), errors.Is(err, auth.ErrEnded),
		errors.Is(err, query.ErrTooManyValues):
		return err.Error(), true
	case errors.Is(err, firn.ErrOverloaded), errors.Is(err, errNoMemory):
		return "the server is busy and nothing of this was done; send it again", true
	case errors.Is(err, firn.ErrMemory):
		return "the running queries use all of the query memory; ask again, or ask for less", true
	case errors.Is(err, firn.ErrNoSpace):
		return "no space is left on the disk of the server; nothing of this was stored", true
	case errors.Is(err, firn.ErrFailed):
		return "a write to the server's disk failed and it stops; whether this was stored is known once it is back: send it again then, with the same ids", true
	case errors.Is(err, errUnheard):
		return "this was stopped: the connection is ending", true
	case errors.Is(err, firn.ErrUnreadable):
		return "the server's disk did not give what is on it; its log says more; ask again later", false
	case errors.Is(err, firn.ErrDamaged):
		return "bytes on the server's disk are not what was written; its log says where", false
	case errors.Is(err, firn.ErrClosed), errors.Is(err, errStopping):
		return "the server is stopping; connect again once it is back", true
	case errors.Is(err, context.DeadlineExceeded):
		return "the query was stopped at its time limit; narrow it by time, stream or type", true
	}
	return brokenText, false
}

const brokenText = "something broke in the server, and its log says what; whether anything was stored is unknown: ask again with the same ids"

var (
	errStopping = errors.New("stopping")
	// errUnheard is what an operation ends with that nobody waits for any more.
	errUnheard = errors.New("the connection is ending")
)
