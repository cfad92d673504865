package codebolt

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/firnlog/firn/internal/auth"
)

const (
	// queuedWrites is how many operations that change something may wait.
	queuedWrites = 1_024
	// queuedAnswers is how many answers may wait for the client to read them.
	queuedAnswers = 256
	// runningReads is how many of the other operations run at a time.
	runningReads = 32
	// frameStall is how long a frame that has begun may stand still, with the
	// memory that it holds.
	frameStall = 2 * time.Minute
)

// conn is one client. Its queues are bounded: a client that sends and does not
// read is not read from any more.
type conn struct {
	door   *eventLog
	ws     *websocket.Conn
	raw    net.Conn // below ws
	caller auth.Caller
	// admitted ends with what the caller came in with, and with the connection.
	admitted context.Context

	writes  chan *request // to the lane
	answers chan *answer  // to the sender
	reads   sync.WaitGroup
	slots   chan struct{} // one for each read that is not answered yet

	mu       sync.Mutex
	begun    int  // requests that are not answered yet
	stopping bool // no more are begun
	idle     chan struct{}
	ended    chan struct{}
}

func newConn(d *eventLog, ws *websocket.Conn, raw net.Conn, caller auth.Caller) *conn {
	return &conn{
		door: d, ws: ws, raw: raw, caller: caller,
		writes: make(chan *request, queuedWrites), answers: make(chan *answer, queuedAnswers),
		slots: make(chan struct{}, runningReads), idle: make(chan struct{}), ended: make(chan struct{}),
	}
}

// serve runs the connection to its end. ctx bears the caller's name and does
// not end.
func (c *conn) serve(ctx context.Context) {
	admitted, leave := c.caller.Until(ctx)
	defer leave()
	c.admitted = admitted
	var lane, sender, stopper sync.WaitGroup
	lane.Go(func() { c.lane(ctx) })
	sender.Go(func() { c.send(ctx) })
	stopper.Go(c.awaitStop)
	stopper.Go(c.awaitExpulsion)

	c.receive(ctx)
	leave() // nobody is there for the answers
	close(c.writes)
	lane.Wait()
	c.reads.Wait()
	close(c.answers)
	sender.Wait()
	close(c.ended)
	_ = c.ws.CloseNow() // it is closed in most cases
	stopper.Wait()
}

// receive takes frames until the connection ends.
func (c *conn) receive(ctx context.Context) {
	stall := time.AfterFunc(frameStall, func() { _ = c.ws.CloseNow() }) // who stalls is let go
	defer stall.Stop()
	for {
		stall.Stop()
		_, from, err := c.ws.Reader(ctx) // text and binary alike
		if err != nil {
			return
		}
		stall.Reset(frameStall)
		r := &request{}
		var frame []byte
		frame, r.held, err = receive(renewing{from, stall}, int64(c.door.opts.Limits.BatchBytes), c.door.opts.Memory)
		switch {
		case errors.Is(err, errEndless):
			_ = c.ws.Close(websocket.StatusMessageTooBig, "the frame does not end") // closing is all that is left to do
			return
		case err == nil, errors.Is(err, errFrameTooLarge), errors.Is(err, errNoMemory):
			stall.Stop() // what follows may wait for others
			c.guard([]*request{r}, func() { c.handle(ctx, r, frame, err) })
		default:
			return
		}
	}
}

// renewing gives a frame its time anew with each part that comes.
type renewing struct {
	from  io.Reader
	stall *time.Timer
}

func (r renewing) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if n > 0 && err == nil {
		r.stall.Reset(frameStall)
	}
	return n, err
}

// handle sees to one frame: it is answered here or handed on.
func (c *conn) handle(ctx context.Context, r *request, frame []byte, fault error) {
	r.counted = c.begin()
	err := r.parse(frame)
	switch {
	case errors.Is(fault, errFrameTooLarge):
		err = invalid("", "the frame is over the limit of %d bytes", c.door.opts.Limits.BatchBytes)
	case fault != nil:
		err = fault
	case !r.counted:
		err = errStopping
	}
	if err == nil {
		err = c.admit(ctx, r)
	}
	if err != nil {
		c.fail(r, err)
		return
	}
	if r.op.ordered {
		c.writes <- r
		return
	}
	c.slots <- struct{}{}
	r.slot = true
	c.reads.Go(func() { c.run(c.admitted, r) })
}

// admit finds the operation, asks whether the caller may, and reads what is to
// be appended.
func (c *conn) admit(ctx context.Context, r *request) error {
	op := operations[r.kind]
	if op == nil {
		return invalid("type", "%q is no operation of this server; one of %s", shown(r.kind), operationNames)
	}
	r.op = op
	if err := c.caller.Admit(ctx, op.permission, r.endpoint()); err != nil {
		return err
	}
	if op.run != nil {
		return nil
	}
	var err error
	r.batch, err = parseAppend(r.params, op.single, c.door.opts.Limits)
	return err
}

// run does an operation and answers it.
func (c *conn) run(ctx context.Context, r *request) {
	c.guard([]*request{r}, func() {
		data, err := r.op.run(ctx, c, r)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = errUnheard
		}
		if err != nil {
			c.fail(r, err)
			return
		}
		c.succeed(r, data)
	})
}

// guard answers the requests of fn that a panic has left without an answer.
func (c *conn) guard(requests []*request, fn func()) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		c.panicked(cause)
		for _, r := range requests {
			if !r.answered {
				c.reply(&answer{to: r, err: brokenText})
			}
		}
	}()
	fn()
}

func (c *conn) succeed(r *request, data func(*writer) error) { c.reply(&answer{to: r, data: data}) }

func (c *conn) fail(r *request, err error) {
	text, known := explain(err)
	if !known {
		c.door.opts.Logger.Error("an operation failed", "door", "codebolt", "operation", shown(r.kind), "error", err)
	}
	c.reply(&answer{to: r, err: text})
}

// reply hands an answer to the sender, which always takes it in the end.
func (c *conn) reply(a *answer) {
	a.to.answered = true
	c.answers <- a
}

// hold takes memory for what a request will answer; the sender gives it back.
func (c *conn) hold(r *request, bytes int64) bool {
	if !c.door.opts.Memory.TryAcquire(bytes) {
		return false
	}
	r.held += bytes
	return true
}

// send sends answers and pings until c.answers is closed. Once the client is
// gone it goes on, for those who answer.
func (c *conn) send(ctx context.Context) {
	ticker := time.NewTicker(c.door.opts.PingEvery)
	defer ticker.Stop()
	w := newWriter(ctx, c.ws, c.door.opts.WriteTimeout, c.expelled)
	var pings sync.WaitGroup
	defer pings.Wait()
	var gone bool
	defer func() { _ = c.ws.CloseNow() }() // ends a ping that waits
	for {
		select {
		case <-ticker.C:
			if !gone {
				pings.Go(func() { c.ping(ctx) })
			}
		case a, more := <-c.answers:
			if !more {
				return
			}
			switch {
			case gone || c.expelled(): // awaitExpulsion closes
			case c.deliver(w, a) == nil:
			default:
				gone = true
				if !c.expelled() {
					_ = c.ws.CloseNow() // it is broken; receive then ends
				}
			}
			c.end(a.to)
		}
	}
}

// deliver sends an answer, and says so where writing it has panicked.
func (c *conn) deliver(w *writer, a *answer) (err error) {
	now := c.door.opts.Now()
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		c.panicked(cause)
		if err = errPanicked; w.message == nil {
			err = w.send(&answer{to: a.to, err: brokenText}, now)
		}
		w.release()
	}()
	return w.send(a, now)
}

var errPanicked = errors.New("an answer panicked")

func (c *conn) panicked(cause any) {
	c.door.opts.Logger.Error("an operation panicked", "door", "codebolt", "panic", cause, "stack", string(debug.Stack()))
}

// ping gives proxies on the way something to see. Who does not answer it may
// stand still in a debugger, and is kept.
func (c *conn) ping(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, c.door.opts.PingEvery)
	defer cancel()
	_ = c.ws.Ping(ctx)
}

// begin counts a request, unless the server is stopping.
func (c *conn) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping {
		return false
	}
	c.begun++
	return true
}

// end gives back what a request held.
func (c *conn) end(r *request) {
	c.door.opts.Memory.Release(r.held)
	if r.slot {
		<-c.slots
	}
	if !r.counted {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun--
	if c.stopping && c.begun == 0 {
		close(c.idle)
	}
}

// awaitStop closes the connection properly when the server stops: first
// everything that has begun is answered.
func (c *conn) awaitStop() {
	select {
	case <-c.ended:
		return
	case <-c.door.stopping.Done():
	}
	c.mu.Lock()
	c.stopping = true
	if c.begun == 0 {
		close(c.idle)
	}
	c.mu.Unlock()
	select {
	case <-c.ended:
	case <-c.idle:
		_ = c.ws.Close(websocket.StatusGoingAway, "the server is stopping") // the client may be gone
	case <-c.door.drain.Done():
		_ = c.ws.CloseNow() // time is up
	}
}
