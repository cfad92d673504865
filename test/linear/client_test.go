package linear

import (
	"context"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	firn "github.com/firnlog/firn"
	firnclient "github.com/firnlog/firn/client"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/query"
)

// client does one operation after another.
type client struct {
	h    *history
	n    int
	rng  *rand.Rand
	via  door
	made int // tags
	mine []tag
	// seen is the last number of each stream that it knows of.
	seen [streams]int64
}

// door is how a client asks. An append's error is a *firn.SequenceError, or
// nobody knows what became of it.
type door interface {
	append(ctx context.Context, events []event.Draft, expected *int64) ([]firn.Receipt, error)
	read(ctx context.Context, stream string) ([]event.Event, error) // "" = all
	numbers(ctx context.Context) (map[string]int64, error)
	close()
}

func newClient(h *history, n int, rng *rand.Rand) *client {
	c := &client{h: h, n: n, rng: rng, via: embedded{h}}
	if h.url != "" {
		own := &http.Transport{}
		to, err := firnclient.New(h.url, firnclient.Options{Attempts: 1, HTTP: &http.Client{Transport: own}})
		if err != nil {
			h.t.Fatal(err)
		}
		c.via = overHTTP{to, own}
	}
	return c
}

func (c *client) run(ctx context.Context, operations int) error {
	defer c.via.close()
	for range operations {
		if err := c.do(ctx, c.next()); err != nil {
			return err
		}
		if c.h.url == "" && c.rng.IntN(400) == 0 {
			if err := c.h.restart(); err != nil {
				return err
			}
		}
	}
	return nil
}

// next is what to do next.
func (c *client) next() input {
	switch n := c.rng.IntN(100); {
	case n < 15:
		return input{op: readStream, stream: c.rng.IntN(streams)}
	case n < 25:
		return input{op: readAll}
	case n < 32:
		return input{op: readNumbers}
	case n < 45 && len(c.mine) > 0: // again, with the same id
		return input{op: appendEvents, events: []tag{c.mine[c.rng.IntN(len(c.mine))]}}
	}
	in := input{op: appendEvents, events: []tag{c.tag(c.rng.IntN(streams))}}
	for range c.rng.IntN(3) {
		in.events = append(in.events, c.tag(c.rng.IntN(streams)))
	}
	if c.rng.IntN(3) == 0 {
		in.expected = new(c.seen[in.events[0].stream])
		in.events = in.events[:1]
	}
	return in
}

func (c *client) tag(stream int) tag {
	c.made++
	return tag{stream: stream, name: fmt.Sprintf("%d.%d", c.n, c.made)}
}

// do does an operation and notes it.
func (c *client) do(ctx context.Context, in input) error {
	c.h.open.RLock()
	defer c.h.open.RUnlock()
	cut := in.op == appendEvents && c.rng.IntN(40) == 0
	if cut { // at some moment, before or behind the answer
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(c.rng.IntN(400))*time.Microsecond)
		defer cancel()
	}
	call := time.Since(c.h.began)
	out, err := c.ask(ctx, in)
	back := time.Since(c.h.began)
	if err != nil && cut && in.op == appendEvents {
		out, err = output{unknown: true}, nil
	}
	if err != nil {
		return fmt.Errorf("client %d: %+v: %w", c.n, in, err)
	}
	c.h.note(c.n, in, out, call, back)
	if in.op == appendEvents && len(in.events) == 1 {
		c.mine = append(c.mine, in.events[0])
	}
	return nil
}

func (c *client) ask(ctx context.Context, in input) (out output, err error) {
	switch in.op {
	case appendEvents:
		return c.append(ctx, in)
	case readNumbers:
		all, err := c.via.numbers(ctx)
		for s := range streams {
			n := all[streamName(s)]
			c.seen[s] = n
			out.numbers = append(out.numbers, n)
		}
		return out, err
	case readStream:
		out.text, err = c.read(ctx, streamName(in.stream))
		return out, err
	}
	out.text, err = c.read(ctx, "")
	return out, err
}

func streamName(n int) string { return fmt.Sprint("stream-", n) }

