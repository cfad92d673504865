package webdebug

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Executor is a template of html/template or text/template.
type Executor interface {
	Name() string
	Execute(w io.Writer, data any) error
}

// NamedExecutor is a set of templates of html/template or text/template.
type NamedExecutor interface {
	ExecuteTemplate(w io.Writer, name string, data any) error
}

// Execute is t.Execute(w, data), recorded.
func Execute(ctx context.Context, t Executor, w io.Writer, data any) error {
	s := from(ctx)
	if s.recording == nil {
		return t.Execute(w, data)
	}
	start := time.Now()
	err := t.Execute(w, data)
	s.done(Template{Name: t.Name()}, start, err)
	return err
}

// ExecuteTemplate is t.ExecuteTemplate(w, name, data), recorded.
func ExecuteTemplate(ctx context.Context, t NamedExecutor, w io.Writer, name string, data any) error {
	s := from(ctx)
	if s.recording == nil {
		return t.ExecuteTemplate(w, name, data)
	}
	start := time.Now()
	err := t.ExecuteTemplate(w, name, data)
	s.done(Template{Name: name}, start, err)
	return err
}

// done records inside s what began at start and has just ended.
func (s Span) done(p Payload, start time.Time, err error) {
	done := s.add(p, s.since(start, err))
	if err != nil && done.recording != nil {
		done.fail(err)
	}
}

// WrapMiddleware is the middleware mw, recorded under a name, with all that
// happens inside it nested.
func WrapMiddleware(name string, mw func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		wrapped := mw(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, span := Start(r.Context(), Middleware{Name: name})
			if span.recording == nil {
				wrapped.ServeHTTP(w, r)
				return
			}
			defer span.DefinedIn(mw).End(nil)
			wrapped.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}
