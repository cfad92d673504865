// Package console is the target that writes a line for each event to the
// standard output, as `firn tail` does.
package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/inert"
	"github.com/firnlog/firn/internal/screen"
	"github.com/firnlog/firn/target"
)

// Settings are those of kind "console".
type Settings struct {
	// Format is text, for people, or json: the event as the log writes it.
	Format string `json:"format"`
}

// Kind is the kind of target "console".
func Kind() target.Kind { return target.NewKind("console", Settings{Format: "text"}, open) }

func open(s Settings, env target.Environment) (target.Target, error) {
	c := &console{out: env.Stdout}
	if c.out == nil {
		c.out = io.Discard
	}
	switch s.Format {
	case "text":
		c.line = appendText(terminal(c.out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
	case "json":
		c.line = appendJSON(terminal(c.out))
	default:
		return nil, fmt.Errorf("format: %q is none; text or json", s.Format)
	}
	return c, nil
}

// terminal reports whether a person sees what is written.
func terminal(out io.Writer) bool {
	f, is := out.(*os.File)
	return is && term.IsTerminal(int(f.Fd()))
}

// appendText makes lines for people. What an event holds cannot drive a terminal.
func appendText(color bool) func([]byte, string, *event.Event) []byte {
	return func(dst []byte, instance string, e *event.Event) []byte {
		line := screen.Line(instance, e)
		if color {
			line = screen.Paint(line, e.Severity)
		}
		return append(append(dst, line...), '\n')
	}
}

// appendJSON makes lines for programs: exactly the event, but that on a terminal
// escapes stand for what could drive it.
func appendJSON(seen bool) func([]byte, string, *event.Event) []byte {
	return func(dst []byte, _ string, e *event.Event) []byte {
		if seen {
			return append(append(dst, inert.JSON(e.AppendJSON(nil))...), '\n')
		}
		return append(e.AppendJSON(dst), '\n')
	}
}

type console struct {
	out  io.Writer
	line func([]byte, string, *event.Event) []byte
	buf  []byte
	// rest is what is left of the line of an event that was written in part.
	rest []byte
	of   place
}

type place struct {
	instance string
	position int64
}

// Open does nothing: the standard output is open.
func (*console) Open(context.Context) error { return nil }

// writeAt is how much is gathered before it is written.
const writeAt = 64 << 10

// Write writes the lines of a batch. A line that was written in part is finished
// before the next one.
func (c *console) Write(ctx context.Context, b target.Batch) (written int, err error) {
	if len(c.rest) > 0 {
		n, err := c.out.Write(c.rest)
		if c.rest = c.rest[n:]; err != nil {
			return 0, fmt.Errorf("standard output: %w", err)
		}
		if c.of == (place{b.Instance.ID, b.Events[0].Position}) {
			written = 1
		}
	}
	for at := written; at < len(b.Events); {
		c.buf = c.buf[:0]
		for ; at < len(b.Events) && len(c.buf) < writeAt; at++ {
			c.buf = c.line(c.buf, b.Instance.Name, &b.Events[at])
		}
		n, err := c.out.Write(c.buf)
		if err != nil {
			written += bytes.Count(c.buf[:n], []byte{'\n'})
			if n > 0 && c.buf[n-1] != '\n' {
				end := bytes.IndexByte(c.buf[n:], '\n') + 1
				c.rest, c.of = bytes.Clone(c.buf[n:n+end]), place{b.Instance.ID, b.Events[written].Position}
			}
			return written, fmt.Errorf("standard output: %w", err)
		}
		written = at
		if ctx.Err() != nil && written < len(b.Events) {
			return written, context.Cause(ctx)
		}
	}
	return written, nil
}

// Close does nothing: the standard output stays open.
func (*console) Close() error { return nil }
