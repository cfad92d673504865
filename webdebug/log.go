package webdebug

import (
	"context"
	"log/slog"
	"slices"
)

// WrapLog is a slog.Handler that records each line that is logged with the
// context of a request, from level on, and hands all lines on to inner as if it
// were not there. Attributes become the line's context.
//
//	slog.SetDefault(slog.New(webdebug.WrapLog(slog.Default().Handler(), slog.LevelDebug)))
func WrapLog(inner slog.Handler, level slog.Leveler) slog.Handler {
	return &logHandler{inner: inner, level: level}
}

// logHandler keeps the attributes of With… as JSON.
type logHandler struct {
	inner  slog.Handler
	level  slog.Leveler
	attrs  string   // members that are known, as appendAttrs writes them
	open   int      // objects that are open at their end
	groups []string // objects in there that have no member yet
}

// Enabled reports whether a line is recorded or logged.
func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.records(ctx, level) || h.inner.Enabled(ctx, level)
}

func (h *logHandler) records(ctx context.Context, level slog.Level) bool {
	return Collecting(ctx) && level >= h.level.Level()
}

// Handle records the line, then hands it on.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	if h.records(ctx, r.Level) {
		s := from(ctx)
		e := entry{took: -1, importance: int8(importance(r.Level)), calledFrom: s.recording.collector.places.at(r.PC)}
		s.add(Log{Message: r.Message, Context: h.context(r)}, e)
	}
	if h.inner.Enabled(ctx, r.Level) {
		return h.inner.Handle(ctx, r)
	}
	return nil
}

// WithAttrs is a handler whose lines have these attributes too.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.inner = h.inner.WithAttrs(attrs)
	if members := appendAttrs(nil, attrs); len(members) > 0 {
		with.attrs = string(appendInside([]byte(h.attrs), h.groups, members))
		with.open, with.groups = h.open+len(h.groups), nil
	}
	return &with
}

// WithGroup is a handler whose lines have their further attributes in an
// object of that name.
func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.inner = h.inner.WithGroup(name)
	with.groups = append(slices.Clone(h.groups), name)
	return &with
}

// context is a line's attributes as a JSON object, "" if it has none.
func (h *logHandler) context(r slog.Record) string {
	var room [256]byte
	var members []byte
	if r.NumAttrs() > 0 {
		members = room[:0]
		r.Attrs(func(a slog.Attr) bool {
			members = appendAttr(members, a)
			return true
		})
	}
	if len(members) == 0 && h.attrs == "" {
		return ""
	}
	dst := make([]byte, 0, len(h.attrs)+len(members)+64)
	dst = append(dst, h.attrs...)
	open := h.open
	if len(members) > 0 {
		dst = appendInside(dst, h.groups, members)
		open += len(h.groups)
	}
	for range open + 1 {
		dst = append(dst, '}')
	}
	dst[0] = '{' // the first member's comma
	return string(dst)
}

// importance is a level's: slog's four mean what they say, what lies between
// and beyond takes those that slog has no name for.
func importance(l slog.Level) Importance {
	switch {
	case l < slog.LevelInfo:
		return Debug
	case l < slog.LevelInfo+2:
		return Info
	case l < slog.LevelWarn:
		return Notice
	case l < slog.LevelError:
		return Warning
	case l < slog.LevelError+4:
		return Error
	case l < slog.LevelError+8:
		return Critical
	case l < slog.LevelError+12:
		return Alert
	default:
		return Emergency
	}
}
