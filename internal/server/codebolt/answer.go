package codebolt

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/coder/websocket"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
)

// pieceBytes is how much of an answer is gathered before it is sent.
const pieceBytes = 64 << 10

// answer is an answer on its way out.
type answer struct {
	to   *request
	data func(*writer) error // writes the member data; nil with err
	err  string
}

// writer sends one message after another, each in one frame if it is short.
type writer struct {
	ctx context.Context // of the connection
	ws  *websocket.Conn
	buf []byte
	// patience is how long a piece may take; stall then hangs up.
	patience time.Duration
	stall    *time.Timer
	expelled func() bool // nothing more may be sent

	message io.WriteCloser // a long one that has begun
}

func newWriter(ctx context.Context, ws *websocket.Conn, patience time.Duration, expelled func() bool) *writer {
	w := &writer{ctx: ctx, ws: ws, patience: patience, expelled: expelled}
	w.stall = time.AfterFunc(patience, func() { _ = ws.CloseNow() }) // hanging up is all that is left to do
	w.stall.Stop()
	return w
}

// send writes an answer. An error means that the connection is of no use any
// more.
func (w *writer) send(a *answer, now time.Time) error {
	w.buf = append(w.buf[:0], `{"type":`...)
	if len(a.to.typeText) > 0 {
		w.buf = append(w.buf, a.to.typeText...)
	} else {
		w.raw(`"error"`)
	}
	if a.data != nil {
		w.raw(`,"success":true,"data":`)
		if err := a.data(w); err != nil {
			w.release()
			return err
		}
	} else {
		w.raw(`,"success":false,"error":`)
		w.text(a.err)
	}
	w.raw(`,"timestamp":`)
	w.instant(now)
	if len(a.to.id) > 0 {
		w.raw(`,"requestId":`)
		w.buf = append(w.buf, a.to.id...)
	}
	w.raw("}")
	return w.finish()
}

// room sends what is gathered once it is much; call it between items.
func (w *writer) room() error {
	if len(w.buf) < pieceBytes {
		return nil
	}
	if w.expelled() {
		return auth.ErrEnded
	}
	w.stall.Reset(w.patience)
	defer w.stall.Stop()
	if w.message == nil {
		message, err := w.ws.Writer(w.ctx, websocket.MessageText)
		if err != nil {
			return err
		}
		w.message = message
	}
	_, err := w.message.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

func (w *writer) finish() error {
	w.stall.Reset(w.patience)
	defer w.stall.Stop()
	if w.message == nil {
		return w.ws.Write(w.ctx, websocket.MessageText, w.buf)
	}
	defer w.release()
	if _, err := w.message.Write(w.buf); err != nil {
		return err
	}
	return w.message.Close()
}

// release forgets a long message, and a buffer that is large for one answer.
func (w *writer) release() {
	w.message = nil
	if cap(w.buf) > 2*pieceBytes {
		w.buf = nil
	}
}

func (w *writer) raw(text string)   { w.buf = append(w.buf, text...) }
func (w *writer) text(value string) { w.buf = event.AppendQuoted(w.buf, value) }
func (w *writer) integer(n int64)   { w.buf = strconv.AppendInt(w.buf, n, 10) }

func (w *writer) instant(t time.Time) {
	w.buf = append(event.AppendTime(append(w.buf, '"'), t), '"')
}

func (w *writer) instance(in firn.Instance) {
	w.raw(`{"id":`)
	w.text(in.ID)
	w.raw(`,"name":`)
	w.text(in.Name)
	if in.Description != "" {
		w.raw(`,"description":`)
		w.text(in.Description)
	}
	w.raw(`,"createdAt":`)
	w.instant(in.CreatedAt)
	w.raw(`,"updatedAt":`)
	w.instant(in.UpdatedAt)
	w.raw("}")
}

// event writes an event in the mixed case of the document.
func (w *writer) event(e *event.Event) {
	w.raw(`{"id":`)
	w.text(e.ID)
	w.raw(`,"instanceId":`)
	w.text(e.InstanceID)
	w.raw(`,"stream_id":`)
	w.text(e.StreamID)
	w.raw(`,"event_type":`)
	w.text(e.EventType)
	w.raw(`,"payload":`)
	w.object(e.Payload)
	w.raw(`,"metadata":`)
	w.object(e.Metadata)
	w.raw(`,"timestamp":`)
	w.instant(e.Timestamp)
	w.raw(`,"sequence_number":`)
	w.integer(e.SequenceNumber)
	w.raw("}")
}

func (w *writer) object(text []byte) {
	if len(text) == 0 {
		text = []byte("{}")
	}
	w.buf = append(w.buf, text...)
}
