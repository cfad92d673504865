package webdebug

import (
	"context"
	"time"
)

// Span is an event of a request that is being recorded. The zero Span, which
// Add and Start return where nothing is collected, does nothing. A Span may be
// used by several goroutines at once; once its request is over it does
// nothing any more.
type Span struct {
	recording *recording
	index     int32
}

// spanContext is a context in which events are recorded inside a span.
type spanContext struct {
	context.Context
	span Span
}

type spanKey struct{}

// Value finds the span without an allocation a level.
func (c *spanContext) Value(key any) any {
	if key == (spanKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// from is the span that events of ctx are recorded in; its index is -1 for the
// scheme itself. It is zero where nothing is collected.
func from(ctx context.Context) Span {
	if ctx == nil {
		return Span{}
	}
	if c, ok := ctx.Value(spanKey{}).(*spanContext); ok {
		return c.span
	}
	return Span{}
}

// Collecting reports whether the request of ctx is being recorded, for
// applications that would go to some length to describe an event.
func Collecting(ctx context.Context) bool { return from(ctx).recording != nil }

// Add records an event that happened now, at the place in the application that
// called it. Where nothing is collected it allocates nothing; what the caller
// allocates for p it can spare by asking Collecting before.
func Add[P Payload](ctx context.Context, p P) Span {
	parent := from(ctx)
	if parent.recording == nil {
		return Span{}
	}
	return parent.add(p, entry{took: -1})
}

// Start records an event that begins now and ends with End. What is recorded
// with the context it returns is nested inside.
func Start[P Payload](ctx context.Context, p P) (context.Context, Span) {
	parent := from(ctx)
	if parent.recording == nil {
		return ctx, Span{}
	}
	s := parent.add(p, entry{took: -1})
	if s.recording == nil {
		return ctx, s
	}
	return &spanContext{Context: ctx, span: s}, s
}

// add records an event inside s.
func (s Span) add(p Payload, e entry) Span {
	if e.calledFrom == nil {
		e.calledFrom = s.recording.collector.places.caller()
	}
	index, ok := s.recording.add(s.index, p, e)
	if !ok {
		return Span{}
	}
	return Span{s.recording, index}
}

// since is an entry of something that began at start and has just ended.
func (s Span) since(start time.Time, err error) entry {
	e := entry{at: max(start.Sub(s.recording.start), 1), took: time.Since(start), success: 1}
	if err != nil {
		e.success = -1
	}
	return e
}

// End says that the event has ended: how long it took, and whether it
// succeeded. An error is recorded inside it as a line of the log. Only the
// first End counts.
func (s Span) End(err error) {
	if s.recording == nil {
		return
	}
	first := false
	s.recording.change(s.index, func(e *entry) {
		if first = e.took < 0; !first {
			return
		}
		e.took = time.Since(s.recording.start) - e.at
		if e.success = 1; err != nil {
			e.success = -1
		}
	})
	if first && err != nil {
		s.fail(err)
	}
}

// fail records an error inside s.
func (s Span) fail(err error) {
	s.add(Log{Message: err.Error()}, entry{took: -1, importance: int8(Error)})
}

// Tag adds tags: flags such as "is_production", or values of a filter such as
// "db:mysql".
func (s Span) Tag(tags ...string) Span {
	if s.recording != nil {
		s.recording.change(s.index, func(e *entry) { e.tags = append(e.tags, tags...) })
	}
	return s
}

// Importance says how much the event matters; beyond Debug and Emergency it is
// the nearer of them.
func (s Span) Importance(i Importance) Span {
	if s.recording != nil {
		s.recording.change(s.index, func(e *entry) { e.importance = int8(min(max(i, Debug), Emergency)) })
	}
	return s
}

// Success says whether what was done succeeded.
func (s Span) Success(ok bool) Span {
	if s.recording != nil {
		s.recording.change(s.index, func(e *entry) {
			if e.success = 1; !ok {
				e.success = -1
			}
		})
	}
	return s
}

// Took says how long an event took that has ended already. It began that much
// earlier.
func (s Span) Took(d time.Duration) Span {
	if s.recording != nil {
		s.recording.change(s.index, func(e *entry) {
			e.took = max(d, 0)
			e.at = max(e.at-e.took, 0)
		})
	}
	return s
}

// DefinedIn says where the code of what ran is: fn is a function, such as the
// listener that was called.
func (s Span) DefinedIn(fn any) Span {
	if s.recording != nil {
		location := s.recording.collector.places.function(fn)
		s.recording.change(s.index, func(e *entry) { e.definedIn = location })
	}
	return s
}

// Param is a parameter of a request or its session.
type Param struct{ Key, Value string }

// SetSession says what the request's session holds, as part of the request
// event. Said twice, the last one counts.
func SetSession(ctx context.Context, params ...Param) {
	s := from(ctx)
	if s.recording == nil {
		return
	}
	s.recording.mu.Lock()
	defer s.recording.mu.Unlock()
	s.recording.session = append([]Param(nil), params...)
}
