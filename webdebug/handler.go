package webdebug

import (
	"fmt"
	"net/http"
	"runtime/metrics"
	"strconv"
	"time"
	"uuid"
)

// Handler collects the requests that next serves: all that belongs to the
// protocol goes on around it, next sees the same request with another context
// and a ResponseWriter that can what the server's can (http.Flusher,
// http.Hijacker, io.ReaderFrom, and http.ResponseController for the rest). A
// panic of next is recorded and goes on. Where the collector is off, it is
// next itself.
func (c *Collector) Handler(next http.Handler) http.Handler {
	if !c.on() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.sender.closed.Load() || !c.opts.Only(r) || Collecting(r.Context()) {
			next.ServeHTTP(w, r)
			return
		}
		c.serve(w, r, next)
	})
}

// served is what stands between the application and its request. The
// application may keep it longer than the request lasts, and the recording
// does not hold on to it.
type served struct {
	recording *recording
	root      spanContext
	writer    responseWriter
	body      *bodyTee // nil where the body is not looked at
}

// serve collects one request.
func (c *Collector) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	rec := &recording{collector: c, id: uuid.NewV4().String(), start: time.Now(), buffers: spareBuffers.Get().(*buffers)}
	rec.request = c.appendRequest(rec.request, r)
	rec.put(-1, entry{typ: "request", took: -1})
	header := w.Header()
	header["X-Http-Debug-Id"] = []string{rec.id}
	header["X-Http-Debug-Api"] = c.api

	s := &served{recording: rec, root: spanContext{Context: r.Context(), span: Span{rec, -1}}, writer: responseWriter{ResponseWriter: w}}
	inner := r.WithContext(&s.root) //nolint:contextcheck // it is around r.Context()
	s.body = c.teeBody(inner)
	panicked := true
	defer func() {
		if !panicked {
			s.finish(false)
			return
		}
		// A Goexit comes by here too, with nothing to recover; net/http sees
		// the stack of the panic itself in either case.
		reason := recover()
		if reason != nil && reason != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			s.root.span.add(Log{Message: fmt.Sprintf("panic: %v", reason)}, entry{took: -1, importance: int8(Critical)})
		}
		s.finish(true)
		if reason != nil {
			panic(reason)
		}
	}()
	next.ServeHTTP(s.writer.like(w), inner)
	panicked = false
}

// finish closes the recording and gives it to the sender.
func (s *served) finish(failed bool) {
	r := s.recording
	took := time.Since(r.start)
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	// From here on nobody else touches it.
	r.request = r.collector.appendBody(r.request, s.body)
	if len(r.session) > 0 {
		r.request = r.collector.appendParams(append(r.request, `,"session":`...), r.session)
	}
	r.request = append(r.request, '}')
	end := len(r.request)
	r.request = s.writer.appendPayload(r.request, failed, r.collector.opts.Memory)
	r.entries[0].payload = r.request[:end:end]
	if r.dropped > 0 {
		r.collector.counts.droppedEvents.Add(int64(r.dropped))
		r.put(-1, entry{
			typ: "log", at: took, took: -1, importance: int8(Warning),
			payload: r.dropReport().appendPayload(nil, maxRequestBytes),
		})
	}
	e := entry{typ: "response", at: took, took: took, success: 1, payload: r.request[end:]}
	if failed || s.writer.status >= http.StatusInternalServerError {
		e.success = -1
	}
	r.put(-1, e)
	r.collector.sender.put(r)
}

// appendPayload writes the response event's payload. Beside what the protocol
// has it says the status and how many bytes of body were written.
func (w *responseWriter) appendPayload(dst []byte, failed, memory bool) []byte {
	dst = append(dst, '{')
	status := w.status
	if status == 0 && !failed && !w.hijacked {
		status = http.StatusOK
	}
	if status != 0 {
		dst = strconv.AppendInt(append(dst, `"status":`...), int64(status), 10)
		dst = append(dst, ',')
	}
	if w.hijacked {
		dst = append(dst, `"hijacked":true,`...)
	}
	dst = strconv.AppendInt(append(dst, `"bytes":`...), w.bytes, 10)
	if memory {
		dst = strconv.AppendUint(append(dst, `,"memory_peak":`...), heapBytes(), 10)
	}
	return append(dst, '}')
}

// heapBytes is what the whole process holds.
func heapBytes() uint64 {
	sample := [1]metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample[:])
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
