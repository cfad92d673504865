package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"strings"
)

// wire is one HTTP connection that posts to one path. Load is made with it, as
// wrk and its like make theirs: a client that costs as much as the server would
// halve what the two cores can show.
type wire struct {
	conn net.Conn
	r    *bufio.Reader
	head string // of the request, up to the length of its body
	buf  []byte
	// Of the last answer: it says when to come again; the connection ends with it.
	retryAfter, closing bool
}

func dial(ctx context.Context, base, path, contentType string) (*wire, error) {
	host := strings.TrimPrefix(base, "http://")
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	return &wire{
		conn: conn, r: bufio.NewReader(conn),
		head: "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: " + contentType + "\r\nContent-Length: ",
	}, nil
}

func (w *wire) Close() error { return w.conn.Close() }

// ownWrite is from which size on a body is sent from where it is, and not copied
// behind its header first.
const ownWrite = 16 << 10

// post sends a body and waits for the answer, which it reads and lets go. The
// status is the answer's.
func (w *wire) post(body []byte) (status int, err error) {
	w.buf = append(w.buf[:0], w.head...)
	w.buf = strconv.AppendInt(w.buf, int64(len(body)), 10)
	w.buf = append(w.buf, "\r\n\r\n"...)
	if len(body) >= ownWrite {
		parts := net.Buffers{w.buf, body}
		_, err = parts.WriteTo(w.conn)
	} else {
		w.buf = append(w.buf, body...)
		_, err = w.conn.Write(w.buf)
	}
	if err != nil {
		return 0, err
	}
	return w.answer()
}

// answer reads an answer that bears its length or comes in chunks.
func (w *wire) answer() (status int, err error) {
	line, err := w.r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, fmt.Errorf("no HTTP answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	length, chunked := -1, false
	w.retryAfter, w.closing = false, false
	for {
		if line, err = w.r.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		case "Transfer-Encoding":
			chunked = string(bytes.TrimSpace(value)) == "chunked"
		case "Retry-After":
			w.retryAfter = true
		case "Connection":
			w.closing = string(bytes.TrimSpace(value)) == "close"
		}
	}
	if chunked {
		return status, w.chunks()
	}
	if length < 0 {
		return 0, fmt.Errorf("an answer without Content-Length (status %d)", status)
	}
	_, err = io.CopyN(io.Discard, w.r, int64(length))
	return status, err
}

// chunks reads what comes in chunks, up to the line behind the last.
func (w *wire) chunks() error {
	if _, err := io.Copy(io.Discard, httputil.NewChunkedReader(w.r)); err != nil {
		return err
	}
	_, err := w.r.ReadSlice('\n')
	return err
}
