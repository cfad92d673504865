package server

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	firn "github.com/firnlog/firn"
)

// tailBatch is the most events that one tail holds at a time. The log itself
// is the buffer of a slow reader, so a thousand of them cost little.
const tailBatch = 256

func tailRoutes() []route {
	return []route{{method: "GET", path: instancePath + "/tail", name: "tail", permission: eventsRead, stream: true,
		about: "Follows an instance as Server-Sent Events: what is stored after a position, then what arrives. " +
			"Each event is a message whose id is its position; a client that reconnects with Last-Event-ID goes on without gap or repeat. " +
			"Messages of type gap name positions that were removed before they could be delivered, of type bye where to resume when the server stops.",
		params: filterParams(param{name: "after", kind: integer, min: 0, max: math.MaxInt64,
			about: "Begin after this position, 0 = with the first event; without it and without Last-Event-ID, with what arrives from now."}),
		headers: []param{{name: "Last-Event-ID", about: "The position of the last message that was received; it goes before after.", kind: integer}},
		answers: []answer{{status: 200, about: "The messages, until one side ends.", media: []media{sseMedia}},
			{status: 404, about: "No such instance."}},
		serve: (*Server).tail}}
}

// tail writes one subscription as Server-Sent Events. What arrives while a
// write is in progress goes together in the next.
func (s *Server) tail(w http.ResponseWriter, r *request) error {
	q, err := s.filterQuery(r, "")
	if err != nil {
		return err
	}
	request := firn.SubscribeRequest{Instance: r.PathValue("instance"), Where: q.Where}
	if err := resumeAt(r, &request); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.draining, cancel)()
	if s.draining.Err() != nil {
		return closing()
	}
	subscription, err := s.log.Subscribe(ctx, request)
	if err != nil {
		return err
	}
	defer subscription.Close()
	out := s.answerWith(w, r, sseMedia)
	defer out.close()
	w.Header().Set("X-Accel-Buffering", "no") // proxies that gather would hold events back
	t := &tail{out: out, subscription: subscription, position: subscription.Position(), heartbeat: s.opts.timing.heartbeat, memory: s.tails, most: 1}
	t.out.raw(": following\n")
	t.mark()
	if err := t.out.flush(); err != nil {
		return nil // the client is gone
	}
	t.out.rest()
	t.follow(ctx)
	if s.draining.Err() != nil {
		t.bye(s.opts.timing.reconnect)
	}
	return nil
}

// resumeAt says where the tail begins.
func resumeAt(r *request, to *firn.SubscribeRequest) error {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		position, err := strconv.ParseInt(last, 10, 64)
		if err != nil || position < 0 {
			return malformed("Last-Event-ID", "must be the position of an event, a whole number")
		}
		to.After = position
		return nil
	}
	to.FromNow = !r.params.has("after")
	to.After = r.params.integer("after", 0)
	return nil
}

type tail struct {
	out          *writer
	subscription *firn.Subscription
	// position is up to where the client has had everything.
	position  int64
	marked    int64 // the position that the client was told last
	heartbeat time.Duration
	memory    *tails
	most      int // events of the next delivery
}

// follow delivers until the client is gone, ctx ends or the log does.
func (t *tail) follow(ctx context.Context) {
	for {
		next, cancel := context.WithTimeout(ctx, t.heartbeat)
		err := t.subscription.Wait(next)
		cancel()
		switch {
		case err == nil:
			err = t.pass(ctx)
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			t.out.raw(": still here\n")
			t.position = t.subscription.Position()
			t.mark()
			err = t.out.flush()
		}
		if err != nil {
			return
		}
	}
}

// pass reads what there is and writes it, within the memory that tails share.
func (t *tail) pass(ctx context.Context) error {
	share, err := t.memory.read(ctx)
	if err != nil {
		return err
	}
	defer share.end()
	d, _, err := t.subscription.Read(ctx, t.most)
	if err == nil && len(d.Events) == 0 && d.Gap == nil {
		t.position = d.Position
		return nil
	}
	if err != nil {
		return err
	}
	size := t.sized(&d)
	if err := share.write(ctx, size, t.out.giveUp); err != nil {
		return err
	}
	t.deliver(&d)
	err = t.out.flush()
	t.out.rest()
	return err
}

// sized is about how much memory a delivery takes until it is written. It
// decides how many events the next one has: few large ones, many small ones.
func (t *tail) sized(d *firn.Delivery) int64 {
	size, largest := int64(flushAt), int64(0)
	for i := range d.Events {
		n := int64(len(d.Events[i].Payload)+len(d.Events[i].Metadata)) + 500
		size, largest = size+n, max(largest, n)
	}
	switch {
	case size > 3*flushAt:
		t.most = max(1, t.most/4)
	case size < 2*flushAt:
		t.most = min(2*t.most, tailBatch)
	}
	return size + largest
}

// deliver gathers what the subscription brought.
func (t *tail) deliver(d *firn.Delivery) {
	if d.Gap != nil {
		t.out.raw("event: gap\nid: ")
		t.out.integer(d.Gap.Last)
		t.out.raw("\ndata: {")
		t.out.member("first")
		t.out.integer(d.Gap.First)
		t.out.member("last")
		t.out.integer(d.Gap.Last)
		if d.Lost {
			t.out.member("lost")
			t.out.raw("true")
		}
		t.out.raw("}\n\n")
		t.marked = d.Gap.Last
	}
	for i := range d.Events {
		e := &d.Events[i]
		t.out.raw("id: ")
		t.out.integer(e.Position)
		t.out.raw("\ndata: ")
		t.out.buf = e.AppendJSON(t.out.buf)
		t.out.raw("\n\n")
		t.marked = e.Position
		if t.out.room() != nil {
			return // the flush that follows fails too and ends the tail
		}
	}
	t.position = d.Position
}

// mark tells the position without an event, so that a client whose filter
// matches little need not have everything read again.
func (t *tail) mark() {
	if t.position > t.marked {
		t.out.raw("id: ")
		t.out.integer(t.position)
		t.out.raw("\n")
		t.marked = t.position
	}
	t.out.raw("\n")
}

// bye tells the client where to resume, and how soon to ask again.
func (t *tail) bye(reconnect time.Duration) {
	t.out.raw("retry: ")
	t.out.integer(reconnect.Milliseconds())
	t.out.raw("\nevent: bye\nid: ")
	t.out.integer(t.position)
	t.out.raw("\ndata: {")
	t.out.member("position")
	t.out.integer(t.position)
	t.out.raw("}\n\n")
	_ = t.out.flush() // the client is gone: nobody to tell
}
