package webdebug

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/firnlog/firn/event"
)

// appendAttrs writes attributes as members of a JSON object, a comma in front
// of each, so that they can be put behind others. In front of an object's first
// member it is overwritten or left out.
func appendAttrs(dst []byte, attrs []slog.Attr) []byte {
	for _, a := range attrs {
		dst = appendAttr(dst, a)
	}
	return dst
}

func appendAttr(dst []byte, a slog.Attr) []byte {
	a.Value = a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return dst
	}
	if a.Value.Kind() != slog.KindGroup {
		dst = event.AppendQuoted(append(dst, ','), a.Key)
		return appendValue(append(dst, ':'), a.Value)
	}
	if a.Key == "" {
		return appendAttrs(dst, a.Value.Group())
	}
	members := appendAttrs(nil, a.Value.Group())
	if len(members) == 0 {
		return dst
	}
	dst = event.AppendQuoted(append(dst, ','), a.Key)
	dst = append(append(dst, `:{`...), members[1:]...)
	return append(dst, '}')
}

// appendInside writes members into objects that are opened for them and stay
// open.
func appendInside(dst []byte, groups []string, members []byte) []byte {
	for i, name := range groups {
		if i == 0 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendQuoted(dst, name), `:{`...)
	}
	if len(groups) > 0 {
		members = members[1:]
	}
	return append(dst, members...)
}

// appendValue writes values as slog's JSONHandler does.
func appendValue(dst []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return event.AppendQuoted(dst, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(dst, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(dst, v.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case slog.KindDuration:
		return strconv.AppendInt(dst, int64(v.Duration()), 10)
	case slog.KindTime:
		dst = v.Time().AppendFormat(append(dst, '"'), time.RFC3339Nano)
		return append(dst, '"')
	case slog.KindFloat64:
		f := v.Float64()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return event.AppendQuoted(dst, strconv.FormatFloat(f, 'g', -1, 64))
		}
		return strconv.AppendFloat(dst, f, 'g', -1, 64)
	default:
		return appendAny(dst, v.Any())
	}
}

// appendAny writes a value by the application's own code, which may be wrong.
func appendAny(dst []byte, value any) []byte {
	if err, ok := value.(error); ok {
		return event.AppendQuoted(dst, safely(err.Error))
	}
	text, err := encode(value)
	if err != nil {
		return event.AppendQuoted(dst, safely(func() string { return fmt.Sprintf("%+v", value) }))
	}
	return append(dst, text...)
}

// safely is what f returns, or what it panics with.
func safely(f func() string) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	return f()
}
