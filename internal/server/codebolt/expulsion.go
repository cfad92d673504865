package codebolt

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/firnlog/firn/internal/auth"
)

const (
	// farewell is how long a client whose key has ended may take to close the
	// connection itself.
	farewell = 500 * time.Millisecond
	// expelledText is the reason that its close frame (1008) gives.
	expelledText = "the API key was revoked or has expired, or one is needed now"
)

// expelled reports whether what the caller came in with holds no more. From
// then on nothing is sent and nothing is stored.
func (c *conn) expelled() bool { return errors.Is(context.Cause(c.admitted), auth.ErrEnded) }

// awaitExpulsion closes the connection as soon as its caller may not have it any
// more, also while nobody sends anything: a close frame with the reason, and
// shortly after the end, whatever the client does.
func (c *conn) awaitExpulsion() {
	select {
	case <-c.ended:
		return
	case <-c.admitted.Done():
	}
	if !c.expelled() {
		return // the client has left
	}
	cut := time.AfterFunc(farewell, func() { _ = c.raw.Close() }) // closing is all that is left to do
	defer cut.Stop()
	_ = c.ws.Close(websocket.StatusPolicyViolation, expelledText) // the client may be gone
}

// keeper is a response that keeps the connection below the WebSocket, which can
// be closed at any time.
type keeper struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (k *keeper) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(k.ResponseWriter).Hijack()
	k.conn = conn
	return conn, buffered, err
}
