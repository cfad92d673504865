package client

import (
	"bufio"
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/firnlog/firn/event"
)

// TailOptions says where a Tail begins.
type TailOptions struct {
	// After is the last position already had, 0 = begin with the first event.
	After int64
	// FromNow begins with what arrives from now on; After is then not used.
	FromNow bool
	// Lost, if not nil, is called when the connection is lost, once until it is
	// Back, which is called when the server answers again.
	Lost func(error)
	Back func()
}

// Message is what a Tail brings: an event or a gap.
type Message struct {
	// Event is the next event, nil with a Gap.
	Event *event.Event
	// Gap, if not nil, is an inclusive range of positions that were removed
	// before they could be delivered.
	Gap *Gap
	// Position is the cursor to go on from.
	Position int64
}

// Gap is an inclusive range of positions.
type Gap struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// Tail follows an instance: the matching events after a position, in order,
// each once, then what arrives. A lost connection is made again and goes on
// where it was, for as long as it takes. The loop ends with ctx (which is not
// an error) or after an error that trying again does not help.
func (c *Client) Tail(ctx context.Context, instance string, f Filter, opts TailOptions) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		t := &tail{c: c, instance: instance, filter: f, position: opts.After, known: !opts.FromNow, opts: opts}
		for attempt := 1; ; attempt++ {
			before := t.position
			err := t.follow(ctx, yield)
			if ctx.Err() != nil || errors.Is(err, errStopped) {
				return
			}
			if final(err) {
				yield(Message{}, err)
				return
			}
			t.tellLost(err)
			if t.position > before {
				attempt = 1
			}
			pause := c.pause(err, attempt)
			if t.retry > 0 {
				pause, t.retry = t.retry, 0
			}
			if wait(ctx, pause) != nil {
				return
			}
		}
	}
}

var errStopped = errors.New("the loop was left")

// final says that a tail cannot go on: the server answered so, and not because
// it is busy or stopping; or it sent what no Firn server sends.
func final(err error) bool {
	var answered *Error
	if errors.As(err, &answered) {
		return answered.Status < 500 && answered.Status != http.StatusTooManyRequests
	}
	return errors.Is(err, errAnswer)
}

type tail struct {
	c        *Client
	instance string
	filter   Filter
	position int64
	known    bool // position is where to go on
	retry    time.Duration
	opts     TailOptions
	lost     bool
}

func (t *tail) tellLost(err error) {
	if !t.lost && t.opts.Lost != nil {
		t.opts.Lost(err)
	}
	t.lost = true
}

func (t *tail) tellBack() {
	if t.lost && t.opts.Back != nil {
		t.opts.Back()
	}
	t.lost = false
}

// follow is one connection.
func (t *tail) follow(ctx context.Context, yield func(Message, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	query := t.filter.values()
	if t.known {
		query.Set("after", strconv.FormatInt(t.position, 10))
	}
	watch := time.AfterFunc(t.c.opts.Silence, cancel)
	defer watch.Stop()
	response, err := t.c.send(ctx, call{method: http.MethodGet, path: []string{"v1", "instances", t.instance, "tail"}, query: query}, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	t.tellBack()
	lines := bufio.NewReaderSize(response.Body, 64<<10)
	for {
		m, err := readMessage(lines)
		if err != nil {
			return err
		}
		watch.Reset(t.c.opts.Silence)
		if err := t.take(m, yield); err != nil {
			return err
		}
	}
}

// take passes a message on and moves the position behind it.
func (t *tail) take(m sseMessage, yield func(Message, error) bool) error {
	t.retry = max(t.retry, m.retry)
	position := t.position
	if m.id != "" {
		var err error
		if position, err = strconv.ParseInt(m.id, 10, 64); err != nil {
			return fmt.Errorf("tail: id %q: %w", m.id, errAnswer)
		}
	}
	had := t.known && position <= t.position
	out := Message{Position: position}
	switch {
	case m.kind == "gap":
		out.Gap = new(Gap)
		if err := json.Unmarshal(m.data, out.Gap); err != nil {
			return fmt.Errorf("tail: %w: %w", errAnswer, err)
		}
	case m.kind == "" && len(m.data) > 0:
		e, err := decodeEvent(m.data)
		if err != nil {
			return err
		}
		out.Event = &e
	default: // a mark, or bye: the position is all there is to it
		t.position, t.known = position, t.known || m.id != ""
		return nil
	}
	if had { // it was delivered before
		return nil
	}
	// Behind it even if the loop is left now: it has been delivered.
	t.position, t.known = position, true
	if !yield(out, nil) {
		return errStopped
	}
	return nil
}

// sseMessage is one message of a stream of Server-Sent Events.
type sseMessage struct {
	kind, id string
	data     []byte
	retry    time.Duration
}

// maxMessage bounds a message: an event at the highest sensible limit.
const maxMessage = 256 << 20

// readMessage reads up to the blank line that ends a message.
func readMessage(lines *bufio.Reader) (m sseMessage, err error) {
	for {
		line, err := readLine(lines, maxMessage-len(m.data))
		if err != nil {
			return m, err
		}
		if len(line) == 0 {
			return m, nil
		}
		name, value := cutField(line)
		switch name {
		case "event":
			m.kind = string(value)
		case "id":
			m.id = string(value)
		case "data":
			if m.data != nil {
				m.data = append(m.data, '\n')
			}
			m.data = append(m.data, value...)
		case "retry":
			if ms, err := strconv.Atoi(string(value)); err == nil && ms >= 0 {
				m.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
}

// readLine reads a line without its end; it is valid until the next read.
func readLine(lines *bufio.Reader, most int) ([]byte, error) {
	line, err := lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		var whole []byte
		for errors.Is(err, bufio.ErrBufferFull) {
			if whole = append(whole, line...); len(whole) > most {
				return nil, fmt.Errorf("tail: a message over %d bytes: %w", maxMessage, errAnswer)
			}
			line, err = lines.ReadSlice('\n')
		}
		line = append(whole, line...)
	}
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF // the server never ends a tail but with bye
	}
	if err != nil {
		return nil, err
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

func cutField(line []byte) (name string, value []byte) {
	for i, c := range line {
		if c == ':' {
			value = line[i+1:]
			if len(value) > 0 && value[0] == ' ' {
				value = value[1:]
			}
			return string(line[:i]), value
		}
	}
	return string(line), nil
}
