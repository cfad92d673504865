package server

import (
	"context"
	"net"
)

// connection is one of a client. Of a body that nobody wants, its bytes are thrown
// away where they are, if the system knows how: copying them was a tenth of what it
// costs to refuse a batch.
type connection struct {
	*net.TCPConn
	// unwanted is how many of the next bytes are. Whoever reads the body sets it
	// and reads on; so nobody else looks at it meanwhile.
	unwanted int64
}

// Read returns how many bytes have come. Those that are unwanted it leaves out: p
// is as it was.
func (c *connection) Read(p []byte) (int, error) {
	if c.unwanted == 0 {
		return c.TCPConn.Read(p)
	}
	n, err := c.discard(p[:min(int64(len(p)), c.unwanted)])
	c.unwanted -= int64(n)
	return n, err
}

// connections is a listener whose connections are ours.
type connections struct{ net.Listener }

func (l connections) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if tcp, ok := accepted.(*net.TCPConn); ok {
		return &connection{TCPConn: tcp}, err
	}
	return accepted, err
}

type connectionKey struct{}

// withConnection lets requests find the connection that they come on.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// throwAway says that the rest of the body is unwanted. All that net/http has
// buffered of it must have been read.
func (r *request) throwAway(rest int64) {
	if c, ok := r.Context().Value(connectionKey{}).(*connection); ok && r.ProtoMajor == 1 {
		c.unwanted = rest
	}
}
