package webdebug

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// responseWriter notes what is answered.
type responseWriter struct {
	http.ResponseWriter
	status   int // 0 = none yet
	bytes    int64
	hijacked bool
}

// like is the writer with those optional interfaces that w has, for code that
// asks for them rather than using http.ResponseController.
func (w *responseWriter) like(of http.ResponseWriter) http.ResponseWriter {
	_, flushes := of.(http.Flusher)
	_, hijacks := of.(http.Hijacker)
	switch {
	case flushes && hijacks:
		return bothWriter{w}
	case flushes:
		return flushWriter{w}
	case hijacks:
		return hijackWriter{w}
	default:
		return w
	}
}

// Unwrap is for http.ResponseController.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *responseWriter) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

func (w *responseWriter) WriteString(s string) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := io.WriteString(w.ResponseWriter, s)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom lets the server send a file without copying it through the process.
func (w *responseWriter) ReadFrom(from io.Reader) (int64, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := io.Copy(w.ResponseWriter, from)
	w.bytes += n
	return n, err
}

func (w *responseWriter) flush() error {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *responseWriter) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.hijacked = w.hijacked || err == nil
	return conn, buffered, err
}

type flushWriter struct{ *responseWriter }

func (w flushWriter) Flush()            { _ = w.flush() }
func (w flushWriter) FlushError() error { return w.flush() }

type hijackWriter struct{ *responseWriter }

func (w hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

type bothWriter struct{ *responseWriter }

func (w bothWriter) Flush()                                       { _ = w.flush() }
func (w bothWriter) FlushError() error                            { return w.flush() }
func (w bothWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }
