package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// The bounds of a chunk (docs/http-api.md).
const (
	chunkLines = 10_000
	chunkBytes = 8 << 20
)

// chunk is some lines of an NDJSON body that are stored together or not at
// all.
type chunk struct {
	text      []byte
	drafts    []event.Draft
	lines     []int64 // the line number of each draft
	firstLine int64   // the number of its first line, from 1
	count     int     // lines, blank ones too
	fault     error   // why nothing of it can be stored
	lease     lease
}

var chunks = sync.Pool{New: func() any { return new(chunk) }}

func newChunk(from *budget, firstLine int64) *chunk {
	c := chunks.Get().(*chunk)
	c.firstLine, c.lease = firstLine, lease{from: from}
	return c
}

// release gives the chunk back; nothing of it may be used afterwards.
func (c *chunk) release() {
	c.lease.end()
	clear(c.drafts)
	*c = chunk{text: c.text[:0], drafts: c.drafts[:0], lines: c.lines[:0]}
	if cap(c.text) <= keptBuffer {
		chunks.Put(c)
	}
}

// inLines names the lines of an error that names events of the batch.
func (c *chunk) inLines(err error) error {
	index := -1
	var bad *event.InvalidError
	var conflict *firn.IDConflictError
	var refused *firn.PayloadError
	switch {
	case errors.As(err, &refused):
		return problemOfPayloads(refused, c.lines)
	case errors.As(err, &bad):
		index = bad.Index
	case errors.As(err, &conflict):
		index = conflict.Index
	}
	if index < 0 || index >= len(c.lines) {
		return err
	}
	p, _ := problemOf(err)
	return p.atLine(c.lines[index])
}

// atLine names the line of an NDJSON body instead of the event of a batch.
func (p *problem) atLine(line int64) *problem {
	p.Line = &line
	where := fmt.Sprintf("line %d", line)
	for i := range p.Errors {
		field := p.Errors[i].Field
		if _, rest, ok := bytes.Cut([]byte(field), []byte("]")); ok && bytes.HasPrefix([]byte(field), []byte("events[")) {
			field = string(bytes.TrimPrefix(rest, []byte(".")))
		}
		p.Errors[i].Field = field
		if field == "" {
			p.Errors[i].Field = "event"
		}
		p.Detail = where + ": " + p.Errors[i].Field + ": " + p.Errors[i].Message
	}
	return p
}

// gatherer makes chunks of pieces.
type gatherer struct {
	s      *Server
	r      *request
	pieces <-chan piece
	chunks chan *chunk
	done   chan struct{}

	parser  event.Parser
	current *chunk
	// parsed is how much of the current chunk's text is whole lines.
	parsed   int
	line     int64 // number of the next line
	deadline *time.Timer
	maxLines int
	maxBytes int
}

func newGatherer(s *Server, r *request, pieces <-chan piece) *gatherer {
	g := &gatherer{parser: event.Parser{Limits: s.opts.Limits}, s: s, r: r, pieces: pieces, chunks: make(chan *chunk), done: make(chan struct{}), line: 1,
		maxLines: min(chunkLines, s.opts.Limits.BatchEvents), maxBytes: min(chunkBytes, s.opts.Limits.BatchBytes)}
	g.deadline = time.NewTimer(time.Hour)
	g.deadline.Stop()
	g.current = newChunk(s.bodies, 1)
	return g
}

// maxLine is the longest line: an event at its limit, with room for the
// envelope and for white space.
func (g *gatherer) maxLine() int { return max(chunkBytes, 2*g.s.opts.Limits.EventBytes) }

// run ends at the end of the body, at the first fault, or with ctx.
func (g *gatherer) run(ctx context.Context, free chan<- []byte) {
	defer close(g.done)
	defer close(g.chunks)
	defer func() { g.current.release() }()
	defer g.deadline.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.s.draining.Done():
			if g.hand(ctx) {
				g.fail(ctx, closing())
			}
			return
		case <-g.deadline.C:
			if !g.hand(ctx) {
				return
			}
		case p, ok := <-g.pieces:
			if !ok || !g.take(ctx, p) {
				return
			}
			free <- p.bytes[:cap(p.bytes)] // it has room for every buffer there is
		}
	}
}

