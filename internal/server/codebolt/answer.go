package codebolt

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/coder/websocket"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
)

// pieceBytes is how much of an answer is gathered before it is sent.
const pieceBytes = 64 << 10

// answer is an answer on its way out.
type answer struct {
	to   *request
	data func(*writer) error // writes the member data; nil with err
	err  string
}

// writer sends one message, in one frame if it is short.
type writer struct {
	ws      *websocket.Conn
	timeout time.Duration
	buf     []byte

	message io.WriteCloser // of a long one
	timer   *time.Timer
	cancel  context.CancelFunc
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
	if w.message == nil {
		ctx, cancel := context.WithCancel(context.Background())
		w.cancel, w.timer = cancel, time.AfterFunc(w.timeout, cancel)
		message, err := w.ws.Writer(ctx, websocket.MessageText)
		if err != nil {
			return err
		}
		w.message = message
	}
	w.timer.Reset(w.timeout)
	_, err := w.message.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

func (w *writer) finish() error {
	if w.message == nil {
		ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
		defer cancel()
		return w.ws.Write(ctx, websocket.MessageText, w.buf)
	}
	defer w.release()
	w.timer.Reset(w.timeout)
	if _, err := w.message.Write(w.buf); err != nil {
		return err
	}
	return w.message.Close()
}

// release ends what a long message holds.
func (w *writer) release() {
	if w.cancel != nil {
		w.timer.Stop()
		w.cancel()
	}
	w.message, w.timer, w.cancel = nil, nil, nil
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
