package slogfirn

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/firnlog/firn/event"
)

// scope is one step of With…: a group, or attributes.
type scope struct {
	parent *scope
	group  string
	attrs  []slog.Attr
}

// draft turns a record into an event, all at once: what attributes refer to
// may change when Handle has returned.
func (h *Handler) draft(r slog.Record) event.Draft {
	root := &group{}
	root.put("msg", string(quoted(r.Message)))
	open := root
	for _, s := range scopes(h.scope) {
		if s.group != "" {
			open = open.child(s.group)
		}
		for _, a := range s.attrs {
			open.add(a)
		}
	}
	r.Attrs(func(a slog.Attr) bool {
		open.add(a)
		return true
	})
	d := event.Draft{
		StreamID: h.opts.Stream, EventType: h.opts.Type, Timestamp: r.Time.UTC(), Severity: severity(r.Level),
		Payload: root.append(nil),
	}
	if r.Time.IsZero() {
		d.Timestamp = time.Time{}
	}
	if h.opts.AddSource && r.PC != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
		d.Metadata = fmt.Appendf(nil, `{"source":{"function":%s,"file":%s,"line":%d}}`, quoted(frame.Function), quoted(frame.File), frame.Line)
	}
	return d
}

// scopes are the steps from the outermost to the innermost.
func scopes(inner *scope) []*scope {
	var all []*scope
	for s := inner; s != nil; s = s.parent {
		all = append(all, s)
	}
	slices.Reverse(all)
	return all
}

// severity is the severity of a level: slog's four levels mean what they say,
// what lies between and beyond takes the severities that slog has no name for.
func severity(l slog.Level) event.Severity {
	switch {
	case l < slog.LevelInfo:
		return event.Debug
	case l < slog.LevelInfo+2:
		return event.Info
	case l < slog.LevelWarn:
		return event.Notice
	case l < slog.LevelError:
		return event.Warning
	case l < slog.LevelError+4:
		return event.Error
	case l < slog.LevelError+8:
		return event.Critical
	case l < slog.LevelError+12:
		return event.Alert
	default:
		return event.Emergency
	}
}

// group is an object of the payload that is being put together.
type group struct {
	fields []field
	keys   map[string]int // how often a key was used
}

type field struct {
	key   string
	value string // JSON; not used where there is an object
	of    *group
}

// put adds a field. slog allows a key twice, an event does not: the second one
// is called key#2.
func (g *group) put(key, value string) {
	g.fields = append(g.fields, field{key: g.unique(key), value: value})
}

// child adds an object. It is left out in the end if it stays empty.
func (g *group) child(key string) *group {
	of := &group{}
	g.fields = append(g.fields, field{key: g.unique(key), of: of})
	return of
}

func (g *group) unique(key string) string {
	if g.keys == nil {
		g.keys = map[string]int{}
	}
	name := key
	for g.keys[name] > 0 {
		g.keys[key]++
		name = key + "#" + strconv.Itoa(g.keys[key])
	}
	g.keys[name]++
	return name
}

func (g *group) add(a slog.Attr) {
	a.Value = a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return
	}
	if a.Value.Kind() != slog.KindGroup {
		g.put(a.Key, string(encode(a.Value)))
		return
	}
	attrs := a.Value.Group()
	if len(attrs) == 0 {
		return
	}
	to := g
	if a.Key != "" {
		to = g.child(a.Key)
	}
	for _, inner := range attrs {
		to.add(inner)
	}
}

func (g *group) empty() bool {
	for _, f := range g.fields {
		if f.of == nil || !f.of.empty() {
			return false
		}
	}
	return true
}

func (g *group) append(dst []byte) []byte {
	dst = append(dst, '{')
	first := true
	for _, f := range g.fields {
		if f.of != nil && f.of.empty() {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(dst, quoted(f.key)...), ':')
		if f.of != nil {
			dst = f.of.append(dst)
		} else {
			dst = append(dst, f.value...)
		}
	}
	return append(dst, '}')
}

// encode writes values as slog's JSONHandler does: durations in nanoseconds,
// times in RFC 3339.
func encode(v slog.Value) jsontext.Value {
	switch v.Kind() {
	case slog.KindString:
		return quoted(v.String())
	case slog.KindInt64:
		return strconv.AppendInt(nil, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(nil, v.Uint64(), 10)
	case slog.KindFloat64:
		if f := v.Float64(); math.IsNaN(f) || math.IsInf(f, 0) {
			return quoted(strconv.FormatFloat(f, 'g', -1, 64))
		}
		b, _ := json.Marshal(v.Float64())
		return b
	case slog.KindBool:
		return strconv.AppendBool(nil, v.Bool())
	case slog.KindDuration:
		return strconv.AppendInt(nil, int64(v.Duration()), 10)
	case slog.KindTime:
		return quoted(v.Time().Format(time.RFC3339Nano))
	default:
		return encodeAny(v.Any())
	}
}

// encodeAny is any value as JSON; what has none becomes text that says so. A
// value that panics does not take the program with it.
func encodeAny(v any) (out jsontext.Value) {
	defer func() {
		if p := recover(); p != nil {
			out = quoted(fmt.Sprintf("!PANIC: %v", p))
		}
	}()
	if err, ok := v.(error); ok {
		if _, own := v.(json.Marshaler); !own {
			return quoted(err.Error())
		}
	}
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return quoted(fmt.Sprintf("!ERROR: a value of type %T has no JSON form", v))
	}
	return b
}

// quoted is s as a JSON string; what is not UTF-8 in it becomes U+FFFD.
func quoted(s string) jsontext.Value { return event.AppendQuoted(nil, s) }
