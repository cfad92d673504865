package server

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
)

// flushAt is how much of an answer is gathered before it is written.
const flushAt = 64 << 10

// writer gathers an answer and writes it in large pieces, each with a deadline
// of its own, so that a reader who stalls is let go and one who is merely slow
// is not. It is used by one goroutine.
type writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	buf     []byte
	kept    *[]byte // what buf came in; nil where it is its own
	status  int     // that an answer with this body begins with; 0 = 200
	began   bool
	// caller, where it is not nil, ends when the one who asks may have nothing more;
	// stop ends the waiting for that.
	caller context.Context
	stop   func() bool
	given  atomic.Bool // up, by giveUp
}

var writeBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, flushAt+flushAt/4)) }}

// answerWith begins an answer with a body of a media type. close must be
// called.
func (s *Server) answerWith(w http.ResponseWriter, r *request, kind media) *writer {
	h := w.Header()
	values := []string{kind, "nosniff", "no-store"} // one piece of memory for all
	h["Content-Type"], h["X-Content-Type-Options"], h["Cache-Control"] = values[:1:1], values[1:2:2], values[2:]
	kept := writeBuffers.Get().(*[]byte)
	out := &writer{w: w, control: r.control, timeout: s.opts.timing.write, buf: (*kept)[:0], kept: kept}
	if r.route.permission == eventsRead {
		out.stop = out.endWith(r.Context())
	}
	return out
}

// room writes what is gathered once it is much; call it between items.
func (w *writer) room() error {
	if len(w.buf) < flushAt {
		return nil
	}
	return w.send()
}

// send writes what is gathered.
func (w *writer) send() error {
	if len(w.buf) == 0 {
		return nil
	}
	_, err := w.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// endWith lets no event out any more, from the moment at which the caller loses
// the key: a reader who stalls would get it long afterwards. stop must be
// called.
func (w *writer) endWith(caller context.Context) (stop func() bool) {
	w.caller = caller
	return context.AfterFunc(caller, func() {
		if w.expelled() {
			_ = w.control.SetWriteDeadline(time.Now()) // ends the write that is under way
		}
	})
}

func (w *writer) expelled() bool {
	return w.caller != nil && errors.Is(context.Cause(w.caller), auth.ErrEnded)
}

// Write writes through, past the gathered bytes.
func (w *writer) Write(b []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.timeout)) // a writer of a test has none
	if w.expelled() {                                         // behind the deadline, so that endWith's holds
		return 0, auth.ErrEnded
	}
	if w.given.Load() { // likewise giveUp's
		return 0, os.ErrDeadlineExceeded
	}
	if !w.began && w.status != 0 {
		w.w.WriteHeader(w.status)
	}
	w.began = true
	return w.w.Write(b)
}

// flush writes what is gathered and sends it to the client at once.
func (w *writer) flush() error {
	if err := w.send(); err != nil {
		return err
	}
	_ = w.control.SetWriteDeadline(time.Now().Add(w.timeout)) // a writer of a test has none
	if w.expelled() {
		return auth.ErrEnded
	}
	if w.given.Load() {
		return os.ErrDeadlineExceeded
	}
	w.began = true
	return w.control.Flush()
}

// finish sends a whole answer with its status, with its length if it is still
// all in memory. That of a short one net/http adds, for less; not where a HEAD
// is answered with nothing.
func (w *writer) finish(status int) error {
	if !w.began {
		if n := len(w.buf); n == 0 || n > 1<<10 {
			w.w.Header().Set("Content-Length", strconv.Itoa(n))
		}
		w.w.WriteHeader(status)
		w.status = 0
	}
	return w.send()
}

// close gives the buffer back.
func (w *writer) close() {
	if w.stop != nil {
		w.stop()
	}
	w.rest()
}

// rest gives the buffer back until there is more to write.
func (w *writer) rest() {
	if cap(w.buf) > 0 && cap(w.buf) <= keptBuffer {
		if w.kept == nil {
			w.kept = new([]byte)
		}
		*w.kept = w.buf[:0]
		writeBuffers.Put(w.kept)
	}
	w.buf, w.kept = nil, nil
}

// giveUp ends the write that is under way, and with it the answer.
func (w *writer) giveUp() {
	w.given.Store(true)
	_ = w.control.SetWriteDeadline(time.Now()) // a writer of a test has none
}

// member appends ,"name": — without the comma at the start of an object, which
// is always in the buffer still: room is called between items only.
func (w *writer) member(name string) {
	if n := len(w.buf); n == 0 || w.buf[n-1] != '{' {
		w.buf = append(w.buf, ',')
	}
	w.buf = event.AppendQuoted(w.buf, name)
	w.buf = append(w.buf, ':')
}

func (w *writer) raw(text string)     { w.buf = append(w.buf, text...) }
func (w *writer) text(value string)   { w.buf = event.AppendQuoted(w.buf, value) }
func (w *writer) integer(n int64)     { w.buf = strconv.AppendInt(w.buf, n, 10) }
func (w *writer) instant(t time.Time) { w.buf = appendInstant(w.buf, t) }

// instantOrNull writes a time, null for the zero one.
func (w *writer) instantOrNull(t time.Time) {
	if t.IsZero() {
		w.raw("null")
		return
	}
	w.instant(t)
}

// appendInstant appends a time as a JSON string.
func appendInstant(dst []byte, t time.Time) []byte {
	return append(event.AppendTime(append(dst, '"'), t), '"')
}
