package server

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxWindow is the most memory that a zstd body may ask the decoder for.
	maxWindow = 8 << 20
	// smallBuffer is where buffers of bodies begin.
	smallBuffer = 64 << 10
	// keptBuffer is the largest buffer that is kept for the next request.
	keptBuffer = 8 << 20
	// inflatedMost is how many times its size a compressed body may become, from
	// inflatedFreely bytes on: what streams has no other bound.
	inflatedMost   = 256
	inflatedFreely = 64 << 20
	// smallBody bounds bodies that are settings or queries.
	smallBody = 1 << 20
)

// mediaOf is the media type of the body, one of those that the route takes.
func mediaOf(r *request) (media, error) {
	given := r.Header.Values("Content-Type")
	accepted := r.route.body
	if len(given) == 1 && slices.Contains(accepted, given[0]) {
		return given[0], nil // as nearly all say it
	}
	if len(given) == 1 {
		kind, attributes, err := mime.ParseMediaType(given[0])
		charset := attributes["charset"]
		if err == nil && slices.Contains(accepted, kind) && (charset == "" || strings.EqualFold(charset, "utf-8")) {
			return kind, nil
		}
	}
	p := newProblem(http.StatusUnsupportedMediaType, codeMediaType, "The body has a media type that is not taken here", "")
	message := "is missing; send"
	if len(given) > 0 {
		message = "is " + printable(strings.Join(given, ", ")) + "; send"
	}
	for i, kind := range accepted {
		if i > 0 {
			message += " or"
		}
		message += " Content-Type: " + kind
	}
	message += " (curl: -H 'Content-Type: " + accepted[0] + "')"
	p.Detail = "Content-Type " + message
	p.Errors = []fieldError{{Field: "Content-Type", Message: message}}
	return "", p
}

// readAway reads a body that is refused, as far as net/http would, which reads on
// before it answers lest the connection be of no use, but in an eighth of the
// steps, and without copying it where that can be. The deadline is that of a body
// that nobody wants.
func (s *Server) readAway(r *request) {
	const most = 256 << 10
	if r.ContentLength > most || r.Header.Get("Expect") != "" { // who asks first has not sent it
		return
	}
	l := lease{from: s.bodies}
	if !l.grow(smallBuffer) {
		return
	}
	defer l.end()
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	for read := 0; read < most; {
		n, err := r.Body.Read((*b)[:smallBuffer]) // first all that net/http has buffered, which is less
		if err != nil {
			return // at the end, or it cannot be read; net/http sees which
		}
		read += n
		r.throwAway(max(r.ContentLength-int64(read), 0))
	}
}

// body is the body of a request on its way in: inflated, with a deadline for
// each step, so that a client that trickles holds nothing for long.
type body struct {
	r *request
	// patience is how long each step bytes may take.
	patience time.Duration
	step     int
	// left is how many bytes may still come before the deadline is renewed.
	left  int
	fault error // what the connection failed with
	whole bool  // the connection brought the end of the body
	// came and inflated are how many bytes the connection has brought, and what
	// has become of them.
	came, inflated int64
	from           io.Reader
	close          func()

	mu    sync.Mutex
	ended bool // the deadline is no longer renewed
}

// openBody begins to read the body in the encoding its header names. Close
// gives the decoder back.
func (s *Server) openBody(r *request) (*body, error) {
	b := &body{r: r, patience: s.opts.timing.body, step: s.opts.timing.throughput, close: func() {}}
	b.left = b.step // outer has given the first step its time
	encoding := strings.ToLower(strings.Join(r.Header.Values("Content-Encoding"), ","))
	switch encoding {
	case "", "identity":
		b.from = wire{b}
	case "gzip", "x-gzip":
		return b, b.openGzip()
	case "zstd":
		return b, b.openZstd()
	default:
		p := newProblem(http.StatusUnsupportedMediaType, codeMediaType, "The body has an encoding that is not taken here",
			"Content-Encoding must be gzip, zstd or identity, and only one of them")
		p.Errors = []fieldError{{Field: "Content-Encoding", Message: "must be gzip, zstd or identity"}}
		p.accept = "gzip, zstd"
		return nil, p
	}
	return b, nil
}

var gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}

func (b *body) openGzip() error {
	decoder := gzipReaders.Get().(*gzip.Reader)
	if err := decoder.Reset(wire{b}); err != nil {
		return b.explain(err)
	}
	b.from = decoder
	b.close = func() { gzipReaders.Put(decoder) }
	return nil
}

var zstdReaders sync.Pool

func (b *body) openZstd() error {
	decoder, ok := zstdReaders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		// One at a time means: no goroutines of its own, nothing to close.
		decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return err
		}
	}
	if err := decoder.Reset(wire{b}); err != nil {
		return b.explain(err)
	}
	b.from = decoder
	b.close = func() {
		if decoder.Reset(nil) == nil {
			zstdReaders.Put(decoder)
		}
	}
	return nil
}

