package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/auth"
)

// idleUpload is how long a streamed append may be silent.
const idleUpload = 10 * time.Minute

// appendLines stores an NDJSON body chunk by chunk while it arrives. Three
// goroutines pass it on: one reads, one gathers and parses chunks, this one
// stores and answers; so a chunk is parsed while the one before is being synced.
// All three have ended when it returns.
func (s *Server) appendLines(w http.ResponseWriter, r *request) error {
	if r.params["return"] == "full" {
		return malformed("return", "full is for application/json; NDJSON is answered by a line a chunk")
	}
	batch, err := s.batchOf(r, nil)
	if err != nil {
		return err
	}
	in, err := s.openBody(r)
	if err != nil {
		return err
	}
	in.patience, in.step, in.left = idleUpload, 1, 0
	_ = r.control.EnableFullDuplex() // HTTP/2 always is, and needs no asking

	ctx, cancel := context.WithCancel(r.Context())
	reading := newUpload(in, ctx.Done())
	go reading.run()
	gathering := newGatherer(s, r, reading.pieces)
	go gathering.run(ctx, reading.free)

	out := s.answerWith(w, r, ndjsonMedia)
	defer out.close()
	err = s.storeChunks(ctx, w, r, &batch, gathering.chunks, out)
	cancel()
	reading.end()
	gathering.wait()
	reading.release()
	in.Close()
	if err == nil && !in.whole {
		// What follows on this connection is the rest of the body, which nobody
		// must take for a request.
		return http.ErrAbortHandler
	}
	return err
}

// storeChunks appends chunk after chunk and answers each. Once a line has been
// answered, a fault is a last line and not an error.
func (s *Server) storeChunks(ctx context.Context, w http.ResponseWriter, r *request, batch *firn.AppendRequest, chunks <-chan *chunk, out *writer) error {
	next := int64(1)
	for c := range chunks {
		next = c.firstLine + int64(c.count)
		nameStream(c.drafts, r.params["stream"])
		batch.Events = c.drafts
		var faults []firn.Fault
		batch.Warn = func(told []firn.Fault) { faults = told }
		receipts, err := s.storeChunk(ctx, batch, c, out.began)
		if err == nil && receipts != nil {
			out.chunk(receipts, faults, c.lines)
		}
		first := c.firstLine
		c.release()
		if err != nil {
			return s.endLines(w, r, out, err, first)
		}
		if receipts == nil {
			continue // only blank lines
		}
		if out.flush() != nil {
			return nil //nolint:nilerr // the client is gone; what it was told is stored
		}
	}
	if err := context.Cause(ctx); errors.Is(err, auth.ErrEnded) {
		return s.endLines(w, r, out, err, next)
	} else if err != nil {
		return http.ErrAbortHandler // the client has gone, it seems; it must not take the rest for stored
	}
	return out.finish(http.StatusOK)
}

// storeChunk appends one chunk. A chunk with a fault stores nothing. Where too much
// is waiting to be stored, a stream that has begun waits too.
func (s *Server) storeChunk(ctx context.Context, batch *firn.AppendRequest, c *chunk, begun bool) ([]firn.Receipt, error) {
	if c.fault != nil {
		return nil, c.fault
	}
	if len(c.drafts) == 0 {
		return nil, nil
	}
	admitted, err := s.appends.enter(int64(len(c.text)))
	if err != nil && begun {
		admitted, err = s.appends.wait(ctx, int64(len(c.text)))
	}
	if err != nil {
		return nil, err
	}
	defer admitted.end()
	receipts, err := s.log.Append(ctx, *batch)
	if err != nil {
		return nil, c.inLines(err)
	}
	if batch.ExpectedSequence != nil {
		// The next chunk must follow this one.
		last := int64(0)
		for i := range receipts {
			last = max(last, receipts[i].SequenceNumber)
		}
		batch.ExpectedSequence = &last
	}
	return receipts, nil
}

// chunk writes the line that acknowledges one chunk.
func (w *writer) chunk(receipts []firn.Receipt, faults []firn.Fault, lines []int64) {
	first, last, duplicates := receipts[0].Position, receipts[0].Position, int64(0)
	for i := range receipts {
		first, last = min(first, receipts[i].Position), max(last, receipts[i].Position)
		if receipts[i].Duplicate {
			duplicates++
		}
	}
	w.raw(`{"count":`)
	w.integer(int64(len(receipts)))
	w.raw(`,"first_position":`)
	w.integer(first)
	w.raw(`,"last_position":`)
	w.integer(last)
	w.raw(`,"duplicates":`)
	w.integer(duplicates)
	w.warnings(faults, lines)
	w.raw("}\n")
}

// endLines answers a fault and leaves the client a moment to read it: closing
// a connection on which more arrives would destroy the answer on its way.
func (s *Server) endLines(w http.ResponseWriter, r *request, out *writer, err error, first int64) error {
	p, known := problemOf(err)
	if !known && r.Context().Err() == nil {
		s.logger.Error("a streamed append failed", "request_id", requestID(w), "error", err)
	}
	w.Header().Set("Connection", "close")
	if !out.began {
		p.write(w, requestID(w))
	} else {
		out.raw(`{"error":`)
		out.buf = append(out.buf, p.encode(requestID(w))...)
		out.raw(`,"first_line_not_stored":`)
		out.integer(first)
		out.raw("}\n")
	}
	_ = out.flush() // the client is gone: nobody to tell
	return nil
}

// piece is some bytes of a body, or its end.
type piece struct {
	bytes []byte
	err   error
}

// upload reads a body in its own goroutine, because a read cannot be waited
// for together with a timer.
type upload struct {
	body    *body
	pieces  chan piece
	free    chan []byte // buffers that were used up
	stopped <-chan struct{}
	done    chan struct{}
	own     [2]*[]byte // what the pool lent
}

const pieceSize = smallBuffer

func newUpload(b *body, stopped <-chan struct{}) *upload {
	u := &upload{body: b, pieces: make(chan piece), stopped: stopped, done: make(chan struct{})}
	u.free = make(chan []byte, len(u.own))
	for i := range u.own {
		u.own[i] = buffers.Get().(*[]byte)
		u.free <- (*u.own[i])[:pieceSize]
	}
	return u
}

// release gives the buffers back; nobody may use a piece afterwards.
func (u *upload) release() {
	for _, b := range u.own {
		buffers.Put(b)
	}
}

func (u *upload) run() {
	defer close(u.done)
	defer close(u.pieces)
	for {
		var buf []byte
		select {
		case buf = <-u.free:
		case <-u.stopped:
			u.drain()
			return
		}
		n, err := u.body.Read(buf[:pieceSize])
		select {
		case u.pieces <- piece{buf[:n], err}:
		case <-u.stopped:
			u.drain()
			return
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				u.drain()
			}
			return
		}
	}
}

// drained bounds what is read and thrown away after a fault.
const drained = 16 << 20

// drain reads on for a moment, see endLines.
func (u *upload) drain() {
	if _, err := io.CopyN(io.Discard, u.body.r.Body, drained); errors.Is(err, io.EOF) {
		u.body.isWhole()
	}
}

// end waits until the goroutine has ended, which reads on for a moment at most.
func (u *upload) end() {
	select {
	case <-u.done:
	default:
		u.body.end()
		<-u.done
	}
}
