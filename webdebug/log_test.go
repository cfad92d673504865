package webdebug_test

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firnlog/firn/webdebug"
)

// logged runs a request that logs, and returns its log events and what the
// inner handler wrote.
func logged(t *testing.T, level slog.Level, log func(context.Context, *slog.Logger)) (lines []webdebug.Event, inner string) {
	t.Helper()
	var out bytes.Buffer
	logger := slog.New(webdebug.WrapLog(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: withoutTime}), level))
	_, scheme := newApp(t, webdebug.Options{}).run(get("/"), func(_ http.ResponseWriter, r *http.Request) { log(r.Context(), logger) })
	return scheme.Events[1 : len(scheme.Events)-1], out.String()
}

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func TestLogGoesBothWays(t *testing.T) {
	lines, inner := logged(t, slog.LevelDebug, func(ctx context.Context, l *slog.Logger) {
		l.DebugContext(ctx, "only here")
		l.With("a", 1).WithGroup("g").InfoContext(ctx, "both", "b", 2)
		l.Info("without a request")
	})
	if want := "level=INFO msg=both a=1 g.b=2\nlevel=INFO msg=\"without a request\"\n"; inner != want {
		t.Errorf("the inner handler wrote %q; want %q", inner, want)
	}
	if len(lines) != 2 || string(lines[1].Payload) != `{"message":"both","context":"{\"a\":1,\"g\":{\"b\":2}}"}` {
		t.Errorf("lines: %+v", lines)
	}
	if from := lines[0].CalledFrom; from == nil || from.File != "/webdebug/log_test.go" || lines[0].DefinedIn != nil {
		t.Errorf("called from %+v", from)
	}
	lines, _ = logged(t, slog.LevelWarn, func(ctx context.Context, l *slog.Logger) {
		l.InfoContext(ctx, "too low")
		l.WarnContext(ctx, "high enough")
	})
	if len(lines) != 1 {
		t.Errorf("%d lines from warn on", len(lines))
	}
}

func TestLogImportance(t *testing.T) {
	levels := map[slog.Level]webdebug.Importance{
		-8: webdebug.Debug, slog.LevelDebug: webdebug.Debug, slog.LevelInfo: webdebug.Info, 2: webdebug.Notice,
		slog.LevelWarn: webdebug.Warning, slog.LevelError: webdebug.Error, 12: webdebug.Critical, 16: webdebug.Alert, 20: webdebug.Emergency,
	}
	for level, want := range levels {
		lines, _ := logged(t, -10, func(ctx context.Context, l *slog.Logger) { l.Log(ctx, level, "x") })
		if len(lines) != 1 || lines[0].Importance != want {
			t.Errorf("level %d: %+v; want importance %d", level, lines, want)
		}
	}
}

type valuer struct{}

func (valuer) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("x", 1), slog.Group("", slog.Int("y", 2)))
}

type badError struct{}

func (*badError) Error() string { panic("no text") }

func TestLogContext(t *testing.T) {
	when := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for name, c := range map[string]struct {
		with func(*slog.Logger) *slog.Logger
		args []any
		want string
	}{
		"none":         {args: nil, want: ``},
		"kinds":        {args: []any{"s", "é\x00\xff", "i", -1, "u", uint64(1), "f", 1.5, "b", true, "d", time.Second, "t", when}, want: `{"s":"é\u0000` + "\ufffd" + `","i":-1,"u":1,"f":1.5,"b":true,"d":1000000000,"t":"2026-01-02T03:04:05.000000006Z"}`},
		"odd floats":   {args: []any{"nan", math.NaN(), "inf", math.Inf(1)}, want: `{"nan":"NaN","inf":"+Inf"}`},
		"any":          {args: []any{"e", io.EOF, "m", map[string]int{"b": 1, "a": 2}, "nil", nil}, want: `{"e":"EOF","m":{"a":2,"b":1},"nil":null}`},
		"unwritable":   {args: []any{"f", struct{ C chan int }{}, "e", (*badError)(nil), "p", panicking{}}, want: `{"f":"{C:\u003cnil\u003e}","e":"!PANIC: no text","p":"{}"}`},
		"groups":       {args: []any{slog.Group("g", "a", 1, slog.Group("h", "b", 2)), slog.Group("empty"), slog.Group("", "c", 3), slog.Attr{}}, want: `{"g":{"a":1,"h":{"b":2}},"c":3}`},
		"a LogValuer":  {args: []any{"v", valuer{}}, want: `{"v":{"x":1,"y":2}}`},
		"with":         {with: func(l *slog.Logger) *slog.Logger { return l.With("a", 1) }, want: `{"a":1}`},
		"open group":   {with: func(l *slog.Logger) *slog.Logger { return l.WithGroup("g").WithGroup("h") }, want: ``},
		"deep groups":  {with: func(l *slog.Logger) *slog.Logger { return l.With("a", 1).WithGroup("g").WithGroup("h").With("b", 2) }, args: []any{"c", 3}, want: `{"a":1,"g":{"h":{"b":2,"c":3}}}`},
		"late group":   {with: func(l *slog.Logger) *slog.Logger { return l.WithGroup("g").With("a", 1).WithGroup("h") }, args: []any{"c", 3}, want: `{"g":{"a":1,"h":{"c":3}}}`},
		"empty member": {with: func(l *slog.Logger) *slog.Logger { return l.WithGroup("g").With(slog.Group("x")).WithGroup("") }, want: ``},
	} {
		t.Run(name, func(t *testing.T) {
			lines, _ := logged(t, slog.LevelDebug, func(ctx context.Context, l *slog.Logger) {
				if c.with != nil {
					l = c.with(l)
				}
				l.InfoContext(ctx, "x", c.args...)
			})
			var payload struct{ Context string }
			if err := json.Unmarshal(lines[0].Payload, &payload, json.MatchCaseInsensitiveNames(true)); err != nil {
				t.Fatal(err)
			}
			want := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(c.want)
			if diff := cmp.Diff(want, payload.Context); diff != "" {
				t.Errorf("context (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLogErrorsOfInner: what the inner handler answers is what the logger gets.
func TestLogErrorsOfInner(t *testing.T) {
	want := errors.New("disk full")
	h := webdebug.WrapLog(failing{slog.DiscardHandler, want}, slog.LevelDebug)
	if err := h.Handle(t.Context(), slog.Record{}); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}

type failing struct {
	slog.Handler
	err error
}

func (failing) Enabled(context.Context, slog.Level) bool    { return true }
func (f failing) Handle(context.Context, slog.Record) error { return f.err }