// wire reads what the connection brings.
type wire struct{ b *body }

func (w wire) Read(p []byte) (int, error) {
	b := w.b
	if b.left <= 0 && !b.renew() {
		return 0, io.ErrClosedPipe
	}
	n, err := b.r.Body.Read(p)
	b.left -= n
	b.came += int64(n)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.isWhole()
	default:
		b.fault = err
	}
	return n, err
}

// renew gives the next step its time, unless the body is to end.
func (b *body) renew() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return false
	}
	_ = b.r.control.SetReadDeadline(time.Now().Add(b.patience)) // a reader of a test has none
	b.left = b.step
	return true
}

// isWhole notes that the connection has brought all of the body. Behind it the
// connection may be silent as long as the handler takes: net/http reads on for
// the next request, and takes a deadline that passes for a client that has gone.
func (b *body) isWhole() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.whole = true
	_ = b.r.control.SetReadDeadline(time.Time{}) // a reader of a test has none
}

// end lets a read that another goroutine is in last no longer than a moment.
func (b *body) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whole {
		return
	}
	b.ended = true
	_ = b.r.control.SetReadDeadline(time.Now().Add(lastRead)) // a reader of a test has none
}

// lastRead is how long a body is read on that nobody wants any more.
const lastRead = time.Second

// Read returns inflated bytes; its errors but io.EOF are problems.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.inflated += int64(n)
	if b.inflated > inflatedFreely && b.inflated > inflatedMost*b.came {
		return 0, tooLarge("the body is compressed more than %d to 1; send it with less, or no, compression", inflatedMost)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.explain(err)
	}
	return n, err
}

// Close gives the decoder back.
func (b *body) Close() { b.close() }

// explain tells a fault of the connection from one of the encoding.
func (b *body) explain(err error) error {
	var big *http.MaxBytesError
	switch {
	case errors.Is(b.fault, os.ErrDeadlineExceeded):
		return newProblem(http.StatusRequestTimeout, codeSlowBody, "The body came too slowly",
			"the body stalled; nothing of the part that was not answered is stored")
	case errors.As(b.fault, &big):
		return tooLarge("the body is over %d bytes", big.Limit)
	case b.fault != nil:
		return malformed("body", "ended early, or its chunks are not well formed")
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return tooLarge("the body's zstd window is over %d bytes; compress with a smaller one", maxWindow)
	default:
		return malformed("body", "is not whole and valid %s", b.r.Header.Get("Content-Encoding"))
	}
}

// received is a whole body in memory. release gives the memory back; nothing
// of bytes may be used afterwards.
type received struct {
	bytes []byte
	lease lease
	// times is how often it counts against the budget.
	times int64
}

var buffers = sync.Pool{New: func() any { return new(make([]byte, 0, smallBuffer)) }}

func (b *received) release() {
	b.lease.end()
	if cap(b.bytes) > 0 && cap(b.bytes) <= keptBuffer {
		b.bytes = b.bytes[:0]
		buffers.Put(new(b.bytes))
	}
	b.bytes = nil
}

// receive reads the whole body, at most max inflated bytes.
func (s *Server) receive(r *request, max int64) (*received, error) { return s.receiveTimes(r, max, 1) }

// receiveTimes is receive of a body that counts so many times against the budget:
// what is made of it is in memory beside it.
func (s *Server) receiveTimes(r *request, max, times int64) (*received, error) {
	max = min(max, s.bodies.total/times-1) // what cannot fit is no matter of waiting
	if r.ContentLength > max {
		return nil, tooLarge("the body has %d bytes, over the limit of %d", r.ContentLength, max)
	}
	in, err := s.openBody(r)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b := &received{bytes: (*buffers.Get().(*[]byte))[:0], lease: lease{from: s.bodies}, times: times}
	if err := b.fill(in, max, r.ContentLength); err != nil {
		b.release()
		return nil, err
	}
	return b, nil
}

// fill reads to the end, and no further than one byte above max. It takes from
// the budget what it may use of the buffer, however large that is.
func (b *received) fill(from io.Reader, max, expected int64) error {
	size := int64(smallBuffer)
	if expected >= size {
		size = expected + 1 // one more than is read, to see the end
	}
	for ; ; size *= 2 {
		size = min(size, max+1)
		if !b.lease.grow(size * b.times) {
			return overloaded("the bodies of other requests use all of the memory for bodies; send it again")
		}
		b.reserve(size)
		for int64(len(b.bytes)) < size {
			n, err := from.Read(b.bytes[len(b.bytes):size])
			b.bytes = b.bytes[:len(b.bytes)+n]
			if int64(len(b.bytes)) > max {
				return tooLarge("the body is over the limit of %d bytes", max)
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
}

// reserve makes room for size bytes in all.
func (b *received) reserve(size int64) {
	if int64(cap(b.bytes)) >= size {
		return
	}
	grown := make([]byte, len(b.bytes), size)
	copy(grown, b.bytes)
	b.bytes = grown
}