func (c *client) append(ctx context.Context, in input) (out output, err error) {
	drafts := make([]event.Draft, len(in.events))
	for i, e := range in.events {
		drafts[i] = event.Draft{ID: e.name, StreamID: streamName(e.stream), EventType: "linear", Payload: fmt.Appendf(nil, `{"tag":%q}`, e.name)}
	}
	receipts, err := c.via.append(ctx, drafts, in.expected)
	var conflict *firn.SequenceError
	if errors.As(err, &conflict) {
		c.seen[in.events[0].stream] = conflict.Actual
		return output{conflict: true, actual: conflict.Actual}, nil
	}
	for i, r := range receipts {
		out.numbers, out.duplicates = append(out.numbers, r.SequenceNumber), append(out.duplicates, r.Duplicate)
		out.positions = append(out.positions, r.Position)
		if s := in.events[i].stream; !r.Duplicate {
			c.seen[s] = r.SequenceNumber
		}
	}
	return out, err
}

// read is what is there, as the model writes it, and checked by number.
func (c *client) read(ctx context.Context, stream string) (string, error) {
	events, err := c.via.read(ctx, stream)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	last := map[string]int64{}
	for i := range events {
		e := &events[i]
		if last[e.StreamID]++; e.SequenceNumber != last[e.StreamID] {
			return "", fmt.Errorf("stream %s: number %d where %d is next", e.StreamID, e.SequenceNumber, last[e.StreamID])
		}
		b.WriteString(strings.TrimPrefix(e.StreamID, "stream-") + ":" + e.ID + ",")
	}
	return b.String(), nil
}

// embedded asks the log itself.
type embedded struct{ h *history }

func (d embedded) close() {}

func (d embedded) append(ctx context.Context, events []event.Draft, expected *int64) ([]firn.Receipt, error) {
	return d.h.log.Append(ctx, firn.AppendRequest{Instance: "app", Events: events, ExpectedSequence: expected})
}

func (d embedded) read(ctx context.Context, stream string) (events []event.Event, err error) {
	if stream == "" {
		err = d.h.log.Scan(ctx, "app", nil, 0, func(some []event.Event) error {
			for _, e := range some {
				events = append(events, event.Event{ID: strings.Clone(e.ID), StreamID: strings.Clone(e.StreamID), SequenceNumber: e.SequenceNumber})
			}
			return nil
		})
		return events, err
	}
	q, err := query.Parse(fmt.Appendf(nil, `{"from":{"instance":"app","stream":%q},"limit":10000}`, stream), time.Now())
	if err != nil {
		return nil, err
	}
	result, err := d.h.log.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	return result.Events, nil
}

func (d embedded) numbers(ctx context.Context) (map[string]int64, error) {
	all, err := d.h.log.Streams(ctx, "app", "", "", 100)
	numbers := map[string]int64{}
	for _, s := range all {
		numbers[s.Name] = s.LastSequence
	}
	return numbers, err
}

// overHTTP asks a server.
type overHTTP struct {
	to  *firnclient.Client
	own *http.Transport
}

func (d overHTTP) close() { d.own.CloseIdleConnections() }

func (d overHTTP) append(ctx context.Context, events []event.Draft, expected *int64) ([]firn.Receipt, error) {
	told, err := d.to.Append(ctx, "app", events, firnclient.AppendOptions{ExpectedSequence: expected})
	var refused *firnclient.Error
	if errors.As(err, &refused) && refused.Actual != nil {
		return nil, &firn.SequenceError{Actual: *refused.Actual}
	}
	receipts := make([]firn.Receipt, len(told))
	for i, r := range told {
		receipts[i] = firn.Receipt{ID: r.ID, StreamID: r.StreamID, SequenceNumber: r.SequenceNumber, Position: r.Position, Duplicate: r.Duplicate}
	}
	return receipts, err
}

func (d overHTTP) read(ctx context.Context, stream string) ([]event.Event, error) {
	from := map[bool]string{true: `{"instance":"app"}`, false: fmt.Sprintf(`{"instance":"app","stream":%q}`, stream)}[stream == ""]
	result, err := d.to.QueryJSON(ctx, jsontext.Value(`{"from":`+from+`,"limit":10000}`))
	if err != nil {
		return nil, err
	}
	return result.Decode()
}

func (d overHTTP) numbers(ctx context.Context) (map[string]int64, error) {
	all, _, err := d.to.Streams(ctx, "app", "", "", 100)
	numbers := map[string]int64{}
	for _, s := range all {
		numbers[s.Name] = s.LastSequence
	}
	return numbers, err
}