// wait returns when run has, and nothing of the chunks is in use.
func (g *gatherer) wait() {
	for c := range g.chunks {
		c.release()
	}
	<-g.done
}

// take adds a piece and hands chunks on that are full. It reports whether to
// go on.
func (g *gatherer) take(ctx context.Context, p piece) bool {
	rest := p.bytes
	for len(rest) > 0 {
		if err := g.reserve(ctx, len(rest)); err != nil {
			return g.fail(ctx, err)
		}
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			g.current.text = append(g.current.text, rest...)
			if len(g.current.text)-g.parsed > g.maxLine() {
				return g.fail(ctx, tooLarge("a line is over %d bytes", g.maxLine()))
			}
			break
		}
		g.current.text = append(g.current.text, rest[:end+1]...)
		rest = rest[end+1:]
		if !g.endLine(ctx) {
			return false
		}
	}
	switch {
	case p.err == nil:
		return true
	case p.err != io.EOF: //nolint:errorlint // a reader ends with nothing else
		return g.fail(ctx, p.err)
	}
	if len(g.current.text) > g.parsed && !g.endLine(ctx) { // a last line without its newline
		return false
	}
	g.hand(ctx)
	return false
}

// reserve takes budget for n more bytes. When there is none, a chunk with
// whole lines is handed on early, one without waits until others are done.
func (g *gatherer) reserve(ctx context.Context, n int) error {
	need := int64(len(g.current.text) + n)
	if need <= g.current.lease.taken {
		return nil
	}
	grow := max(2*g.current.lease.taken, need, pieceSize)
	if g.current.lease.grow(grow) || g.current.lease.grow(need) {
		return nil
	}
	if g.current.count > 0 && !g.hand(ctx) {
		return ctx.Err()
	}
	need = int64(len(g.current.text) + n)
	if g.current.lease.taken == 0 && need <= g.s.bodies.total {
		return g.current.lease.wait(ctx, need)
	}
	return overloaded("the bodies of other requests use all of the memory for bodies; send it again from this line on")
}

// endLine parses the line that ends the text, and hands a full chunk on.
func (g *gatherer) endLine(ctx context.Context) bool {
	c := g.current
	line := bytes.TrimSpace(c.text[g.parsed:])
	if len(line) > 0 {
		drafts, err := g.parser.AppendLine(c.drafts, line)
		if err != nil {
			return g.failLine(ctx, err)
		}
		c.drafts = drafts
		c.lines = append(c.lines, g.line)
		if len(c.drafts) == 1 {
			g.deadline.Reset(g.s.opts.timing.chunk)
		}
	}
	g.parsed = len(c.text)
	g.line++
	c.count++
	if c.count < g.maxLines && g.parsed < g.maxBytes {
		return true
	}
	if len(c.drafts) == 0 {
		return g.fail(ctx, g.onlyBlank())
	}
	return g.hand(ctx)
}

// onlyBlank is the fault of a whole chunk of blank lines: there may be some
// between events, but they cost time and bring nothing.
func (g *gatherer) onlyBlank() error {
	at := g.current.firstLine
	p := malformed("body", "has %d blank lines (%d bytes) and no event, from line %d on; send the events alone", g.current.count, g.parsed, at)
	p.Line = &at
	return p
}

func (g *gatherer) failLine(ctx context.Context, err error) bool {
	p, known := problemOf(err)
	if !known {
		return g.fail(ctx, err)
	}
	return g.fail(ctx, p.atLine(g.line))
}

// hand hands the whole lines of the current chunk on to be stored, and begins
// the next with what is left. It reports whether to go on.
func (g *gatherer) hand(ctx context.Context) bool {
	if g.current.count == 0 {
		return true
	}
	g.deadline.Stop()
	full := g.current
	g.current = newChunk(g.s.bodies, g.line)
	rest := full.text[g.parsed:]
	g.parsed = 0
	g.current.text = append(g.current.text, rest...) // counted by the next reserve
	select {
	case g.chunks <- full:
		return true
	case <-ctx.Done():
		full.release()
		return false
	}
}

// fail hands on a fault instead of the current chunk, and ends the gathering.
func (g *gatherer) fail(ctx context.Context, err error) bool {
	g.current.fault = err
	g.current.count = max(g.current.count, 1)
	g.hand(ctx)
	return false
}
