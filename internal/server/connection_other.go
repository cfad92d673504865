//go:build !linux

package server

// discard reads at most as many bytes as p is long.
func (c *connection) discard(p []byte) (n int, err error) { return c.TCPConn.Read(p) }
